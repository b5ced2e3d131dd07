"""Which engine sums over the pairs of a cloud, and the sum that it gives."""

from __future__ import annotations

import difflib
import importlib.util
import math

import numpy as np

from pide.arrays import Array
from pide.continuum.kernels import Kernel, TwoPoint
from pide.continuum.potentials import Potential
from pide.operators.dense_sum import DenseSum
from pide.operators.nufft import ClusteredError, nonequispaced_sum, split_radius
from pide.operators.pair_sum import PairSum
from pide.operators.tree import tree_sum
from pide.quadrature.kernel_split import radial_form
from pide.spaces.cloud import PointCloud

__all__ = ["ENGINES", "check_choice", "chosen_engine", "pair_sum"]

ENGINES = ("auto", "sparse", "dense", "nufft", "ducc0", "tree")

_STORED = 11000
"""Largest number of points whose matrix is stored: assembling it takes four times its 1 GB."""
_SMALL = 4000
"""Largest number of points for which "auto" stores the matrix."""

Radial = Kernel | Potential


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that a cloud does not have."""
    if value not in known:
        near = difflib.get_close_matches(str(value), known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"{name}={value!r}: {hint}a point cloud has {', '.join(map(repr, known))}. Write one of them.")


def chosen_engine(engine: str, kernel: Radial | TwoPoint, cloud: PointCloud, tol: float) -> str:
    """The engine: "sparse", "stored", "blocks", "nufft", "ducc0" or "tree".

    Raises
    ------
    ValueError
        For an engine that cannot sum this kernel on this cloud.
    """
    horizon = kernel.horizon if isinstance(kernel, (Kernel, TwoPoint)) else None
    horizon = math.inf if horizon is None else horizon
    _refuse_horizon(engine, horizon, cloud)
    if engine == "sparse" or (engine == "auto" and math.isfinite(horizon)):
        return "sparse"
    splits = not isinstance(kernel, TwoPoint) and radial_form(kernel, cloud.dimension) is not None
    if engine in ("nufft", "ducc0") and not splits:
        raise ValueError(
            f"engine={engine!r} with {kernel!r}: it sums power laws, logarithms, Gaussians, exponentials and tempered "
            "power laws without a horizon. Leave engine out, or write engine='dense'."
        )
    if engine == "tree" and isinstance(kernel, TwoPoint):
        raise ValueError("engine='tree' with a TwoPoint kernel: it needs a radial one. Write engine='dense'.")
    if engine == "auto":
        engine = _automatic(kernel, cloud, tol, splits)
    if engine != "dense":
        return engine
    if cloud.count <= _STORED:
        return "stored"
    if isinstance(kernel, TwoPoint):
        raise ValueError(
            f"engine='dense' on {cloud.count} points: assembling it needs {32 * cloud.count**2 / 2**30:.1f} GiB, at "
            "most 4 are taken. Give the kernel a horizon, or take fewer points."
        )
    return "blocks"


def _refuse_horizon(engine: str, horizon: float, cloud: PointCloud) -> None:
    if math.isfinite(horizon) and cloud.periodic and cloud.domain is not None:
        period = min(b - a for a, b in cloud.domain.bounds)
        if 2 * horizon > period:
            raise ValueError(
                f"horizon {horizon:g} on a torus of period {period:g}: it exceeds half a period. "
                "Take a smaller horizon, or a grid with NonlocalDiffusion(kernel, images=True)."
            )
    if math.isinf(horizon) and engine == "sparse":
        raise ValueError("engine='sparse': the kernel has no horizon. Write engine='dense', or a kernel with horizon=.")
    if math.isinf(horizon) and cloud.periodic:
        raise ValueError("a kernel without horizon on a torus of scattered points: images are not summed. Use a grid.")
    if math.isfinite(horizon) and engine == "tree":
        raise ValueError("engine='tree': the kernel has a horizon, where it is not smooth. Write engine='sparse'.")


def _automatic(kernel: Radial | TwoPoint, cloud: PointCloud, tol: float, splits: bool) -> str:
    if cloud.count <= _SMALL or isinstance(kernel, TwoPoint):
        return "dense"
    if not importlib.util.find_spec("numba"):
        return "dense"
    if not splits or not importlib.util.find_spec("finufft"):
        return "tree"
    form = radial_form(kernel, cloud.dimension)
    assert form is not None
    try:
        split_radius(cloud.points, form, tol)
    except ClusteredError:
        return "tree"
    return "nufft"


def pair_sum(kernel: Radial, cloud: PointCloud, kind: str, tol: float) -> PairSum:
    """The sum over pairs by the engine `kind`, one of those of `chosen_engine` that do not store rates."""
    n = cloud.dimension

    def of_square(square: Array) -> Array:
        form = radial_form(kernel, n)
        return np.asarray(kernel(np.sqrt(square), n)) if form is None else form(square)  # type: ignore[operator]

    if kind in ("nufft", "ducc0"):
        form = radial_form(kernel, n)
        assert form is not None
        purpose = "potential" if isinstance(kernel, Potential) else "rates"
        backend = "finufft" if kind == "nufft" else "ducc0"
        return nonequispaced_sum(cloud.points, cloud.masses, form, tol, purpose=purpose, backend=backend)
    if kind == "tree":
        radial = kernel.kernel if isinstance(kernel, Potential) else kernel
        return tree_sum(cloud.points, cloud.masses, radial, n, tol)
    return DenseSum(cloud.points, cloud.masses, of_square, stored=kind == "stored")
