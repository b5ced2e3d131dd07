"""
Formulas that an operator must meet
===================================

Checks against closed forms that the operator does not know of: on the torus (-Delta)^s multiplies exp(ikx) by
``|k|^(2s)`` ("fourier") or by (2 sin(kh/2) / h)^(2s) ("lattice"); orders add; s -> 1 gives -Delta and s -> 0 the field
without its mean; enlarging the domain by 2 divides by 2^(2s). Left: the two symbols, measured. Middle: the limits in
s. Right: these checks on honest and wrong operators. Writes formulas.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

ring = pide.Torus((2 * np.pi,))
grid = ring.grid(64)
(x,) = grid.coordinates
k, h = np.arange(1, 32), grid.spacing[0]
formulas = {"fourier": lambda s: k ** (2 * s), "lattice": lambda s: (2 * np.sin(k * h / 2) / h) ** (2 * s)}

figure = new_figure(14.0, 4.2)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.1])
waves = np.cos(k[:, None] * x)
for scheme, formula in formulas.items():
    mark, style = ("o", "-") if scheme == "fourier" else ("s", "--")
    for s, colour in ((0.25, "C0"), (0.75, "C1")):
        A = pide.FractionalLaplacian(s).on(grid, scheme=scheme)
        measured = grid.inner(A(waves), waves) / grid.inner(waves, waves)
        print(f"{scheme}, s = {s}: symbol to {np.max(np.abs(measured / formula(s) - 1)):.1e}, relative")
        assert np.allclose(measured, formula(s), rtol=1e-12)
        left.loglog(k, formula(s), style, color=colour)
        left.loglog(k, measured, mark, color=colour, mfc="none", ms=4, label=f"{scheme}, s = {s}")
left.set(xlabel="k", ylabel="symbol")
left.legend(frameon=False, fontsize="small")

# Middle: |A_s v - A_1 v| as s -> 1 and |A_s v - (v - mean v)| as s -> 0, v a bump.
v = np.exp(-4 * (x - np.pi) ** 2)
distances = np.geomspace(1e-4, 0.5, 12)
laplacian, centred = pide.Multiplier(lambda k: k**2).on(grid), v - grid.mean(v)


def power(s):
    return pide.FractionalLaplacian(s).on(grid, scheme="fourier")(v)


ends = {
    "s = $\\epsilon$, to v - mean v": lambda e: grid.norm(power(e) - centred),
    "s = 1 - $\\epsilon$, to $-\\Delta v$": lambda e: grid.norm(power(1 - e) - laplacian(v)),
}
for (name, distance), mark in zip(ends.items(), ("o-", "s--"), strict=True):
    middle.loglog(distances, [distance(e) for e in distances], mark, label=name)
middle.set(xlabel="$\\epsilon$", ylabel="distance to the limit")
middle.legend(frameon=False, fontsize="small")

cases = {
    "symbol": "wavenumbers without 2 pi",
    "lattice_symbol": "constant with Gamma(1 - s)",
    "powers_add": "powers off by one per cent",
    "order_limits": "stale order after a parameter change",
    "scaling": "h^{-s} for h^{-2s}",
    "second_moment": "half weight at the horizon",
    "isotropic": "anisotropy of 1e-6",
    "cell_averages": "self cell of the logarithm zero",
    "refuses_mean": "mean accepted in silence",
    "agrees_with_partner": "order of half the size",
}
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "formulas.png")
