"""Graph Laplacians against closed-form spectra and matrices written out."""

import array_api_strict
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import torch

import pide
from pide.operators.graph import graph_laplacian
from pide.spaces.graph import Graph

STAR = np.zeros((7, 7))
STAR[0, 1:] = STAR[1:, 0] = 1.0
RANDOM = np.triu(np.random.default_rng(0).random((20, 20)) * (np.random.default_rng(1).random((20, 20)) < 0.4), 1)
RANDOM = RANDOM + RANDOM.T
KINDS = ("combinatorial", "random_walk", "symmetric")


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
        "random_walk": RANDOM / d[:, None] - np.eye(20),
        "symmetric": RANDOM / np.sqrt(np.outer(d, d)) - np.eye(20),
    }
    for kind in KINDS:
        assert np.allclose(graph_laplacian(given, kind).to_dense(), exact[kind], atol=1e-14)
    walk = graph_laplacian(RANDOM, "random_walk")
    assert np.allclose(walk.symmetrised() @ np.eye(20), exact["symmetric"], atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adjacency", [STAR, RANDOM], ids=["star", "random"])
def test_claims_are_verified(kind, adjacency):
    A = graph_laplacian(adjacency, kind)
    pide.verification.check(A, samples=6).raise_if_failed()
    assert ("maximum_principle" in A.claims) == (kind != "symmetric")
    assert "energy_decay" in A.claims


def test_the_space_of_the_random_walk_has_the_degrees_as_masses():
    A = graph_laplacian(STAR, "random_walk")
    u = np.arange(7.0)
    assert A.space.inner(u, u) == 6 * 0 + (u[1:] ** 2).sum()
    assert A.space.mean(np.ones(7)) == 1.0
    assert np.allclose(np.asarray(A(torch.asarray(u))), A(u), atol=1e-15)
    assert "6 edges" in repr(A.space)


PATH = np.diag(np.ones(8), 1) + np.diag(np.ones(8), -1)
CYCLE = np.roll(np.eye(10), 1, axis=1) + np.roll(np.eye(10), -1, axis=1)
COMPLETE = np.ones((6, 6)) - np.eye(6)
SPECTRA = {
    "path": (PATH, 2 - 2 * np.cos(np.pi * np.arange(9) / 9)),
    "cycle": (CYCLE, np.sort(2 - 2 * np.cos(2 * np.pi * np.arange(10) / 10))),
    "star": (STAR, np.array([0, 1, 1, 1, 1, 1, 7.0])),
    "complete": (COMPLETE, np.array([0, 6, 6, 6, 6, 6.0])),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_eigenvalues_in_closed_form(name):
    adjacency, exact = SPECTRA[name]
    L = graph_laplacian(adjacency)
    result = pide.solve(pide.Eigen(L, count=len(exact)))
    assert np.allclose(-result.values, exact, atol=1e-13)
    for value, mode in zip(result.values, result.states, strict=True):
        assert np.allclose(L(mode), value * mode, atol=1e-12)


def test_eigenvalues_of_a_long_path_and_of_its_random_walk():
    """Combinatorial: 2 cos(pi k / N) - 2; random walk: cos(pi k / (N - 1)) - 1. Above the size that is diagonalised."""
    size = 1500
    adjacency = scipy.sparse.diags([np.ones(size - 1)] * 2, [1, -1])
    exact = {
        "combinatorial": 2 * np.cos(np.pi * np.arange(5) / size) - 2,
        "random_walk": np.cos(np.pi * np.arange(5) / (size - 1)) - 1,
    }
    for kind, values in exact.items():
        result = pide.solve(pide.Eigen(graph_laplacian(adjacency, kind), count=5), tol=1e-9)
        assert np.allclose(result.values, values, rtol=1e-8, atol=1e-14)
        space = result.operator.space
        gram = np.array([[space.inner(u, v) for v in result.states] for u in result.states])
        assert np.allclose(gram, np.eye(5), atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_heat_is_the_matrix_exponential(kind):
    L = graph_laplacian(RANDOM, kind)
    u = np.random.default_rng(2).standard_normal((2, 20))
    result = pide.solve(pide.Heat(L, initial=u), times=[0.5, 2.0], tol=1e-10)
    for t, state in zip([0.5, 2.0], result.states, strict=True):
        assert np.allclose(state, u @ scipy.linalg.expm(t * L.to_dense()).T, atol=1e-9)
    if kind != "symmetric":
        assert np.allclose(result.mass, result.mass[0], rtol=1e-13)


def test_heat_on_the_complete_graph():
    """e^{tL} u = mean + e^{-N t} (u - mean)."""
    u = np.arange(6.0)
    result = pide.solve(pide.Heat(graph_laplacian(COMPLETE), initial=lambda k: k), until=0.3, tol=1e-10)
    assert np.allclose(result.final, 2.5 + np.exp(-1.8) * (u - 2.5), atol=1e-9)


def test_reactions_see_the_numbers_of_the_vertices():
    """u_t = -k u at vertex k of a graph without edges: u = e^{-k t}."""
    L = graph_laplacian(np.zeros((4, 4)))
    problem = pide.Evolution(L, initial=1.0, reaction=lambda u, k: -k * u)
    assert np.allclose(pide.solve(problem, until=0.5, tol=1e-8).final, np.exp(-0.5 * np.arange(4)), rtol=1e-6)


def test_heat_in_other_libraries():
    u = np.random.default_rng(3).standard_normal(20)
    for kind in KINDS:
        L = graph_laplacian(RANDOM, kind)
        exact = scipy.linalg.expm(L.to_dense()) @ u
        for xp in (torch, array_api_strict):
            result = pide.solve(pide.Heat(L, initial=xp.asarray(u)), until=1.0, tol=1e-9)
            assert np.allclose(np.asarray(result.final), exact, atol=1e-8)


def test_labels_spread_to_the_harmonic_extension():
    """Against the block of the Laplacian solved directly, and linear between the ends of a path."""
    labels = np.random.default_rng(4).random(20)
    known = np.arange(20) < 6
    graph = Graph(RANDOM, inside=~known)
    for kind in KINDS[:2]:
        L = graph_laplacian(graph, kind, exterior=pide.Value(lambda k: labels[k]))
        u = pide.solve(pide.Stationary(L, source=0.0), tol=1e-12).final
        full = RANDOM - np.diag(RANDOM.sum(1))
        exact = np.linalg.solve(full[6:, 6:], -full[6:, :6] @ labels[:6])
        assert np.allclose(u[6:], exact, atol=1e-10)
        assert np.all(u[:6] == 0)
        assert labels[:6].min() <= u[6:].min() <= u[6:].max() <= labels[:6].max()
    ends = np.isin(np.arange(9), [0, 8])
    L = graph_laplacian(Graph(PATH, inside=~ends), exterior=pide.Value(lambda k: k / 8))
    assert np.allclose(pide.solve(pide.Stationary(L, source=0.0), tol=1e-12).final[1:-1], np.arange(1, 8) / 8)


OUTSIDE = [(kind, e) for kind in KINDS for e in (pide.Zero(), pide.Value(lambda k: 1.0), pide.Reflecting())][:-1]


@pytest.mark.parametrize(("kind", "exterior"), OUTSIDE, ids=lambda x: x if isinstance(x, str) else type(x).__name__)
def test_claims_with_vertices_outside(kind, exterior):
    graph = Graph(RANDOM, inside=np.arange(20) > 4)
    A = graph_laplacian(graph, kind, exterior)
    pide.verification.check(A, samples=4).raise_if_failed()
    assert ("kills_constants" in A.claims) == isinstance(exterior, pide.Reflecting)
    if isinstance(exterior, pide.Value) and kind != "symmetric":
        flow = pide.solve(pide.Heat(A, initial=0.0), until=200.0, tol=1e-8)
        assert np.allclose(flow.final[5:], 1.0, atol=1e-6)


def test_positions_are_coordinates_of_fields_pictures_and_files(tmp_path):
    angle = 2 * np.pi * np.arange(10) / 10
    graph = Graph(CYCLE, positions=np.stack([np.cos(angle), np.sin(angle)], axis=1))
    L = graph_laplacian(graph)
    result = pide.solve(pide.Heat(L, initial=lambda x, y: x), until=1.0, tol=1e-10)
    assert np.allclose(result.final, np.exp(-2 + 2 * np.cos(2 * np.pi / 10)) * np.cos(angle), atol=1e-9)
    result.plot(tmp_path / "cycle.png")
    data = pide.load(result.save(tmp_path / "cycle.nc"))
    assert np.allclose(data["x"], np.cos(angle))
    assert data["u"].dims == ("time", "point")
    meshio = pytest.importorskip("meshio")
    mesh = meshio.read(result.save(tmp_path / "cycle.vtu"))
    assert mesh.cells_dict["line"].shape == (10, 2)


def test_pictures_and_files_without_positions(tmp_path):
    L = graph_laplacian(RANDOM)
    pide.solve(pide.Eigen(L, count=3)).plot(tmp_path / "modes.png")
    result = pide.solve(pide.Heat(L, initial=lambda k: k), until=1.0)
    result.plot(tmp_path / "heat.png")
    assert pide.load(result.save(tmp_path / "heat.nc"))["vertex"].values.tolist() == list(range(20))
    pytest.importorskip("meshio")
    with pytest.raises(ValueError, match="positions"):
        result.save(tmp_path / "heat.vtu")


def test_matrices_as_operators_on_graphs_and_clouds():
    """With m_i = d_i the matrix D^-1 A - I is self-adjoint, its checks say so, and its flow is the exponential."""
    graph = Graph(RANDOM, measure="degree")
    walk = RANDOM / RANDOM.sum(1)[:, None] - np.eye(20)
    claims = {"linear", "adjoint", "self_adjoint", "kills_constants", "negative_semidefinite", "conserves_mass"}
    A = pide.as_operator(walk, on=graph, claims=claims)
    pide.verification.check(A, samples=3).raise_if_failed()
    u, v = np.random.default_rng(5).standard_normal((2, 20))
    result = pide.solve(pide.Heat(A, initial=u), until=1.0, tol=1e-10)
    assert np.allclose(result.final, scipy.linalg.expm(walk) @ u, atol=1e-9)
    skew = pide.as_operator(scipy.sparse.csr_matrix(np.triu(RANDOM)), on=graph, claims={"linear", "adjoint"})
    assert graph.inner(skew(u), v) == pytest.approx(float(graph.inner(u, skew.adjoint(v))), rel=1e-12)
    assert skew.spectral_bound() >= np.abs(np.linalg.eigvals(np.triu(RANDOM))).max()
    cloud = pide.PointCloud(np.random.default_rng(6).random((20, 2)), weights=1.0)
    assert np.allclose(pide.as_operator(RANDOM, on=cloud)(u), RANDOM @ u)


def test_components_and_masses():
    two = scipy.linalg.block_diag(PATH, CYCLE)
    graph = Graph(two, measure="degree")
    assert graph.components.tolist() == [0] * 9 + [1] * 10
    inside = graph.restricted_to(graph.components == 1)
    assert inside.count == 10
    assert inside.mean(inside.sample(lambda k: k)) == 13.5
    assert float(inside.variance(inside.sample(3.0))) == 0.0
    assert "10 of them inside" in repr(inside)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: Graph(np.ones((2, 3))), "square"),
        (lambda: Graph(np.array([[0, 1.0], [0, 0]])), r"\(A \+ A.T\) / 2"),
        (lambda: Graph(-STAR), "abs"),
        (lambda: graph_laplacian(np.diag([1.0, 1.0]), "random_walk"), "Remove such vertices"),
        (lambda: graph_laplacian(STAR, "normalised"), "Write one of them"),
        (lambda: graph_laplacian(np.diag([1.0, 1.0]), "symmetric"), "Remove such vertices"),
        (lambda: Graph(STAR, measure="equal"), "measure='unit'"),
        (lambda: Graph(STAR, positions=np.ones(7)), r"positions\[:, None\]"),
        (lambda: Graph(STAR, inside=np.ones(7)), "numpy.isin"),
        (lambda: graph_laplacian(Graph(STAR, inside=np.arange(7) > 2)), r"Write exterior=Zero\(\), Value\(g\)"),
        (lambda: graph_laplacian(STAR, exterior=pide.Zero()), "restricted_to"),
        (
            lambda: graph_laplacian(Graph(STAR, inside=np.arange(7) > 2), "symmetric", pide.Reflecting()),
            "random_walk",
        ),
        (
            lambda: graph_laplacian(Graph(STAR, inside=np.arange(7) > 2), exterior=pide.Value(lambda k: np.nan)),
            "Change g",
        ),
        (lambda: pide.Heat(graph_laplacian(STAR), initial=1.0, exterior=pide.Zero()), r"Heat\(operator, initial"),
        (lambda: pide.Stationary(graph_laplacian(STAR), pide.Interval(0, 1), source=1.0), "continuum operator"),
        (
            lambda: pide.solve(pide.Heat(graph_laplacian(STAR), initial=1.0), on=Graph(STAR), until=1.0),
            "Write on=operator.space",
        ),
    ],
)
def test_messages(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()
