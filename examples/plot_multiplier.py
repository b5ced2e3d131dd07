"""
Operators given by their symbol
===============================

A v = F^(-1) [m(k) F v] on a torus, for any m: `Multiplier`. Three generators of jump processes by their exponents, ``m
= -|k|`` (Cauchy), m = -log(1 + k^2) (variance gamma) and m = -(1 - exp(-k^2 / 2)) (compound Poisson), and one that is
no diffusion, m = -ik^3 (Airy), whose waves travel. `Exact` multiplies by exp(t m(k)), without a step. The torus is its
own exterior: `Periodic()` may be written, or left out. Writes multiplier.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

ring = pide.Torus((40.0,))
grid = ring.grid(1024)
(x,) = grid.coordinates
symbols = {
    "Cauchy, |k|": lambda k: -np.abs(k),
    "variance gamma, log(1 + k$^2$)": lambda k: -np.log1p(k**2),
    "compound Poisson, 1 - exp(-k$^2$/2)": lambda k: -(1 - np.exp(-(k**2) / 2)),
}
bump = np.exp(-2 * (x - 20) ** 2)

figure = new_figure(13.0, 3.6)
left, middle, right = figure.subplots(1, 3)
k = np.linspace(0, 12, 300)
for (name, m), style in zip(symbols.items(), ("-", "--", "-."), strict=True):
    A = pide.Multiplier(m).on(grid)
    result = pide.solve(pide.Evolution(pide.Multiplier(m), ring, initial=bump, exterior=pide.Periodic()), on=grid,
                        until=1.0, stepper=pide.Exact())  # fmt: skip
    left.plot(k, m(k), style, label=name)
    middle.semilogy(x - 20, result.final, style, label=name)
    wave = np.cos(2 * np.pi * 5 * x / 40)
    measured = A(wave) / wave
    print(f"{name}: A cos(kx) / cos(kx) = {np.median(measured):.12f}, m(k) = {m(2 * np.pi * 5 / 40):.12f}, "
          f"least value at t = 1 {result.final.min():.1e}")  # fmt: skip

# Half the Laplacian twice is the Laplacian.
half, minus = pide.Multiplier(lambda k: np.abs(k)).on(grid), pide.Multiplier(lambda k: k**2).on(grid)
print(f"|k| applied twice against k^2: {grid.norm(half(half(bump)) - minus(bump)):.1e}")
fractional = pide.FractionalLaplacian(s=0.5).on(grid, scheme="fourier")
print(f"Multiplier(|k|) against FractionalLaplacian(1/2): {grid.norm(half(bump) - fractional(bump)):.1e}")

# u_t + u_xxx = 0: the exponential of a multiplier is a multiplier, real since m(-k) = conj m(k).
for t, style in ((0.0, ":"), (0.05, "--"), (0.2, "-")):
    u = pide.Multiplier(lambda k, t=t: np.exp(1j * t * k * k * k)).on(grid)(bump)
    print(f"Airy, t = {t}: energy {grid.inner(u, u):.12f}, mass {grid.inner(u, np.ones_like(u)):.12f}")
    right.plot(x - 20, u, style, label=f"t = {t:g}")
left.set(xlabel="k", ylabel="m(k)")
middle.set(xlabel="x", ylabel="u at t = 1", ylim=(1e-8, 1))
right.set(xlabel="x", ylabel="u, $u_t + u_{xxx} = 0$")
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "multiplier.png")
