"""
Kernels of two points
=====================

omega(x, y) need not depend on x - y: `TwoPoint` takes any function. Left: three of them. A kernel of exchange within
each half of the interval and hardly between; one whose reach grows with x; and the affinity of a given field, by which
values are exchanged where the field agrees. All are symmetric, so that mass is kept; a coefficient sqrt(a(x) a(y))
``gamma(|x - y|)`` is the special case that stays fast. Right: the heat flow of each. Writes two_point.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure

line = pide.Interval(0, 1)
grid = line.grid(128)
(x,) = grid.coordinates


def halves(x, y):
    same = (x[0] - 0.5) * (y[0] - 0.5) > 0
    return np.where(same, 20.0, 0.2) * np.exp(-(((x[0] - y[0]) / 0.2) ** 2))


def reach(x, y):
    width = 0.02 + 0.2 * (x[0] + y[0]) / 2
    return 20 * np.exp(-(((x[0] - y[0]) / width) ** 2))


def affinity(x, y):
    field = np.round(np.sin(3 * np.pi * x[0])) - np.round(np.sin(3 * np.pi * y[0]))
    return 20 * np.exp(-((field / 0.5) ** 2)) * (np.abs(x[0] - y[0]) < 0.4)


figure = new_figure(14.0, 3.4)
panels = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.3])
step = 1.0 * (x > 0.3)
panels[3].plot(x, step, ":", color="0.5", label="t = 0")
for axes, omega, style in zip(panels, (halves, reach, affinity), ("-", "--", "-."), strict=False):
    name = omega.__name__
    A = pide.NonlocalDiffusion(pide.kernels.TwoPoint(omega))
    L = A.on(grid, pide.Reflecting())
    report = verification.check(L, claims=["self_adjoint", "conserves_mass", "energy_decay", "markov"], samples=5)
    report.raise_if_failed()
    rates = L.to_dense() / grid.cell_volume
    np.fill_diagonal(rates, np.nan)
    image = axes.imshow(rates.T, origin="lower", extent=(0, 1, 0, 1), cmap="cividis", vmin=0, vmax=20)
    axes.set(title=name, xlabel="x", ylabel="y")
    heat = pide.Heat(A, line, initial=step, exterior=pide.Reflecting())
    result = pide.solve(heat, on=grid, times=[0.0, 0.3], tol=1e-8)
    panels[3].plot(x, result.final, style, label=f"{name}, t = 0.3")
    print(f"{name}: {report.summary}; mass {result.mass[0]:.12f} -> {result.mass[1]:.12f}, variance "
          f"{result.variance[0]:.4f} -> {result.variance[1]:.4f}")  # fmt: skip
figure.colorbar(image, ax=panels[2], label="$\\omega(x, y)$", shrink=0.8)

# A coefficient stays a convolution: the same operator as a TwoPoint kernel, applied by FFTs.
gamma = pide.kernels.Linear(horizon=0.2)
fast = pide.NonlocalDiffusion(gamma, coefficient=lambda x: 1 + x**2).on(grid, pide.Reflecting())
slow = pide.kernels.TwoPoint(
    lambda x, y: np.sqrt((1 + x[0] ** 2) * (1 + y[0] ** 2)) * gamma(np.abs(x[0] - y[0]), 1), horizon=0.2
)
v = np.cos(2 * np.pi * x)
difference = grid.norm(fast(v) - pide.NonlocalDiffusion(slow).on(grid, pide.Reflecting())(v)) / grid.norm(fast(v))
print(f"coefficient by FFT against TwoPoint, whose nodes are midpoints: {difference:.1e}, relative")
panels[3].set(xlabel="x", ylabel="u", ylim=(-0.05, 1.45))
panels[3].legend(frameon=False, fontsize="small", ncols=2)
write_figure(figure, "two_point.png")
