"""
Fronts that accelerate: fractional Fisher-KPP
=============================================

u_t = -(-Delta)^s u + u (1 - u) from a bump of width 2. With s = 1 the front moves with speed 2 in the end (Kolmogorov,
Petrovskii, Piskunov 1937); with s < 1 single long jumps found new colonies, and the front grows like e^{t / (1 + 2 s)}
(Cabre, Roquejoffre 2013). Positions of u = 1/2 are measured. Writes fisher_kpp.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

times = np.arange(1.0, 12.5)


def front(u, x):
    """Largest x with u = 1/2, by linear interpolation."""
    k = np.flatnonzero(u >= 0.5)[-1]
    return x[k] + (u[k] - 0.5) / (u[k] - u[k + 1]) * (x[k + 1] - x[k])


figure = new_figure(9.0, 3.6)
left, right = figure.subplots(1, 2)
for s, half, count in ((0.5, 3000.0, 2**13), (0.75, 600.0, 2**12), (1.0, 60.0, 2**10)):
    line = pide.Torus((2 * half,), lower=(-half,))
    diffusion = pide.Laplacian() if s == 1 else -1.0 * pide.FractionalLaplacian(s=s)
    fisher = pide.Evolution(diffusion, line, initial=lambda x: np.exp(-(x**2) / 4), reaction=lambda u: u * (1 - u))
    grid = line.grid(count)
    result = pide.solve(fisher, on=grid, times=times, tol=1e-4)
    x = grid.axes[0]
    positions = np.asarray([front(u, x) for u in result.states])
    speed, growth = np.gradient(positions, times)[-2], np.gradient(np.log(positions), times)[-2]
    print(f"s = {s}: front at t = 12 is {positions[-1]:.1f}, speed {speed:.2f}, growth {growth:.3f} per unit of time")
    right.semilogy(times, positions, "o-", ms=3, label=f"s = {s:g}")
    if s < 1:
        expected = positions[-1] * np.exp((times - times[-1]) / (1 + 2 * s))
        right.semilogy(times, expected, "k:", lw=1)
    if s == 0.75:
        for t, u in zip(result.times[3::2], result.states[3::2], strict=True):
            left.plot(x, u, label=f"t = {t:g}")
left.set(xlim=(-160, 160), ylim=(-0.05, 1.3), xlabel="x", ylabel="u, s = 0.75")
left.legend(frameon=False, fontsize="small", ncols=3, loc="upper center")
right.set(xlabel="time", ylabel="position of u = 1/2")
right.legend(frameon=False, title="dotted: $e^{t/(1+2s)}$")
write_figure(figure, "fisher_kpp.png")
