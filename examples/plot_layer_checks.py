"""
What a layer is checked for
===========================

A layer of this library is a map of features with claims like those of an operator: it is the map that pide's operators
define, equal for permuted positions, independent over the batch, finite where pixels coincide, with the gradient of
what it computes, and, at a frozen affinity, not expansive. Left: three torch layers, their reports. Middle: a step too
long amplifies the roughest field. Right: the checks on honest and wrong layers. Writes layer_checks.png.
"""

import numpy as np
import torch

import pide
from pide import verification
from pide.nets.layers import AffinityDiffusion, NonlocalBlock, NonlocalDiffusionStep
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

torch.set_num_threads(1)
torch.manual_seed(0)
ring = pide.Torus((1.0,))
grid = ring.grid(24)
L = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.15), images=True).on(grid)
largest = 2 / L.spectral_bound()
h = 0.9 * largest
layers = [
    verification.module_layer(
        NonlocalDiffusionStep(L, h), (1, 24), states=["layer_non_expansive"], reference=lambda x: x + h * L(x),
        stage=lambda x: verification.Stage(h * L.to_dense(), np.eye(1), np.ones(24)),
    ),
    verification.module_layer(AffinityDiffusion(4, dimension=1), (4, 24), states=["layer_equivariant"]),
    verification.module_layer(NonlocalBlock(4, dimension=1), (4, 24), states=["layer_equivariant"]),
]  # fmt: skip
reports = {layer.name: verification.check(layer, samples=4) for layer in layers}
for name, report in reports.items():
    print(f"{name}: {report.summary}")
    report.raise_if_failed()

figure = new_figure(14.0, 4.0)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.95])
names = [row.claim for row in reports["NonlocalBlock"].rows]
for (name, report), mark in zip(reports.items(), "os^", strict=True):
    shown = [row for row in report.rows if row.ran]
    sizes = [max(row.measured / row.bound, 1e-8) if row.bound else 1e-8 for row in shown]
    left.plot(sizes, [names.index(row.claim) for row in shown], mark, mfc="none", label=name)
left.axvline(1.0, color="0.4", lw=1)
left.set(xscale="log", xlabel="measured / bound (0 at the left end)", xlim=(3e-9, 10))
left.set_yticks(range(len(names)), names, fontsize="small")
left.set_ylim(len(names) - 0.5, -2.2)
left.legend(frameon=False, fontsize="small", loc="upper right")

v = torch.from_numpy(np.resize([1.0, -1.0], 24))[None, None]
for factor, style in ((0.9, "-"), (1.0, "--")):
    step, u, sizes = NonlocalDiffusionStep(L, factor * largest), v, []
    for _ in range(20):
        u = step(u)
        sizes.append(float(u.norm() / v.norm()))
    middle.semilogy(range(1, 21), sizes, style, label=f"h = {factor:g} of 2 / bound")
u, sizes = v[0, 0].numpy(), []
for _ in range(20):
    u = u + 1.1 * largest * L(u)
    sizes.append(np.linalg.norm(u) / 24**0.5)
middle.semilogy(range(1, 21), sizes, ":", label="1.1 of it, which the layer refuses")
try:
    NonlocalDiffusionStep(L, 1.1 * largest)
except pide.errors.StepTooLarge as error:
    print(error)
middle.set(xlabel="layers", ylabel="|f(v)| / |v|")
middle.legend(frameon=False, fontsize="small")

cases = {
    "layer_matches_operator": "layer divides by M - 1",
    "layer_equivariant": "layer that sees the index of a pixel",
    "layer_batch_independent": "layer that subtracts the mean of the batch",
    "layer_preserves_dtype": "layer that returns float64",
    "layer_finite": "layer of a power law without its mask",
    "layer_single_precision": "layer in half precision for float32",
    "layer_gradient": "gradient that takes the affinity for constant",
    "layer_non_expansive": "layer with a step beyond its limit",
}
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "layer_checks.png")
