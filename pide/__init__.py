"""pide: nonlocal operators you can trust.

State a partial integro-differential problem in the continuum, discretise it on a grid, solve it, and have its
discrete properties measured: `pide.verification` checks operators, `pide.nets` trains networks made of them.
Public names are imported on first use, so that `import pide` is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Advection": "continuum.advection",
    "Affinity": "operators.affinity",
    "Arnoldi": "solvers",
    "BackwardEuler": "solvers",
    "Ball": "continuum.domains",
    "Box": "continuum.domains",
    "Chebyshev": "solvers",
    "ConcatenationAffinity": "operators.affinity",
    "CrankNicolson": "solvers",
    "DiffusionMap": "operators.manifold",
    "DotProductAffinity": "operators.affinity",
    "ETD": "solvers",
    "Eigen": "continuum.stationary",
    "Ellipsoid": "continuum.domains_ellipsoid",
    "EmbeddedAffinity": "operators.affinity",
    "Evolution": "continuum.problems",
    "Exact": "solvers",
    "ForwardEuler": "solvers",
    "FractionalLaplacian": "continuum.operators",
    "GaussianAffinity": "operators.affinity",
    "Graph": "spaces.graph",
    "Grid": "spaces.grid",
    "Heat": "continuum.problems",
    "IMEX": "solvers",
    "Interval": "continuum.domains",
    "Labels": "labels",
    "Lanczos": "solvers",
    "Laplacian": "continuum.operators",
    "LogAffinity": "operators.affinity",
    "LogPotential": "continuum.potentials",
    "MarkovJump": "continuum.markov",
    "Mask": "continuum.domains_implicit",
    "Multiplier": "continuum.operators",
    "NonlocalDiffusion": "continuum.operators",
    "Operator": "operators.base",
    "PatchAffinity": "operators.patches",
    "Periodic": "continuum.exterior",
    "PointCloud": "spaces.cloud",
    "Polygon": "continuum.domains_polygon",
    "PowerAffinity": "operators.affinity",
    "Record": "solvers.record",
    "Reflecting": "continuum.exterior",
    "Result": "result",
    "RieszPotential": "continuum.potentials",
    "RungeKutta4": "solvers",
    "Samples": "spaces.samples",
    "ShiftInvertLanczos": "solvers",
    "SignedDistance": "continuum.domains_implicit",
    "SpectralFractionalLaplacian": "continuum.spectral",
    "Stationary": "continuum.stationary",
    "StormerVerlet": "solvers.wave",
    "Torus": "continuum.domains",
    "Uniformisation": "solvers.uniformisation",
    "Value": "continuum.exterior",
    "VariableOrderLaplacian": "continuum.variable_order",
    "Wave": "continuum.wave",
    "Zero": "continuum.exterior",
    "affinity_diffusion": "operators.affinity",
    "anchor_points": "operators.anchors",
    "as_operator": "operators.interop",
    "cite": "citations",
    "estimate_error": "solvers.two_grid",
    "gagliardo_seminorm": "operators.norms",
    "graph_laplacian": "operators.graph",
    "guided_diffusion": "operators.guided",
    "load": "files",
    "normalised": "operators.affinity",
    "patches": "operators.patches",
    "relax": "solvers.relax",
    "sample_paths": "solvers.paths",
    "sobolev_norm": "operators.norms",
    "solve": "solvers.solve",
    "solve_to_store": "stores",
    "stationary_density": "solvers.jumps",
    "time_reversal": "solvers.jumps",
    "transition_matrix": "solvers.jumps",
    "zernike_solve": "solvers.zernike",
}
_MODULES = {
    "errors": "errors",
    "exact": "continuum.exact",
    "kernels": "continuum.kernels",
    "nets": "nets",
    "verification": "verification",
}

__all__ = sorted([*_HOME, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"pide.{_MODULES[name]}")
    elif name in _HOME:
        value = getattr(importlib.import_module(f"pide.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'pide' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
