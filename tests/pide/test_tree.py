"""Sums by a tree of cubes: structure, accuracy against difference-form sums over all pairs, and every refusal."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pide import kernels
from pide.continuum.potentials import LogPotential, RieszPotential
from pide.operators.radial_table import tabulate
from pide.operators.tree_boxes import build_boxes, pair_boxes
from pide.operators.tree_far import Nodes, couple, smallest_order

pytest.importorskip("numba")

from pide.operators.tree import tree_sum

EPS = float(np.finfo(np.float64).eps)


def uniform(count, dimension, seed=0):
    return np.random.default_rng(seed).random((count, dimension))


def clusters(count, dimension, seed=0):
    """Twenty Gaussian clusters of width 0.001 in the unit cube."""
    rng = np.random.default_rng(seed)
    centres = rng.random((20, dimension))
    return centres[rng.integers(0, 20, count)] + 0.001 * rng.standard_normal((count, dimension))


def graded(count, dimension, seed=0):
    """Points that accumulate at 0, down to distances of 1e-6."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((count, dimension))
    return 10.0 ** rng.uniform(-6, 0, (count, 1)) * directions / np.linalg.norm(directions, axis=1)[:, None]


CLOUDS = {"uniform": uniform, "clusters": clusters, "graded": graded}


def power(exponent):
    return lambda r, dimension: r**-exponent


def weights(points, kernel, rows):
    """k_ij of some rows, 0 on the diagonal, by the formula."""
    r = np.sqrt(((points[rows][:, None] - points[None]) ** 2).sum(axis=-1))
    r[np.arange(len(rows)), rows] = 1.0
    k = kernel(r, points.shape[1])
    k[np.arange(len(rows)), rows] = 0.0
    return k


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def problem(shape, dimension, count=2000, seed=0):
    """Points, masses, and a smooth and a rough field."""
    points = CLOUDS[shape](count, dimension, seed)
    rng = np.random.default_rng(seed + 1)
    fields = np.stack([np.cos(3 * points.sum(axis=1)), rng.standard_normal(count)])
    return points, rng.uniform(0.5, 1.5, count) / count, fields


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("shape", sorted(CLOUDS))
def test_the_pairs_of_boxes_hold_every_pair_of_points_once(shape, dimension):
    points = CLOUDS[shape](600, dimension)
    boxes = build_boxes(points, 10)
    pairs = pair_boxes(boxes, 0, math.inf)
    count = np.zeros((600, 600), dtype=int)
    for kind in (pairs.near, pairs.equal, pairs.unequal):
        for a, b in kind:
            here, there = slice(*boxes.spans[a]), slice(*boxes.spans[b])
            count[here, there] += 1
            if a != b:
                count[there, here] += 1
    assert (count == 1).all()
    assert len(pairs.equal) or len(pairs.unequal)
    placed = points[boxes.order]
    for box, (start, stop) in enumerate(boxes.spans):
        inside = np.abs(placed[start:stop] - boxes.centres[box]) <= boxes.sizes[box] * (0.5 + 1e-9)
        assert inside.all()


@pytest.mark.parametrize("shape", sorted(CLOUDS))
def test_separated_boxes_leave_room_for_a_box_between_them(shape):
    boxes = build_boxes(CLOUDS[shape](600, 2), 10)
    pairs = pair_boxes(boxes, 0, math.inf)
    for a, b in np.concatenate([pairs.equal, pairs.unequal]):
        gap = np.abs(boxes.centres[a] - boxes.centres[b]) - (boxes.sizes[a] + boxes.sizes[b]) / 2
        assert gap.max() >= boxes.sizes[b] * (1 - 1e-9)
        assert boxes.sizes[b] <= boxes.sizes[a]


