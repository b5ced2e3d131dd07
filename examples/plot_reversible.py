"""
Blocks that run backwards
=========================

A Hamiltonian block moves two halves of the channels in turn, Y <- Y + h f(Z), Z <- Z - h g(Y), so its input can be
computed from its output. A chain of such blocks therefore needs to keep one output for the backward pass, however
long it is. Left: bytes kept. Middle: the input, reconstructed through d blocks, differs by rounding, in both
precisions. Right: the gradient with reconstructed activations against that with stored ones. The nonlocal VerletBlock
takes such a step with a nonlocal force, and from V = X, W = -X it is the PIDEBlock; this is printed. Writes
reversible.png.
"""

import torch

from pide.nets.layers import HamiltonianBlock, HamiltonianChain, PIDEBlock, VerletBlock
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
depths = (1, 2, 4, 8, 16, 32)


def chain(depth, memory, dtype):
    torch.manual_seed(0)
    blocks = [HamiltonianBlock(8, step=0.1) for _ in range(depth)]
    return HamiltonianChain(blocks, memory=memory).to(dtype)


def gradient(net, x):
    """Bytes that the forward pass keeps, parameters aside, and the gradient of |net(x)|^2 with respect to x."""
    own, kept = {p.untyped_storage().data_ptr() for p in [*net.parameters(), *net.buffers()]}, {}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = x.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = net(x)
    (found,) = torch.autograd.grad(out.square().sum(), x)
    return sum(kept.values()), found


figure = new_figure(11.0, 3.6)
left, middle, right = figure.subplots(1, 3)
memory = {"stored": [], "reversible": []}
for dtype, mark in ((torch.float32, "o-"), (torch.float64, "s--")):
    x = torch.randn(4, 8, 16, 16, generator=torch.Generator().manual_seed(1), dtype=dtype)
    inverses, gradients = [], []
    for depth in depths:
        found = {}
        for name in memory:
            net = chain(depth, name, dtype)
            size, found[name] = gradient(net, x)
            if dtype == torch.float32:
                memory[name].append(size)
        with torch.no_grad():
            back = net(x)
            for block in reversed(net):
                back = block.inverse(back)
        inverses.append(float((back - x).norm() / x.norm()))
        gradients.append(float((found["reversible"] - found["stored"]).norm() / found["stored"].norm()))
    name = str(dtype).removeprefix("torch.")
    print(f"{name}: {depths[-1]} blocks, input again to {inverses[-1]:.1e}, gradient to {gradients[-1]:.1e}")
    middle.loglog(depths, inverses, mark, label=name)
    right.loglog(depths, [max(g, 1e-17) for g in gradients], mark, label=name)
for (name, sizes), mark in zip(memory.items(), ("o-", "s--"), strict=True):
    left.loglog(depths, [size / 2**20 for size in sizes], mark, label=name)
    print(f"{name}: {sizes[0] / 2**20:.2f} MiB kept for 1 block, {sizes[-1] / 2**20:.2f} MiB for {depths[-1]}")
left.set(ylabel="kept for the backward pass [MiB]")
middle.set(ylabel="error of the input, relative")
right.set(ylabel="error of the gradient, relative")
for axes in (left, middle, right):
    axes.minorticks_off()
    axes.set_xticks(depths, labels=[str(depth) for depth in depths])
    axes.set(xlabel="blocks d")
    axes.legend(frameon=False, fontsize="small")

torch.manual_seed(0)
verlet = VerletBlock(16, "fractional").double().eval()
x = torch.randn(1, 8, 12, 12, dtype=torch.float64)
block = PIDEBlock(8, "fractional", embedding=verlet.block.embedding).double().eval()
block.load_state_dict(verlet.block.state_dict())
difference = (verlet(torch.cat([x, -x], 1))[:, 8:] + block(x)).abs().max()
print(f"VerletBlock from (X, -X) against the PIDEBlock of X: W + B_2 = {float(difference.detach()):.1e}")
write_figure(figure, "reversible.png")
