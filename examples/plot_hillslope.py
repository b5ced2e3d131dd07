"""
A real landscape by the Python interface
========================================

The case examples/hillslope.toml in Python, on the south-west quarter of the map: heavy-tailed hillslope transport
against local creep with the same diffusivity. Writes hillslope.png. Sources of the data and of the numbers are in
examples/hillslope.toml.
"""

from dataclasses import replace

import numpy as np

import pide
from pide import kernels
from pide.comparison import compare
from pide.inputs import SAMPLE_PREFIX, read_array
from pide.plotting import write_figure

# Rows of the raster run southwards: layout="image" makes the axes x (east) and y (north).
elevation = read_array(SAMPLE_PREFIX + "jacksboro_fault_dem.npz", key="elevation", convert="float", layout="image")[
    :200, :160
]
dx, dy = 74.40, 92.67  # metres

size = elevation.shape
land = pide.Box(((0, size[0] * dx), (0, size[1] * dy)))
grid = land.grid(*size)

diffusivity = 0.036  # m2/yr
models = {
    "nonlocal": pide.NonlocalDiffusion(kernels.TruncatedFractional(s=0.6, horizon=3000.0, normalise="laplacian")),
    "local": pide.Laplacian(),
}
results = {}
for name, model in models.items():
    heat = pide.Heat(diffusivity * model, land, initial=elevation, exterior=pide.Reflecting())
    result = pide.solve(heat, on=grid, times=np.linspace(0, 1e6, 6))
    results[name] = replace(result, labels=pide.Labels("elevation", "m", "m", "yr"))
    drift = abs(result.mass / result.mass[0] - 1).max()
    print(f"{name}: {result.record.stepper}, {result.record.applies} applies, relative drift of mass {drift:.1e}")

figure = compare(results, style="relief", profile=9000.0, title="One million years of hillslope transport")
write_figure(figure, "hillslope.png")
