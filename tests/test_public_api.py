"""The public names, and what `import pide` costs."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("torch", "matplotlib", "xarray", "pandas", "tqdm", "netCDF4", "PIL", "zarr", "tyro", "cattrs", "pytest")

PROBE = """
import json, resource, sys
before = resource.getrusage(resource.RUSAGE_SELF)
import pide
after = resource.getrusage(resource.RUSAGE_SELF)
seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


def _import_pide() -> dict:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_is_light():
    modules = set(_import_pide()["modules"])
    assert not modules & set(HEAVY)


def test_import_takes_half_a_cpu_second():
    # The minimum of a few runs: other work on the machine only ever adds to a measurement.
    assert min(_import_pide()["seconds"] for _ in range(4)) <= 0.5
