"""Affinities of M positions with N others: formulas written out, coincident points, constants, both normalisers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special

from pide.operators.affinity import (
    ConcatenationAffinity,
    DotProductAffinity,
    EmbeddedAffinity,
    GaussianAffinity,
    LogAffinity,
    PowerAffinity,
)
from pide.operators.affinity_distances import squared_distances
from pide.operators.affinity_pide import PIDE_KINDS, pide_affinity, pide_form, pide_term
from pide.operators.affinity_weights import affinity_weights, weighted_difference, weighted_sum

RNG = np.random.default_rng(5)
T, P = RNG.standard_normal((2, 6, 3)), RNG.standard_normal((2, 4, 3))
X, Y = RNG.standard_normal((2, 6, 5)), RNG.standard_normal((2, 4, 5))
A, B = RNG.standard_normal((2, 3))
EPS = np.finfo(np.float64).eps

AFFINITIES = {
    "gaussian": (GaussianAffinity(width=1.5), lambda t, p: math.exp(-((math.dist(t, p) / 1.5) ** 2))),
    "dot": (DotProductAffinity(factor=0.3), lambda t, p: 0.3 * float(t @ p)),
    "embedded": (EmbeddedAffinity(factor=0.3), lambda t, p: math.exp(0.3 * float(t @ p))),
    "power": (PowerAffinity(exponent=3.0, factor=0.2), lambda t, p: 0.2 / math.dist(t, p) ** 3),
    "power by products": (
        PowerAffinity(exponent=1.5, factor=0.2, distances="products"),
        lambda t, p: 0.2 / math.dist(t, p) ** 1.5,
    ),
    "log": (LogAffinity(slope=0.2, gauge=0.7), lambda t, p: -0.2 * math.log(math.dist(t, p)) - 0.7),
    "concatenation": (ConcatenationAffinity(first=A, second=B), lambda t, p: max(0.0, float(A @ t + B @ p))),
}
in_affinities = pytest.mark.parametrize("name", AFFINITIES)


def weights_by_hand(name, normaliser):
    f = AFFINITIES[name][1]
    omega = np.array([[[f(t, p) for p in P[b]] for t in T[b]] for b in range(2)])
    return omega / (omega.shape[-1] if normaliser == "count" else omega.sum(-1, keepdims=True))


@in_affinities
@pytest.mark.parametrize("normaliser", ["count", "rows"])
def test_weights_are_those_of_the_formula(namespace, name, normaliser):
    if name == "concatenation":
        affinity = ConcatenationAffinity(first=namespace.asarray(A), second=namespace.asarray(B))
    else:
        affinity = AFFINITIES[name][0]
    w = namespace.host(affinity_weights(affinity, namespace.asarray(T), namespace.asarray(P), normaliser))
    expected = weights_by_hand(name, normaliser)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(w, expected, rtol=1e-12, atol=64 * EPS * largest)


def test_difference_and_sum_by_loops(namespace):
    w = weights_by_hand("gaussian", "count")
    difference = np.zeros_like(X)
    total = np.zeros_like(X)
    for b, i, j in np.ndindex(*w.shape):
        difference[b, i] += w[b, i, j] * (Y[b, j] - X[b, i])
        total[b, i] += w[b, i, j] * Y[b, j]
    ws, xs, ys = (namespace.asarray(z) for z in (w, X, Y))
    np.testing.assert_allclose(namespace.host(weighted_difference(ws, xs, ys)), difference, atol=32 * EPS)
    np.testing.assert_allclose(namespace.host(weighted_sum(ws, ys)), total, atol=32 * EPS)


def test_rows_without_affinity_stay_where_they_are():
    first, second = np.array([-1.0, 0, 0]), np.array([0.0, 0, 0])
    t = np.abs(T) * np.array([1.0, 0, 0])
    w = affinity_weights(ConcatenationAffinity(first=first, second=second), t, P, "rows")
    assert np.array_equal(w, np.zeros((2, 6, 4)))
    assert np.array_equal(weighted_difference(w, X, Y), np.zeros_like(X))


def test_unknown_normaliser_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'rows', 'count'\. Write one of them"):
        affinity_weights(GaussianAffinity(width=1.0), T, P, "columns")


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_products_give_the_distances_within_their_bound(namespace, dtype, offset):
    """2 (C + 2) u (|x|^2 + |y|^2) from the mean of y, and 0 for coincident points, far from the origin too."""
    eps = np.finfo(dtype).eps
    x, y = np.float64(np.asarray(T + offset, dtype)), np.float64(np.asarray(P + offset, dtype))
    y[:, 0] = x[:, 2]
    exact = ((x[:, :, None] - y[:, None]) ** 2).sum(-1)
    sizes = ((x - y.mean(1, keepdims=True)) ** 2).sum(-1)[:, :, None] + ((y - y.mean(1, keepdims=True)) ** 2).sum(-1)[
        :, None
    ]
    square = namespace.host(squared_distances(namespace.asarray(x, dtype), namespace.asarray(y, dtype), "products"))
    assert np.all(square[:, 2, 0] == 0)
    rounded_mean = 4 * eps * (1 + offset) * np.sqrt(sizes)
    assert np.all(np.abs(square - exact) <= 2.1 * (3 + 2) * eps * sizes + rounded_mean)


def test_unknown_way_to_compute_distances_is_named():
    with pytest.raises(ValueError, match="'differences', 'products'"):
        squared_distances(T, P, "squares")


@pytest.mark.parametrize("by", ["differences", "products"])
@pytest.mark.parametrize("kind", ["power", "log"])
def test_coincident_points_have_weight_0_and_finite_gradients(kind, by):
    torch = pytest.importorskip("torch")
    t = torch.randn(40, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float32)
    t[1] = t[0]
    t.requires_grad_()
    affinity = PowerAffinity(exponent=3.0, distances=by) if kind == "power" else LogAffinity(slope=2.0, distances=by)
    w = affinity(t, t)
    assert float(w[0, 1].detach()) == 0
    assert bool((w.diagonal() == 0).all())
    (gradient,) = torch.autograd.grad(w.square().sum(), t, create_graph=True)
    assert bool(torch.isfinite(gradient).all())
    (second,) = torch.autograd.grad(gradient.square().sum(), t)
    assert bool(torch.isfinite(second).all())


def constant_of(kind, n, s):
    """The constants of numerics: c_{n,s}, c_{n,-s} and c_n, in other forms than the library's."""
    gamma = scipy.special.gamma
    if kind == "fractional":
        return s * 4**s * gamma(n / 2 + s) / (math.pi ** (n / 2) * gamma(1 - s))
    if kind == "inverse_fractional":
        return gamma(n / 2 - s) / (4**s * math.pi ** (n / 2) * gamma(s))
    return 1 / ((4 * math.pi) ** (n / 2) * gamma(n / 2))