def test_boxes_beyond_a_radius_are_left_out():
    points = uniform(500, 2)
    boxes = build_boxes(points, 10)
    pairs = pair_boxes(boxes, 0, 0.1)
    held = np.zeros((500, 500), dtype=bool)
    for a, b in np.concatenate([pairs.near, pairs.equal, pairs.unequal]):
        held[slice(*boxes.spans[a]), slice(*boxes.spans[b])] = True
    held |= held.T
    r = np.linalg.norm(points[boxes.order][:, None] - points[boxes.order][None], axis=-1)
    assert held[r <= 0.1].all()
    assert not held.all()


@given(st.floats(0.0, 6.0), st.integers(-20, 20))
def test_tables_of_power_laws_are_exact_to_rounding(exponent, scale):
    table = tabulate(lambda r: r**-exponent, 2.0**scale * 1e-4, 2.0**scale, 0.0)
    t = np.geomspace(1e-8, 1, 1001) * 4.0**scale
    assert np.abs(table(t) / t ** (-exponent / 2) - 1).max() < 50 * EPS


def test_interpolation_is_exact_for_polynomials_and_its_error_falls_by_the_stated_rate():
    nodes = Nodes(5, 2)
    x = uniform(20, 2) - 0.5
    for a, b in ((0, 0), (4, 4), (3, 1)):
        exact = x[:, 0] ** a * x[:, 1] ** b
        at_nodes = nodes.points[:, 0] ** a * nodes.points[:, 1] ** b
        assert np.abs(nodes.basis(x) @ at_nodes - exact).max() < 1e-13
    orders = [smallest_order(lambda r: 1 / r, 1, tol, 0.0) for tol in (1e-3, 1e-6, 1e-9)]
    rate = math.log(3 + math.sqrt(8))  # boxes (-1/2, 1/2) and a pole at a distance of 1 from it
    assert orders[2] - orders[0] <= math.ceil(math.log(1e6) / rate) + 2


@pytest.mark.parametrize("dimension", [1, 2])
def test_compression_keeps_the_accuracy_with_fewer_numbers(dimension):
    nodes = Nodes(9, dimension)
    offsets = np.eye(dimension, dtype=np.int64) * 2
    coupling, error = couple(lambda r: r**-2.0, nodes, offsets, 1e-4, 0.0)
    assert error <= 1e-4
    assert coupling.basis.shape[1] < len(nodes.points)
    assert np.abs(coupling.basis.T @ coupling.basis - np.eye(coupling.basis.shape[1])).max() < 1e-12


@pytest.mark.parametrize("tol", [1e-3, 1e-10])
@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("shape", sorted(CLOUDS))
def test_structure_holds_at_any_accuracy(shape, dimension, tol):
    points, m, v = problem(shape, dimension, 1500)
    S = tree_sum(points, m, power(1.5 if dimension == 1 else dimension - 0.5), dimension, tol)
    assert np.array_equal(S.difference(np.full(1500, 0.7)), np.zeros(1500))
    some = np.arange(0, 1500, 60)
    k = S.rows(some)[:, some]
    assert np.abs(k - k.T).max() <= 1e-14 * k.max()
    x, y = v
    products = S.product(v)
    scale = np.linalg.norm(m * x) * np.linalg.norm(products[1]) + np.linalg.norm(m * y) * np.linalg.norm(products[0])
    assert abs((m * x) @ products[1] - (m * y) @ products[0]) <= 1e-14 * scale
    flow = S.difference(v)
    flux = S.product(np.abs(v)) + S.degree * np.abs(v)
    assert (np.abs(flow @ m) <= 1e-15 * (flux @ m)).all()
    assert (np.abs(flow @ m) <= 1e-13 * (np.abs(flow) @ m)).all()
    assert np.abs(flow - (products - S.degree * v)).max() <= 1e-12 * (S.degree * np.abs(v).max()).max()
    assert np.array_equal(S.difference(v[1]), flow[1])


def test_mass_is_kept_relative_to_what_flows_on_a_random_line():
    points, m, v = problem("uniform", 1, 3000)
    flow = tree_sum(points, m, power(2.5), 1, 1e-6).difference(v)
    assert (np.abs(flow @ m) <= 1e-13 * (np.abs(flow) @ m)).all()


