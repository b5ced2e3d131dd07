"""Graph Laplacians against closed-form spectra and matrices written out."""

import numpy as np
import pytest
import scipy.sparse
import torch

import pide
from pide.operators.graph import graph_laplacian
from pide.spaces.graph import Graph

STAR = np.zeros((7, 7))
STAR[0, 1:] = STAR[1:, 0] = 1.0
RANDOM = np.triu(np.random.default_rng(0).random((20, 20)) * (np.random.default_rng(1).random((20, 20)) < 0.4), 1)
RANDOM = RANDOM + RANDOM.T
KINDS = ("combinatorial", "random walk", "symmetric")


def spectrum(A):
    return np.linalg.eigvalsh(A.symmetrised() @ np.eye(A.space.size))


def test_spectra_of_the_star():
    """Star with 6 leaves: 0, 1 (five times), 7 for D - A; 0, 1 (five times), 2 for the normalised ones."""
    assert np.allclose(spectrum(graph_laplacian(STAR)), [-7, -1, -1, -1, -1, -1, 0], atol=1e-13)
    for kind in KINDS[1:]:
        assert np.allclose(spectrum(graph_laplacian(STAR, kind)), [-2, -1, -1, -1, -1, -1, 0], atol=1e-13)


@pytest.mark.parametrize("sparse", [False, True])
def test_matrices(sparse):
    d = RANDOM.sum(1)
    given = scipy.sparse.csc_matrix(RANDOM) if sparse else RANDOM
    exact = {
        "combinatorial": RANDOM - np.diag(d),
        "random walk": RANDOM / d[:, None] - np.eye(20),
        "symmetric": RANDOM / np.sqrt(np.outer(d, d)) - np.eye(20),
    }
    for kind in KINDS:
        assert np.allclose(graph_laplacian(given, kind).to_dense(), exact[kind], atol=1e-14)
    walk = graph_laplacian(RANDOM, "random walk")
    assert np.allclose(walk.symmetrised() @ np.eye(20), exact["symmetric"], atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adjacency", [STAR, RANDOM], ids=["star", "random"])
def test_claims_are_verified(kind, adjacency):
    A = graph_laplacian(adjacency, kind)
    pide.verification.check(A, samples=6).raise_if_failed()
    assert ("maximum_principle" in A.claims) == (kind != "symmetric")
    assert "energy_decay" in A.claims


def test_the_space_of_the_random_walk_has_the_degrees_as_masses():
    A = graph_laplacian(STAR, "random walk")
    u = np.arange(7.0)
    assert A.space.inner(u, u) == 6 * 0 + (u[1:] ** 2).sum()
    assert A.space.mean(np.ones(7)) == 1.0
    assert np.allclose(np.asarray(A(torch.asarray(u))), A(u), atol=1e-15)
    assert "6 edges" in repr(A.space)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: Graph(np.ones((2, 3))), "square"),
        (lambda: Graph(np.array([[0, 1.0], [0, 0]])), r"\(A \+ A.T\) / 2"),
        (lambda: Graph(-STAR), "abs"),
        (lambda: graph_laplacian(np.diag([1.0, 1.0]), "random walk"), "Remove such vertices"),
        (lambda: graph_laplacian(STAR, "normalised"), "Write one of them"),
        (lambda: Graph(STAR, measure="equal"), "measure='unit'"),
    ],
)
def test_messages(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()
