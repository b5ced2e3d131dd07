"""
A check of your own
===================

A check is a statement with a generator of trials, each a measured number and its bound. Here, for generators with
rates >= 0: ``|v|``, taken node by node, obeys Kato's inequality, ``sign(v) L v <= L |v|``. The bound is rounding, from
the subject's own error model. Any matrix is a subject, and so is an operator of pide; a wrong one, with one negative
rate, must fail, or the check is worth nothing. Left: both sides of the inequality. Right: margins. Writes
own_check.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification import CHECKS, Trial, measures


@measures(
    "kato", origin="T", statement="sign(v) L v <= L |v|", derivation="two applies, each with the engine's error bound"
)
def kato(subject, draws):
    """Gaussian fields, and those that are 1 but for one node, where they are -1: the first miss a single wrong rate."""
    errors, ones = subject.errors(draws.dtype), subject.ones
    fields = [(sample.label, sample.values) for sample in draws.gaussians(subject.inside, "kato")]
    fields += [(f"-1 at node {i}", ones - 2 * np.eye(subject.size)[i]) for i in range(subject.size)]
    for label, v in fields:
        left, right = np.sign(v) * subject.generator(v, draws.dtype), subject.generator(np.abs(v), draws.dtype)
        yield Trial(float(np.max(left - right)), 2 * errors.maximum(v), label)


line = pide.Interval(0, 1)
grid = line.grid(40)
gaussian = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.2))
L = gaussian.on(grid, pide.Reflecting())
wrong = L.to_dense()
wrong[10, 12] = wrong[12, 10] = -wrong[10, 12]
squared = L.to_dense() @ L.to_dense()
targets = {
    "Gaussian kernel": L,
    "fractional, u = 0 outside": pide.FractionalLaplacian(s=0.5).on(grid, pide.Zero()),
    "upwind transport": pide.Advection(1.0).on(grid, pide.Zero()),
    "its matrix": L.to_dense(),
    "one pair of rates negative": wrong,
    "biharmonic, -L$^2$": -squared,
}
reports = {name: verification.check(A, claims=["kato"]) for name, A in targets.items()}
for name, report in reports.items():
    row = report["kato"]
    print(f"{name}: {row.verdict}, measured {row.measured:.1e}, bound {row.bound:.1e}, {row.sample}")
assert [row["kato"].verdict for row in reports.values()] == ["holds"] * 4 + ["FAILS"] * 2
print(f"hypotheses of a check of pide: {CHECKS['maximum_principle'].hypotheses}")
del CHECKS["kato"]

figure = new_figure(11.0, 3.8)
left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
(x,) = grid.coordinates
v = np.where(np.arange(40) == 12, -1.0, 1.0)
for name, A, mark in (("L", L.to_dense(), "o"), ("one pair negative", wrong, "x")):
    left.plot(x, A @ np.abs(v) - np.sign(v) * (A @ v), mark, mfc="none", label=name)
left.axhline(0, color="0.6", lw=1)
left.set(xlabel="x", ylabel="L|v| - sign(v) L v", yscale="symlog")
left.legend(frameon=False, fontsize="small")
for place, report in enumerate(reports.values()):
    row = report["kato"]
    colour = "C0" if row.verdict == "holds" else "C1"
    right.plot([max(row.measured / row.bound, 1e-8)], [place], "o" if colour == "C0" else "X", color=colour, ms=8)
right.axvline(1.0, color="0.4", lw=1)
right.set(xscale="log", xlabel="measured / bound", xlim=(1e-9, 1e17))
right.set_yticks(range(len(reports)), list(reports))
right.invert_yaxis()
write_figure(figure, "own_check.png")
