"""
Mixing channels without expansion
=================================

A stage Z + (L x W) Z, L <= 0 of spatial diffusion and W a mixing of channels, does not expand if and only if ``|1 - mu
W|_2 <= 1`` for every eigenvalue mu of -L. `NonexpansiveMixing` keeps W so, whatever an optimiser does: the parameter
is Q with W = (1 - Q) / a. Semidefinite W >= 0 makes the linear flow dissipative but bounds no step; a symmetric W of
either sign amplifies. Left: eigenvalues of the W. Middle: norms over 100 stages. Right: what each W does to a spike.
Writes mixing.png.
"""

import numpy as np
import torch

import pide
from pide.nets.layers import Bounded, NonexpansiveMixing, Positive, Semidefinite, Symmetric
from pide.plotting import new_figure, write_figure

torch.manual_seed(0)
line = pide.Interval(0, 1)
L = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.15, normalise="mass")).on(line.grid(48), pide.Reflecting())
largest = L.spectral_bound()
matrix = torch.from_numpy(L.to_dense())
raw = 0.6 * torch.randn(6, 6, dtype=torch.float64)
mixings = {
    "NonexpansiveMixing": NonexpansiveMixing(largest)(raw),
    "Semidefinite": Semidefinite()(raw),
    "Symmetric": Symmetric()(raw),
}
print(f"spectral bound of L: {largest:.3f}")
figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)
spike = torch.zeros(48, 6, dtype=torch.float64)
spike[16] = 1.0
angle = np.linspace(0, 2 * np.pi, 200)
left.plot((1 + np.cos(angle)) / largest, np.sin(angle) / largest, "k:", lw=1, label="|1 - a z| = 1")
for (name, W), mark, style in zip(mixings.items(), "os^", ("-", "--", "-."), strict=True):
    values = torch.linalg.eigvals(W).numpy()
    left.plot(values.real, values.imag, mark, mfc="none", label=name)
    z, norms = spike, []
    for _ in range(100):
        z = z + matrix @ z @ W.T
        norms.append(float(z.norm() / spike.norm()))
    expansion = max(float(torch.linalg.matrix_norm(torch.eye(6) - mu * W, 2)) for mu in np.linspace(0, largest, 20))
    print(f"{name}: largest |1 - mu W|_2 = {expansion:.6f}, norm after 100 stages {norms[-1]:.3e}")
    middle.semilogy(range(1, 101), norms, style, label=name)
    once = spike + matrix @ spike @ W.T
    right.plot(once[:, 0], style, label=name)
left.set(xlabel="Re", ylabel="Im", title="eigenvalues of W", aspect="equal", ylim=(-1.3, 2.4))
middle.set(xlabel="stages", ylabel="|Z| / |Z$^0$|", ylim=(1e-2, 1e12))
right.set(xlabel="node", ylabel="first channel after one stage", yscale="symlog")
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")

# Scalars: a width > 0 and a step within its certified range, as parametrisations with an inverse.
width, step = Positive(), Bounded(0.0, 2 / largest)
for constraint, value in ((width, 0.15), (step, 1.0)):
    number = torch.tensor(value, dtype=torch.float64)
    back = constraint(constraint.right_inverse(number))
    extremes = constraint(torch.tensor([-50.0, 50.0], dtype=torch.float64))
    print(f"{type(constraint).__name__}: {value} -> raw -> {float(back):.15f}; at raw = -50, 50: "
          f"{float(extremes[0]):.1e}, {float(extremes[1]):.4f}")  # fmt: skip
write_figure(figure, "mixing.png")
