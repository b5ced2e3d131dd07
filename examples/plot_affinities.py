"""
Six affinities of features
==========================

omega(X_i, X_j) of the features of two points is what a network or a data graph diffuses by: Gaussian, power and
logarithm of a distance, dot product, its exponential, and the concatenation max(0, a . X_i + b . X_j). Left: as
functions of the second point. Middle: L v = sum_j omega_ij (v_j - v_i) by rows of a block at a time, for a step: only
affinities >= 0 move every value towards the others. Right: the checks of affinities. Writes affinities.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

kinds = {
    "Gaussian": pide.GaussianAffinity(width=0.5),
    "power, r$^{-1.4}$": pide.PowerAffinity(exponent=1.4, factor=0.2),
    "logarithm": pide.LogAffinity(slope=0.5),
    "dot product": pide.DotProductAffinity(factor=1.0),
    "exp of dot product": pide.EmbeddedAffinity(factor=1.0),
    "concatenation": pide.ConcatenationAffinity(first=np.array([0.5]), second=np.array([1.0])),
}
here, others = np.array([[0.4]]), np.linspace(-1, 1, 401)[:, None]
X = np.random.default_rng(0).uniform(-1, 1, (200, 1))
v = np.sign(X[:, 0])
order = np.argsort(X[:, 0])

figure = new_figure(14.0, 4.4)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.9])
styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
for (name, omega), style in zip(kinds.items(), styles, strict=True):
    left.plot(others, omega(here, others)[0], linestyle=style, label=name)
    W = pide.normalised(omega(X), "count")
    flow = pide.affinity_diffusion(omega, X, v[:, None], normaliser="count", block=64)[:, 0]
    dense = W @ v - W.sum(axis=1) * v
    print(f"{name}: nonnegative {omega.nonnegative}, symmetric {omega.symmetric}, largest asymmetry "
          f"{np.abs(W - W.T).max():.1e}, blocks against matrix {np.abs(flow - dense).max():.1e}")  # fmt: skip
    assert np.allclose(flow, dense, atol=1e-12)
    middle.plot(X[order, 0], flow[order], linestyle=style, label=name)
    verification.check(verification.affinity_of(omega, 1, "count"), samples=4).raise_if_failed()
left.set(xlabel="X$_j$, for X$_i$ = 0.4", ylabel="$\\omega$", ylim=(-0.6, 4))
left.legend(frameon=False, fontsize="small", loc="upper left")
middle.set(xlabel="X$_i$", ylabel="(L v)$_i$, v = sign X", yscale="symlog")
middle.set_yscale("symlog", linthresh=0.3)
middle.axhline(0, color="0.8", lw=0.8)

cases = {
    "finite_where_points_coincide": "logarithm without its mask",
    "same_embedding_symmetric": "two embeddings called one",
    "blocks_agree": "degrees of the block only",
}
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "affinities.png")
