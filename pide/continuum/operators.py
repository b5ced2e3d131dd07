"""Continuum operators: the nouns of the equations, stated before any grid.

nonlocal diffusion     L v(x) = int gamma(x, y) (v(y) - v(x)) dy              <= 0
fractional Laplacian   (-Delta)^s v = c_{n,s} p.v. int (v(x) - v(y)) / |x - y|^{n+2s} dy   >= 0
Laplacian              Delta v                                                 <= 0
multiplier             F^{-1}[m(k) F v](x) on the torus
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pide.arrays import Array
from pide.continuum.constants import check_order
from pide.continuum.exterior import Exterior
from pide.continuum.kernels import Kernel, TwoPoint

if TYPE_CHECKING:
    from pide.operators.base import Operator

__all__ = [
    "ContinuumOperator",
    "FractionalLaplacian",
    "Laplacian",
    "Multiplier",
    "NonlocalDiffusion",
    "OperatorSum",
    "ScaledOperator",
]


class ContinuumOperator(ABC):
    """A linear operator on functions; `on` discretises it, `+`, `-` and `*` combine it with others."""

    @property
    @abstractmethod
    def definiteness(self) -> int:
        """-1 for <A v, v> <= 0, +1 for >= 0, 0 when neither is known."""

    def on(
        self,
        space: Any,
        exterior: Exterior | None = None,
        scheme: str = "auto",
        engine: str = "auto",
        tol: float = 1e-6,
        quadrature: str = "auto",
    ) -> Operator:
        """Discretise on a space; see `pide.discretise.discretise` for the choices and the errors raised."""
        from pide.discretise import discretise

        return discretise(self, space, exterior=exterior, scheme=scheme, engine=engine, tol=tol, quadrature=quadrature)

    def __add__(self, other: Any) -> ContinuumOperator:
        if not isinstance(other, ContinuumOperator):
            return NotImplemented
        return OperatorSum((*_terms(self), *_terms(other)))

    def __mul__(self, factor: Any) -> ContinuumOperator:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        return ScaledOperator(float(factor), self)

    __rmul__ = __mul__

    def __neg__(self) -> ContinuumOperator:
        return -1.0 * self

    def __sub__(self, other: Any) -> ContinuumOperator:
        return self + (-1.0) * other if isinstance(other, ContinuumOperator) else NotImplemented


@dataclass(frozen=True)
class NonlocalDiffusion(ContinuumOperator):
    """L v(x) = int gamma(x, y) (v(y) - v(x)) dy.

    Parameters
    ----------
    kernel : Kernel or TwoPoint
        gamma: radial, gamma(|x - y|), or any omega(x, y).
    coefficient : callable or None
        a(*x) > 0; the kernel becomes sqrt(a(x) a(y)) gamma or (a(x) + a(y))/2 gamma.
    mean : {"geometric", "arithmetic"}
        Which of the two; both stay symmetric and FFT-fast.
    images : bool
        On a torus, sum the kernel over all periodic images; required when its horizon exceeds half a period.
    """

    kernel: Kernel | TwoPoint
    coefficient: Callable[..., Array] | None = None
    mean: Literal["geometric", "arithmetic"] = "geometric"
    images: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.kernel, (Kernel, TwoPoint)):
            raise TypeError(
                f"NonlocalDiffusion(kernel={type(self.kernel).__name__}): a kernel from pide.kernels is needed. For a "
                "function of the distance write kernels.Radial(f, horizon=...), for omega(x, y) kernels.TwoPoint(f)."
            )
        if self.mean not in ("geometric", "arithmetic"):
            raise ValueError(f"NonlocalDiffusion(mean={self.mean!r}): choose 'geometric' or 'arithmetic'.")

    @property
    def definiteness(self) -> int:
        return -1 if _is_symmetric_nonnegative(self.kernel) else 0


@dataclass(frozen=True)
class FractionalLaplacian(ContinuumOperator):
    """(-Delta)^s v(x) = c_{n,s} p.v. int (v(x) - v(y)) |x - y|^{-n-2s} dy, the integral one, 0 < s < 1.

    Its Fourier symbol on R^n and on the torus is |k|^{2s}; c_{n,s} = 4^s Gamma(n/2+s) / (pi^{n/2} |Gamma(-s)|)
    (Kwasnicki 2017). With `Reflecting()` the integral runs over Omega only: the regional fractional Laplacian.

    Parameters
    ----------
    s : float or 0-d torch tensor
        Half the differential order.

    Raises
    ------
    ValueError
        Unless 0 < s < 1.
    """

    s: Any

    def __post_init__(self) -> None:
        check_order(self.s, "FractionalLaplacian")

    @property
    def definiteness(self) -> int:
        return 1


@dataclass(frozen=True)
class Laplacian(ContinuumOperator):
    """Delta v, by the second-order difference of 2n + 1 points; for comparison and for sums."""

    @property
    def definiteness(self) -> int:
        return -1


@dataclass(frozen=True)
class Multiplier(ContinuumOperator):
    """A v = F^{-1}[m(k) F v] on the torus: a translation-invariant pseudo-differential operator with symbol m.

    Parameters
    ----------
    symbol : callable
        m(k_1, ..., k_n) at arrays of angular wavenumbers; real, or complex with m(-k) = conj(m(k)) so that real
        fields stay real.
    """

    symbol: Callable[..., Array]

    @property
    def definiteness(self) -> int:
        """0: the sign of m is known only once the wavenumbers are."""
        return 0


@dataclass(frozen=True)
class ScaledOperator(ContinuumOperator):
    """factor * A."""

    factor: float
    operator: ContinuumOperator

    def __post_init__(self) -> None:
        if not math.isfinite(self.factor):
            raise ValueError(f"{self.factor} * operator: the factor must be finite.")

    def distributed(self) -> ContinuumOperator:
        """The factor multiplied into sums and nested factors, so that each term knows its sign before a grid does."""
        inner = self.operator
        if isinstance(inner, ScaledOperator):
            return self.factor * inner.factor * inner.operator
        if isinstance(inner, OperatorSum):
            return OperatorSum(tuple(self.factor * term for term in inner.terms))
        return self

    @property
    def definiteness(self) -> int:
        return self.operator.definiteness * (1 if self.factor > 0 else -1 if self.factor < 0 else 0)


@dataclass(frozen=True)
class OperatorSum(ContinuumOperator):
    """A_1 + ... + A_m; semidefinite when all terms share the sign."""

    terms: tuple[ContinuumOperator, ...]

    @property
    def definiteness(self) -> int:
        signs = {term.definiteness for term in self.terms}
        return signs.pop() if len(signs) == 1 else 0


def _terms(A: ContinuumOperator) -> tuple[ContinuumOperator, ...]:
    return A.terms if isinstance(A, OperatorSum) else (A,)


def _is_symmetric_nonnegative(kernel: Kernel | TwoPoint) -> bool:
    return bool(getattr(kernel, "symmetric", True) and getattr(kernel, "nonnegative", True))
