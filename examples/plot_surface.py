"""
Smoothing on a scanned surface
==============================

The cortical surface of the left hemisphere (fsaverage5 of FreeSurfer, 10242 points reconstructed from magnetic
resonance scans of 40 people; nilearn ships it and names no licence of its own for it). The points lie on a folded
surface: two that are near in space can be far apart along it, on the two banks of a fold, so that smoothing in space
would mix them. The diffusion is therefore on the graph of the triangles: vertices that a path of at most two edges
joins exchange at rates k_ij / (q_i q_j), ``k_ij = exp(-|x_i - x_j|^2 / (4 epsilon))``, as in diffusion maps. Top: the
depth of the folds with noise as large as its own spread, and after the flow; bottom: the surface itself, its
coordinates as three fields, before and after. Writes surface.png.

Needs nilearn, for its data, and nibabel, which reads them: pip install nilearn
"""

import importlib.util
from pathlib import Path

import matplotlib
import numpy as np
import scipy.sparse
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize

import pide
from pide.plotting import new_figure, write_figure

try:
    import nibabel

    package = importlib.util.find_spec("nilearn").submodule_search_locations[0]
except (ImportError, AttributeError):
    raise SystemExit("plot_surface needs the surface that nilearn ships. Write: pip install nilearn") from None

folder = Path(package) / "datasets" / "data" / "fsaverage5"
points, triangles = (array.data for array in nibabel.load(folder / "pial_left.gii.gz").darrays)
points = points.astype(float)
depth = nibabel.load(folder / "sulc_left.gii.gz").darrays[0].data.astype(float)

edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
joined = scipy.sparse.csr_matrix((np.ones(len(edges)), edges.T), shape=(len(points),) * 2)
joined = joined + joined.T
near = (joined + joined @ joined).tocoo()
squares = ((points[near.row] - points[near.col]) ** 2).sum(axis=1)
epsilon = np.median(squares) / 2
k = scipy.sparse.csr_matrix((np.exp(-squares / (4 * epsilon)), (near.row, near.col)), shape=near.shape)
k.setdiag(1.0)
q = np.asarray(k.sum(axis=1)).ravel()
weights = scipy.sparse.diags(1 / q) @ k @ scipy.sparse.diags(1 / q)
graph = pide.Graph((weights + weights.T) / 2, positions=points)
L = pide.graph_laplacian(graph, "random_walk")

noisy = depth + np.random.default_rng(0).normal(0.0, depth.std(), depth.shape)
times = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
flow = pide.solve(pide.Heat(L, initial=noisy), times=times)
errors = [float(L.space.norm(u - depth) / L.space.norm(depth)) for u in flow.states]
best = int(np.argmin(errors))
smooth = pide.solve(pide.Heat(L, initial=points.T.copy()), times=[10.0]).final
print(f"{graph!r}, epsilon = {epsilon:.2f} mm^2")
print("relative error of the depth: " + ", ".join(f"{e:.3f} at t = {t:g}" for t, e in zip(times, errors, strict=True)))
print(f"mass of the depth moved by {np.ptp(flow.mass) / abs(flow.mass[0]):.1e}; {flow.record.choices['stepper']}")

pide.verification.check(L, samples=3).raise_if_failed()


def normals(surface):
    """Unit normals of the triangles, for the light."""
    a, b, c = (surface[triangles[:, corner]] for corner in range(3))
    n = np.cross(b - a, c - a)
    return n / np.linalg.norm(n, axis=1, keepdims=True)


def draw(axes, surface, values, title, style):
    """Triangles seen from the left, painted back to front."""
    corners = surface[triangles]
    n = normals(surface)
    seen = n[:, 0] < 0
    order = np.argsort(-corners[seen, :, 0].mean(axis=1))
    shade = 0.35 + 0.65 * np.clip(n[seen][order] @ np.array([-0.8, 0.3, 0.52]), 0, 1)
    colours = style["cmap"](style["norm"](values[triangles[seen][order]].mean(axis=1)))
    colours[:, :3] *= shade[:, None]
    axes.add_collection(PolyCollection(corners[seen][order][:, :, [1, 2]], facecolors=colours, edgecolors=colours))
    axes.set(xlim=(75, -110), ylim=(-52, 85), aspect="equal", title=title)
    axes.axis("off")


folds = {"cmap": matplotlib.colormaps["RdBu_r"], "norm": Normalize(-1.5, 1.5)}
plain = {"cmap": matplotlib.colormaps["gray"], "norm": Normalize(-1, 0.1)}
figure = new_figure(11.0, 6.6)
panels = figure.subplots(2, 3)
draw(panels[0, 0], points, depth, "depth of the folds", folds)
draw(panels[0, 1], points, noisy, f"with noise, error {errors[0]:.2f}", folds)
draw(panels[0, 2], points, flow.states[best], f"t = {times[best]:g}, error {errors[best]:.2f}", folds)
draw(panels[1, 0], points, 0 * depth, "surface", plain)
draw(panels[1, 1], smooth.T, 0 * depth, "its coordinates at t = 10", plain)
panels[1, 2].plot(times, errors, "o-")
panels[1, 2].set(xlabel="t", ylabel="relative error of the depth", box_aspect=0.7)
write_figure(figure, "surface.png")
