"""
The networks of the papers, and what they cost
==============================================

Residual networks with blocks x + F(x), normalised after the convolutions (`BasicBlock`) or before (`PreActBasic`,
`PreActBottleneck`), and Hamiltonian networks with one nonlocal block in each unit, exact to the last parameter. Left:
parameters and multiply-adds for CIFAR-10. Middle: where the multiply-adds are. Right: what moves the centre of the
features: a nonlocal block sees every pixel from the start. Writes published_networks.png.
"""

import numpy as np
import torch

from pide.nets import models
from pide.nets.analysis import count_parameters, effective_receptive_field, multiply_adds, operations
from pide.nets.layers import BasicBlock, NonlocalBlock, PreActBasic, PreActBottleneck
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
torch.manual_seed(0)
shape = models.dataset_shape("cifar10")
networks = {
    "PreResNet-20": models.preresnet20("cifar10"),
    "PreResNet-20, 3 nonlocal": models.preresnet20("cifar10", nonlocal_blocks=3),
    "ResNet-44": models.resnet44("cifar10"),
    "PreResNet-56": models.preresnet56("cifar10"),
    "Hamiltonian": models.hamiltonian("cifar10"),
    "Hamiltonian, fractional": models.hamiltonian("cifar10", "fractional"),
}
figure = new_figure(14.0, 4.2)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1.1, 1.1])
for place, (name, net) in enumerate(networks.items()):
    parameters, products = count_parameters(net), multiply_adds(net, shape.input_shape)
    print(f"{name:26s} {parameters:9d} parameters, {products / 1e6:8.1f} million multiply-adds, {type(net).__name__}")
    left.plot(parameters / 1e3, products / 1e6, "os^vDX"[place], label=name)
left.set(xlabel="parameters [thousand]", ylabel="multiply-adds [million]", xlim=(0, 1900), ylim=(0, 350))
left.legend(frameon=False, fontsize="x-small")

for name, style in (("PreResNet-20", "-"), ("Hamiltonian", "--"), ("Hamiltonian, fractional", "-.")):
    spent = [products for products, _ in operations(networks[name], shape.input_shape).values()]
    middle.step(np.linspace(0, 1, len(spent)), np.cumsum(spent) / 1e6, style, where="post", label=name)
middle.set(xlabel="part of the modules passed", ylabel="multiply-adds so far [million]", ylim=(0, None))
middle.legend(frameon=False, fontsize="small")

x = torch.randn(8, 8, 32, 32)
stems = {
    "4 BasicBlock": [BasicBlock(8, 8) for _ in range(4)],
    "4 PreActBasic": [PreActBasic(8, 8) for _ in range(4)],
    "4 PreActBottleneck": [PreActBottleneck(8, 4, 8) for _ in range(4)],
    "2 PreActBasic, nonlocal": [*(PreActBasic(8, 8) for _ in range(2)), NonlocalBlock(8, initial_scale=0.3)],
}
for (name, blocks), style in zip(stems.items(), ("-", "--", "-.", ":"), strict=True):
    net = torch.nn.Sequential(*blocks, torch.nn.Identity())
    field = effective_receptive_field(net, x, layer=str(len(blocks)))
    print(f"{name}: radius {field.radius:.2f} pixels, {100 * field.reach:.0f} % of the pixels reach the centre")
    profile = field.sensitivity[16] / field.sensitivity.max()
    label = f"{name}: reach {100 * field.reach:.0f} %"
    right.semilogy(np.arange(32) - 16, np.maximum(profile, 1e-9), style, label=label)
right.set(xlabel="pixels from the centre", ylabel="sensitivity, relative", ylim=(1e-9, 1e4))
right.legend(frameon=False, fontsize="small")
write_figure(figure, "published_networks.png")
