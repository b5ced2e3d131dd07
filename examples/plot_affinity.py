"""
Labels that spread by affinity
==============================

1797 handwritten digits of 8 x 8 pixels (UCI, shipped with scikit-learn), a few of each class labelled. Affinities
``exp(-|X_i - X_j|^2 / h^2)`` of the pixels make them a space, and labels spread by diffusion on it in three ways:
harmonic extension on the graph of the 12 nearest neighbours, where labelled digits are exterior data; the heat
equation with the same affinities, normalised to be symmetric with rows that sum to 1; and the heat equation through
200 anchors, which stores 1797 x 5 numbers. Beside them scikit-learn's LabelSpreading on its graph of the same number
of neighbours, with its default settings, and the nearest labelled digit. Every method guesses the class whose field
is largest relative to its mean. Width, neighbours and times were set once by hand and not tuned. Right: two diffusion
coordinates of every other digit. Writes affinity.png.

Needs scikit-learn: pip install scikit-learn
"""

import time

import numpy as np

import pide
from pide.operators.affinity import GaussianAffinity
from pide.operators.manifold import DiffusionMap
from pide.plotting import new_figure, write_figure
from pide.spaces.samples import Samples

try:
    from sklearn.datasets import load_digits
    from sklearn.semi_supervised import LabelSpreading
except ImportError:
    raise SystemExit("plot_affinity needs scikit-learn. Write: pip install scikit-learn") from None

X, digit = load_digits(return_X_y=True)
X = X / 16.0
space, affinity = Samples(X), GaussianAffinity(width=1.2, distances="products")
weights = affinity.on(space, X, None, neighbours=12)
nearest = affinity.on(space, X, "sinkhorn", neighbours=12)
anchored = affinity.on(space, X, anchors=200, neighbours=5)
graph = pide.Graph(weights.rates)
for L in (nearest, anchored):
    print(L.notes[1])


def harmonic(labels, known):
    """A u = 0 at the digits without label, u = labels at the others; all classes at once."""
    inside = graph.restricted_to(~known)
    A = pide.graph_laplacian(inside, exterior=pide.Zero())
    given = pide.graph_laplacian(graph)(labels * known)
    return pide.solve(pide.Stationary(A, source=-inside.restricted(given)), tol=1e-6).final


def heat(L, t):
    """u_t = L u from the labels."""
    return lambda labels, known: pide.solve(pide.Heat(L, initial=labels * known), until=t, tol=1e-4).final


def spreading(labels, known):
    """scikit-learn."""
    model = LabelSpreading(kernel="knn", n_neighbors=12).fit(X, np.where(known, digit, -1))
    return model.label_distributions_.T


def closest(labels, known):
    """The class of the nearest labelled digit."""
    distances = ((X[:, None] - X[known][None]) ** 2).sum(-1)
    return labels[:, known][:, distances.argmin(axis=1)]


methods = {
    "harmonic, 12 neighbours": harmonic,
    "heat, 12 neighbours": heat(nearest, 30.0),
    "heat, 200 anchors": heat(anchored, 10.0),
    "LabelSpreading": spreading,
    "nearest label": closest,
}
labels = (digit == np.arange(10)[:, None]).astype(float)
counts = [1, 2, 5, 10]
rates = {name: [] for name in methods}
for count in counts:
    found = {name: [] for name in methods}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        known = np.zeros(len(digit), dtype=bool)
        for k in range(10):
            known[rng.choice(np.flatnonzero(digit == k), count, replace=False)] = True
        for name, method in methods.items():
            began = time.process_time()
            u = method(labels, known)
            guess = (u / (u.mean(axis=1, keepdims=True) + 1e-300)).argmax(axis=0)
            found[name].append((np.mean(guess[~known] == digit[~known]), time.process_time() - began))
    for name, values in found.items():
        rates[name].append(np.mean([value for value, _ in values]))
        print(f"{count} labels per class, {name}: {rates[name][-1]:.3f}, {np.mean([s for _, s in values]):.2f} CPU s")

figure = new_figure(11.0, 4.4)
left, right = figure.subplots(1, 2)
for (name, values), mark in zip(rates.items(), ("o-", "s--", "^:", "v-.", "x-"), strict=True):
    left.plot(counts, values, mark, label=name)
left.set(xscale="log", xticks=counts, xticklabels=counts, xlabel="labels per class", ylabel="share that is right")
left.minorticks_off()
left.legend(frameon=False, fontsize="small")
Y = DiffusionMap(X[::2], epsilon=0.5).coordinates(2)
dots = right.scatter(*Y.T, c=digit[::2], s=5, cmap="tab10", vmin=-0.5, vmax=9.5)
right.set(xlabel="diffusion coordinate 1", ylabel="diffusion coordinate 2", aspect="equal")
figure.colorbar(dots, ax=right, ticks=range(10), label="digit")
write_figure(figure, "affinity.png")
