"""
The four kernels of a block on one picture
==========================================

A PIDEBlock adds h K op(B) to its features, where op sums over all pixels with weights of the features themselves.
Here the features are the colours of a photograph, and the embeddings and K_i are identities, so that only op is seen.
Top: op of the picture for the four kernels, with the sign of a dissipation; sums are divided by the sum of the
weights, but for the logarithm, whose weights have both signs. "fractional" pulls each pixel to the pixels of its own
colour, wherever they are; "diffusion" to a mean of all, in which bright pixels count more; the two potentials
subtract a sum, which moves the mean as well. Bottom: two linear stages, and the distance from the picture after m of
them. Every stage restarts from the picture, B_m = (1 + z + ... + z^m) X with z = h op, so stages do not repeat a
step, they refine one; they converge where h times the largest eigenvalue is below 1, for which h = 1/2 suffices if
rows sum to 1. Each h else changes the picture by a third of its spread in one stage. Writes pide_block.png.
"""

import numpy as np
import torch
from matplotlib.cbook import get_sample_data
from matplotlib.image import imread

from pide.nets.layers import PIDEBlock
from pide.plotting import colours, new_figure, write_figure

torch.set_num_threads(1)
photo = imread(get_sample_data("grace_hopper.jpg", asfileobj=False))[:480, 30:462] / 255.0
picture = photo.reshape(40, 12, 36, 12, 3).mean(axis=(1, 3))
X = torch.from_numpy(picture.transpose(2, 0, 1)[None])


def linear_block(kind, stages, step):
    """A block whose convolutions are identities; batch normalisations that have seen nothing are identities too."""
    block = PIDEBlock(
        3, kind, stages=stages, step=step, subsampling=1, embedding=3, shared_embedding=True, strength=1.0,
        normaliser="count" if kind == "log" else "rows", sign="dissipative", activation=None,
    )  # fmt: skip
    for convolution in (block.theta, *block.mixing):
        torch.nn.init.dirac_(convolution.weight)
        if convolution.bias is not None:
            torch.nn.init.zeros_(convolution.bias)
    return block.double().eval()


figure = new_figure(12.0, 6.2)
panels = figure.subplots(2, 5, width_ratios=[1.15, 1, 1, 1, 1])
panels[0, 0].imshow(picture)
panels[0, 0].set(title="features X: colours")
spread = (X - X.mean(dim=(2, 3), keepdim=True)).norm()
marks = ("o-", "s-", "^--", "v:")
with torch.no_grad():
    for column, kind in enumerate(("diffusion", "fractional", "inverse_fractional", "log"), start=1):
        term = linear_block(kind, 1, 1.0).term_of(X)(X)
        step = min(float(spread / (3 * term.norm())), 0.5 if kind == "fractional" else 10.0)
        changes = [float((linear_block(kind, m, step)(X) - X).norm() / spread) for m in range(1, 6)]
        b = linear_block(kind, 2, step)(X)
        image = panels[0, column].imshow(term.mean(1)[0].numpy(), **colours(term.mean(1)[0].numpy()))
        figure.colorbar(image, ax=panels[0, column], shrink=0.7)
        panels[0, column].set_title(f"op X,\n{kind.replace('_', ' ')}")
        panels[1, column].imshow(np.clip(b[0].numpy().transpose(1, 2, 0), 0, 1))
        panels[1, column].set(title=f"$B_2$, h = {step:.2g}")
        panels[1, 0].plot(range(1, 6), changes, marks[column - 1], ms=4, label=kind.replace("_", " "))
        moved = float(term.mean().abs() / term.abs().mean())
        print(f"{kind:20s} h = {step:.3g}, |mean of op X| / mean of |op X| = {moved:.2f}, |B_5 - X| {changes[-1]:.3f}")
for axes in (*panels[0], *panels[1, 1:]):
    axes.set(xticks=[], yticks=[])
panels[1, 0].set(xlabel="stages m", ylabel="|$B_m$ - X| / spread of X", xticks=range(1, 6), box_aspect=1.1)
panels[1, 0].legend(frameon=False, fontsize="small")
write_figure(figure, "pide_block.png")
