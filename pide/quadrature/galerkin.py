"""Galerkin weights of potentials: the kernel averaged over pairs of lattice cells.

Symbols: n dimension; h_a spacing; m = h_1 ... h_n; z_j = (j_a h_a); phi_j multilinear hat function of the lattice;
k kernel; beta_j weight; J_a largest listed offset; R_a offsets below it are integrated cell by cell; q points per axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from pide.arrays import Array, as_float, is_numpy, like, namespace
from pide.continuum.potentials import Potential
from pide.quadrature.cells import Boxes, cells_by_slab, origin_boxes, refine
from pide.quadrature.rules import CORNER_ORDER, box_rule, gauss, orders
from pide.quadrature.symmetry import symmetric_octant

__all__ = ["galerkin_weights", "hat_rule", "symbol_floor"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEAR = 8
"""Offsets up to so many of the largest spacing are integrated cell by cell."""

DIGITS = 33.0
"""-log of the relative error of a weight away from the origin, from the ellipse of convergence."""

CHUNK = 1 << 17
"""About as many quadrature points are held at a time."""


def galerkin_weights(potential: Potential, spacing: Sequence[float], reach: Sequence[int]) -> Array:
    """beta_j = (1/m) int int over two cells at offset z_j of k(|x - y|) dx dy = int phi_j(z) k(|z|) dz.

    Parameters
    ----------
    potential : Potential
        `RieszPotential` or `LogPotential`.
    spacing : sequence of float, length n in {1, 2, 3}
        h_a, unit length; unequal spacings are fine.
    reach : sequence of int, length n
        Largest |j_a| that the caller needs.

    Returns
    -------
    array, shape (J_1 + 1, ..., J_n + 1), unit length^(2s)
        Weights of offsets 0 <= j_a <= J_a, even in every component; the self cell beta_0 is finite and not 0. In the
        namespace of an array s, with gradients in torch.

    Notes
    -----
    A v(x_i) = sum_j beta_j v(x_i + z_j) is the mean over the cell of x_i of the potential of a density that is
    constant on cells. Its symbol sum_j beta_j e^{i j theta} = sum over periods of |k|^{-2s} prod_a sinc^2(k_a h_a / 2)
    is positive (see `symbol_floor`), hence <A v, v> > 0, for the logarithm where sum v = 0. For smooth v the error
    is O(h^2).

    The cell at the origin: along rays the integral of k times the polynomial phi_j is exact, across them Gauss rules.
    Near cells: tensor Gauss rules on each cell. Far offsets: Gauss rules for the weight phi_j, the rule with one point
    being the midpoint rule, with two its second-order correction, with as many as the ellipse of convergence asks for.
    Errors are below 1e-13 of the largest weight, up to rounding. Weights are bitwise equal under swaps of axes with
    equal spacing, and when all arguments are swapped. Cost: about 10 to 50 kernel values per offset, one in n! of
    them being computed when the spacings are equal. Results for numbers s are cached.

    Raises
    ------
    ValueError
        If the spacing and the reach are not n positive numbers; or s is not in the range of the dimension.
    """
    steps, counts = tuple(float(h) for h in spacing), tuple(int(J) for J in reach)
    _check(steps, counts)
    number = isinstance(potential.order(len(steps)), (int, float))
    axes = sorted(range(len(steps)), key=lambda a: (steps[a], -counts[a]))
    octant = (_cached if number else _compute)(potential, tuple(steps[a] for a in axes), tuple(counts[a] for a in axes))
    return namespace(octant).permute_dims(octant, tuple(sorted(range(len(axes)), key=axes.__getitem__)))


def symbol_floor(potential: Potential, spacing: Sequence[float]) -> float:
    """(sum_a pi^2 / h_a^2)^{-s} (2/pi)^{2n} > 0, a lower bound of the symbol of the Galerkin weights.

    Notes
    -----
    By Poisson summation the symbol at theta in [-pi, pi]^n is sum over m in Z^n of |k|^{-2s} prod_a sinc^2(k_a h_a/2)
    at k_a = (theta_a + 2 pi m_a) / h_a. All terms are nonnegative, and the one with m = 0 is smallest in the corner
    theta = (pi, ..., pi). It bounds the eigenvalues on any set of nodes from below, for the logarithm on zero-mean
    fields.
    """
    n = len(spacing)
    corner = sum((math.pi / h) ** 2 for h in spacing)
    return float(corner ** -as_float(potential.order(n)) * (2 / math.pi) ** (2 * n))


def _check(spacing: tuple[float, ...], reach: tuple[int, ...]) -> None:
    valid = len(spacing) in (1, 2, 3) and len(reach) == len(spacing)
    if not valid or not all(0 < h < math.inf for h in spacing) or any(J < 0 for J in reach):
        raise ValueError(
            f"galerkin_weights(spacing={spacing}, reach={reach}): one to three positive spacings are needed and a "
            "reach >= 0 for each. Pass spacing=grid.spacing and reach=[n - 1 for n in grid.shape]."
        )


@lru_cache(maxsize=16)
def _cached(potential: Potential, spacing: tuple[float, ...], reach: tuple[int, ...]) -> Array:
    weights = _compute(potential, spacing, reach)
    if is_numpy(weights):
        weights.flags.writeable = False
    return weights


def _compute(potential: Potential, spacing: tuple[float, ...], reach: tuple[int, ...]) -> Array:
    """Weights of one representative of every orbit of axis swaps, spread over the octant."""
    shape = tuple(J + 1 for J in reach)
    places = np.arange(math.prod(shape)).reshape(shape)
    source = np.asarray(symmetric_octant(places, spacing)).ravel()
    counts = tuple(min(extent, math.ceil(NEAR * max(spacing) / h)) for extent, h in zip(shape, spacing, strict=True))
    near = places[tuple(slice(0, count) for count in counts)].ravel()
    far = source == places.ravel()
    far[near] = False
    offsets = np.flatnonzero(far)
    values = _near(potential, spacing, counts)
    xp = namespace(values)
    if offsets.size:
        values = xp.concat([values, _far(potential, spacing, np.stack(np.unravel_index(offsets, shape), axis=-1))])
    position = np.zeros(places.size, dtype=np.int64)
    position[near] = np.arange(near.size)
    position[offsets] = near.size + np.arange(offsets.size)
    return xp.reshape(xp.take(values, _indices(position[source], values), axis=0), shape)


def _near(potential: Potential, spacing: tuple[float, ...], counts: tuple[int, ...]) -> Array:
    """Weights of offsets 0 <= j_a < counts_a, flattened, from the integrals over cells times hats at their corners."""
    shape = tuple(count + 1 for count in counts)
    total: Array = 0.0
    for cell, integrals in _cells(potential, spacing, counts):
        places = np.ravel_multi_index(tuple(np.moveaxis(cell[:, None, :] + _corners(len(shape)), -1, 0)), shape)
        total = total + _sums(integrals, places, math.prod(shape))
    images = np.ones(shape)
    for j in np.indices(shape, sparse=True):
        images = images * np.where(j == 0, 2.0, 1.0)
    xp = namespace(total)
    octant = xp.reshape(total, shape) * like(images, total)
    return xp.reshape(octant[tuple(slice(0, count) for count in counts)], (-1,))


def _cells(
    potential: Potential, spacing: tuple[float, ...], counts: tuple[int, ...]
) -> Iterator[tuple[Integers, Array]]:
    """Cells (P, n) and int k phi over each at its 2^n corners, (P, 2^n); a cell may come in several pieces."""
    box, rest = origin_boxes(spacing, math.inf, math.inf)
    yield np.zeros((1, len(spacing)), dtype=np.int64), _origin(potential, spacing, box)
    for boxes in (rest, *cells_by_slab(counts, spacing, ordered=False)):
        boxes = refine(boxes, math.inf, math.inf)
        q = orders(boxes, math.inf)
        for order in np.unique(q):
            group = boxes[q == order]
            step = max(1, CHUNK // int(order) ** len(spacing))
            for start in range(0, len(group), step):
                chunk = group[start : start + step]
                yield chunk.cell, _gauss_cells(potential, spacing, chunk, int(order))


def _origin(potential: Potential, spacing: tuple[float, ...], box: Floats) -> Array:
    """int over [0, b] of k times the hats at the corners of the cell, (1, 2^n).

    The box is n pyramids: z = t y with y on the face y_i = b_i, dz = b_i t^(n-1) dt dy, and the hats are polynomials
    in t with coefficients that depend on y.
    """
    n = len(spacing)
    g, w = gauss(CORNER_ORDER)
    total: Array = 0.0
    for axis in range(n):
        sides = [np.ones(1) * box[a] if a == axis else g * box[a] for a in range(n)]
        weights = [np.ones(1) * box[a] if a == axis else w * box[a] for a in range(n)]
        y = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, n)
        dy = np.asarray(math.prod(np.meshgrid(*weights, indexing="ij"))).ravel()
        rho = np.sqrt(np.sum(y**2, axis=1))
        coefficients = np.stack([_ray_polynomial(y / np.asarray(spacing), corner) for corner in _corners(n)], axis=1)
        for m in range(n + 1):
            moment = potential.ray_moment(rho, m, n)
            total = total + namespace(moment).matmul(moment, like(dy[:, None] * coefficients[..., m], moment))
    return total[None, :]


def _ray_polynomial(y: Floats, corner: Integers) -> Floats:
    """Coefficients (P, n + 1) in t of the hat of a corner at t y: prod_a t y_a or 1 - t y_a."""
    n = y.shape[1]
    coefficients = np.zeros((len(y), n + 1))
    coefficients[:, 0] = 1.0
    for a, upper in enumerate(corner):
        shifted = np.zeros_like(coefficients)
        shifted[:, 1:] = coefficients[:, :-1] * y[:, a : a + 1]
        coefficients = shifted if upper else coefficients - shifted
    return coefficients


def _gauss_cells(potential: Potential, spacing: tuple[float, ...], boxes: Boxes, q: int) -> Array:
    """int over boxes of k times the hats at the corners of their cells, (P, 2^n)."""
    n = len(spacing)
    rule = box_rule(boxes, q)
    k = potential.kernel(np.sqrt(np.sum(rule.points**2, axis=-1)), n)
    fractions = rule.points / np.asarray(spacing) - boxes.cell[:, None, :]
    hats = [np.prod(np.where(corner, fractions, 1 - fractions), axis=-1) for corner in _corners(n)]
    xp = namespace(k)
    return xp.stack([xp.sum(k * like(rule.weights * hat, k), axis=1) for hat in hats], axis=1)


def _far(potential: Potential, spacing: tuple[float, ...], offsets: Integers) -> Array:
    """int phi_j k for offsets (F, n) by tensor Gauss rules for the weight phi_j."""
    n, m = len(spacing), math.prod(spacing)
    q = _far_orders(offsets, np.asarray(spacing))
    parts, sources = [], []
    for order in np.unique(q):
        t, w = hat_rule(int(order))
        weights = w
        for _ in range(n - 1):
            weights = np.multiply.outer(weights, w)
        group = np.flatnonzero(q == order)
        sources.append(group)
        step = max(1, CHUNK // int(order) ** n)
        for start in range(0, len(group), step):
            j = offsets[group[start : start + step]]
            squares: Floats = np.zeros(1)
            for a, h in enumerate(spacing):
                squares = np.asarray(
                    squares[..., None] + (((j[:, a : a + 1] + t) * h) ** 2).reshape(-1, *(1,) * a, len(t))
                )
            k = potential.kernel(np.sqrt(squares.reshape(len(j), -1)), n)
            parts.append(m * namespace(k).matmul(k, like(weights.ravel(), k)))
    xp = namespace(parts[0])
    return xp.take(xp.concat(parts), _indices(np.argsort(np.concatenate(sources)), parts[0]), axis=0)


def _far_orders(offsets: Integers, spacing: Floats) -> Integers:
    """Points per axis, from the ellipse of convergence about [z_a - h_a, z_a + h_a] that passes through |z| = 0.

    On axis a the nearest singularity is at z_a = +-i times the distance in the other coordinates; its distance from
    the middle is at least D_a = |(z_a, other coordinates one cell closer)|, so rho >= D_a/h_a + sqrt((D_a/h_a)^2 - 1).
    """
    z, closer = (offsets * spacing) ** 2, (np.maximum(offsets - 1, 0) * spacing) ** 2
    ratio = np.min(np.sqrt(np.sum(closer, axis=1)[:, None] - closer + z) / spacing, axis=1)
    return np.asarray(np.ceil(DIGITS / (2 * np.log(ratio + np.sqrt(ratio**2 - 1)))), dtype=np.int64)


@lru_cache(maxsize=32)
def hat_rule(q: int) -> tuple[Floats, Floats]:
    """Gauss rule for int_{-1}^1 (1 - |t|) f(t) dt with q points, exact for polynomials of degree 2 q - 1.

    Notes
    -----
    The recurrence of the orthogonal polynomials by Stieltjes' procedure with exact inner products, then the nodes and
    weights from the Jacobi matrix (Golub and Welsch 1969).
    """
    g, w = gauss(q + 2)
    x, weight = np.concatenate([-g, g]), np.tile((1 - g) * w, 2)
    previous, current, norms = np.zeros_like(x), np.ones_like(x), [1.0]
    for _ in range(q - 1):
        ratio = norms[-1] / norms[-2] if len(norms) > 1 else 0.0
        previous, current = current, x * current - ratio * previous
        norms.append(float(np.sum(weight * current**2)))
    off = np.sqrt(np.array(norms[1:]) / np.array(norms[:-1]))
    nodes, vectors = eigh_tridiagonal(np.zeros(q), off)
    return np.asarray(nodes, dtype=np.float64), np.asarray(vectors[0] ** 2, dtype=np.float64)


def _corners(n: int) -> Integers:
    return np.array(list(product((0, 1), repeat=n)))


def _indices(index: Integers, values: Array) -> Array:
    return index if is_numpy(values) else like(index, values)


def _sums(values: Array, places: Integers, size: int) -> Array:
    """Array of length `size` with the sums of the values at each place; gradients pass."""
    flat = namespace(values).reshape(values, (-1,))
    if is_numpy(flat):
        return np.bincount(places.ravel(), weights=flat, minlength=size)
    return like(np.zeros(size), flat).index_add(0, _indices(places.ravel(), flat), flat)
