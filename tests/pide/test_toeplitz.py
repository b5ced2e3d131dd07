"""FFT and stencil convolutions against the definition K v(x) = sum_j beta_j v(x + z_j)."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pide.operators.stencil import StencilConvolution
from pide.operators.toeplitz import circulant, spectrum_of, toeplitz


def by_definition(octant, v, periodic):
    """The sum over offsets, node by node."""
    n = octant.ndim
    out = np.zeros(v.shape)
    for i in np.ndindex(*v.shape):
        for j in itertools.product(*(range(1 - extent, extent) for extent in octant.shape)):
            k = tuple(a + b for a, b in zip(i, j, strict=True))
            if periodic:
                k = tuple(a % b for a, b in zip(k, v.shape, strict=True))
            elif any(not 0 <= a < b for a, b in zip(k, v.shape, strict=True)):
                continue
            out[i] += octant[tuple(map(abs, j))] * v[k]
    assert out.ndim == n
    return out


def fft_bound(octant, v, dtype):
    """32 u log2(size) |beta|_1 |v|: the FFT error model of the module with its constant rounded up."""
    total = octant.sum() * 2**octant.ndim
    return 32 * np.finfo(dtype).eps * np.log2(8 * v.size) * total * np.linalg.norm(v)


shapes = st.one_of(
    st.tuples(st.integers(1, 12)),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
)


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), data=st.data(), periodic=st.booleans())
def test_fft_is_the_definition(shape, seed, data, periodic):
    extents = tuple(data.draw(st.integers(1, 9 if len(shape) < 3 else 3)) for _ in shape)
    rng = np.random.default_rng(seed)
    octant, v = rng.random(extents), rng.standard_normal(shape)
    K = (circulant if periodic else toeplitz)(octant, shape)
    error = np.linalg.norm(K(v) - by_definition(octant, v, periodic))
    assert error <= fft_bound(octant, v, np.float64)


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), data=st.data(), periodic=st.booleans())
def test_stencil_is_the_definition(shape, seed, data, periodic):
    extents = tuple(data.draw(st.integers(1, min(3, (n + 1) // 2) if periodic else min(3, n))) for n in shape)
    rng = np.random.default_rng(seed)
    octant, v = rng.random(extents), rng.standard_normal(shape)
    octant[(0,) * len(shape)] = 0.0
    K = StencilConvolution(octant, shape, periodic)
    expected = by_definition(octant, v, periodic)
    np.testing.assert_allclose(K(v), expected, rtol=0, atol=1e-14 * octant.sum() * 8 * np.abs(v).max())
    chi = rng.random(shape) < 0.7
    differences = by_definition(octant, chi * v, periodic) - v * by_definition(octant, chi.astype(float), periodic)
    np.testing.assert_allclose(
        K.difference(chi * v, chi.astype(float)) * chi, differences * chi, rtol=0, atol=1e-13 * (1 + octant.sum() * 8)
    )


@pytest.mark.parametrize("shape", [(33,), (12, 9), (5, 6, 7)])
@pytest.mark.parametrize("make", [toeplitz, circulant])
def test_namespaces_and_dtypes(shape, make, namespace, dtype):
    rng = np.random.default_rng(3)
    octant, v = rng.random(tuple(n // 2 for n in shape)), rng.standard_normal((2, *shape))
    K = make(octant, shape)
    u = namespace.asarray(v, dtype=dtype)
    result = K(u)
    assert result.dtype == u.dtype
    expected = np.stack([K(v[0]), K(v[1])])
    assert np.linalg.norm(namespace.host(result) - expected) <= 2 * fft_bound(octant, v, dtype)


@pytest.mark.parametrize("shape", [(33,), (12, 9), (5, 6, 7)])
def test_batch_is_the_single_apply_bit_for_bit(shape):
    rng = np.random.default_rng(4)
    K = toeplitz(rng.random(shape), shape)
    v = rng.standard_normal((2, 3, *shape))
    batched = K(v)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(batched[index], K(v[index]))


def test_workers_do_not_change_the_result():
    rng = np.random.default_rng(5)
    octant, v = rng.random((40, 40)), rng.standard_normal((40, 40))
    np.testing.assert_array_equal(toeplitz(octant, (40, 40), workers=2)(v), toeplitz(octant, (40, 40))(v))


def test_spectrum_of_wraps_images():
    """Weights longer than the period are summed over images: compare with the cosine sum."""
    octant = 0.5 ** np.arange(23.0)
    k = np.arange(4)
    expected = octant[0] + 2 * np.cos(2 * np.pi * np.outer(k, np.arange(1, 23)) / 7) @ octant[1:]
    np.testing.assert_allclose(spectrum_of(octant, (7,)), expected, rtol=1e-13)
    assert circulant(octant, (7,)).self_weight == pytest.approx(1 + 2 * (2.0**-7 + 2.0**-14 + 2.0**-21), rel=1e-13)


def test_spectrum_range_encloses_the_eigenvalues_of_the_toeplitz_matrix():
    rng = np.random.default_rng(6)
    octant = rng.random((6, 5))
    for K in (toeplitz(octant, (6, 5)), StencilConvolution(octant, (6, 5), False)):
        matrix = np.stack([K(e.reshape(6, 5)).ravel() for e in np.eye(30)])
        eigenvalues = np.linalg.eigvalsh(matrix)
        low, high = K.spectrum_range
        assert low <= eigenvalues[0]
        assert eigenvalues[-1] <= high


def test_gradient_flows_to_the_field_and_to_the_weights():
    torch = pytest.importorskip("torch")
    octant = torch.rand((3, 4), dtype=torch.float64, requires_grad=True)
    v = torch.rand((5, 6), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w, u: toeplitz(w, (5, 6))(u), (octant, v))
    assert torch.autograd.gradcheck(lambda w, u: circulant(w, (5, 6))(u), (octant, v))
    assert torch.autograd.gradcheck(lambda w, u: StencilConvolution(w, (5, 6), False)(u), (octant, v))
