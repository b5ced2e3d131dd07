"""
Matrices that keep their claims while they are trained
======================================================

Values on 24 sites of a ring are mixed by an unknown matrix P with positive entries whose rows and columns sum to 1.
From 60 noisy pairs of fields before and after, P is learned three times by the same optimiser: as a free matrix, as
RowStochastic and as DoublyStochastic. All fit the data. Used 200 times in a row the free matrix loses the mean, as
its rows do not sum to 1; a Markov matrix cannot leave the range of its data; the doubly stochastic one also keeps the
mean. Writes constraints.png.
"""

import numpy as np
import torch
from torch.nn.utils.parametrize import register_parametrization

from pide.nets.layers import DoublyStochastic, RowStochastic
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
rng = np.random.default_rng(0)
n = 24
distance = np.abs((np.arange(n)[:, None] - np.arange(n) + n // 2) % n - n // 2)
P = np.exp(-((distance / 1.5) ** 2))
P = torch.from_numpy(P / P.sum(axis=1))
before = torch.from_numpy(rng.standard_normal((60, n)))
after = before @ P.T + 0.1 * torch.from_numpy(rng.standard_normal((60, n)))


def learned(constraint):
    layer = torch.nn.Linear(n, n, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(0.5 * torch.eye(n) + 0.5 / n)
    if constraint is not None:
        register_parametrization(layer, "weight", constraint)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.03 if constraint is None else 0.1)
    for _ in range(200):
        loss = torch.nn.functional.mse_loss(layer(before), after)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return layer.weight.detach(), float(loss.detach())


figure = new_figure(12.0, 6.2)
panels = figure.subplots(2, 4)
panels[0, 0].imshow(P.numpy(), cmap="cividis", vmin=0, vmax=0.4)
panels[0, 0].set(title="P")
field = 1.0 + torch.from_numpy(rng.standard_normal(n))
curves = {}
for axes, (name, constraint) in zip(
    panels[0, 1:],
    {"free": None, "RowStochastic": RowStochastic(), "DoublyStochastic": DoublyStochastic()}.items(),
    strict=True,
):
    W, loss = learned(constraint)
    axes.imshow(W.numpy(), cmap="cividis", vmin=0, vmax=0.4)
    axes.set(title=f"{name}\n|W - P| / |P| = {float((W - P).norm() / P.norm()):.2f}")
    states = [field]
    for _ in range(200):
        states.append(W @ states[-1])
    curves[name] = torch.stack(states)
    rows, columns = (float((W.sum(axis) - 1).abs().max()) for axis in (1, 0))
    print(
        f"{name}: loss {loss:.4f}, row sums off by {rows:.1e}, column sums by {columns:.1e}, smallest entry "
        f"{float(W.min()):+.3f}, mean {float(field.mean()):.3f} -> {float(states[-1].mean()):.3f}"
    )
for axes in panels[0]:
    axes.set(xlabel="from site", ylabel="to site")
panels[1, 0].remove()
for (name, states), mark in zip(curves.items(), ("-", "--", ":"), strict=True):
    panels[1, 1].plot(states.mean(1) / field.mean(), mark, label=name)
    panels[1, 2].semilogy((states - states.mean(1, keepdim=True)).norm(dim=1).clamp_min(1e-16), mark)
    panels[1, 3].plot(states[-1], mark)
panels[1, 1].set(xlabel="applications", ylabel="mean, relative to the first", ylim=(0, 2))
panels[1, 1].legend(frameon=False, fontsize="small")
panels[1, 2].set(xlabel="applications", ylabel="distance from the mean")
panels[1, 3].set(xlabel="site", ylabel="after 200 applications")
write_figure(figure, "constraints.png")
