"""The discrete nonlocal operator: nonnegative symmetric rates, degree from the same apply, killing to the exterior.

Symbols: u, v fields; beta weights of lattice offsets; d degree; kappa killing; K the convolution with beta;
a coefficient; c the scale (+1 for L <= 0, -1 for (-Delta)^s >= 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pide.arrays import Array, as_float, device_key, is_numpy, like, namespace, to_host
from pide.continuum.exterior import Exterior
from pide.operators.base import Operator
from pide.operators.stencil import StencilConvolution
from pide.operators.toeplitz import FourierConvolution
from pide.quadrature.weights import LatticeWeights
from pide.spaces.grid import Grid

__all__ = ["NonlocalOperator"]


@dataclass(frozen=True, eq=False)
class NonlocalOperator(Operator):
    """A = c L with (L v)_i = sum_j w_ij m_j (v_j - v_i) - kappa_i v_i on the nodes of a domain.

    Parameters
    ----------
    space : Grid
    weights : LatticeWeights or None
        beta of the offsets; None when the operator was given by its symbol on the torus.
    convolution : FourierConvolution or StencilConvolution
        Applies K v = sum_j beta_j v(x + z_j), fields being zero outside the domain.
    exterior : Exterior
    killing : array, shape space.shape, unit 1/time
        kappa >= 0, float64 NumPy (torch when the weights are).
    scale : float
        c.
    coefficient : array or None, shape space.shape
        a > 0 at the nodes; w_ij = sqrt(a_i a_j) gamma ("geometric") or (a_i + a_j)/2 gamma ("arithmetic").
    load : array or None, shape space.shape
        Contribution of inhomogeneous exterior data, already scaled by c.
    torus_symbol : array or None, rfftn layout
        Exact eigenvalues of A on a torus, where they are known better than from the transformed weights.

    Notes
    -----
    The degree d = K 1 comes from the same convolution as K v, so that L 1 = -kappa holds bit for bit on NumPy. With
    w symmetric and >= 0, kappa >= 0 every structural claim (self-adjointness, energy decay, maximum principle, and
    with kappa = 0 mass, variance decay and Markov rows) follows from signs and symmetry alone.
    """

    space: Grid
    weights: LatticeWeights | None
    convolution: FourierConvolution | StencilConvolution
    exterior: Exterior
    killing: Array
    scale: float
    claims: frozenset[str]
    coefficient: NDArray[np.float64] | None = None
    mean: Literal["geometric", "arithmetic"] = "geometric"
    load: Array | None = None
    notes: tuple[str, ...] = ()
    torus_symbol: Array | None = None
    _cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __repr__(self) -> str:
        return f"NonlocalOperator({self.space!r}, {self.exterior!r}, {'; '.join(self.notes)})"

    def apply(self, u: Array) -> Array:
        """c (K u - d u - kappa u)."""
        d, kappa, inside = self._fields(u)
        if self._uses_differences:
            v = self.convolution.difference(u, inside)  # type: ignore[union-attr]
        else:
            v = self._convolve(u)
            v = _subtract_product(v, d, u)
        if kappa is not None:
            v = _subtract_product(v, kappa, u)
        v = v if self.scale == 1.0 else v * self.scale
        return self.space.restricted(v)

    @property
    def degree(self) -> NDArray[np.float64]:
        """d_i = sum_j w_ij m_j over the nodes inside the domain, unit 1/time; zero outside."""
        return np.asarray(to_host(self._fields(self._float64())[0]))

    def diagonal(self) -> NDArray[np.float64]:
        own = self.convolution.self_weight * (1.0 if self.coefficient is None else self.coefficient)
        return np.asarray(self.scale * self.space.inside * (own - self.degree - to_host(self.killing)))

    def rate_bound(self) -> float:
        """max_i (d_i + kappa_i), widened by the rounding of the convolution."""
        low, high = self.convolution.spectrum_range
        slack = 64 * np.finfo(np.float64).eps * math.log2(max(self.space.size, 2)) * self._amplification()
        rates = self.degree + to_host(self.killing)
        return abs(self.scale) * (float(rates.max()) + slack * max(abs(low), abs(high)))

    def spectral_bound(self) -> float:
        """Upper bound of lambda_max(|A|): the smaller of two certified ones.

        max(2 d + kappa) (Gershgorin), and max(d + kappa) - min spectrum of the circulant embedding, of which K is a
        principal submatrix (interlacing).
        """
        bound = self.rate_bound()
        gershgorin = abs(self.scale) * float((2 * self.degree + to_host(self.killing)).max()) + (
            2 * bound - 2 * abs(self.scale) * float((self.degree + to_host(self.killing)).max())
        )
        if self.coefficient is not None and self.mean == "arithmetic":
            return gershgorin
        lowest = min(self.convolution.spectrum_range[0], 0.0) * self._amplification()
        return min(gershgorin, bound - abs(self.scale) * lowest)

    def symbol(self) -> NDArray[np.float64] | None:
        """c (hat beta(k) - hat beta(0)) in the rfftn layout of the torus; None off the torus or with a coefficient."""
        if not self.space.periodic or self.coefficient is not None:
            return None
        if self.torus_symbol is not None:
            return np.asarray(to_host(self.torus_symbol))
        spectrum = self._torus_spectrum()
        return np.asarray(self.scale * (spectrum - spectrum.flat[0]))

    def dirichlet_symbol(self) -> NDArray[np.float64] | None:
        """c (sum_j beta_j cos(j . theta) - rate) at theta = pi k / (N + 1); None on the torus or with a coefficient."""
        if self.space.periodic or self.weights is None or self.coefficient is not None:
            return None
        octant = to_host(self.weights.octant)[tuple(slice(0, n + 1) for n in self.space.shape)]
        padding = [(0, n + 2 - extent) for n, extent in zip(self.space.shape, octant.shape, strict=True)]
        hat = scipy.fft.dctn(np.pad(octant, padding), type=1)
        interior = hat[tuple(slice(1, -1) for _ in self.space.shape)]
        return np.asarray(self.scale * (interior - as_float(self.weights.rate)))

    def cosine_symbol(self) -> NDArray[np.float64] | None:
        """c sum_j beta_j (cos(j . theta) - 1) at theta = pi k / N over the listed offsets; None as dirichlet_symbol."""
        if self.space.periodic or self.weights is None or self.coefficient is not None:
            return None
        octant = to_host(self.weights.octant)[tuple(slice(0, n) for n in self.space.shape)]
        padding = [(0, n + 1 - extent) for n, extent in zip(self.space.shape, octant.shape, strict=True)]
        hat = scipy.fft.dctn(np.pad(octant, padding), type=1)[tuple(slice(0, -1) for _ in self.space.shape)]
        return np.asarray(self.scale * (hat - hat.flat[0]))

    @property
    def _uses_differences(self) -> bool:
        return isinstance(self.convolution, StencilConvolution) and self.coefficient is None

    def _amplification(self) -> float:
        return 1.0 if self.coefficient is None else float(self.coefficient.max())

    def _float64(self) -> Array:
        ones = self.space.inside.astype(np.float64)
        K = self.convolution
        reference = K.spectrum if isinstance(K, FourierConvolution) else K.octant
        return ones if is_numpy(reference) else like(ones, reference)

    def _torus_spectrum(self) -> NDArray[np.float64]:
        if isinstance(self.convolution, FourierConvolution):
            return np.asarray(to_host(self.convolution.spectrum))
        from pide.operators.toeplitz import spectrum_of

        return np.asarray(to_host(spectrum_of(self.convolution.octant, self.space.shape)))

    def _convolve(self, v: Array) -> Array:
        if self.coefficient is None:
            return self.convolution(v)
        if self.mean == "geometric":
            root = self._coefficient_like(v) ** 0.5
            return root * self.convolution(root * v)
        a = self._coefficient_like(v)
        return 0.5 * (a * self.convolution(v) + self.convolution(a * v))

    def _coefficient_like(self, v: Array) -> Array:
        key = ("coefficient", *device_key(v))
        if key not in self._cache:
            self._cache[key] = like(np.asarray(self.coefficient) * self.space.inside, v)
        return self._cache[key]

    def _fields(self, v: Array) -> tuple[Array, Array | None, Array | None]:
        """(d, kappa or None, indicator or None) in the namespace, dtype and device of v."""
        key = ("fields", *device_key(v))
        if key in self._cache:
            fields: tuple[Array, Array | None, Array | None] = self._cache[key]
            return fields
        inside = like(self.space.inside.astype(np.float64), v)
        degree = self.space.restricted(self._convolve(inside))
        killing = None
        if is_numpy(self.killing):
            if self.killing.any():
                killing = like(self.killing, v)
        else:
            killing = namespace(self.killing, v).astype(self.killing, v.dtype)
        fields = (degree, killing, None if self.space.count == self.space.size else inside)
        self._cache[key] = fields
        return fields


def _subtract_product(v: Array, d: Array, u: Array) -> Array:
    """v - d u; in place where v is ours and NumPy's."""
    if is_numpy(v):
        v -= d * u
        return v
    return v - d * u
