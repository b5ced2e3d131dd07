"""Weights of a translation-invariant, even operator on a lattice."""

from __future__ import annotations

from dataclasses import dataclass

from pide.arrays import Array

__all__ = ["LatticeWeights"]


@dataclass(frozen=True, eq=False)
class LatticeWeights:
    """Rates beta_j of L v(x) = sum_{j != 0} beta_j (v(x + z_j) - v(x)), even in every component of j.

    Parameters
    ----------
    octant : array, shape (J_1 + 1, ..., J_n + 1), unit 1/time
        beta_j for 0 <= j_a <= J_a; the entry at the origin is 0. beta_{(+-j_1, ..., +-j_n)} are equal.
    rate : float or 0-d array, unit 1/time
        Sum of beta_j over all of Z^n, including offsets outside `octant`; where those are not listed they
        enter through the integral of the kernel over the complement of the box.
    support : tuple of int or None
        Largest |j_a| with beta_j > 0 per axis when the support is finite, else None.
    notes : tuple of str
        What the quadrature has to say: "unresolved: ...", stated tails, corrections applied.
    """

    octant: Array
    rate: Array
    support: tuple[int, ...] | None
    notes: tuple[str, ...] = ()
