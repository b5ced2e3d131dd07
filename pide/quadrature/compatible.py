"""Weights of the asymptotically compatible monotone scheme for radial kernels on lattices.

Symbols: n dimension; h_a spacing; z_j = (j_a h_a); delta horizon; W(z) = |z|^2 / |z|_1; phi_j multilinear hat
function of the lattice; beta_j weight; J_a largest listed offset; R_a number of cells integrated along axis a.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array, as_float, is_numpy, like, namespace, to_host
from pide.continuum.kernels.base import Kernel
from pide.quadrature.cells import ROUNDING, Boxes, cells_by_slab, origin_boxes, refine
from pide.quadrature.rules import PointRule, box_rule, corner_rule, cut_rule, gauss, orders
from pide.quadrature.symmetry import equal_spacings, orbit_sizes, symmetric_octant
from pide.quadrature.tail import mass_outside_box
from pide.quadrature.weights import LatticeWeights

__all__ = ["compatible_weights"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEGLIGIBLE_VALUE = 1e-30

CHUNK = 1 << 17
"""About as many quadrature points are held at a time."""


def compatible_weights(kernel: Kernel, spacing: Sequence[float], reach: Sequence[int]) -> LatticeWeights:
    """Weights beta_j = (1/W(z_j)) int phi_j(z) W(z) gamma(|z|) dz >= 0, with W(z) = |z|^2 / |z|_1.

    Parameters
    ----------
    kernel : Kernel
        Radial kernel gamma, possibly singular (up to r^(-n-2s), s < 1) and of infinite horizon.
    spacing : sequence of float, length n in {1, 2, 3}
        h_a, unit length.
    reach : sequence of int, length n
        Largest |j_a| that the caller needs; more than the support of the weights is not listed.

    Returns
    -------
    LatticeWeights
        octant[j] = beta_j in the namespace, dtype and device of array parameters, with gradients in torch.
        rate is the sum of all weights; where the kernel reaches beyond the listed ones, those are integrated one
        cell further and the rest enters as int gamma over the complement of that box.

    Notes
    -----
    L_h v(x) = sum_j beta_j (v(x + z_j) - v(x)) is of order h^2 for a fixed kernel and converges to the local limit
    when delta -> 0 with h/delta fixed: by the choice of W, sum_j beta_j |z_j|^2 = int gamma |z|^2 dz exactly. On
    lattices with unequal spacings only this trace is exact; the factors 1 + sum_a mu_a omega_a(z_j),
    omega_a(z) = z_a^2 / |z|^2 / (1 + |z|^2 / (4 max h)^2), then restore each sum_j beta_j z_{j,a}^2 as far as they
    stay nonnegative, which `notes` tells.

    The support is {j : some cell around z_j meets B_delta}. Quadrature is by Gauss rules where the integrand is
    analytic (Gauss-Jacobi at the singularity, sectors on cells cut by the horizon): errors about 1e-13 of each
    weight of a power law, and of the largest weight of a kernel that varies on a length. Cost: some ten million
    kernel values for 512^2 or 128^3 offsets. Results for kernels without array parameters are cached. Weights are
    not differentiable in the horizon.

    Raises
    ------
    ValueError
        If the spacing and the reach are not n positive numbers.

    References
    ----------
    X. Tian, Q. Du, Analysis and comparison of different approximations to nonlocal diffusion and linear
    peridynamic equations, SIAM J. Numer. Anal. 51 (2013). Q. Du, Y. Tao, X. Tian, J. Yang, Asymptotically
    compatible discretization of multidimensional nonlocal diffusion models, IMA J. Numer. Anal. 39 (2019).
    """
    steps, counts = tuple(float(h) for h in spacing), tuple(int(J) for J in reach)
    _check(steps, counts)
    return _compute(kernel, steps, counts) if kernel.arrays else _cached(kernel, steps, counts)


def _check(spacing: tuple[float, ...], reach: tuple[int, ...]) -> None:
    if len(spacing) not in (1, 2, 3) or len(reach) != len(spacing):
        raise ValueError(
            f"compatible_weights: {len(spacing)} spacings and {len(reach)} reaches: one, two or three of each are "
            "needed. Pass spacing=grid.spacing and one reach per axis."
        )
    if not all(0 < h < math.inf for h in spacing) or any(J < 1 for J in reach):
        raise ValueError(
            f"compatible_weights(spacing={spacing}, reach={reach}): positive finite spacings and reaches of at least "
            "1 are needed. Write reach=(1, ...) for the nearest neighbours only."
        )


@lru_cache(maxsize=16)
def _cached(kernel: Kernel, spacing: tuple[float, ...], reach: tuple[int, ...]) -> LatticeWeights:
    weights = _compute(kernel, spacing, reach)
    if is_numpy(weights.octant):
        weights.octant.flags.writeable = False
    return weights


def _compute(kernel: Kernel, spacing: tuple[float, ...], reach: tuple[int, ...]) -> LatticeWeights:
    support = _support(kernel.horizon, spacing)
    counts = tuple(J + 1 for J in reach) if support is None else tuple(map(min, (J + 1 for J in reach), support))
    listed = reach if support is None else tuple(map(min, reach, support))
    isotropic = equal_spacings(spacing)
    ordered = isotropic and len(set(counts)) == 1
    octant, moments = _integrate(kernel, spacing, counts, ordered)
    notes = list(_resolution_notes(kernel, spacing))
    if not isotropic:
        octant, corrected = _restore_moments(octant, moments, spacing)
        if not corrected:
            notes.append("not asymptotically compatible: unequal spacings, second moments not restored")
    rate = namespace(octant).sum(octant * like(_multiplicity(octant.shape), octant))
    if support is None or any(m < J for m, J in zip(counts, support, strict=True)):
        box = tuple(m * h for m, h in zip(counts, spacing, strict=True))
        rate = rate + mass_outside_box(kernel, box)
        notes.append(f"tail: offsets beyond {listed} enter the rate, partly as the integral of the kernel")
    octant = octant[tuple(slice(J + 1) for J in listed)]
    return LatticeWeights(octant if ordered else symmetric_octant(octant, spacing), rate, support, tuple(notes))


def _support(horizon: float, spacing: tuple[float, ...]) -> tuple[int, ...] | None:
    """Largest |j_a| for which a cell around z_j meets the ball: the cells along an axis do so last."""
    if math.isinf(horizon):
        return None
    return tuple(max(1, math.ceil(horizon / h * (1 - ROUNDING))) for h in spacing)


def _resolution_notes(kernel: Kernel, spacing: tuple[float, ...]) -> Iterator[str]:
    h, length = max(spacing), kernel.length(len(spacing))
    if kernel.horizon < 2 * h * (1 - ROUNDING):
        yield f"unresolved: horizon {kernel.horizon:g} < 2 h = {2 * h:g}"
    if length < min(h, kernel.horizon):
        yield f"unresolved: the kernel varies on {length:g} < h = {h:g}"


class _Part(NamedTuple):
    """Integrals over cells (P, n): int phi_e W gamma at their 2^n corners e, (P, 2^n), and int gamma z_a^2, (n,)."""

    cell: Integers
    corners: Array
    moments: Array


def _integrate(
    kernel: Kernel, spacing: tuple[float, ...], counts: tuple[int, ...], ordered: bool
) -> tuple[Array, Array]:
    """Weights of offsets 0 <= j_a <= R_a from the cells c_a < R_a, and int gamma z_a^2 over those cells.

    Notes
    -----
    With `ordered`, a cell with c_1 >= c_2 >= ... stands for its mirror images, and its corners for theirs.
    """
    n = len(spacing)
    shape = tuple(m + 1 for m in counts)
    flat: Array = None
    moments: Array = 0.0
    for part in _parts(kernel, spacing, counts, ordered):
        values, offsets = part.corners, part.cell[:, None, :] + _corners(n)
        if ordered:
            values = values * like(orbit_sizes(tuple(part.cell.T))[:, None], values)
            offsets = np.flip(np.sort(offsets, axis=-1), axis=-1)
        places = np.ravel_multi_index(tuple(np.moveaxis(offsets, -1, 0)), shape)
        flat = like(np.zeros(math.prod(shape)), values) if flat is None else flat
        _add_at(flat, places.ravel(), namespace(values).reshape(values, (-1,)))
        moments = moments + part.moments
    octant = namespace(flat).reshape(flat, shape) * like(_corner_factor(shape, spacing, ordered), flat)
    return (symmetric_octant(octant, spacing) if ordered else octant), 2**n * moments


def _corner_factor(shape: tuple[int, ...], spacing: tuple[float, ...], ordered: bool) -> Floats:
    """What turns integrals over the cells of one octant into weights: images of the cells and 1/W(z_j)."""
    j = np.indices(shape, sparse=True)
    z = [k * h for k, h in zip(j, spacing, strict=True)]
    squares = np.asarray(sum(z_a**2 for z_a in z))
    squares[(0,) * len(shape)] = 1.0
    factor: Floats = sum(z) / squares
    for k in j:
        factor = factor * np.where(k == 0, 2.0, 1.0)
    return factor / orbit_sizes(j) if ordered else factor


def _parts(kernel: Kernel, spacing: tuple[float, ...], counts: tuple[int, ...], ordered: bool) -> Iterator[_Part]:
    n, horizon, length = len(spacing), float(kernel.horizon), as_float(kernel.length(len(spacing)))
    box, rest = origin_boxes(spacing, horizon, length)
    a = kernel.singularity(n)
    rule = corner_rule(box, a)
    regular = kernel.regular_part(np.sqrt(np.sum(rule.points**2, axis=-1)), n)
    origin = PointRule(np.zeros((1, n), dtype=np.int64), rule.points, np.ones(1))
    weights = like(rule.weights, regular) if is_numpy(rule.weights) else rule.weights
    yield _part(origin, regular * weights, spacing)
    yield from _box_parts(kernel, rest, spacing)
    for cells in cells_by_slab(counts, spacing, ordered):
        yield from _box_parts(kernel, cells, spacing)


def _box_parts(kernel: Kernel, boxes: Boxes, spacing: tuple[float, ...]) -> Iterator[_Part]:
    n, horizon, length = len(spacing), float(kernel.horizon), as_float(kernel.length(len(spacing)))
    boxes = refine(boxes, horizon, length)
    cut = boxes.farthest > horizon
    cells = np.all(boxes.upper - boxes.lower > 0.75 * np.array(spacing), axis=1) & ~cut
    q = np.where(_negligible(kernel, boxes, n), 2, orders(boxes, length))
    for order in np.unique(q):
        here = q == order
        for chunk in _chunks(boxes[here & cells], order**n):
            yield _cell_part(kernel, chunk, int(order), spacing)
        for chunk in _chunks(boxes[here & ~cells & ~cut], order**n):
            yield _rule_part(kernel, box_rule(chunk, int(order)), spacing)
        for chunk in _chunks(boxes[here & cut], 4 * order**n):
            for rule in cut_rule(chunk, horizon, int(order)):
                yield _rule_part(kernel, rule, spacing)


def _negligible(kernel: Kernel, boxes: Boxes, n: int) -> NDArray[np.bool_]:
    """Boxes at which a kernel that varies on a length l has decayed to nothing, compared with its value at l."""
    length = as_float(kernel.length(n))
    if math.isinf(length):
        return np.zeros(len(boxes), dtype=np.bool_)
    near, far = boxes.nearest, boxes.farthest
    radii = np.stack([np.full_like(near, length), near, (near + far) / 2, far])
    values = np.abs(to_host(_kernel_values(kernel, radii, n))) * radii ** (n + 2)
    return np.asarray(np.max(values[1:], axis=0) < NEGLIGIBLE_VALUE * values[0])


def _chunks(boxes: Boxes, points: int) -> Iterator[Boxes]:
    length = max(1, CHUNK // points)
    for start in range(0, len(boxes), length):
        yield boxes[start : start + length]


def _cell_part(kernel: Kernel, boxes: Boxes, q: int, spacing: tuple[float, ...]) -> _Part:
    """Whole cells: the hats at the points of a tensor rule are the same for all of them."""
    n = len(spacing)
    g, w = gauss(q)
    x = [boxes.lower[(slice(None), a) + (None,) * n] + h * _along(g, a, n) for a, h in enumerate(spacing)]
    squares = np.asarray(sum(x_a**2 for x_a in x))
    weights = np.asarray(math.prod(_along(w * h, a, n) for a, h in enumerate(spacing)))
    gamma = _kernel_values(kernel, np.sqrt(squares), n)
    weighted = gamma * like(weights * squares / sum(x), gamma)
    hats = np.stack([math.prod(_along(g if e else 1 - g, a, n) for a, e in enumerate(c)) for c in _corners(n)], axis=-1)
    xp = namespace(gamma)
    hats = like(hats.reshape(-1, 2**n), gamma)
    corners = xp.matmul(xp.reshape(weighted, (len(boxes), -1)), hats)
    return _Part(boxes.cell, corners, _moments(gamma, x, weights, spacing))


def _along(values: Floats, axis: int, n: int) -> Floats:
    """`values` along axis 1 + axis of an array with n + 1 axes."""
    return values.reshape((1,) * (axis + 1) + (-1,) + (1,) * (n - axis - 1))


def _rule_part(kernel: Kernel, rule: PointRule, spacing: tuple[float, ...]) -> _Part:
    n = len(spacing)
    gamma = _kernel_values(kernel, np.sqrt(np.sum(rule.points**2, axis=-1)), n)
    return _part(rule, gamma * like(rule.weights, gamma), spacing)


def _part(rule: PointRule, measure: Array, spacing: tuple[float, ...]) -> _Part:
    """Integrals from the values of gamma dz at the points, (P, Q)."""
    n = len(spacing)
    x = [rule.points[..., a] for a in range(n)]
    weighted = measure * like(np.asarray(sum(x_a**2 for x_a in x) / sum(x)), measure)
    fractions = [x_a / h - rule.cell[:, None, a] for a, (x_a, h) in enumerate(zip(x, spacing, strict=True))]
    xp = namespace(measure)
    corners = []
    for corner in _corners(n):
        hat = np.asarray(math.prod(f if e else 1 - f for f, e in zip(fractions, corner, strict=True)))
        corners.append(xp.sum(weighted * like(hat, measure), axis=1))
    return _Part(rule.cell, xp.stack(corners, axis=1), _moments(measure, x, np.ones(1), spacing))


def _moments(measure: Array, x: list[Floats], weights: Floats, spacing: tuple[float, ...]) -> Array:
    """int gamma z_a^2, needed only where the spacings differ."""
    xp = namespace(measure)
    if equal_spacings(spacing):
        return like(np.zeros(len(spacing)), measure)
    return xp.stack([xp.sum(measure * like(weights * x_a**2, measure)) for x_a in x])


def _kernel_values(kernel: Kernel, r: Floats, n: int) -> Array:
    """gamma(r) for r > 0 without cutoff."""
    a = kernel.singularity(n)
    regular = kernel.regular_part(r, n)
    return regular if isinstance(a, float) and a == 0.0 else regular * like(r, regular) ** -a


def _add_at(total: Array, places: Integers, values: Array) -> None:
    """Add `values` to `total` at `places`, in place; gradients pass."""
    if is_numpy(total):
        np.add.at(total, places, values)
    else:
        total.index_add_(0, namespace(total).asarray(places, device=total.device), values)


def _corners(n: int) -> Integers:
    return np.array(list(product((0, 1), repeat=n)))


def _multiplicity(shape: tuple[int, ...]) -> Floats:
    """Number of offsets (+-j_1, ..., +-j_n)."""
    counts = [np.where(k > 0, 2.0, 1.0) for k in np.indices(shape, sparse=True)]
    return np.asarray(math.prod(counts[1:], start=counts[0]))


def _restore_moments(octant: Array, moments: Array, spacing: tuple[float, ...]) -> tuple[Array, bool]:
    """Octant with sum_j beta_j z_{j,a}^2 = moments_a, and whether nonnegativity allowed it."""
    xp = namespace(octant)
    z = [k * h for k, h in zip(np.indices(octant.shape, sparse=True), spacing, strict=True)]
    squared = np.asarray(sum(z_a**2 for z_a in z))
    local = np.where(squared > 0, squared, 1.0) * (1 + squared / (4 * max(spacing)) ** 2)
    omega = [like(z_a**2 / local, octant) for z_a in z]
    counted = octant * like(_multiplicity(octant.shape), octant)
    squares = [counted * like(z_a**2, octant) for z_a in z]
    matrix = xp.stack([xp.stack([xp.sum(w * z2) for w in omega]) for z2 in squares])
    mu = xp.linalg.solve(matrix, moments - xp.stack([xp.sum(z2) for z2 in squares]))
    factor = 1 + sum(mu[a] * w for a, w in enumerate(omega))
    if as_float(xp.min(factor)) < 0:
        return octant, False
    return octant * factor, True
