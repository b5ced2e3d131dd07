"""
Spectra, and the bounds that pide certifies
===========================================

All eigenvalues of L are <= 0, there are as many zeros as components without killing, and the largest steps follow from
two numbers: lambda_max <= spectral_bound and max(d + kappa) <= rate_bound. Left: both are upper bounds, for every
kernel. Middle: exp(tL) forgets all but the zeros, so that two clouds without rates between them keep two masses.
Right: the checks, with wrong bounds and signs. Writes spectral_bounds.png.
"""

import numpy as np

import pide
from pide import kernels, verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

line = pide.Interval(-1, 1)
grid = line.grid(100)
choices = {
    "constant": kernels.Constant(horizon=0.2),
    "linear": kernels.Linear(horizon=0.2),
    "Gaussian": kernels.Gaussian(width=0.1),
    "exponential": kernels.Exponential(length=0.05),
    "power law": kernels.PowerLaw(exponent=0.5, horizon=0.2),
    "truncated fractional": kernels.TruncatedFractional(s=0.5, horizon=0.2, normalise="laplacian"),
    "tempered": kernels.Tempered(s=0.5, rate=10.0, normalise="laplacian"),
}
figure = new_figure(14.0, 4.0)
left, middle, right = figure.subplots(1, 3)
gaps = {"spectral": [], "rate": []}
for name, kernel in choices.items():
    L = pide.NonlocalDiffusion(kernel).on(grid, pide.Zero())
    largest, rate = -np.linalg.eigvalsh(L.to_dense())[0], np.abs(np.diag(L.to_dense())).max()
    gaps["spectral"].append(L.spectral_bound() / largest - 1)
    gaps["rate"].append(L.rate_bound() / rate - 1)
    print(f"{name:20s} lambda_max {largest:.3f} <= {L.spectral_bound():.3f}; rate {rate:.3f} <= {L.rate_bound():.3f}")
    verification.check(L, claims=["spectral_bound_holds", "rate_bound_holds", "energy_decay"]).raise_if_failed()
left.plot(np.maximum(gaps["spectral"], 1e-16), range(len(choices)), "o", label="spectral_bound / $\\lambda_{max}$ - 1")
left.plot(np.maximum(gaps["rate"], 1e-16), range(len(choices)), "x", label="rate_bound / max(d + $\\kappa$) - 1")
left.set(xscale="log", xlabel="the bound lies above by, relative", xlim=(1e-17, 1))
left.set_yticks(range(len(choices)), list(choices))
left.set_ylim(len(choices) - 0.5, -2.0)
left.legend(frameon=False, fontsize="small", loc="upper right")

# Middle: eigenvalues of one cloud of 60 points, and of two that are further apart than the kernel reaches.
rng = np.random.default_rng(1)
points = rng.random((60, 2))
for name, moved, marker in (("one component", 0.0, "o"), ("two components", 3.0, "s")):
    shifted = points + moved * (np.arange(60) < 30)[:, None]
    cloud = pide.PointCloud(shifted, weights=1 / 60)
    L = pide.NonlocalDiffusion(kernels.Linear(horizon=0.8, normalise=None)).on(cloud, pide.Reflecting())
    values = np.abs(np.sort(np.linalg.eigvalsh(L.to_dense()))[::-1])
    zeros = int((values < 1e-12 * values.max()).sum())
    print(f"{name}: {zeros} eigenvalues are zero")
    middle.semilogy(np.arange(1, 9), np.maximum(values[:8], 1e-18), marker, mfc="none", ls=":", label=name)
    assert zeros == (1 if moved == 0 else 2)
middle.set(xlabel="eigenvalue number", ylabel="|eigenvalue|")
middle.legend(frameon=False, fontsize="small")

cases = {
    "eigenvalues_of_one_sign": "one slightly positive eigenvalue",
    "conditionally_positive": "sign of the logarithm",
    "kernel_dimension": "weights below a threshold dropped from the claim",
    "spectral_bound_holds": "power iteration taken for a bound",
    "rate_bound_holds": "rate bound of the mean node",
    "energy_decay": "spectral bound from below",
    "variance_decay": "spectral bound from below",
}
found = margins(cases)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "spectral_bounds.png")
