"""
A run that goes on where it stopped
===================================

`solve_to_store` appends each state to a zarr store as soon as it is reached, and goes on where it stopped when it is
called again, whatever ended it. Here u_t = L u + 8 u (1 - u) is stopped by an error in the middle; the second call
finds what is there and computes the rest. Both pictures are read from the store: states that were not reached are NaN.
The result equals that of an uninterrupted run, bit for bit. Writes store.png.
"""

import tempfile
from pathlib import Path

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

try:
    import zarr
except ImportError:
    raise SystemExit('this example needs zarr. Write: pip install "pide-operators[files]"') from None

line = pide.Interval(-1, 1)
grid = line.grid(64)
times = np.linspace(0.0, 0.8, 9)


class PowerCut(Exception):
    """Ends the first run."""


def fisher(calls):
    """The problem, with a reaction that fails after a number of calls."""
    left = iter(range(calls))

    def grow(u):
        if next(left, None) is None:
            raise PowerCut
        return 8 * u * (1 - u)

    start = 0.3 * (np.abs(grid.axes[0] + 0.5) < 0.1)
    L = 0.03 * pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.2))
    return pide.Evolution(L, line, initial=start, exterior=pide.Zero(), reaction=grow)


def run(calls, path):
    pide.solve_to_store(fisher(calls), on=grid, times=times, path=path, tol=1e-2, progress=False)


def states(path):
    return np.asarray(zarr.open_group(str(path), mode="r")["u"][...])


figure = new_figure(12.0, 3.6)
left, middle, right = figure.subplots(1, 3)
with tempfile.TemporaryDirectory() as place:
    broken, whole = Path(place) / "broken", Path(place) / "whole"
    try:
        run(500, broken)
    except PowerCut:
        found = [states(broken)]
    run(10**6, broken)
    found.append(states(broken))
    run(10**6, whole)
    difference = np.abs(found[1] - states(whole)).max()
reached = int(np.isfinite(found[0]).all(axis=1).sum())
print(f"{reached} of {len(times)} states before the cut; afterwards {int(np.isfinite(found[1]).all(axis=1).sum())}")
print(f"largest difference from a run in one piece: {difference:g}")
assert 1 < reached < len(times)
assert difference == 0
for axes, u, title in ((left, found[0], "after the cut"), (middle, found[1], "after the second call")):
    box = (-1, 1, -0.05, 0.85)
    image = axes.imshow(u, origin="lower", aspect="auto", extent=box, cmap="viridis", vmin=0, vmax=1)
    axes.set(title=title, xlabel="x", ylabel="t")
figure.colorbar(image, ax=middle, label="u")
for k, style in ((0, ":"), (reached - 1, "-"), (len(times) - 1, "--")):
    right.plot(grid.axes[0], found[1][k], style, label=f"t = {times[k]:g}")
right.set(xlabel="x", ylabel="u", ylim=(0, 1.3))
right.legend(frameon=False, fontsize="small")
write_figure(figure, "store.png")
