"""
Certificates: a proof, and a refutation with its witness
========================================================

A certificate is a statement about the exact numbers that an operator stores, proved or refuted. Left: lower bounds of
the spectral gap of diffusion on an interval are proved, so that no variance whatever decays more slowly than exp(-2
bound t); here for three fields, the slowest mode last. Middle: the Fourier scheme of (-Delta)^0.9 makes no claim of
nonnegative rates, rightly: asked for it, `certify` returns the entry that refutes it. Right: one weight of the first
operator is moved to the next double. No check on samples sees this; the certificate of symmetry names the pair. Writes
certificates.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure
from pide.verification import certify
from pide.verification.proofs import DiffusionMatrix

line = pide.Interval(0, 1)
grid = line.grid(64)
diffusion = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.1))
L = diffusion.on(grid, pide.Reflecting())
certificates = certify(L)
print(f"{sum(c.proved for c in certificates)} of {len(list(certificates))} statements proved")
print(certificates["variance_decay"])

figure = new_figure(12.0, 3.7)
left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1, 0.95])
gap = certify(L, ["spectral_gap"])["spectral_gap"]
print(gap)
times = np.linspace(0, 0.3, 31)
slowest = np.linalg.eigh(L.to_dense())[1][:, -2]
fields = {"step": np.sign(grid.axes[0] - 0.3), "spike": np.eye(64)[10], "slowest mode": slowest}
for (name, field), mark in zip(fields.items(), ("--", "-.", "-"), strict=True):
    heat = pide.Heat(diffusion, line, initial=field, exterior=pide.Reflecting())
    variance = pide.solve(heat, on=grid, times=times, tol=1e-10).variance
    left.semilogy(times, variance / variance[0], mark, label=name)
left.semilogy(times, np.exp(-2 * gap.bound * times), "k:", lw=2, label=f"proved: $e^{{-2 \\cdot {gap.bound:.3f} t}}$")
left.set(xlabel="t", ylabel="variance, relative to t = 0", ylim=(1e-4, 1.3))
left.legend(frameon=False, fontsize="small")

# Middle: rates of one node; the refutation is one entry, in hexadecimal so that nothing is lost.
torus = pide.Torus((1.0,))
rates = (-1.0 * pide.FractionalLaplacian(s=0.9)).on(torus.grid(32), scheme="fourier").to_dense()
refuted = certify(rates, ["nonnegative_rates"])["nonnegative_rates"]
print(refuted)
i, j = refuted.witness["i"], refuted.witness["j"]
offsets = np.arange(1, 17)
middle.stem(offsets, rates[i, offsets], basefmt="C7-")
middle.plot([j - i], [rates[i, j]], "o", ms=11, mfc="none", mec="k", label=f"witness: i = {i}, j = {j}")
middle.set(xlabel="offset j - i", ylabel="rate $w_{ij}$", yscale="symlog", xticks=[1, 4, 8, 12, 16])
middle.legend(frameon=False, fontsize="small")

# Right: the next double.
weights = np.asarray(L.to_dense())
weights = (weights + weights.T) / 2
changed = weights.copy()
changed[40, 21] = np.nextafter(changed[40, 21], np.inf)
found = certify(DiffusionMatrix(changed), ["self_adjoint"])["self_adjoint"]
print(found)
assert certify(DiffusionMatrix(weights), ["self_adjoint"])["self_adjoint"].proved
image = right.imshow(np.log10(np.maximum(np.abs(changed), 1e-16)), cmap="cividis")
right.plot([21, 40], [40, 21], "o", ms=11, mfc="none", mec="w")
right.set(xlabel="j", ylabel="i", title=f"pair {found.witness['i']}, {found.witness['j']}: symmetry refuted")
figure.colorbar(image, ax=right, label="log$_{10}$ of the rate", shrink=0.8)
write_figure(figure, "certificates.png")
