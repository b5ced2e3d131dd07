"""
What many nonlocal blocks do to a signal
========================================

A signal of two levels goes 40 times through one layer. A NonlocalBlock adds w times a mean of similar values: with w
< 0, which is what training of residual networks tends to (Tao, Sun, Du and Liu 2018), the signal dies, mean included;
with w > 0 it grows without bound. A NonlocalStage adds w times the difference from that mean: w > 0 smooths towards a
constant of the size of the signal. With the affinity of the first signal frozen, in one stage of 40 sub-blocks, the
two levels approach slowly, because values of different levels have little to do with each other. Writes damping.png.
"""

import torch

from pide.nets.analysis import damping
from pide.nets.layers import NonlocalBlock, NonlocalStage
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
noise = 0.2 * torch.randn(64, generator=torch.Generator().manual_seed(0))
signal = (torch.where(torch.arange(64) < 24, -1.0, 2.0) + noise)[None, None]
steps = 40


def block(w):
    """X + w sum_j omega_ij X_j / C_i, omega = exp(X_i X_j), in one channel."""
    layer = NonlocalBlock(1, "gaussian", embedding=1, dimension=1, bias=False)
    torch.nn.init.ones_(layer.inward.weight)
    torch.nn.init.constant_(layer.outward.weight, w)
    return layer


def stage(w, sub_blocks):
    """The same with X_j - X_i in place of X_j."""
    layer = NonlocalStage(1, sub_blocks=sub_blocks, kind="gaussian", embedding=1, dimension=1)
    for inward, outward in zip(layer.inward, layer.outward, strict=True):
        torch.nn.init.ones_(inward.weight)
        torch.nn.init.constant_(outward.weight, w)
    return layer


def repeated(layer):
    return damping(layer, signal, steps), [signal[0, 0], *iterated(layer)]


def iterated(layer):
    x, states = signal, []
    with torch.no_grad():
        for _ in range(steps):
            x = layer(x)
            states.append(x[0, 0])
    return states


runs = {
    "NonlocalBlock, w = -0.1": repeated(block(-0.1)),
    "NonlocalBlock, w = 0.1": repeated(block(0.1)),
    "NonlocalStage, w = 0.1": repeated(stage(0.1, 1)),
}
figure = new_figure(12.0, 6.0)
panels = figure.subplots(2, 3)
for axes, (name, (sizes, states)) in zip(panels[0], runs.items(), strict=True):
    for step, mark in ((0, ":"), (5, "--"), (steps, "-")):
        axes.plot(states[step], mark, label=f"after {step}")
    axes.set(xlabel="position", ylabel="feature", title=name)
    axes.legend(frameon=False, fontsize="small")
    print(f"{name}: norm {float(sizes.norm[-1]):.3g}, variation {float(sizes.variation[-1]):.3g} of the first norm")

frozen = stage(0.1, steps)
with torch.no_grad():
    end = frozen(signal)[0, 0]
print(f"one NonlocalStage of {steps} sub-blocks: mean {float(end.mean()):.3f}, before {float(signal.mean()):.3f}")
for axes, part in zip(panels[1], ("norm", "variation"), strict=False):
    for (name, (sizes, _)), mark in zip(runs.items(), ("-", "--", ":"), strict=True):
        axes.semilogy(getattr(sizes, part), mark, label=name)
    axes.set(xlabel="layers", ylabel=f"{part} relative to |X|", ylim=(0.05, 100))
panels[1, 0].legend(frameon=False, fontsize="small")
panels[1, 2].plot(signal[0, 0], ":", label="before")
panels[1, 2].plot(end, "-", label=f"after {steps} sub-blocks")
panels[1, 2].set(xlabel="position", ylabel="feature", title="one NonlocalStage, affinity frozen")
panels[1, 2].legend(frameon=False, fontsize="small")
write_figure(figure, "damping.png")