def test_the_weights_are_symmetric_and_positive():
    points, m, _ = problem("clusters", 2, 500)
    S = tree_sum(points, m, power(3.5), 2, 1e-3)
    k = S.rows(np.arange(500))
    assert np.abs(k - k.T).max() <= 1e-14 * k.max()
    assert (np.abs(k - k.T) <= 1e-10 * np.maximum(k, k.T)).all()
    truth = weights(points, power(3.5), np.arange(500))
    off = ~np.eye(500, dtype=bool)
    assert (k[off] > 0).all()
    assert np.sqrt(np.mean((k[off] / truth[off] - 1) ** 2)) <= 2e-3


@pytest.mark.parametrize(
    ("dimension", "tol"),
    [(1, 1e-3), (1, 1e-6), (1, 1e-9), (2, 1e-3), (2, 1e-6), pytest.param(2, 1e-9, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("kernel", ["d+0.5", "d+1.5", "Riesz", "log"])
@pytest.mark.parametrize("shape", sorted(CLOUDS))
def test_accuracy_against_all_pairs(shape, kernel, dimension, tol):
    points, m, v = problem(shape, dimension)
    k = {
        "d+0.5": power(dimension + 0.5),
        "d+1.5": power(dimension + 1.5),
        "Riesz": RieszPotential(s=0.2).kernel,
        "log": LogPotential().kernel,
    }[kernel]
    S = tree_sum(points, m, k, dimension, tol)
    rows = np.arange(0, 2000, 20)
    exact = weights(points, k, rows) * m
    for field, fast in zip(v, S.difference(v)[:, rows], strict=True):
        truth = np.array([row @ (field - field[i]) for i, row in zip(rows, exact, strict=True)])
        assert relative(fast, truth) <= 2 * tol
    assert relative(S.product(v[1])[rows], exact @ v[1]) <= 2 * tol


@pytest.mark.parametrize("shape", ["clusters", pytest.param("uniform", marks=pytest.mark.slow)])
def test_accuracy_in_space(shape):
    points, m, v = problem(shape, 3, 3000)
    S = tree_sum(points, m, power(3.5), 3, 1e-3)
    assert S.pairs.equal.size or S.pairs.unequal.size
    rows = np.arange(0, 3000, 30)
    exact = weights(points, power(3.5), rows) * m
    for field, fast in zip(v, S.difference(v)[:, rows], strict=True):
        truth = np.array([row @ (field - field[i]) for i, row in zip(rows, exact, strict=True)])
        assert relative(fast, truth) <= 2e-3


@pytest.mark.parametrize(
    "kernel",
    [kernels.Gaussian(width=0.4), kernels.Gaussian(width=0.03), lambda r, n: np.exp(-r / 0.05) * r**-2.5],
    ids=["wide", "narrow", "tempered"],
)
@pytest.mark.parametrize("shape", ["uniform", pytest.param("clusters", marks=pytest.mark.slow)])
def test_kernels_that_are_no_powers(shape, kernel):
    points, m, v = problem(shape, 2)
    S = tree_sum(points, m, kernel, 2, 1e-4)
    rows = np.arange(0, 2000, 20)
    exact = weights(points, kernel, rows) * m
    assert relative(S.product(v[1])[rows], exact @ v[1]) <= 2e-4
    assert relative(S.degree[rows], exact.sum(axis=1)) <= 2e-4


def _tight_clusters(count):
    points, m, v = problem("clusters", 2, count)
    S = tree_sum(points, m, power(3.5), 2, 1e-6)
    rows = np.arange(0, count, count // 100)
    exact = weights(points, power(3.5), rows) * m
    for field, fast in zip(v, S.difference(v)[:, rows], strict=True):
        truth = np.array([row @ (field - field[i]) for i, row in zip(rows, exact, strict=True)])
        assert relative(fast, truth) <= 2e-6
    assert S.neighbours < 800  # the clusters of 50 000 points have 2500 each


def test_tight_clusters():
    _tight_clusters(5000)


@pytest.mark.slow
def test_tight_clusters_of_fifty_thousand_points():
    _tight_clusters(50_000)


def test_the_choices_are_reported():
    points, m, _ = problem("clusters", 2, 1000)
    S = tree_sum(points, m, power(2.5), 2, 1e-4)
    assert S.error == 2e-4
    assert "engine: tree of" in S.notes[0]
    assert "nodes per axis" in S.notes[0]
    assert S.plan.error <= 1.1e-4


def test_two_points():
    S = tree_sum(np.array([[0.0], [2.0]]), np.array([1.0, 3.0]), power(1.0), 1, 1e-6)
    assert np.allclose(S.difference(np.array([1.0, 2.0])), [1.5, -0.5], rtol=1e-14)
    assert S.product(np.zeros((0, 2))).shape == (0, 2)


def test_refusals():
    points, m, _ = problem("uniform", 2, 500)
    with pytest.raises(ValueError, match=r"dimension 4: it needs 1, 2 or 3\. Write engine='dense'"):
        tree_sum(np.zeros((5, 4)), np.ones(5), power(1.0), 4, 1e-6)
    with pytest.raises(ValueError, match=r"Pass cloud\.points and cloud\.masses"):
        tree_sum(points, m[:-1], power(1.0), 2, 1e-6)
    with pytest.raises(ValueError, match=r"tol=0: needs .* Write tol=1e-6"):
        tree_sum(points, m, power(1.0), 2, 0.0)
    with pytest.raises(ValueError, match=r"horizon 0\.5 is cut off, not smooth\. Write engine='sparse'"):
        tree_sum(points, m, kernels.Constant(horizon=0.5), 2, 1e-6)
    with pytest.raises(ValueError, match=r"not smooth near r = 0\.[23].*Write engine='dense'"):
        tree_sum(points, m, lambda r, n: np.abs(r - 0.3) + 1, 2, 1e-1)
    with pytest.raises(ValueError, match=r"not finite between .*Give a kernel that is finite for r > 0"):
        tabulate(lambda r: np.where(r < 0.5, np.inf, r), 0.1, 1.0, 0.0)
    points[7] = points[3]
    with pytest.raises(ValueError, match=r"indices \(3, 7\) coincide\. Keep one of them, with the sum of the masses"):
        tree_sum(points, m, power(1.0), 2, 1e-6)


def test_an_accuracy_out_of_reach_is_refused_for_many_points():
    with pytest.raises(ValueError, match=r"tol=1e-12: 12 nodes per axis do not reach it.*Write a larger tol"):
        tree_sum(uniform(20_001, 3), np.ones(20_001), power(4.5), 3, 1e-12)


@pytest.mark.parametrize("shape", sorted(CLOUDS))
def test_an_accuracy_out_of_reach_is_met_by_direct_sums_of_few_points(shape):
    points, m, v = problem(shape, 3, 1200)
    S = tree_sum(points, m, power(4.5), 3, 1e-12)
    assert "all pairs direct: 1199 neighbours per point" in S.notes[0]
    rows = np.arange(0, 1200, 20)
    exact = weights(points, power(4.5), rows) * m
    for field, fast in zip(v, S.difference(v)[:, rows], strict=True):
        truth = np.array([row @ (field - field[i]) for i, row in zip(rows, exact, strict=True)])
        assert relative(fast, truth) <= 2e-12


def test_without_numba_the_message_says_what_to_install():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from pide.operators.tree import tree_sum\n"
        "try:\n    tree_sum(np.eye(2), np.ones(2), lambda r, n: 1 / r, 2, 1e-6)\n"
        "except ImportError as error:\n    print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "pide-operators[cloud]"' in told


def test_numba_is_not_loaded_by_pide():
    code = "import sys, pide, pide.operators.tree; print('numba' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "False"
