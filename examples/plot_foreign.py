"""
Is another library's operator symmetric?
========================================

scipy.ndimage.laplace is the Laplacian of many programs, with five ways to go on beyond the edges of the array.
Nothing of it is known to pide; `as_operator` makes it a subject, and checks ask which claims it satisfies. "mirror"
counts the node at the edge once where symmetry needs it half, so the operator is not self-adjoint and mass is not
kept; "nearest" and "reflect" are the same and keep everything. Top: A minus its transpose, from the matrix that the
checks apply. Bottom: measured defects against the bounds that rounding allows. Writes foreign.png.
"""

import numpy as np
import scipy.ndimage

import pide
from pide import verification
from pide.plotting import new_figure, write_figure

modes = ("reflect", "nearest", "mirror", "constant", "wrap")
claims = ("self_adjoint", "kills_constants", "conserves_mass", "negative_semidefinite")
grid = pide.Box(((0, 1), (0, 1))).grid(8, 7)


def laplacian(mode):
    """The axes are named, because leading axes are batches."""
    return pide.as_operator(lambda u: scipy.ndimage.laplace(u, mode=mode, axes=(-2, -1)), on=grid)


figure = new_figure(12.0, 5.4)
panels = figure.subplots(2, 5, height_ratios=[1, 1.1])
for (top, bottom), mode in zip(panels.T, modes, strict=True):
    A = laplacian(mode)
    report = verification.check(A, claims=claims, samples=8)
    rows = [report[claim] for claim in claims]
    print(f"{mode}: {', '.join(f'{row.claim} {row.verdict}' for row in rows)}")
    matrix = A.to_dense()
    image = top.imshow(matrix - matrix.T, cmap="RdBu_r", vmin=-1, vmax=1)
    top.set(title=f'mode="{mode}"', xlabel="node j", xticks=[0, 20, 40], yticks=[0, 20, 40])
    for height, row in enumerate(rows):
        bottom.plot([row.bound, row.bound], [height - 0.3, height + 0.3], "k-", lw=2)
        bottom.plot(max(row.measured, 1e-18), height, "o" if row.verdict == "holds" else "X", ms=8,
                    color="#0072b2" if row.verdict == "holds" else "#d55e00")  # fmt: skip
    bottom.set(xscale="log", xlim=(1e-19, 30), ylim=(3.6, -0.6), yticks=range(4), yticklabels=[])
    bottom.set(xlabel="measured, bound", xticks=[1e-18, 1e-12, 1e-6, 1])
    bottom.minorticks_off()
panels[0, 0].set(ylabel="node i, A - A$^T$")
figure.colorbar(image, ax=panels[0, 4])
panels[1, 0].set_yticklabels([claim.replace("_", " ") for claim in claims])
panels[1, 4].plot([], [], "o", color="#0072b2", label="holds")
panels[1, 4].plot([], [], "X", color="#d55e00", label="FAILS")
panels[1, 4].plot([], [], "k-", lw=2, label="bound")
panels[1, 4].legend(frameon=False, fontsize="small", loc="center right")
mirror = verification.check(laplacian("mirror"), claims=["self_adjoint"], samples=8)["self_adjoint"]
print(f"witness against self-adjointness of mirror: {mirror.sample}: {mirror.measured:.2g} > {mirror.bound:.2g}")
assert np.array_equal(laplacian("reflect").to_dense(), laplacian("nearest").to_dense())
write_figure(figure, "foreign.png")
