"""
Hamiltonian blocks: symmetric forces, symplectic steps
======================================================

f(U) = K^T relu(BN(K U + b)) + b uses one kernel twice, so that its Jacobian K^T diag(relu') K is symmetric and
positive semidefinite: a force with a potential. The block Y <- Y + h f1(Z), Z <- Z - h f2(Y) preserves volume and
phase area. Left: spectrum of the Jacobian of `SymmetricForce`, and of a force with two kernels. Middle: J^T S J = S
for the block, measured. Right: size of the features through 60 blocks, against those of the residual blocks Y <- Y + h
f(Y). Writes hamiltonian.png.
"""

import numpy as np
import torch

from pide.nets.layers import HamiltonianBlock, HamiltonianChain, SymmetricForce
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
torch.manual_seed(0)
channels, length = 3, 12
force = SymmetricForce(channels, dimension=1).double().eval()
u = torch.randn(1, channels, length, dtype=torch.float64)


def jacobian(f, x):
    """The matrix of derivatives of f at x."""
    return torch.autograd.functional.jacobian(f, x).reshape(x.numel(), x.numel()).detach()


figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)
convolution = torch.nn.Conv1d(channels, channels, 3, padding=1, dtype=torch.float64)
forces = {"SymmetricForce": force, "two kernels": lambda v: convolution(force.convolution(v).relu())}
for (name, f), mark in zip(forces.items(), ("o", "x"), strict=True):
    J = jacobian(f, u)
    values = torch.linalg.eigvals(J).numpy()
    print(f"{name}: |J - J^T| / |J| = {float((J - J.T).norm() / J.norm()):.1e}, real parts of the eigenvalues from "
          f"{values.real.min():+.3f} to {values.real.max():+.3f}")  # fmt: skip
    left.plot(values.real, values.imag, mark, mfc="none", label=name)
left.set(xlabel="Re", ylabel="Im", title="eigenvalues of the Jacobian")

block = HamiltonianBlock(2 * channels, step=0.5, dimension=1).double().eval()
x = torch.randn(1, 2 * channels, length, dtype=torch.float64)
J, half = jacobian(block, x), channels * length
S = torch.zeros_like(J)
S[:half, half:], S[half:, :half] = torch.eye(half), -torch.eye(half)
defect = (J.T @ S @ J - S).abs()
print(f"block: |J^T S J - S| at most {float(defect.max()):.1e}, det J = {float(torch.linalg.det(J)):.12f}")
image = middle.imshow(J.numpy(), cmap="RdBu_r", vmin=-0.2, vmax=0.2)
middle.set(title="J of one block", xlabel="Y, then Z", ylabel="Y, then Z")
figure.colorbar(image, ax=middle, shrink=0.8, label="entry")

y = torch.randn(4, 8, 32, dtype=torch.float64)
for step, style in ((0.05, "-"), (0.2, "--")):
    torch.manual_seed(1)
    chain = HamiltonianChain([HamiltonianBlock(8, step=step, dimension=1) for _ in range(60)]).double().eval()
    forces = [SymmetricForce(8, dimension=1).double().eval() for _ in range(60)]
    sizes = {"Hamiltonian": [1.0], "residual": [1.0]}
    with torch.no_grad():
        z, r = y, y
        for one, f in zip(chain, forces, strict=True):
            z, r = one(z), r + step * f(r)
            sizes["Hamiltonian"].append(float(z.norm() / y.norm()))
            sizes["residual"].append(float(r.norm() / y.norm()))
    for name, colour in (("Hamiltonian", "C0"), ("residual", "C1")):
        right.semilogy(np.arange(61), sizes[name], style, color=colour, label=f"{name}, h = {step}")
        print(f"{name}, h = {step}: size after 60 blocks {sizes[name][-1]:.3g}")
right.set(xlabel="blocks", ylabel="|features|, relative to the first")
for axes in (left, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "hamiltonian.png")
