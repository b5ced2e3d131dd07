"""Other people's operators: functions, matrices, SciPy linear operators and torch modules as `Operator`s."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import LinearOperator

from pide.arrays import Array, is_numpy, namespace, to_host
from pide.claims import validate_claims
from pide.operators.base import Operator
from pide.spaces.space import Space

__all__ = ["FunctionOperator", "as_operator"]


@dataclass(frozen=True, eq=False, repr=False)
class FunctionOperator(Operator):
    """A u = f(u) for a user's function; nothing is known about it beyond the claims that were given."""

    space: Any
    f: Callable[[Array], Array]
    adjoint_f: Callable[[Array], Array] | None
    claims: frozenset[str]
    notes: tuple[str, ...] = ()
    load: Array | None = None
    bound: float | None = None

    def apply(self, u: Array) -> Array:
        return self.f(u)

    def spectral_bound(self) -> float:
        """Largest sum of moduli in a row, for matrices whose entries are known."""
        return super().spectral_bound() if self.bound is None else self.bound

    @property
    def adjoint(self) -> Operator:
        if self.adjoint_f is None:
            return super().adjoint
        claims = self.claims & {"linear", "adjoint"}
        return FunctionOperator(self.space, self.adjoint_f, self.f, claims, self.notes, bound=self.bound)


def as_operator(
    A: Any,
    on: Space,
    adjoint: Callable[[Array], Array] | None = None,
    claims: Iterable[str] = (),
) -> Operator:
    """Any linear map as an `Operator` on a space, to be verified, combined or solved with.

    Parameters
    ----------
    A : callable, matrix or LinearOperator
        A function of fields (..., *on.shape); or a square NumPy array, SciPy sparse matrix or LinearOperator that
        acts on `on.compress(u)`, one column per inside node. A torch module is a function of fields.
    on : Grid, PointCloud, Graph or Samples
        The space; it owns the inner product in which the adjoint is taken.
    adjoint : callable or None
        Function that applies the adjoint in the inner product of `on`. Matrices and LinearOperators bring theirs.
    claims : iterable of str
        What the operator asserts, from `pide.claims.CLAIMS`.

    Raises
    ------
    ValueError
        Unknown claims, or a matrix whose shape does not fit the space.
    TypeError
        When A is none of the above.

    Examples
    --------
    >>> import pide
    >>> grid = pide.Torus((1.0,)).grid(8)
    >>> shift = pide.as_operator(lambda u: u[..., ::-1], on=grid, claims={"linear"})
    >>> float(shift(grid.sample(lambda x: x))[0])
    0.875
    """
    if not isinstance(on, Space):
        raise TypeError(
            f"as_operator(on={type(on).__name__}): a grid, a cloud or a graph is needed. Write on=domain.grid(64)."
        )
    names = validate_claims(claims)
    if isinstance(A, LinearOperator) or scipy.sparse.issparse(A) or isinstance(A, np.ndarray):
        return _from_matrix(A, on, names)
    if not callable(A):
        raise TypeError(
            f"as_operator({type(A).__name__}): a function of fields, a NumPy or SciPy matrix, or a LinearOperator is "
            "needed. Write as_operator(lambda u: ..., on=grid)."
        )
    return FunctionOperator(on, _torch_module_as_function(A), adjoint, names, (f"function {_name(A)}",))


def _from_matrix(A: Any, on: Space, claims: frozenset[str]) -> Operator:
    if tuple(A.shape) != (on.count, on.count):
        raise ValueError(
            f"as_operator: the matrix has shape {tuple(A.shape)}, needed is ({on.count}, {on.count}), one row per node "
            "inside the domain, in the order of grid.compress(u)."
        )
    transpose = A.T if not isinstance(A, LinearOperator) else A.adjoint()

    masses = np.ones(1) if on.root_masses is None else on.compress(on.root_masses) ** 2

    def act(matrix: Any, weight: Any) -> Callable[[Array], Array]:
        def f(u: Array) -> Array:
            if not is_numpy(u):
                raise TypeError(
                    f"a SciPy or NumPy matrix acts on NumPy fields, not on {namespace(u).__name__}: the product would "
                    "leave the device. Write to_host(u), or pass a function of fields."
                )
            x = on.compress(u)
            y = matrix @ (x * weight).reshape(-1, on.count).T
            rows = np.ascontiguousarray(np.asarray(y).T).reshape(x.shape) / weight
            return np.asarray(on.expand(rows), dtype=u.dtype)

        return f

    bound = None
    if not isinstance(A, LinearOperator):
        largest = float(np.max(np.asarray(abs(A).sum(axis=1)), initial=0.0))
        bound = largest * (1 + 4 * on.count * float(np.finfo(np.float64).eps))
    name = f"matrix {type(A).__name__}"
    return FunctionOperator(on, act(A, np.ones(1)), act(transpose, masses), claims, (name,), bound=bound)


def _torch_module_as_function(A: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A torch module applied without gradients to NumPy fields too; other callables unchanged."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(A, torch.nn.Module):
        return A

    def f(u: Array) -> Array:
        if not is_numpy(u):
            return A(u)
        with torch.no_grad():
            return to_host(A(torch.from_numpy(np.ascontiguousarray(u))))

    return f


def _name(A: Any) -> str:
    return str(getattr(A, "__name__", type(A).__name__))