@pytest.mark.parametrize(("n", "s"), [(1, 0.3), (2, 0.5), (2, 0.8), (3, 0.5)])
@pytest.mark.parametrize("kind", PIDE_KINDS)
def test_kernels_of_the_papers(kind, n, s):
    lam, c = 0.1, constant_of(kind, n, s)
    r = np.linalg.norm(T[:, :, None] - P[:, None], axis=-1)
    expected = {
        "diffusion": lam * np.einsum("bik,bjk->bij", T, P),
        "fractional": lam * c / r ** (n + 2 * s),
        "inverse_fractional": lam * c / r ** (n - 2 * s),
        "log": lam * c * (-2 * np.log(r) - 0.5772156649015329),
    }[kind]
    omega = pide_affinity(kind, strength=lam, s=s, dimension=n)(T, P)
    np.testing.assert_allclose(omega, expected, rtol=1e-12, atol=1e-14)


def test_the_logarithm_of_equation_4_6():
    r = np.linalg.norm(T[:, :, None] - P[:, None], axis=-1)
    omega = pide_affinity("log", strength=0.1, log_form="equation")(T, P)
    np.testing.assert_allclose(omega, -0.2 * np.log(r) - 0.5772156649015329, rtol=1e-12, atol=1e-14)


def test_published_constants():
    """c_{2,1/2} = c_{2,-1/2} = 1 / 2 pi and c_2 = 1 / 4 pi."""
    for kind in ("fractional", "inverse_fractional"):
        assert pide_affinity(kind, strength=1.0).factor == pytest.approx(1 / (2 * math.pi), rel=4 * EPS)
    assert pide_affinity("log", strength=1.0).slope == pytest.approx(1 / (2 * math.pi), rel=4 * EPS)


