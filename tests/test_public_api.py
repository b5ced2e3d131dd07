"""The public names, and what `import pide` costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pide

NAMES = """
Advection Affinity Arnoldi BackwardEuler Ball Box Chebyshev ConcatenationAffinity CrankNicolson DiffusionMap
DotProductAffinity ETD Eigen Ellipsoid EmbeddedAffinity Evolution Exact ForwardEuler FractionalLaplacian
GaussianAffinity Graph Grid Heat IMEX Interval Labels Lanczos Laplacian LogAffinity LogPotential MarkovJump Mask
Multiplier NonlocalDiffusion Operator PatchAffinity Periodic PointCloud Polygon PowerAffinity Record Reflecting Result
RieszPotential RungeKutta4 Samples ShiftInvertLanczos SignedDistance SpectralFractionalLaplacian Stationary
StormerVerlet Torus Uniformisation
Value VariableOrderLaplacian Wave Zero __version__ affinity_diffusion anchor_points as_operator cite
errors estimate_error exact gagliardo_seminorm graph_laplacian guided_diffusion kernels load nets normalised patches
relax sample_paths sobolev_norm solve solve_to_store stationary_density time_reversal transition_matrix verification
zernike_solve
"""

HEAVY = ("torch", "matplotlib", "xarray", "pandas", "tqdm", "netCDF4", "PIL", "zarr", "cattrs", "pytest")

PROBE = """
import json, resource, sys
before = resource.getrusage(resource.RUSAGE_SELF)
import pide
after = resource.getrusage(resource.RUSAGE_SELF)
seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


USE_EVERYTHING = "for name in set(pide.__all__) - {'nets', 'verification'}: getattr(pide, name)"
SOLVING = PROBE.replace("after =", f"{USE_EVERYTHING}\nafter =")


def _run(script: str) -> dict:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_is_light():
    assert not set(_run(PROBE)["modules"]) & set(HEAVY)


def test_what_solves_needs_no_torch_and_no_figures():
    assert not set(_run(SOLVING)["modules"]) & set(HEAVY)


def test_import_takes_half_a_cpu_second():
    # The minimum of a few runs: other work on the machine only ever adds to a measurement.
    assert min(_run(PROBE)["seconds"] for _ in range(4)) <= 0.5


def test_public_names_are_pinned():
    assert sorted(pide.__all__) == sorted(NAMES.split()), "a changed public name goes into NAMES and CHANGELOG.md"
    assert dir(pide) == pide.__all__


RESOLVE = """
import importlib, json, pkgutil, sys
import pide
if "early" in sys.argv:
    for module in pkgutil.walk_packages(pide.__path__, "pide."):
        importlib.import_module(module.name)
print(json.dumps({name: type(getattr(pide, name)).__name__ for name in pide.__all__}))
"""


def test_names_resolve_whatever_was_imported_before():
    kinds = []
    for order in ("late", "early"):
        done = subprocess.run([sys.executable, "-c", RESOLVE, order], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        kinds.append(json.loads(done.stdout))
    assert kinds[0] == kinds[1], "a public name is shadowed by the module of the same name"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Heet"):
        _ = pide.Heet


def test_every_public_name_is_in_the_reference():
    page = Path(__file__).resolve().parent.parent / "docs" / "reference" / "index.md"
    listed = {line.strip() for line in page.read_text().splitlines()}
    modules = {"kernels", "errors", "nets", "verification", "exact", "__version__"}
    assert not set(pide.__all__) - modules - listed
