"""Gagliardo seminorm and fractional Sobolev norm of grid functions."""

from __future__ import annotations

from pide.arrays import Array, namespace
from pide.continuum.exterior import Exterior
from pide.continuum.kernels import PowerLaw
from pide.continuum.operators import FractionalLaplacian, NonlocalDiffusion
from pide.spaces.grid import Grid

__all__ = ["gagliardo_seminorm", "sobolev_norm"]


def gagliardo_seminorm(v: Array, s: float, on: Grid, exterior: Exterior | None = None) -> Array:
    """|v|_{H^s} = (int int |v(x) - v(y)|^2 / |x - y|^{n+2s} dx dy)^{1/2}, 0 < s < 1.

    Parameters
    ----------
    v : array, shape (..., *on.shape)
    s : float
    on : Grid
    exterior : Exterior or None
        `Zero()`: v = 0 outside, both integrals over R^n. `Reflecting()`: both over Omega. On a torus (None) x runs
        over one period and y over R^n, v being periodic.

    Notes
    -----
    Measured by the compatible weights of |z|^{-n-2s}: |v|^2 = sum_i m sum_j beta_j (v_i - v_{i+j})^2, second order in
    h for smooth v. In the continuum (c_{n,s} / 2) |v|^2 = <(-Delta)^s v, v> for `Zero()` and on the torus (Di Nezza,
    Palatucci and Valdinoci 2012, Proposition 3.6); the discrete (-Delta)^s of `FractionalLaplacian` uses other weights,
    so the identity holds between them up to O(h^2).

    Raises
    ------
    ValueError
        Unless 0 < s < 1; or when the exterior condition is missing off the torus.
    """
    FractionalLaplacian(s)
    kernel = PowerLaw(exponent=on.dimension + 2 * s)
    L = NonlocalDiffusion(kernel, images=on.periodic).on(on, exterior=exterior)
    return namespace(v).sqrt(2.0 * on.inner(-L(v), v))


def sobolev_norm(v: Array, s: float, on: Grid, exterior: Exterior | None = None) -> Array:
    """|v|_{H^s} norm, (|v|_{L^2}^2 + |v|_{Gagliardo}^2)^{1/2}; arguments as for `gagliardo_seminorm`."""
    return namespace(v).sqrt(on.inner(v, v) + gagliardo_seminorm(v, s, on, exterior) ** 2)
