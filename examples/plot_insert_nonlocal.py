"""
A nonlocal block in a network of your own
=========================================

Blocks keep the shape of their input, so they fit between any two layers. Here a small residual network, untrained, gets
a block of the fractional Laplacian after its second residual block: a pixel at the centre, which saw 13 x 13 pixels
before, then sees all of them, and most of its sensitivity stays near. And a sequence model of two convolutions gets a
nonlocal stage. Its task is to answer at every position whether the one spike of the sequence, wherever it is, points up
or down: convolutions that see 9 of 64 positions can only guess, at a loss of log 2, where no spike is near. Writes
insert_nonlocal.png.
"""

import math

import numpy as np
import torch
from torch import nn

from pide.nets.analysis import count_parameters, effective_receptive_field
from pide.nets.layers import NonlocalStage, PIDEBlock
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)


class Residual(nn.Module):
    """A block of a network of your own: nothing of pide is in it."""

    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x):
        return x + self.branch(x)


def pictures(nonlocal_block=None):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *[Residual(16) for _ in range(5)], nn.Conv2d(16, 10, 1))
    if nonlocal_block is not None:
        net.insert(3, nonlocal_block)
    return net


x = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
block = PIDEBlock(16, "fractional", sign="dissipative", activation=None, strength=1.0, step=0.5)
fields = {}
for name, net in {"without": pictures(), "with PIDEBlock": pictures(block)}.items():
    field = effective_receptive_field(net, x, layer=str(len(net) - 1))
    fields[f"{name}: {100 * field.reach:.0f}%"] = field.sensitivity
    print(f"{name}: {count_parameters(net)} parameters, {100 * field.reach:.0f}% of the pixels reached")


def sequences(count, generator):
    """Noise with one spike of height +3 or -3; the label of every position is its direction."""
    x = torch.randn(count, 1, 64, generator=generator) / 3
    place = torch.randint(64, (count,), generator=generator)
    up = torch.randint(2, (count,), generator=generator)
    x[torch.arange(count), 0, place] = 6.0 * up - 3.0
    return x, up[:, None].expand(count, 64).float()


def model(*inserted):
    torch.manual_seed(0)
    convolutions = nn.Conv1d(1, 16, 5, padding=2), nn.ReLU()
    return nn.Sequential(*convolutions, *inserted, nn.Conv1d(16, 16, 5, padding=2), nn.ReLU(), nn.Conv1d(16, 1, 1))


losses = {}
for name, inserted in {
    "convolutions": (),
    "with NonlocalStage": (NonlocalStage(16, sub_blocks=2, dimension=1),),
}.items():
    net, generator = model(*inserted), torch.Generator().manual_seed(2)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses[name] = []
    for _ in range(150):
        inputs, labels = sequences(24, generator)
        loss = nn.functional.binary_cross_entropy_with_logits(net(inputs)[:, 0], labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses[name].append(float(loss.detach()))
    print(f"{name}: {count_parameters(net)} parameters, loss {np.mean(losses[name][-25:]):.3f}")

figure = new_figure(11.0, 3.2)
axes = figure.subplots(1, 3)
for ax, (title, sensitivity) in zip(axes, fields.items(), strict=False):
    image = ax.imshow(np.log10(np.maximum(sensitivity, 1e-6)), vmin=-6, vmax=-1)
    ax.set(title=title, xlabel="what the centre sees", xticks=[], yticks=[])
for name, values in losses.items():
    axes[2].plot(np.convolve(values, np.full(10, 0.1), "valid"), label=name)
figure.colorbar(image, ax=axes[:2], label="log$_{10}$ of the sensitivity", shrink=0.8)
axes[2].axhline(math.log(2), color="0.6", linewidth=0.8)
axes[2].set(xlabel="step", ylabel="loss", ylim=(0, 0.8), box_aspect=1)
axes[2].legend(frameon=False, fontsize="small")
write_figure(figure, "insert_nonlocal.png")
