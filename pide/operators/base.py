"""What every discrete operator is: a linear map on the fields of a space that carries its claims."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from pide.arrays import Array
from pide.operators.diagonalisation import Diagonalisation
from pide.spaces.grid import Grid

__all__ = ["Operator"]

_DENSE_BYTES = 4 << 30


class Operator(ABC):
    """A linear operator A on fields of shape (..., *space.shape), leading axes being batch.

    Attributes
    ----------
    space : Grid
        Owner of the inner product <u, v> = sum_i m_i u_i v_i.
    claims : frozenset of str
        Names from `pide.claims.CLAIMS` that A asserts; `pide.verification` measures and proves them.
    load : array or None, shape space.shape
        Inhomogeneous exterior data b: the affine map is u -> A u + b. A itself is always linear.
    notes : tuple of str
        The choices made on the way: scheme, engine, quadrature remarks.
    """

    space: Grid
    claims: frozenset[str]
    load: Array | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.space!r}, {'; '.join(self.notes)})"

    @abstractmethod
    def apply(self, u: Array) -> Array:
        """A u without any check of u, for inner loops; any namespace, dtype and batch."""

    def __call__(self, u: Array) -> Array:
        """A u.

        Parameters
        ----------
        u : array, shape (..., *space.shape), float32 or float64, zero outside the domain

        Raises
        ------
        ValueError, TypeError
            Wrong shape, integer or complex dtype, NaN or infinity, nonzero values outside the domain.
        """
        self.space.check_field(u, "u")
        return self.apply(u)

    @property
    def definiteness(self) -> int:
        """-1 where <A v, v> <= 0 is claimed, +1 where >= 0 is, 0 otherwise."""
        return int("positive_semidefinite" in self.claims) - int("negative_semidefinite" in self.claims)

    @property
    def adjoint(self) -> Operator:
        """Adjoint in the inner product of the space.

        Raises
        ------
        NotImplementedError
            When A is not self-adjoint and no adjoint was supplied.
        """
        if "self_adjoint" in self.claims:
            return self
        raise NotImplementedError(
            f"{type(self).__name__}: no adjoint is known. Write pide.as_operator(f, on=grid, adjoint=g)."
        )

    def spectral_bound(self) -> float:
        """Certified upper bound of the largest |eigenvalue|, unit 1/time."""
        raise NotImplementedError(f"{type(self).__name__}: no certified spectral bound is known.")

    def rate_bound(self) -> float:
        """Upper bound of max_i (d_i + kappa_i): the step of the maximum principle is 1 / rate_bound."""
        raise NotImplementedError(f"{type(self).__name__}: no certified rate bound is known.")

    def symbol(self) -> NDArray[np.float64] | None:
        """Eigenvalues in the rfftn layout of the torus, or None when A is not diagonal in Fourier space."""
        return None

    def diagonalisation(self) -> Diagonalisation | None:
        """A by its eigenvalues in Fourier modes, sines or cosines, or None when these do not diagonalise it."""
        symbol = self.symbol()
        return None if symbol is None else Diagonalisation(self.space, symbol)

    def dirichlet_symbol(self) -> NDArray[np.float64] | None:
        """Symbol of A at the frequencies pi k / (N + 1), k = 1..N (the tau preconditioner), or None."""
        return None

    def cosine_symbol(self) -> NDArray[np.float64] | None:
        """Symbol of A at the frequencies pi k / N, k = 0..N-1 (the preconditioner of reflecting operators), or None."""
        return None

    def diagonal(self) -> NDArray[np.float64]:
        """A_ii as a field, zero outside the domain; by unit impulses unless an operator knows better."""
        dense = self.to_dense()
        return np.asarray(self.space.expand(np.diag(dense).copy()))

    def to_dense(self) -> NDArray[np.float64]:
        """The matrix of A on the inside nodes, in the order of `space.compress`; shape (N, N), N inside nodes.

        Raises
        ------
        ValueError
            When the matrix would exceed 4 GiB.
        """
        size = self.space.count
        if 8 * size * size > _DENSE_BYTES:
            raise ValueError(
                f"to_dense: {size} unknowns need {8 * size * size / 2**30:.1f} GiB; at most 4 are built. "
                "Use to_scipy(), which applies the operator without its matrix."
            )
        columns = np.empty((size, size))
        chunk = max(1, (1 << 24) // max(self.space.size, 1))
        for start in range(0, size, chunk):
            stop = min(start + chunk, size)
            impulses = np.zeros((stop - start, size))
            impulses[np.arange(stop - start), np.arange(start, stop)] = 1.0
            columns[start:stop] = self.space.compress(self.apply(self.space.expand(impulses)))
        return columns.T.copy()

    def to_scipy(self) -> LinearOperator:
        """A as a float64 scipy LinearOperator on `space.compress(u)`; rmatvec is the plain transpose."""
        root = self.space.root_masses
        ones = np.ones(self.space.count)
        return self._similar(ones, ones if root is None else 1.0 / self.space.compress(root) ** 2)

    def symmetrised(self) -> LinearOperator:
        """M^{1/2} A M^{-1/2} for `eigsh` and `cg`; where all masses are equal this is `to_scipy()`."""
        root = self.space.root_masses
        if root is None:
            return self.to_scipy()
        c = 1.0 / self.space.compress(root)
        return self._similar(c, c)

    def _similar(self, c: NDArray[np.float64], d: NDArray[np.float64]) -> LinearOperator:
        """C^{-1} A C, whose plain transpose is D^{-1} A* D, for diagonal C and D."""
        size = self.space.count

        def act(operator: Operator, x: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
            rows = np.ascontiguousarray(x.reshape(size, -1).T, dtype=np.float64)
            applied = np.asarray(self.space.compress(operator.apply(self.space.expand(rows * scale))))
            return np.asarray((applied / scale).T.reshape(x.shape))

        def transpose(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return act(self.adjoint, x, d)

        def forward(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return act(self, x, c)

        return LinearOperator(
            (size, size), matvec=forward, rmatvec=transpose, matmat=forward, rmatmat=transpose, dtype=np.float64
        )

    def __add__(self, other: Any) -> Operator:
        from pide.operators.algebra import add

        return add(self, other) if isinstance(other, Operator) else NotImplemented

    def __sub__(self, other: Any) -> Operator:
        return self + (-1.0) * other if isinstance(other, Operator) else NotImplemented

    def __mul__(self, factor: Any) -> Operator:
        from pide.operators.algebra import scale

        return scale(self, factor) if isinstance(factor, (int, float)) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Operator:
        return -1.0 * self

    def __matmul__(self, other: Any) -> Operator:
        from pide.operators.algebra import Composition

        return Composition(self, other) if isinstance(other, Operator) else NotImplemented
