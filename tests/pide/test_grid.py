"""Where nodes lie, the inner product, compress and expand in every array library, and refused input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pide.continuum.domains import Ball, Box, Interval, Torus
from pide.continuum.domains_ellipsoid import Ellipsoid
from pide.continuum.domains_implicit import Mask
from pide.spaces.grid import Grid

DISC = Ball(radius=1.0, dimension=2)
GRIDS = {
    "torus": Torus((1.0, 2.0)).grid(6, 5),
    "interval": Interval(-1, 1).grid(9, nodes="interior"),
    "disc": DISC.grid(9),
    "anisotropic": Ellipsoid((1.0, 0.5, 0.7)).grid(7, 8, 6),
    "mask": Mask(np.random.default_rng(0).uniform(size=(5, 6)) < 0.5, spacing=(0.1, 0.2)).grid(),
}


@pytest.fixture(params=sorted(GRIDS))
def grid(request):
    return GRIDS[request.param]


def random_field(grid, batch=(), seed=0):
    return grid.expand(np.random.default_rng(seed).normal(size=(*batch, grid.count)))


class TestNodes:
    def test_torus_starts_on_the_corner(self):
        grid = Torus((1.0, 3.0), lower=(-1.0, 2.0)).grid(4, 6)
        assert grid.spacing == (0.25, 0.5)
        np.testing.assert_allclose(grid.axes[0], [-1.0, -0.75, -0.5, -0.25])
        assert grid.periodic
        assert grid.count == grid.size == 24

    def test_cells_and_interior_nodes(self):
        np.testing.assert_allclose(Interval(-1, 1).grid(4).axes[0], [-0.75, -0.25, 0.25, 0.75])
        np.testing.assert_allclose(Interval(-1, 1).grid(3, nodes="interior").axes[0], [-0.5, 0.0, 0.5])
        box = Box(((0, 1), (0, 2))).grid(3, 3, nodes="interior")
        assert box.spacing == (0.25, 0.5)
        assert box.lower == (0.25, 0.5)
        assert box.count == 9

    @pytest.mark.parametrize(("nodes", "shape"), [("cell", (10, 20)), ("interior", (9, 19))])
    def test_spacing_that_divides_the_box(self, nodes, shape):
        grid = Box(((0, 1), (-1, 1))).grid(spacing=0.1, nodes=nodes)
        assert grid.shape == shape
        assert grid.spacing == (0.1, 0.1)

    @pytest.mark.parametrize("length", [0.7, 1.0, 2 * math.pi])
    def test_rounding_does_not_add_nodes(self, length):
        for n in range(1, 150):
            assert Interval(0, length).grid(spacing=length / n).shape == (n,)
            assert Interval(0, length).grid(spacing=float(f"{length / n:.12g}")).shape == (n,)
            assert Ball(radius=length / 2, dimension=1).grid(spacing=length / n).shape == (n,)

    def test_curved_domains_are_covered_and_centred(self):
        grid = DISC.grid(spacing=0.3)
        assert grid.shape == (7, 7)
        np.testing.assert_allclose(grid.axes[0], 0.3 * np.arange(-3, 4), atol=1e-15)
        np.testing.assert_allclose(DISC.grid(4).axes[0], [-0.75, -0.25, 0.25, 0.75])

    def test_mirror_images_are_inside_together(self):
        inside = DISC.grid(spacing=1 / 50).inside
        assert np.array_equal(inside, inside[::-1])
        assert np.array_equal(inside, inside.T)

    @given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.floats(0.05, 0.4))
    def test_origin_is_on_the_lattice(self, x, y, h):
        grid = DISC.grid(spacing=h, origin=(x, y))
        for axis, coordinate in zip(grid.axes, (x, y), strict=True):
            offset = (axis - coordinate) / h
            assert np.max(np.abs(offset - np.round(offset))) < 1e-9
            assert -1 < axis[0] <= -1 + h * (1 + 1e-8)
            assert 1 - h * (1 + 1e-8) <= axis[-1] < 1

    @pytest.mark.parametrize("radius", [1.0, 0.7, 0.3, 1.1, 3.3])
    def test_nodes_on_the_boundary_are_outside(self, radius):
        """(3, 4) R/5 and its images are on the circle of radius R, with signed distances of +-1 ulp."""
        grid = Ball(radius=radius, dimension=2).grid(spacing=radius / 5, origin=(0.0, 0.0))
        x, y = grid.coordinates
        on_circle = np.abs(x**2 + y**2 - radius**2) < 1e-12
        assert np.count_nonzero(on_circle) == 8
        assert not np.any(grid.inside & on_circle)

    def test_coordinates(self, grid):
        assert all(c.shape == grid.shape and c.dtype == np.float64 for c in grid.coordinates)
        node = tuple(m - 1 for m in grid.shape)
        expected = [a + (m - 1) * h for a, h, m in zip(grid.lower, grid.spacing, grid.shape, strict=True)]
        np.testing.assert_allclose([c[node] for c in grid.coordinates], expected, rtol=1e-14)

    def test_extended_lattice_contains_the_lattice(self, grid):
        pad = tuple(range(1, grid.dimension + 1))
        middle = tuple(slice(p, -p) for p in pad)
        for large, small in zip(grid.extended(pad), grid.coordinates, strict=True):
            assert large.shape == tuple(m + 2 * p for m, p in zip(grid.shape, pad, strict=True))
            np.testing.assert_allclose(large[middle], small, atol=1e-14)
        with pytest.raises(ValueError, match="nonnegative counts, one per axis"):
            grid.extended((-1,) * grid.dimension)

    def test_repr_is_short(self):
        assert repr(Interval(0, 1).grid(8)) == "Grid(Interval(a=0.0, b=1.0), shape=(8,), spacing=0.125, 8 nodes inside)"


class TestInnerProduct:
    def test_against_plain_sums(self, grid):
        u, v = random_field(grid, (3,)), random_field(grid, (3,), seed=1)
        m = math.prod(grid.spacing)
        for k in range(3):
            a, b = u[k][grid.inside], v[k][grid.inside]
            assert float(grid.inner(u, v)[k]) == pytest.approx(m * math.fsum(a * b), rel=1e-12)
            assert float(grid.norm(u)[k]) == pytest.approx(math.sqrt(m * math.fsum(a * a)), rel=1e-12)
            assert float(grid.mean(u)[k]) == pytest.approx(math.fsum(a) / a.size, rel=1e-12, abs=1e-15)
            assert float(grid.variance(u)[k]) == pytest.approx(np.var(a), rel=1e-12)

    @pytest.mark.parametrize("count", [50, 100, 200])
    def test_midpoint_rule(self, count):
        """|sum h f(x_i) - integral| <= h^2/24 max|f''|, f = cos^2(x) on (0, 1)."""
        grid = Interval(0, 1).grid(count)
        u = grid.sample(np.cos)
        exact = 0.5 + math.sin(2) / 4
        assert abs(float(grid.inner(u, u)) - exact) <= 2 / (24 * count**2)

    def test_variance_of_a_large_constant_is_not_cancelled(self):
        grid = DISC.grid(20)
        u = grid.sample(lambda x, y: 1e8 + x)
        x = grid.coordinates[0][grid.inside]
        assert float(grid.variance(u)) == pytest.approx(np.var(x), rel=1e-6)

    def test_values_outside_do_not_count_in_the_mean(self):
        grid = DISC.grid(8)
        assert float(grid.mean(np.ones(grid.shape))) == pytest.approx(1.0, rel=1e-15)
        assert float(grid.variance(np.ones(grid.shape))) == 0.0

    def test_dtype_is_kept(self, namespace, dtype):
        grid = GRIDS["disc"]
        u = namespace.asarray(random_field(grid, (2,)), dtype=dtype)
        for value in (grid.inner(u, u), grid.norm(u), grid.mean(u), grid.variance(u), grid.expand(grid.compress(u))):
            assert value.dtype == u.dtype


class TestNamespaces:
    @pytest.mark.parametrize("name", sorted(GRIDS))
    def test_all_agree_with_numpy(self, namespace, name):
        grid = GRIDS[name]
        a, b = random_field(grid, (2, 3)), random_field(grid, (2, 3), seed=1)
        u, v = namespace.asarray(a), namespace.asarray(b)
        grid.check_field(u)
        for method in (grid.norm, grid.mean, grid.variance, grid.compress):
            np.testing.assert_allclose(namespace.host(method(u)), method(a), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(namespace.host(grid.inner(u, v)), grid.inner(a, b), rtol=1e-12, atol=1e-14)
        assert np.array_equal(namespace.host(grid.expand(grid.compress(u))), a)

    def test_indices_are_transferred_once(self):
        xp = pytest.importorskip("array_api_strict")
        grid = DISC.grid(8)
        u = xp.asarray(random_field(grid), device=xp.Device("device1"))
        assert grid._cached("_positions", u) is grid._cached("_positions", u + 1)

    def test_check_field_finds_what_is_wrong(self, namespace):
        grid = GRIDS["disc"]
        u = random_field(grid)
        u[tuple(np.argwhere(grid.inside)[0])] = np.nan
        with pytest.raises(ValueError, match="v has 1 NaN or infinite values"):
            grid.check_field(namespace.asarray(u), "v")
        outside = np.count_nonzero(~grid.inside)
        remedy = rf"non-zero at {outside} nodes outside.*grid.expand\(grid.compress\(u\)\)"
        with pytest.raises(ValueError, match=remedy):
            grid.check_field(namespace.asarray(np.ones(grid.shape)))
        with pytest.raises(ValueError, match=r"shape \(9,\): grid.shape is \(9, 9\).*leading axes are batch"):
            grid.check_field(namespace.asarray(np.ones(9)))
        for name in ("int32", "complex128"):
            with pytest.raises(TypeError, match=r"fields are real, float32 or float64\. Write u = "):
                grid.check_field(namespace.asarray(np.zeros(grid.shape), dtype=name))


class TestGradients:
    def test_through_inner_compress_and_expand(self):
        torch = pytest.importorskip("torch")
        grid = GRIDS["disc"]
        u = torch.asarray(random_field(grid, (2,)), requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: grid.inner(x, x), (u,))
        assert torch.autograd.gradcheck(grid.variance, (u,))
        assert torch.autograd.gradcheck(lambda x: grid.expand(grid.compress(x) ** 2), (u,))

    def test_gradient_of_the_energy(self):
        torch = pytest.importorskip("torch")
        grid = GRIDS["disc"]
        a = random_field(grid)
        u = torch.asarray(a, requires_grad=True)
        grid.inner(u, u).backward()
        np.testing.assert_allclose(u.grad.numpy(), 2 * grid.cell_volume * a, rtol=1e-14)


class TestCompress:
    def test_order_and_inverse(self, grid):
        u = random_field(grid, (2,))
        assert np.array_equal(grid.compress(u), u[:, grid.inside])
        assert np.array_equal(grid.expand(grid.compress(u)), u)
        values = np.arange(1.0, grid.count + 1)
        assert np.array_equal(grid.compress(grid.expand(values)), values)
        assert np.all(grid.expand(values)[~grid.inside] == 0)

    def test_expand_is_the_adjoint_of_compress(self, grid):
        u, values = np.random.default_rng(2).normal(size=grid.shape), np.random.default_rng(3).normal(size=grid.count)
        assert np.dot(grid.compress(u), values) == pytest.approx(np.sum(u * grid.expand(values)), rel=1e-12)

    def test_zeroes_what_is_outside(self):
        grid = GRIDS["disc"]
        cleaned = grid.expand(grid.compress(np.ones(grid.shape)))
        grid.check_field(cleaned)
        assert np.array_equal(cleaned, grid.inside * 1.0)

    def test_wrong_lengths(self):
        grid = GRIDS["disc"]
        with pytest.raises(ValueError, match=r"one value per node inside. Write grid.expand\(grid.compress\(u\)\)"):
            grid.expand(np.ones(grid.size))
        with pytest.raises(ValueError, match=r"Use grid.expand for values at the inside nodes"):
            grid.compress(np.ones(grid.count))
        with pytest.raises(ValueError, match="leading axes are batch"):
            grid.inner(np.ones(grid.shape), np.ones(9))


class TestSample:
    def test_functions(self):
        grid = DISC.grid(16)
        x, y = grid.coordinates
        step = grid.sample(lambda x, y: (x > 0) * 1.0)
        assert np.array_equal(step, (x > 0) * grid.inside)
        assert np.array_equal(grid.sample(lambda x, y: x > 0), step)
        assert np.array_equal(grid.sample(lambda x, y: 2), 2.0 * grid.inside)
        assert np.array_equal(grid.sample(lambda x, y: y[:1] + 0 * x[:, :1]), y * grid.inside)
        grid.check_field(step)

    def test_arrays_and_numbers(self):
        grid = DISC.grid(16)
        u = np.random.default_rng(4).normal(size=(3, *grid.shape)).astype(np.float32)
        assert grid.sample(u).dtype == np.float64
        assert np.array_equal(grid.sample(u), u * grid.inside)
        assert grid.sample(u, dtype=np.float32).dtype == np.float32
        assert np.array_equal(grid.sample(3), 3.0 * grid.inside)

    def test_values_outside_do_not_matter(self):
        grid = DISC.grid(16)
        u = grid.sample(lambda x, y: np.sqrt(1 - x**2 - y**2))
        grid.check_field(u)

    def test_result_is_writable_and_its_own(self):
        grid = Torus((1.0,)).grid(4)
        data = np.ones(4)
        u = grid.sample(data)
        u[0] = 5.0
        assert data[0] == 1.0

    @pytest.mark.parametrize(
        ("f", "error", "remedy"),
        [
            (lambda x: 1 / (x - 0.125), ValueError, "1 nodes inside the domain.*origin="),
            (np.full(4, np.nan), ValueError, "NaN or infinity at 4 nodes inside"),
            (lambda x: np.exp(1j * x), TypeError, r"Write u\.real"),
            (np.arange(4), TypeError, r"Write u\.astype\(float\)"),
            (np.ones(4, dtype=bool), TypeError, r"Write u\.astype\(float\)"),
            (np.ones(5), ValueError, r"grid.shape is \(4,\)"),
            (lambda x: np.ones(5), ValueError, r"grid.shape is \(4,\)"),
            (lambda x: "one", TypeError, "fields are real"),
        ],
        ids=["pole", "nan", "complex", "integers", "booleans", "shape", "function shape", "text"],
    )
    def test_refused(self, f, error, remedy):
        with pytest.raises(error, match=remedy):
            Interval(0, 1).grid(4).sample(f)

    def test_dtype_must_be_a_field_dtype(self):
        with pytest.raises(TypeError, match=r"Write dtype=numpy\.float64"):
            Interval(0, 1).grid(4).sample(1.0, dtype=np.float16)

    def test_arrays_of_other_libraries(self):
        torch = pytest.importorskip("torch")
        with pytest.raises(TypeError, match=r"Write grid\.expand\(grid\.compress\(u\)\)"):
            Interval(0, 1).grid(4).sample(torch.ones(4))


class TestCheckField:
    def test_order_of_complaints(self):
        grid = GRIDS["disc"]
        with pytest.raises(TypeError, match=r"u is a list.*Write u = grid\.sample\(u\)"):
            grid.check_field([1.0])
        with pytest.raises(TypeError, match=r"w has dtype int64.*Write w = w\.astype\(float\)"):
            grid.check_field(np.ones(3, dtype=np.int64), "w")
        with pytest.raises(TypeError, match=r"Write u = u\.real"):
            grid.check_field(np.full(3, np.nan * 1j))
        with pytest.raises(ValueError, match=r"of shape \(3,\)"):
            grid.check_field(np.full(3, np.nan))
        with pytest.raises(ValueError, match="81 NaN or infinite"):
            grid.check_field(np.full((9, 9), np.inf))

    def test_half_precision_is_refused(self):
        with pytest.raises(TypeError, match=r"Write u = u\.astype\(float\)"):
            GRIDS["disc"].check_field(np.zeros((9, 9), dtype=np.float16))


BOX = Box(((0, 1), (0, 1)))
REFUSED = [
    (lambda: DISC.grid(), "neither counts nor spacing.*Write domain.grid"),
    (lambda: DISC.grid(8, spacing=0.1), "both counts and spacing.*Write domain.grid"),
    (lambda: DISC.grid(8, 8, 8), "Give one count, or 2 counts"),
    (lambda: DISC.grid(0), "counts are positive integers"),
    (lambda: DISC.grid(8.0), r"Write grid\(64\), or grid\(spacing=1/64\)"),
    (lambda: DISC.grid(True), "counts are positive integers"),
    (lambda: DISC.grid(spacing=-0.1), r"Write grid\(spacing=1/64\)"),
    (lambda: DISC.grid(spacing=math.nan), "positive and finite"),
    (lambda: DISC.grid(spacing=(0.1, 0.1, 0.1)), "Give one number, or one per axis"),
    (lambda: DISC.grid(8, origin=(0.0,)), "2 finite coordinates"),
    (lambda: DISC.grid(8, nodes="interior"), "only Interval and Box have it.*Pass origin="),
    (lambda: Torus((1.0,)).grid(8, nodes="interior"), "only Interval and Box have it"),
    (lambda: BOX.grid(8, nodes="vertex"), r"Write grid\(64, nodes='interior'\)"),
    (lambda: BOX.grid(8, origin=(0.5, 0.5)), "Write nodes='cell' or 'interior'"),
    (lambda: Torus((1.0,)).grid(8, origin=(0.5,)), r"Torus\(lengths, lower=\)"),
    (lambda: Interval(0, 2).grid(spacing=0.3), r"spacing=0\.285714285714 or 0\.333333333333, .*give counts, grid\(7\)"),
    (lambda: Interval(0, 1).grid(spacing=0.3, nodes="interior"), r"spacing=0\.25 or 0\.333333333333, .*grid\(2\)"),
    (lambda: Interval(0, 1).grid(spacing=3.0), r"Write spacing=1, .*give counts, grid\(1\)"),
    (lambda: Ball(radius=1.0, dimension=1).grid(spacing=2.0, origin=(1.0,)), "misses the domain.*smaller spacing"),
    (lambda: Grid(DISC, (4,), (0.5,), (0.0,)), r"Write domain\.grid\(64\)"),
]


@pytest.mark.parametrize(("make", "remedy"), REFUSED)
def test_refused_grids_say_what_to_write(make, remedy):
    with pytest.raises(ValueError, match=remedy):
        make()


def test_spacing_of_the_wrong_kind():
    with pytest.raises(TypeError, match="positive number, or one per axis"):
        DISC.grid(spacing="fine")