@pytest.mark.parametrize("sign", ["paper", "dissipative"])
@pytest.mark.parametrize("kind", PIDE_KINDS)
def test_terms_and_their_signs(kind, sign):
    w = np.abs(RNG.standard_normal((2, 6, 4)))
    d = w.sum(-1, keepdims=True)
    published = {
        "diffusion": w @ Y - d * X,
        "fractional": d * X - w @ Y,
        "inverse_fractional": w @ Y,
        "log": w @ Y,
    }[kind]
    flipped = sign == "dissipative" and kind != "diffusion"
    np.testing.assert_allclose(pide_term(kind, w, X, Y, sign), -published if flipped else published, atol=64 * EPS)


@pytest.mark.parametrize("kind", ["diffusion", "fractional"])
def test_dissipative_differences_lower_the_energy_of_symmetric_weights(kind):
    w = np.abs(RNG.standard_normal((2, 6, 6)))
    w = w + w.transpose(0, 2, 1)
    assert (X * pide_term(kind, w, X, X, "dissipative")).sum() < 0


def test_errors_list_what_there_is():
    with pytest.raises(ValueError, match="'diffusion', 'fractional', 'inverse_fractional', 'log'"):
        pide_affinity("laplacian", strength=0.1)
    with pytest.raises(ValueError, match="'program', 'equation'"):
        pide_affinity("log", strength=0.1, log_form="paper")
    with pytest.raises(ValueError, match="'paper', 'dissipative'"):
        pide_form("log", "plus")
    with pytest.raises(ValueError, match="'diffusion'"):
        pide_form("wave")
    with pytest.raises(ValueError, match=r"pass s=alpha/2"):
        pide_affinity("fractional", strength=0.1, s=1.5)
    with pytest.raises(ValueError, match="0 < s < n/2"):
        pide_affinity("inverse_fractional", strength=0.1, s=0.5, dimension=1)


@pytest.mark.parametrize("normaliser", ["count", "rows"])
@pytest.mark.parametrize("name", ["gaussian", "power", "dot"])
def test_masses_weigh_the_others(namespace, name, normaliser):
    m = np.array([[0.5, 2.0, 0.0, 1.0], [1.0, 1.0, 3.0, 0.2]])
    affinity, f = AFFINITIES[name]
    omega = np.array([[[f(t, p) for p in P[b]] for t in T[b]] for b in range(2)]) * m[:, None, :]
    expected = omega / (m.sum(1)[:, None, None] if normaliser == "count" else omega.sum(-1, keepdims=True))
    arrays = (namespace.asarray(z) for z in (T, P))
    w = namespace.host(affinity_weights(affinity, *arrays, normaliser, namespace.asarray(m)))
    np.testing.assert_allclose(w, expected, rtol=1e-12, atol=64 * EPS * np.abs(expected).max())


def test_points_of_mass_0_cannot_make_others_underflow():
    p = np.array([[100.0], [200.0], [0.0]])
    w = affinity_weights(GaussianAffinity(width=1.0), np.zeros((1, 1)), p, "rows", np.array([1.0, 0.0, 0.0]))
    assert np.array_equal(w, [[1.0, 0.0, 0.0]])
