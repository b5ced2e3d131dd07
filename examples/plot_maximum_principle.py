"""
Maximum principles: steps and steady states
===========================================

With rates >= 0 and tau max(d + kappa) <= 1 every value of v + tau L v lies between the least and the largest value of
v, with 0 included where the exterior is 0. Differences that are not monotone leave this range. Left: transport of a
step by upwind and by central differences. Middle: for steady problems, f >= 0 gives u >= 0, and a larger source or
more room gives a larger u. Right: the checks. Writes maximum_principle.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

ring = pide.Torus((1.0,))
grid = ring.grid(100)
(x,) = grid.coordinates
step = 1.0 * (np.abs(x - 0.3) < 0.15)
tau = 0.5 * grid.spacing[0]

figure = new_figure(14.0, 4.0)
left, middle, right = figure.subplots(1, 3)
for scheme, line in (("upwind", "-"), ("central", "--")):
    L = pide.Advection(1.0).on(grid, scheme=scheme)
    u = step
    for _ in range(12):
        u = u + tau * L(u)
    report = verification.check(L, claims=["maximum_principle"])
    claimed, row = "maximum_principle" in L.claims, report["maximum_principle"]
    print(f"{scheme}: values in [{u.min():.3f}, {u.max():.3f}], principle claimed: {claimed}, check: {row.verdict}")
    left.plot(x, u, line, label=scheme)
left.plot(x, step, ":", color="0.5", label="at t = 0")
left.axhspan(0, 1, color="0.93", zorder=0)
left.set(xlabel="x", ylabel="u after 12 steps", ylim=(-0.9, 2.2))
left.legend(frameon=False, fontsize="small")

# Middle: (-Delta)^s u = f on (-1, 1) and on (-0.6, 0.6) within it.
sources = {"f": lambda x: np.exp(-10 * (x - 0.2) ** 2), "2 f": lambda x: 2 * np.exp(-10 * (x - 0.2) ** 2)}
found = {}
for name, f, half in (("f", "f", 1.0), ("2 f", "2 f", 1.0), ("f, less room", "f", 0.6)):
    line = pide.Interval(-half, half)
    inner = line.grid(spacing=1 / 60)
    problem = pide.Stationary(pide.FractionalLaplacian(s=0.5), line, source=sources[f], exterior=pide.Zero())
    found[name] = pide.solve(problem, on=inner, tol=1e-10).final
    middle.plot(inner.axes[0], found[name], {"f": "-", "2 f": "--"}.get(name, "-."), label=name)
    print(f"source {name}: smallest value {found[name].min():.2e}")
solver = verification.solver_of(pide.Stationary(pide.FractionalLaplacian(s=0.5), line, source=0.0), inner)
verification.check(solver, samples=4).raise_if_failed()
room = (len(found["f"]) - len(found["f, less room"])) // 2
assert np.all(found["f"] <= found["2 f"])
assert np.all(found["f, less room"] <= found["f"][room:-room])
middle.set(xlabel="x", ylabel="u")
middle.legend(frameon=False, fontsize="small")

cases = {
    "maximum_principle": "differences downwind",
    "sub_markov": "rate bound without killing",
    "markov": "rate bound 1.3 times too small",
    "nonnegative_rates": "signed kernel",
    "residual": "iterations stopped early",
    "solution_sign": "mean removed from the solution",
    "forms_compare": "regional form too large",
    "volume_constraint": "collar off by one node",
}
measured = margins(cases)
assert all(m.separates for m in measured)
draw_margins(right, measured)
write_figure(figure, "maximum_principle.png")
