"""
Spectra of learned mixings
==========================

A nonlocal block Z + W (A Z) multiplies a mode of A with eigenvalue a and of W with eigenvalue w by 1 + w a; the block
of differences Z + W (A Z - Z) by 1 + w (a - 1), which keeps constants. The sign of w decides what is damped, so the
spectra of a network's W tell what it has learned. Left: spectra of K in a Hamiltonian network before and after steps
that make it fit noise. Middle and right: both blocks, 60 in a row, with W >= 0 and W <= 0. Writes spectra.png.
"""

import torch

from pide.nets import models
from pide.nets.analysis import damping, nonlocal_flow, spectra, spectra_over, spectrum
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
torch.manual_seed(0)
net = models.hamiltonian("digits", "diffusion", channels=[8], blocks=2)
images, labels = torch.randn(64, 1, 8, 8), torch.randint(10, (64,))
optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.02)
states = [{key: value.clone() for key, value in net.state_dict().items()}]
for _ in range(40):
    optimiser.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    optimiser.step()
states.append(net.state_dict())
print(f"loss after 40 steps: {float(loss.detach()):.3f}; matrices: {', '.join(s.name for s in spectra(net))}")

figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)
for found, mark, when in zip(spectra_over(net, states), ("o", "x"), ("before", "after"), strict=True):
    for colour, one in enumerate(found):
        left.plot(one.symmetric, mark, color=f"C{colour}", label=f"{one.name.split()[-1]}, {when}")
        print(f"{one.name}, {when}: {int((one.symmetric > 0).sum())} of {len(one.symmetric)} eigenvalues of "
              f"(K + K^T) / 2 positive, largest {one.symmetric[0]:+.3f}")  # fmt: skip
left.axhline(0, color="0.7", lw=1)
left.set(xlabel="number", ylabel="eigenvalue of (K + K$^T$) / 2")

# A mean over neighbours, and W of one sign.
positions = torch.arange(32, dtype=torch.float64)
affinity = torch.exp(-(((positions[:, None] - positions) / 2) ** 2))
affinity /= affinity.sum(1, keepdim=True)
root = torch.randn(4, 4, dtype=torch.float64)
x = torch.where(positions < 12, 1.0, 2.0).expand(1, 4, 32) + 0.2 * torch.randn(1, 4, 32, dtype=torch.float64)
for sign, axes in ((1, middle), (-1, right)):
    W = sign * root @ root.T / (2 * float(torch.linalg.matrix_norm(root @ root.T, 2)))
    values = spectrum(W, "W").symmetric
    for form, style in (("original", "-"), ("proposed", "--")):
        course = damping(nonlocal_flow(W, affinity, form), x, 60)
        axes.semilogy(course.norm, style, color="C0", label=f"{form}: |Z|")
        axes.semilogy(course.variation, style, color="C1", label=f"{form}: |Z - mean|")
        print(f"W between {values[-1]:+.2f} and {values[0]:+.2f}, {form}: |Z| {float(course.norm[-1]):.2e}, "
              f"variation {float(course.variation[-1]):.2e}")  # fmt: skip
    axes.set(title=f"W {'>=' if sign > 0 else '<='} 0", xlabel="blocks", ylabel="relative to |Z$^0$|", ylim=(1e-3, 1e4))
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "spectra.png")
