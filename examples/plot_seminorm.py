"""
Fractional seminorms of rough functions
=======================================

``|v|_(H^s) = (int int |v(x) - v(y)|^2 / |x - y|^(n + 2s) dx dy)^(1/2)``, and ``(c_(n,s) / 2) |v|^2 = <(-Delta)^s v,
v>``. A jump has a finite seminorm only for s < 1/2, a kink for every s < 1: under refinement the seminorm of the
others grows like a power of h. Left: four functions. Middle: seminorms as h -> 0 at s = 0.75. Right: for the jump,
measured growth against theory h^(1/2 - s). Writes seminorm.png.
"""

import numpy as np

import pide
from pide.continuum.constants import fractional_constant
from pide.plotting import new_figure, write_figure

line = pide.Interval(-1, 1)
functions = {
    "smooth, cos$^2$": lambda x: np.cos(np.pi * x / 2) ** 2,
    "kink, 1 - |x|": lambda x: 1 - np.abs(x),
    "root, (1 - x$^2$)$^{1/4}$": lambda x: np.maximum(1 - x**2, 0) ** 0.25,
    "jump": lambda x: 1.0 * (np.abs(x) < 0.5),
}
counts = [32, 64, 128, 256, 512]
figure = new_figure(13.0, 3.6)
left, middle, right = figure.subplots(1, 3)
for (name, f), style, mark in zip(functions.items(), ("-", "--", "-.", ":"), "os^v", strict=True):
    norms = []
    for n in counts:
        grid = line.grid(n)
        norms.append(float(pide.gagliardo_seminorm(f(grid.axes[0]), 0.75, grid, pide.Zero())))
    growth = np.log2(norms[-1] / norms[-2])
    left.plot(grid.axes[0], f(grid.axes[0]), style, label=name)
    middle.loglog(counts, norms, mark + style, label=f"{name}: last growth 2$^{{{growth:.2f}}}$")
    v = f(grid.axes[0])
    full = float(pide.sobolev_norm(v, 0.75, grid, pide.Zero()))
    print(f"{name}: |v| in L2 {float(grid.norm(v)):.4f}, seminorm {norms[-1]:.4f}, H^0.75 norm {full:.4f}")
    assert abs(full**2 - norms[-1] ** 2 - float(grid.norm(v)) ** 2) < 1e-10 * full**2
    if name.startswith("smooth"):
        for s in (0.25, 0.5, 0.75):
            A = pide.FractionalLaplacian(s).on(grid, pide.Zero(), scheme="lattice")
            energy = float(grid.inner(A(v), v))
            half = fractional_constant(1, s) / 2 * float(pide.gagliardo_seminorm(v, s, grid, pide.Zero())) ** 2
            print(f"  s = {s}: <A v, v> = {energy:.6f}, (c / 2) |v|^2 = {half:.6f}, {abs(half / energy - 1):.0e} apart")
left.set(xlabel="x", ylabel="v", ylim=(-0.1, 1.7))
middle.set(xlabel="nodes", ylabel="seminorm, s = 0.75", ylim=(0.9, 60))
middle.set_xticks(counts, [str(n) for n in counts])
middle.minorticks_off()

orders = np.linspace(0.1, 0.95, 18)
grids = [line.grid(n) for n in (256, 512)]
for name, mark in (("jump", "v"), ("kink, 1 - |x|", "s")):
    fields = [functions[name](grid.axes[0]) for grid in grids]
    coarse, fine = (
        np.array([pide.gagliardo_seminorm(v, s, grid, pide.Zero()) for s in orders])
        for v, grid in zip(fields, grids, strict=True)
    )
    right.plot(orders, np.log2(fine / coarse), mark, mfc="none", label=name)
right.plot(orders, np.maximum(orders - 0.5, 0), "k-", lw=1, label="max(0, s - 1/2)")
right.set(xlabel="s", ylabel="log$_2$ of the growth, h -> h/2")
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "seminorm.png")
