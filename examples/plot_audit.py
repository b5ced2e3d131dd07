"""
What the layers of a network can claim
======================================

An audit asks of every nonlocal layer of a model which statements hold with its present weights: statements on its
operator at the frozen affinity, on the step it takes, and on the layer as a module. Five layers, untrained: the block
as published, the same block made to diffuse, a nonlocal stage, a diffusion with a learned affinity and a spectral
one. What a layer's structure does not support is withheld, with the reason, never passed; a dash is a statement that
does not concern the layer. Writes audit.png.
"""

import numpy as np
import torch
from matplotlib.colors import ListedColormap
from torch import nn

from pide.nets.auditing import audit
from pide.nets.layers import AffinityDiffusion, NonlocalStage, PIDEBlock, SpectralDiffusion
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
torch.manual_seed(0)
diffusing = PIDEBlock(
    8, "fractional", sign="dissipative", subsampling=1, shared_embedding=True, activation=None, normaliser="rows"
)
model = nn.Sequential()
model.add_module("PIDEBlock, published", PIDEBlock(8, "fractional"))
model.add_module("PIDEBlock, diffusing", diffusing)
model.add_module("NonlocalStage", NonlocalStage(8, sub_blocks=2))
model.add_module("AffinityDiffusion", AffinityDiffusion(8))
model.add_module("SpectralDiffusion", SpectralDiffusion(8))
report = audit(model, samples=5)

statements = list(dict.fromkeys(row.claim for layer in report.layers for row in layer.rows))
verdicts = ("holds", "does not hold", "withheld", "not checkable", "FAILS")
table = np.full((len(statements), len(report.layers)), np.nan)
for column, layer in enumerate(report.layers):
    for row in layer.rows:
        table[statements.index(row.claim), column] = verdicts.index(row.verdict)
    reasons = sorted({row.words for row in layer.rows if row.verdict == "withheld"}, key=len)
    print(
        f"{layer.name}: {sum(row.verdict == 'holds' for row in layer.rows)} hold; first withheld because {reasons[:1]}"
    )
print(f"nothing FAILS that must hold: {report.passed}")

# Colours of Okabe and Ito; every cell also carries a mark, so that nothing rests on colour alone.
shades, marks = ListedColormap(["#56b4e9", "#e69f00", "#d9d9d9", "#f0f0f0", "#d55e00"]), ("+", "\u2212", "w", "?", "X")
figure = new_figure(9.0, 7.6)
axes = figure.subplots()
axes.imshow(table, cmap=shades, vmin=-0.5, vmax=4.5, aspect="auto")
for (i, j), value in np.ndenumerate(table):
    axes.text(j, i, "-" if np.isnan(value) else marks[int(value)], ha="center", va="center")
axes.set_xticks(range(len(report.layers)), [layer.name.replace(", ", "\n") for layer in report.layers])
axes.set_yticks(range(len(statements)), [statement.replace("_", " ") for statement in statements])
axes.xaxis.tick_top()
axes.tick_params(length=0)
key = "+ holds    \u2212 does not hold with these weights    w withheld, with a reason    - does not concern the layer"
axes.set_xlabel(key, fontsize="small")
write_figure(figure, "audit.png")
