"""Signed distances against dense samples of the boundary, volumes against node counts, and refused input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pide.continuum.domains import Ball, Box, Domain, Interval, Torus
from pide.continuum.domains_ellipsoid import Ellipsoid
from pide.continuum.domains_implicit import Mask, SignedDistance
from pide.continuum.domains_polygon import Polygon

NOTCHED = ((0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (2.0, 1.0), (0.0, 3.0))


def circle(x, y):
    return np.hypot(x, y) - 1.0


def sampled_ellipsoid(semiaxes, count):
    """Boundary points and an upper bound of the distance of any boundary point to the nearest of them."""
    e = np.asarray(semiaxes)
    if e.size == 2:
        angle = 2 * np.pi * np.arange(count) / count
        return np.stack([np.cos(angle), np.sin(angle)], axis=1) * e, e.max() * np.pi / count
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, count), np.linspace(0, 2 * np.pi, 2 * count), indexing="ij")
    unit = [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
    # Half a step in each angle is at most pi / (2 (count - 1)) on the unit sphere, hence sqrt(2) times that.
    return np.stack(unit, axis=-1).reshape(-1, 3) * e, e.max() * np.pi / (count - 1)


def compare_with_samples(domain, points, boundary, gap, inside):
    """With every boundary point within `gap` of a sample, |d| <= distance to the samples <= |d| + gap."""
    to_samples, _ = cKDTree(boundary).query(points)
    d = domain.signed_distance(*points.T)
    assert np.array_equal(d < 0, inside)
    assert np.all(np.abs(d) <= to_samples + 1e-12)
    assert np.all(np.abs(d) >= to_samples - gap - 1e-12)


class TestBoxes:
    @given(st.integers(1, 3), st.integers(0, 2**32 - 1))
    def test_box_distance_inside_and_outside(self, n, seed):
        rng = np.random.default_rng(seed)
        lower, sides = rng.uniform(-2, 2, n), rng.uniform(0.1, 3, n)
        box = Box(tuple(zip(lower, lower + sides, strict=True)))
        x = rng.uniform(-4, 6, (n, 40))
        nearest = np.clip(x.T, lower, lower + sides)
        faces = np.minimum(x.T - lower, lower + sides - x.T).min(axis=1)
        expected = np.where(faces > 0, -faces, np.linalg.norm(x.T - nearest, axis=1))
        np.testing.assert_allclose(box.signed_distance(*x), expected, atol=1e-14)
        assert box.volume == pytest.approx(np.prod(sides), rel=1e-14)

    def test_interval_is_the_box_of_dimension_1(self):
        x = np.linspace(-2, 3, 41)
        assert np.array_equal(Interval(-1, 2).signed_distance(x), Box(((-1, 2),)).signed_distance(x))
        assert Interval(-1, 2).bounds == ((-1.0, 2.0),)
        assert Interval(-1, 2).volume == 3.0

    def test_torus_has_no_boundary(self):
        torus = Torus((1.0, 2.0), lower=(-0.5, 3.0))
        assert torus.periodic
        assert torus.bounds == ((-0.5, 0.5), (3.0, 5.0))
        assert torus.volume == 2.0
        assert np.all(torus.signed_distance(np.zeros(3), 7.0) == -np.inf)
        assert torus.contains(0.0, 0.0)
        assert Torus(2.0) == Torus((2.0,))

    def test_coordinates_broadcast(self):
        d = Box(((0, 1), (0, 1))).signed_distance(np.linspace(0, 1, 3)[:, None], np.linspace(0, 1, 5)[None, :])
        assert d.shape == (3, 5)


class TestBall:
    @pytest.mark.parametrize(("n", "volume"), [(1, 4.0), (2, 4 * math.pi), (3, 32 * math.pi / 3)])
    def test_volume_and_distance(self, n, volume):
        ball = Ball(radius=2.0, dimension=n, centre=tuple(range(n)))
        assert ball.volume == pytest.approx(volume, rel=1e-15)
        x = np.random.default_rng(0).normal(size=(n, 50)) * 3
        expected = np.linalg.norm(x - np.arange(n)[:, None], axis=0) - 2.0
        np.testing.assert_allclose(ball.signed_distance(*x), expected, atol=1e-14)

    def test_equality_and_hash(self):
        assert Ball(radius=1, dimension=2) == Ball(radius=1.0, dimension=2, centre=(0, 0))
        assert len({Ball(radius=1, dimension=2), Ball(radius=1.0, dimension=2)}) == 1


class TestEllipsoid:
    @pytest.mark.parametrize("semiaxes", [(1.0, 0.45), (0.3, 2.0), (1.0, 1.0), (1.0, 1.0 + 1e-9), (1.0, 1e-3)])
    def test_ellipse_against_samples(self, semiaxes):
        rng = np.random.default_rng(1)
        points = rng.uniform(-1.6, 1.6, (300, 2)) * semiaxes
        points[:60, 0] = 0.0
        points[60:120, 1] = 0.0
        points[120:160] *= [1.0, 1e-13]
        boundary, gap = sampled_ellipsoid(semiaxes, 100_000)
        inside = np.sum((points / np.asarray(semiaxes)) ** 2, axis=1) < 1
        compare_with_samples(Ellipsoid(semiaxes), points, boundary, gap, inside)

    @pytest.mark.parametrize("semiaxes", [(3.0, 2.0, 1.0), (1.0, 2.0, 1.0), (2.0, 1.0, 2.0), (1.0, 1.0, 1.0)])
    def test_ellipsoid_against_samples(self, semiaxes):
        rng = np.random.default_rng(2)
        points = rng.uniform(-1.5, 1.5, (240, 3)) * semiaxes
        for k, zero in enumerate([[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]):
            points[np.ix_(range(20 * k, 20 * k + 20), zero)] = 0.0
        boundary, gap = sampled_ellipsoid(semiaxes, 300)
        inside = np.sum((points / np.asarray(semiaxes)) ** 2, axis=1) < 1
        compare_with_samples(Ellipsoid(semiaxes), points, boundary, gap, inside)

    @pytest.mark.parametrize(
        "semiaxes", [(1.0, 0.45), (20.0, 0.05), (1.0, 1.0), (1.0, 1.0 + 1e-9), (3.0, 2.0, 1.0), (1.0, 0.01, 0.1)]
    )
    def test_points_along_normals(self, semiaxes):
        """x + t nu(x) is at distance t outside, and inside as long as -t is below the least radius of curvature."""
        e = np.array(semiaxes)
        unit = np.random.default_rng(11).normal(size=(3000, e.size))
        unit[:100, 1:] *= 1e-9
        unit[100:200, :-1] *= 1e-9
        x = unit / np.linalg.norm(unit, axis=1, keepdims=True) * e
        normal = x / e**2
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        least_radius = e.min() ** 2 / e.max()
        t = np.concatenate([np.tile([-0.9999, -0.5, -1e-9, 0.0], 500) * least_radius, np.geomspace(1e-9, 30, 1000)])
        np.random.default_rng(12).shuffle(t)
        centre = np.linspace(0.3, -0.2, e.size)
        d = Ellipsoid(semiaxes, centre=tuple(centre)).signed_distance(*(x + t[:, None] * normal + centre).T)
        np.testing.assert_allclose(d, t, rtol=1e-13, atol=1e-14 * e.max())

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_equal_axes_are_the_ball(self, n):
        x = np.random.default_rng(3).normal(size=(n, 200))
        x[:, 0] = 0.0
        ball, ellipsoid = Ball(radius=0.7, dimension=n), Ellipsoid((0.7,) * n)
        np.testing.assert_allclose(ellipsoid.signed_distance(*x), ball.signed_distance(*x), atol=1e-14)
        assert ellipsoid.volume == pytest.approx(ball.volume, rel=1e-15)

    def test_order_of_axes_does_not_matter(self):
        x = np.random.default_rng(4).normal(size=(3, 100))
        d = Ellipsoid((1.0, 2.0, 0.5)).signed_distance(*x)
        for order in itertools.permutations(range(3)):
            permuted = Ellipsoid(tuple((1.0, 2.0, 0.5)[i] for i in order))
            np.testing.assert_allclose(permuted.signed_distance(*x[list(order)]), d, rtol=1e-12)


class TestPolygon:
    @pytest.mark.parametrize("vertices", [NOTCHED, NOTCHED[::-1], (*NOTCHED, NOTCHED[0])])
    def test_distance_against_samples(self, vertices):
        polygon = Polygon(vertices)
        p = np.array(NOTCHED)
        t = np.linspace(0, 1, 4001)[:, None]
        boundary = np.concatenate([a + t * (b - a) for a, b in zip(p, np.roll(p, -1, axis=0), strict=True)])
        points = np.random.default_rng(5).uniform(-1, 5, (500, 2))
        x, y = points.T
        inside = (x > 0) & (x < 4) & (y > 0) & (y < 1 + np.abs(x - 2))
        compare_with_samples(polygon, points, boundary, 4.0 / 4000, inside)
        assert polygon.volume == pytest.approx(12.0 - 4.0, rel=1e-15)
        assert polygon.bounds == ((0.0, 4.0), (0.0, 3.0))

    def test_rays_through_corners_and_along_edges(self):
        """Points at the height of corners and of horizontal edges, where a ray meets two edges or a whole one."""
        polygon = Polygon([(0, 0), (2, 0), (2, 1), (3, 1), (3, 2), (0, 2)])
        x = np.array([-1.0, 1.0, 2.5, -1.0, 1.0, 3.5, -1.0, 1.0])
        y = np.array([1.0, 1.0, 1.5, 0.0, 1.0 + 1e-12, 1.0, 2.0, 0.5])
        assert polygon.contains(x, y).tolist() == [False, True, True, False, True, False, False, True]

    def test_square_equals_box(self):
        points = np.random.default_rng(6).uniform(-1, 2, (2, 300))
        square = Polygon([(0, 0), (0, 1), (1, 1), (1, 0)])
        np.testing.assert_allclose(
            square.signed_distance(*points), Box(((0, 1), (0, 1))).signed_distance(*points), atol=1e-14
        )

    @given(st.integers(3, 12), st.integers(0, 2**32 - 1))
    def test_star_shaped_polygons_are_simple(self, count, seed):
        """Corners at increasing angles: inside is where the radius is below that of the edge in the same direction."""
        rng = np.random.default_rng(seed)
        angle = 2 * np.pi * (np.arange(count) + rng.uniform(0, 0.45, count)) / count
        p = rng.uniform(0.1, 2, (count, 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = rng.uniform(-2, 2, (100, 2))
        sector = (np.searchsorted(angle, np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)) - 1) % count
        a, b = p[sector], np.roll(p, -1, axis=0)[sector]
        edge = b - a
        side = edge[:, 0] * (points[:, 1] - a[:, 1]) - edge[:, 1] * (points[:, 0] - a[:, 0])
        assert np.array_equal(Polygon(p).contains(*points.T), side > 0)

    def test_near_misses_are_simple(self):
        """The edge (5, 5.5)-(3.8, 3) crosses the line through (0, 0)-(4, 4), beyond its end and within its box."""
        assert Polygon([(0, 0), (4, 4), (4, 6), (5, 5.5), (3.8, 3), (5, 0)]).volume > 0

    def test_corner_on_a_straight_edge_is_allowed(self):
        assert Polygon([(0, 0), (1, 0), (2, 0), (2, 1), (0, 1)]).volume == 2.0

    @pytest.mark.parametrize(
        "vertices",
        [
            [(0, 0), (1, 1), (1, 0), (0, 1)],
            [(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)],
            [(0, 0), (2, 0), (1, 0), (1, 2)],
            [(0, 0), (2, 0), (0, 0), (0, 1)],
            [(0, 0), (1, 0), (2, 0)],
        ],
        ids=["crossing", "corner on an edge", "spike", "repeated corner", "flat"],
    )
    def test_not_simple_is_refused(self, vertices):
        with pytest.raises(ValueError, match=r"cross or touch.*List the corners in the order"):
            Polygon(vertices)

    def test_long_polygons_have_a_short_repr(self):
        angle = 2 * np.pi * np.arange(100) / 100
        assert repr(Polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1))) == "Polygon(100 vertices)"


class TestSignedDistance:
    def test_is_the_function(self):
        domain = SignedDistance(circle, ((-1.5, 1.5), (-1.5, 1.5)))
        x = np.random.default_rng(7).uniform(-1.5, 1.5, (2, 50))
        assert np.array_equal(domain.signed_distance(*x), circle(*x))
        assert domain.volume is None
        assert domain.exact_distance

    def test_level_set_function_is_not_taken_for_a_distance(self):
        assert not SignedDistance(lambda x, y: x**2 + y**2 - 1, ((-1.5, 1.5), (-1.5, 1.5))).exact_distance
        assert SignedDistance(lambda x: np.abs(x) - 1, ((-2, 2),)).exact_distance

    def test_zero_on_the_bounds_is_allowed(self):
        assert SignedDistance(circle, ((-1, 1), (-1, 1))).exact_distance
        assert SignedDistance(lambda x: np.abs(x - 0.3) - 0.1, ((0.2, 0.4),)).exact_distance

    def test_flipped_sign(self):
        remedy = r"sign is flipped, write SignedDistance\(lambda x, y: -f\(x, y\), bounds\)"
        with pytest.raises(ValueError, match=remedy):
            SignedDistance(lambda x, y: -circle(x, y), ((-1.5, 1.5), (-1.5, 1.5)))

    def test_small_bounds(self):
        with pytest.raises(ValueError, match="Enlarge the bounds"):
            SignedDistance(circle, ((-0.5, 1.5), (-1.5, 1.5)))

    def test_nan_and_wrong_shapes(self):
        bounds = ((-2, 2),)
        with pytest.raises(ValueError, match="Return a number everywhere"), np.errstate(invalid="ignore"):
            SignedDistance(lambda x: np.sqrt(x), bounds)
        with pytest.raises(TypeError, match="Use NumPy functions of the coordinate arrays"):
            SignedDistance(lambda x: 1.0, bounds)
        with pytest.raises(TypeError, match="function of the coordinates"):
            SignedDistance(np.ones(3), bounds)


class TestMask:
    def test_union_of_cells(self):
        rng = np.random.default_rng(8)
        array = rng.uniform(size=(7, 5)) < 0.4
        mask = Mask(array, spacing=(0.5, 0.25), origin=(1.0, -1.0))
        assert mask.volume == pytest.approx(np.count_nonzero(array) * 0.125)
        assert mask.bounds == ((0.75, 4.25), (-1.125, 0.125))
        assert not mask.exact_distance
        points = rng.uniform((0.75, -1.125), (4.25, 0.125), (500, 2))
        cell = np.floor((points - (0.75, -1.125)) / (0.5, 0.25)).astype(int)
        assert np.array_equal(mask.contains(*points.T), array[tuple(cell.T)])

    def test_distance_of_a_block_is_that_of_the_box(self):
        array = np.zeros((12, 9), dtype=bool)
        array[3:9, 2:7] = True
        mask = Mask(array, spacing=0.1)
        points = np.random.default_rng(9).uniform(-0.5, 1.7, (2, 400))
        box = Box(((0.3, 0.9), (0.2, 0.7)))
        d, expected = mask.signed_distance(*points), box.signed_distance(*points)
        # The nearest cell is found for the centre of the point's own cell: off by at most its diagonal.
        assert np.all(np.abs(d - expected) <= 0.1 * math.sqrt(2) + 1e-12)
        nodes = mask.grid().coordinates
        np.testing.assert_allclose(mask.signed_distance(*nodes), box.signed_distance(*nodes), atol=1e-12)

    def test_nearest_cell_is_measured_in_length_not_in_cells(self):
        array = np.zeros((4, 20), dtype=bool)
        array[0, 0] = array[2, 15] = True
        d = Mask(array, spacing=(1.0, 0.1), origin=(0.0, 0.0)).signed_distance(0.0, 1.0)
        assert d == pytest.approx(0.95, rel=1e-14)

    def test_distance_of_a_disc_is_accurate_to_the_spacing(self):
        h = 0.02
        grid = Ball(radius=0.8, dimension=2).grid(spacing=h)
        mask = Mask(grid.inside, spacing=h, origin=grid.lower)
        exact = grid.domain.signed_distance(*grid.coordinates)
        assert np.max(np.abs(mask.signed_distance(*grid.coordinates) - exact)) <= math.sqrt(2) * h

    def test_grid_is_the_lattice_of_the_array(self):
        array = np.eye(4, 6, dtype=bool)
        grid = Mask(array, spacing=0.5).grid()
        assert np.array_equal(grid.inside, array)
        assert grid.lower == (0.25, 0.25)
        with pytest.raises(ValueError, match=r"Write grid\(\)"):
            grid.domain.grid(4, 6)

    def test_everything_inside(self):
        assert Mask(np.ones((3, 3, 3), dtype=bool), spacing=1.0).grid().count == 27

    def test_does_not_follow_later_changes(self):
        array = np.ones(4, dtype=bool)
        mask = Mask(array, spacing=1.0)
        array[:] = False
        assert mask.grid().count == 4

    def test_refused(self):
        with pytest.raises(ValueError, match=r"empty mask.*Mask\(~array"):
            Mask(np.zeros((3, 3), dtype=bool), spacing=1.0)
        with pytest.raises(TypeError, match=r"Write Mask\(array > 0, spacing=h\)"):
            Mask(np.ones((3, 3)), spacing=1.0)
        with pytest.raises(ValueError, match="width of one cell"):
            Mask(np.ones(3, dtype=bool), spacing=0.0)
        with pytest.raises(ValueError, match="2 numbers, one per axis"):
            Mask(np.ones((3, 3), dtype=bool), spacing=(1.0, 1.0, 1.0))
        with pytest.raises(ValueError, match="dimension 1, 2 or 3, not 4"):
            Mask(np.ones((2, 2, 2, 2), dtype=bool), spacing=1.0)


VOLUMES = [
    Box(((0, 1), (-1, 2))),
    Ball(radius=1.0, dimension=1),
    Ball(radius=1.0, dimension=2, centre=(0.1, 0.2)),
    Ball(radius=1.0, dimension=3),
    Ellipsoid((1.0, 0.4)),
    Ellipsoid((0.5, 1.0, 0.7)),
    Polygon(NOTCHED),
]
SURFACES = [8.0, 2.0, 2 * math.pi, 4 * math.pi, 2 * math.pi, 4 * math.pi, 11 + 4 * math.sqrt(2)]
"""Upper bounds of the boundary measure (that of a ball that contains the convex ellipsoid)."""


@pytest.mark.parametrize(("domain", "surface"), list(zip(VOLUMES, SURFACES, strict=True)), ids=repr)
def test_volume_is_the_limit_of_node_counts(domain, surface):
    """Cells cut by the boundary lie within sqrt(n) h / 2 of it, a tube of volume sqrt(n) h S, doubled for curvature."""
    h = 0.05
    grid = domain.grid(spacing=h)
    assert abs(grid.count * grid.cell_volume - domain.volume) <= 2 * math.sqrt(domain.dimension) * h * surface


@pytest.mark.parametrize(
    "domain", [*VOLUMES, SignedDistance(circle, ((-1.2, 1.2),) * 2)], ids=lambda domain: type(domain).__name__
)
def test_distance_is_a_contraction(domain):
    """|d(x) - d(y)| <= |x - y|, and d changes sign exactly between inside and outside."""
    x, y = np.random.default_rng(10).uniform(-2, 2, (2, domain.dimension, 300))
    difference = np.abs(domain.signed_distance(*x) - domain.signed_distance(*y))
    assert np.all(difference <= np.linalg.norm(x - y, axis=0) + 1e-12)
    assert np.array_equal(domain.contains(*x), domain.signed_distance(*x) < 0)


REFUSED = [
    (lambda: Interval(1, -1), ValueError, r"Write \(a, b\) with finite a < b"),
    (lambda: Box(((0, 1), (2, 2))), ValueError, r"axis 1 .* Write \(a, b\) with finite a < b"),
    (lambda: Box((0, 1)), TypeError, r"Write \(\(-1, 1\), \(-1, 1\)\)"),
    (lambda: Box(((0, 1),) * 4), ValueError, "dimension 1, 2 or 3, not 4"),
    (lambda: Box(((0, math.inf),)), ValueError, "finite a < b"),
    (lambda: Torus((1.0, -1.0)), ValueError, "periods must be positive"),
    (lambda: Torus(1.0, 2.0), TypeError, r"Write Torus\(\(1.0, 2.0\)\)"),
    (lambda: Torus((1.0, 1.0), lower=(0.0,)), ValueError, "2 numbers, one per axis"),
    (lambda: Torus("ab"), TypeError, "numbers, one per axis"),
    (lambda: Ball(radius=0.0, dimension=2), ValueError, r"Write Ball\(radius=1.0, dimension=2\)"),
    (lambda: Ball(radius=math.nan, dimension=2), ValueError, "finite numbers"),
    (lambda: Ball(radius=1.0, dimension=4), ValueError, "dimension 1, 2 or 3, not 4"),
    (lambda: Ball(radius=1.0, dimension=2, centre=(0.0,)), ValueError, "2 numbers, one per axis"),
    (lambda: Ellipsoid((1.0, 0.0)), ValueError, r"Write Ellipsoid\(\(2.0, 1.0\)\)"),
    (lambda: Polygon([(0, 0), (1, 1)]), ValueError, "at least 3"),
    (lambda: Polygon([(0, 0), (0, 0), (1, 0), (1, 1)]), ValueError, "vertex 0 is repeated.*Remove one"),
    (lambda: Polygon([(0, 0, 0)] * 3), ValueError, r"Write Polygon\(\[\(0, 0\), \(1, 0\), \(0, 1\)\]\)"),
    (lambda: Polygon("corners"), TypeError, r"Write Polygon\(\[\(0, 0\), \(1, 0\), \(0, 1\)\]\)"),
    (lambda: Ball(radius=1.0, dimension=2).signed_distance(0.0), TypeError, r"signed_distance\(x, y\)"),
]


@pytest.mark.parametrize(("make", "error", "remedy"), REFUSED)
def test_refused_input_says_what_to_write(make, error, remedy):
    with pytest.raises(error, match=remedy):
        make()


def test_domain_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Domain()
