"""
Layers for points and graphs
============================

Every cloud of the batch has points of its own: 150 to 400 in the unit square, with a noisy field of two values on
them. A PointCloudDiffusion gives its points masses, here 0 for the padding, and learns the width of its Gaussian and
one step; three of them in a row. A GraphDiffusion gets the edges to the 8 nearest neighbours instead and learns the
step. Both are trained to undo the noise on 8 clouds and tested on clouds they have not seen. No weights can bring
either layer outside the range of its input. Writes cloud_layer.png.
"""

import functools

import numpy as np
import torch
from scipy.spatial import KDTree

from pide.nets.layers import GraphDiffusion, PointCloudDiffusion
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
largest = 400


def clouds(count, seed):
    """Points (B, N, 2), masses (B, N), noisy and clean fields (B, N, 1), padded to the largest."""
    rng = np.random.default_rng(seed)
    points, masses = rng.uniform(0, 1, (count, largest, 2)), np.zeros((count, largest))
    for mass in masses:
        present = rng.integers(150, largest + 1)
        mass[:present] = 1.0 / present
    clean = np.sign(points[..., 1] - 0.5 - 0.25 * np.sin(2 * np.pi * points[..., 0]))[..., None]
    noisy = clean + 0.8 * rng.standard_normal(clean.shape)
    return (torch.from_numpy(a).float() for a in (points, masses, noisy, clean))


class CloudNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(PointCloudDiffusion(1, width=0.4, step=0.5) for _ in range(3))

    def forward(self, x, points, masses):
        for layer in self.layers:
            x = layer(x, points, masses)
        return x


class GraphNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(GraphDiffusion(1, step=0.1) for _ in range(3))

    def forward(self, x, points, masses):
        edges = neighbours(points, masses)
        x = x.flatten(0, 1)
        for layer in self.layers:
            x = layer(x, edges)
        return x.unflatten(0, points.shape[:2])


@functools.cache
def neighbours(points, masses):
    """Edges of all clouds of a batch as one graph, whose parts are not connected."""
    edges = set()
    for number, (y, mass) in enumerate(zip(points, masses, strict=True)):
        present = y[mass > 0].numpy()
        pairs = number * largest + KDTree(present).query(present, 9)[1]
        edges |= {(min(row[0], j), max(row[0], j)) for row in pairs.tolist() for j in row[1:]}
    return torch.tensor(sorted(edges)).T


def error(out, clean, masses):
    return (masses[..., None] * (out - clean).square()).sum(dim=(1, 2)).mean()


train, test = list(clouds(8, 0)), list(clouds(8, 1))
shown = int((test[1] > 0).sum(1).argmax())
figure = new_figure(12.0, 3.6)
left, *panels = figure.subplots(1, 4, width_ratios=[1.3, 1, 1, 1.15])
results = {}
for (name, net), mark in zip(
    {"PointCloudDiffusion": CloudNet(), "GraphDiffusion": GraphNet()}.items(), ("-", "--"), strict=True
):
    optimiser, losses = torch.optim.Adam(net.parameters(), lr=0.2), []
    for _ in range(16):
        loss = error(net(train[2], train[0], train[1]), train[3], train[1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    with torch.no_grad():
        out = net(test[2], test[0], test[1])
    results[name] = out[shown, :, 0]
    tested = float(error(out, test[3], test[1]))
    learned = [[round(float(v.detach().mean()), 3) for v in layer.parameters()] for layer in net.layers]
    inside = bool((out.amax(1) <= test[2].amax(1)).all() and (out.amin(1) >= test[2].amin(1)).all())
    print(f"{name}: test error {float(error(test[2], test[3], test[1])):.3f} -> {tested:.3f}, no new extrema: {inside}")
    left.plot(losses, mark, label=f"{name}, test {tested:.2f}")
left.set(xlabel="step", ylabel="squared error", ylim=(0, None))
left.legend(frameon=False, fontsize="small")
present = test[1][shown] > 0
for axes, (name, field) in zip(panels, {"noisy": test[2][shown, :, 0], **results}.items(), strict=True):
    x, y = test[0][shown][present].T
    image = axes.scatter(x, y, c=field[present], s=9, cmap="RdBu_r", vmin=-2, vmax=2)
    axes.set(aspect="equal", title=name, xlabel="x", ylabel="y")
figure.colorbar(image, ax=panels[-1], shrink=0.7, label="field")
write_figure(figure, "cloud_layer.png")
