"""
A layer that learns its order and its time
==========================================

SpectralDiffusion applies exp(-t (-Delta)^s) to every channel of a feature map, with its own s and t, exactly by one
FFT pair. Three channels were diffused with orders and times that the layer does not know; it finds them from 8 pairs
of noise before and after. Left: both on their way from s = 0.5, t = 0.5. Middle: what a point becomes: the tails tell
the order. Right: the layer serves maps of any size, and semigroups compose: two layers of half the time are one.
Writes spectral_layer.png.
"""

import numpy as np
import torch

from pide.nets.layers import SpectralDiffusion
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
orders, times = torch.tensor([0.25, 0.5, 0.8]), torch.tensor([2.0, 1.0, 0.3])


def layer_of(s, t):
    layer = SpectralDiffusion(len(s), boundary="periodic").double()
    with torch.no_grad():
        layer.raw_shape.copy_(layer.range.right_inverse(s.double()))
        layer.raw_time.copy_(layer.positive.right_inverse(t.double()))
    return layer


x = torch.randn(8, 3, 24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
hidden = layer_of(orders, times)
with torch.no_grad():
    y = hidden(x)

layer = SpectralDiffusion(3, boundary="periodic").double()
optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
path = []
for _ in range(150):
    loss = torch.nn.functional.mse_loss(layer(x), y)
    optimiser.zero_grad()
    loss.backward()
    path.append((layer.s.detach().numpy().copy(), layer.time.detach().numpy().copy(), float(loss.detach())))
    optimiser.step()
s, t, losses = (np.array(column) for column in zip(*path, strict=True))
print(f"orders {np.round(s[-1], 3)}, wanted {orders.numpy()}; times {np.round(t[-1], 3)}, wanted {times.numpy()}")
print(f"loss {losses[0]:.1e} -> {losses[-1]:.1e}")

figure = new_figure(12.0, 3.7)
left, middle, right = figure.subplots(1, 3)
point = torch.zeros(1, 3, 101, 101, dtype=torch.float64)
point[..., 50, 50] = 1.0
with torch.no_grad():
    spread = layer(point)[0, :, 50, 50:].numpy()
for c, mark in enumerate(("-", "--", ":")):
    left.plot(s[:, c], t[:, c], mark, color=f"C{c}")
    left.plot(orders[c], times[c], "*", ms=12, color=f"C{c}")
    middle.loglog(
        np.arange(1, 26), spread[c, 1:26], mark, color=f"C{c}", label=f"s = {s[-1, c]:.2f}, t = {t[-1, c]:.2f}"
    )
left.set(xlabel="s", ylabel="t [pixels$^{2s}$]", title="three channels, stars: hidden")
middle.set(xlabel="distance [pixels]", ylabel="response to a point", title="tails like $r^{-2-2s}$")
middle.legend(frameon=False, fontsize="small")

# Right: mean kept and exact composition, on sizes that the layer was not trained with.
sizes, composed, kept = (16, 24, 37, 64, 96), [], []
once, half = layer_of(orders, times), layer_of(orders, times / 2)
with torch.no_grad():
    for size in sizes:
        z = 1 + torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
        composed.append(float((half(half(z)) - once(z)).norm() / z.norm()))
        kept.append(float((once(z).mean(dim=(2, 3)) - z.mean(dim=(2, 3))).abs().max()))
right.semilogy(sizes, np.maximum(composed, 1e-17), "o-", label="two half times against one")
right.semilogy(sizes, np.maximum(kept, 1e-17), "s--", label="change of the means")
right.set(xlabel="pixels per axis", ylabel="error", ylim=(5e-18, 1e-13), title="at sizes that were not trained")
right.legend(frameon=False, fontsize="small")
print(f"composition to {max(composed):.1e}, means to {max(kept):.1e}")
write_figure(figure, "spectral_layer.png")
