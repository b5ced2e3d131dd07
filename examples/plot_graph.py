"""
Heat and measurements on a road network
=======================================

The roads of Minnesota (2640 crossings, from MatlabBGL, shipped with PyGSP under the BSD licence), joined by rates that
fall with the length of the road. Top: heat starts in one corner and spreads along the roads by the heat equation of the
graph, with all its conservation laws, and the first mode of the network that is not constant. Bottom: a sensor network.
A field is measured at 60 crossings only; the harmonic extension is the solution of L u = 0 at the others, with the
measurements as exterior data, between the smallest and the largest of them by the maximum principle. Writes graph.png.

Needs PyGSP, for its data: pip install pygsp
"""

import importlib.util
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse
from matplotlib.collections import LineCollection

import pide
from pide.plotting import new_figure, write_figure

try:
    package = importlib.util.find_spec("pygsp").submodule_search_locations[0]
except AttributeError:
    raise SystemExit("plot_graph needs the road network that PyGSP ships. Write: pip install pygsp") from None

roads = scipy.io.loadmat(Path(package) / "data" / "pointclouds" / "minnesota.mat")
positions = roads["xy"] * [np.cos(np.radians(46)), 1.0]
adjacency = scipy.sparse.coo_matrix((roads["A"] + roads["A"].T) > 0)
lengths = np.linalg.norm(positions[adjacency.row] - positions[adjacency.col], axis=1)
rates = 1.0 / np.maximum(lengths, 0.01)
whole = pide.Graph(scipy.sparse.csr_matrix((rates, (adjacency.row, adjacency.col)), adjacency.shape))
kept = np.flatnonzero(whole.components == np.bincount(whole.components).argmax())
graph = pide.Graph(whole.adjacency[kept][:, kept], positions=positions[kept])
L = pide.graph_laplacian(graph)
pide.verification.check(L, samples=3).raise_if_failed()

start = 1.0 * (np.linalg.norm(graph.positions - graph.positions[0], axis=1) < 0.5)
flow = pide.solve(pide.Heat(L, initial=start), times=[0.0, 1.0, 10.0], tol=1e-8)
print(f"{graph!r}, mass moved by {np.ptp(flow.mass) / flow.mass[0]:.1e}; {flow.record.choices['stepper']}")
modes = pide.solve(pide.Eigen(L, count=4), tol=1e-8)
print("eigenvalues", modes.values.round(5) + 0.0, "by", modes.record.choices["preconditioner"])


def truth(x, y):
    """A smooth field."""
    return np.sin(1.2 * x) + np.cos(1.5 * y)


exact = graph.sample(truth)
rng = np.random.default_rng(0)
for count in (15, 60, 240):
    sensors = np.zeros(graph.size, dtype=bool)
    sensors[rng.choice(graph.size, count, replace=False)] = True
    unknown = pide.graph_laplacian(graph.restricted_to(~sensors), exterior=pide.Value(truth))
    u = pide.solve(pide.Stationary(unknown, source=0.0)).final
    u = np.where(sensors, exact, u)
    assert exact[sensors].min() - 1e-6 <= u.min() <= u.max() <= exact[sensors].max() + 1e-6
    error = np.sqrt(np.mean((u - exact)[~sensors] ** 2)) / exact.std()
    print(f"{count} sensors: relative error {error:.3f} at the other crossings")
    if count == 60:
        extension, measured, shown_error = u, sensors, error

figure = new_figure(11.5, 8.0)
panels = figure.subplots(2, 3)
i, j = graph.adjacency.nonzero()
segments = list(np.stack([graph.positions[i[i < j]], graph.positions[j[i < j]]], axis=1))


def draw(axes, u, title, cmap="viridis", which=None, **colours):
    """Vertices coloured by u over the roads."""
    size, which = (4, slice(None)) if which is None else (18, which)
    axes.add_collection(LineCollection(segments, colors="0.8", linewidths=0.4))
    x, y = graph.positions[which].T
    image = axes.scatter(x, y, c=u[which], s=size, cmap=cmap, zorder=2, **colours)
    axes.set(title=title, aspect="equal", xticks=[], yticks=[])
    figure.colorbar(image, ax=axes, shrink=0.7)


for axes, t, u in zip(panels[0, :2], flow.times[1:], flow.states[1:], strict=True):
    draw(axes, u, f"heat at t = {t:g}")
bound = np.abs(modes.states[1]).max()
draw(panels[0, 2], modes.states[1], f"first mode, eigenvalue {modes.values[1]:.4f}", "RdBu_r", vmin=-bound, vmax=bound)
style = {"vmin": exact.min(), "vmax": exact.max()}
draw(panels[1, 0], exact, "field", **style)
draw(panels[1, 1], exact, "measured at 60 crossings", which=np.flatnonzero(measured), **style)
draw(panels[1, 2], extension, f"harmonic extension, error {shown_error:.2f}", **style)
write_figure(figure, "graph.png")
