"""
The Hilbert-Schmidt norm of a kernel
====================================

For a kernel that is square integrable, (sum_ij m_i m_j w_ij^2)^(1/2) tends to the norm of the kernel on the square of
the domain. For ``|x - y|^(-1-2s)`` it diverges under refinement, like h^(-1/2-2s). Neither says whether the flow can
be reversed: that is a matter of bounded rates, and L = K - d is never Hilbert-Schmidt. Writes hilbert_schmidt.png.
"""

import math

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

line = pide.Interval(0, 1)
counts = np.array([32, 64, 128, 256, 512])
w = 0.2
# The double integral of exp(-2 (x - y)^2 / w^2) over the unit square. Rates have no diagonal: an error of order h.
a = math.sqrt(2) / w
exact = math.sqrt(math.sqrt(math.pi) * math.erf(a) / a - (1 - math.exp(-(a**2))) / a**2)

figure = new_figure(10.0, 3.8)
left, right = figure.subplots(1, 2)


def norm(kernel, count):
    """The norm by the weights that the operator stores."""
    L = pide.NonlocalDiffusion(kernel).on(line.grid(int(count)), pide.Reflecting())
    rates = L.to_dense()
    np.fill_diagonal(rates, 0.0)
    return float(np.sqrt((rates**2).sum())), "hilbert_schmidt" in L.claims


errors = [abs(norm(pide.kernels.Gaussian(width=w, normalise=None), n)[0] - exact) / exact for n in counts]
left.loglog(1 / counts, errors, marker="o")
left.set(xlabel="h", ylabel="relative error of the norm, Gaussian kernel")
print(f"Gaussian: exact {exact:.12f}, relative errors {', '.join(f'{e:.1e}' for e in errors)}")

for s in (0.25, 0.5, 0.75):
    found = [norm(pide.kernels.Fractional(s=s), n) for n in counts]
    norms = np.array([value for value, _ in found])
    slope = np.polyfit(np.log(1 / counts), np.log(norms), 1)[0]
    right.loglog(1 / counts, norms, marker="o", label=f"s = {s}: slope {slope:.2f}, expected {-0.5 - 2 * s:.2f}")
    print(f"s = {s}: slope {slope:.3f}, claims hilbert_schmidt: {found[0][1]}")
right.set(xlabel="h", ylabel="norm, $c_{1,s} |x - y|^{-1-2s}$")
right.legend(frameon=False, fontsize="small")
for axes in (left, right):
    axes.set_xticks(1 / counts, [f"1/{n}" for n in counts])
    axes.set_xticks([], minor=True)
write_figure(figure, "hilbert_schmidt.png")
