r"""
Integral and spectral fractional Laplacian
==========================================

:math:`A u = 1` in :math:`(0, \pi)` with :math:`u = 0` outside, or at the ends. The integral operator sees the whole
exterior, the spectral one only the boundary: :math:`(-\Delta_\Omega)^s \sin kx = k^{2s} \sin kx`. Near the ends the
solutions behave like :math:`d^s` and like :math:`d^{\min(2s, 1)}`.
"""

import matplotlib.pyplot as plt
import numpy as np

import pide

line = pide.Interval(0, np.pi)
grid = line.grid(2048)
x = grid.coordinates[0]
near = (x > 2e-3) & (x < 2e-2)

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained")
for colour, s in zip(("#0072b2", "#d55e00"), (0.25, 0.75), strict=True):
    for operator, style in ((pide.FractionalLaplacian(s), "-"), (pide.SpectralFractionalLaplacian(s), "--")):
        problem = pide.Stationary(operator, line, source=1.0, exterior=pide.Zero())
        u = pide.solve(problem, on=grid).final
        slope = np.polyfit(np.log(x[near]), np.log(u[near]), 1)[0]
        name = "spectral" if style == "--" else "integral"
        print(f"s = {s}, {name}: u ~ d^{slope:.2f} at the ends, maximum {u.max():.4f}")
        axes[0].plot(x, u, style, color=colour, label=f"{name}, s = {s}")
        axes[1].loglog(x[x < 0.5], u[x < 0.5], style, color=colour)

# %%
# The spectral solution is a series, :math:`u = \sum_{k\ \text{odd}} 4 \sin(kx) / (\pi k^{1+2s})`.

k = np.arange(1, 20001, 2)
series = (4 / (np.pi * k**2.5)) @ np.sin(np.outer(k, x[::256]))
print(f"s = 0.75, spectral: largest difference from the series {np.abs(u[::256] - series).max():.1e}")
assert np.abs(u[::256] - series).max() < 1e-5

# %%
# The spectral operator is the larger one, so its solutions are smaller.

axes[0].set(xlabel="x", ylabel="u", title="A u = 1")
axes[0].legend(frameon=False, fontsize=8)
axes[1].set(xlabel="distance to the end", title="behaviour at the boundary")
for axis in axes:
    axis.grid(alpha=0.3)
plt.show()
