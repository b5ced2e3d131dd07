"""
What every implementation must keep
===================================

A(a u + b v) = a A u + b A v is mathematics; that an apply gives the same bits twice, leaves its argument alone, keeps
the dtype, and maps a batch like its members is craft. Five short wrong operators, each with one such slip, and the
report that names it. Left: what the slip does to a field. Right: these checks on the mutants that pide keeps. Writes
implementation.png.
"""

from dataclasses import replace

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

line = pide.Interval(-1, 1)
grid = line.grid(80)
honest = verification.as_subject(pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.2)).on(grid, pide.Reflecting()))
apply, noise = honest.apply, np.random.default_rng(0)


def remembers(v):
    """Writes into its argument."""
    image = apply(v)
    v -= 0.5 * v
    return image


slips = {
    "float32 inside": lambda v: apply(v.astype("float32")).astype(v.dtype),
    "ReLU inside": lambda v: apply(np.maximum(v, 0)),
    "float64 always": lambda v: apply(v.astype("float64")),
    "argument halved": remembers,
    "rounded at random": lambda v: apply(v) * (1 + 1e-15 * float(noise.integers(0, 3))),
    "mean over the batch": lambda v: apply(v - v.mean(axis=0)) if v.ndim > 1 else apply(v),
}
names = ["linear", "preserves_dtype", "keeps_input", "deterministic", "batch_invariant"]
assert verification.check(honest, claims=names).passed
for slip, wrong in slips.items():
    report = verification.check(replace(honest, apply=wrong, name=slip), claims=names, samples=8)
    failed = [f"{row.claim} ({row.measured:.1e})" for row in report.rows if row.verdict == "FAILS"]
    print(f"{slip}: fails {', '.join(failed)}")
    assert failed

cases = {
    "linear": "float32 inside",
    "preserves_dtype": "always float32",
    "deterministic": "not deterministic",
    "keeps_input": "overwrites its input",
    "batch_invariant": "couples the members of a batch",
    "chunk_invariant": "last block of a batch left out",
    "thread_invariant": "race between threads",
    "jacobian_transposed": "gradient without the mask",
    "zero_outside": "values leak outside the domain",
}
figure = new_figure(11.0, 4.0)
left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
x = grid.axes[0]
v = np.sin(2 * np.pi * x)
for (slip, wrong), style in zip(list(slips.items())[:2], ("-", "--"), strict=True):
    left.semilogy(x, np.maximum(np.abs(wrong(v.copy()) - apply(v)), 1e-17), style, label=f"{slip}: fails linear")
u, w = v.copy(), noise.standard_normal(80)
difference = np.abs(apply(2 * u + w) - 2 * apply(u) - apply(w))
left.semilogy(x, np.maximum(difference, 1e-17), ":", label="honest: A(2u + w) - 2Au - Aw")
left.set(xlabel="x", ylabel="|difference|", ylim=(1e-18, 1e3))
left.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(0, 0.42))
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "implementation.png")
