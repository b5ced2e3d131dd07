"""Squared distances of features, by differences or by one matrix product, with gradients where points coincide."""

from __future__ import annotations

from pide.arrays import Array, namespace

__all__ = ["DISTANCES", "coincidence", "squared_distances"]

DISTANCES = ("differences", "products")


def squared_distances(x: Array, y: Array, by: str = "differences") -> Array:
    """|x_i - y_j|^2 of (..., M, C) and (..., N, C), shape (..., M, N).

    Parameters
    ----------
    x, y : arrays, shapes (..., M, C) and (..., N, C)
    by : {"differences", "products"}
        "differences": a sum of C squares of differences, exact to C rounding errors also for near points; memory M N
        per channel where gradients are kept. "products": |x|^2 + |y|^2 - 2 x.y after moving the mean of y to the
        origin, one matrix product; what is below its rounding error is 0, so that coincident points stay coincident.

    Notes
    -----
    The gradient at coincident points is 0. "products" errs by at most 2 (C + 2) u (|x|^2 + |y|^2), measured from the
    mean of y, u the roundoff, and takes pairs within that for coincident, by the rule of `coincidence`.

    Raises
    ------
    ValueError
        For an unknown `by`.
    """
    if by not in DISTANCES:
        raise ValueError(f"by={by!r}: there are {', '.join(map(repr, DISTANCES))}. Write one of them.")
    if by == "products":
        return _by_products(x, y)
    total = None
    for channel in range(x.shape[-1]):
        square = (x[..., :, None, channel] - y[..., None, :, channel]) ** 2
        total = square if total is None else total + square
    return total


def coincidence(channels: int, eps: float) -> float:
    """Pairs with |x_i - y_j|^2 <= this times |x_i|^2 are not told from coincident ones by products.

    2 (C + 2) u (|x|^2 + |y|^2) bounds the error of the square; |y|^2 <= 1.05 |x|^2 for pairs within it, for C <= 1000.
    """
    return 2.05 * (channels + 2) * eps


def _by_products(x: Array, y: Array) -> Array:
    xp = namespace(x, y)
    centre = xp.mean(y, axis=-2, keepdims=True)
    x, y = x - centre, y - centre
    own, others = xp.sum(x * x, axis=-1)[..., :, None], xp.sum(y * y, axis=-1)[..., None, :]
    square = own + others - 2.0 * xp.matmul(x, xp.matrix_transpose(y))
    limit = coincidence(x.shape[-1], float(xp.finfo(x.dtype).eps)) * own
    return xp.where(square <= limit, xp.zeros_like(square), square)
