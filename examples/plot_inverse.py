"""
Which operator made these data? An inverse problem by gradients
===============================================================

Two heat flows u_t = 0.3 L_w u - 0.2 (-Delta)^s u are observed at two times with noise of size 1e-3. The order s and the
width w of the Gaussian kernel of L_w are recovered by BFGS; torch differentiates through the weights of the lattice
operator and the Chebyshev steps. The standard errors are those of the linearised least squares. Writes inverse.png.
"""

import math

import numpy as np
import torch
from scipy.optimize import minimize

import pide
from pide import kernels
from pide.plotting import new_figure, write_figure

line = pide.Interval(-1, 1)
grid = line.grid(48)
x = grid.axes[0]
start = torch.tensor(np.stack([1.0 * (abs(x) < 0.3), np.exp(-30 * (x - 0.4) ** 2)]))


def observed(s, width):
    A = 0.3 * pide.NonlocalDiffusion(kernels.Gaussian(width=width)) - 0.2 * pide.FractionalLaplacian(s=s)
    heat = pide.Heat(A, line, initial=start, exterior=pide.Zero())
    return pide.solve(heat, on=grid, times=[0.05, 0.2], stepper=pide.Chebyshev(), tol=1e-8, scheme="lattice").states


def parameters(theta):
    """s in (0, 1) and w > 0 from two unbounded numbers."""
    return torch.sigmoid(theta[0]), torch.exp(theta[1])


def numbers(theta):
    return [float(p) for p in parameters(theta.detach())]


truth, noise = torch.tensor([math.log(0.62 / 0.38), math.log(0.25)], dtype=torch.float64), 1e-3
with torch.no_grad():
    clean = observed(*parameters(truth))
data = clean + noise * torch.randn(clean.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

trace = []  # s and width after each step


def misfit(theta):
    """Mean square over noise^2, and its gradient."""
    theta = torch.tensor(theta, requires_grad=True)
    loss = ((observed(*parameters(theta)) - data) ** 2).mean() / noise**2
    loss.backward()
    return loss.item(), theta.grad.numpy()


guess = np.asarray([0.0, math.log(0.1)])
trace.append(numbers(torch.tensor(guess)))
found = minimize(misfit, guess, jac=True, method="BFGS", callback=lambda x: trace.append(numbers(torch.tensor(x))))
theta = torch.tensor(found.x)
s, width = numbers(theta)
step = 1e-5
columns = []
for shift in ((step, 0.0), (0.0, step)):
    values = [observed(*(torch.tensor(p + k * d) for p, d in zip((s, width), shift, strict=True))) for k in (1, -1)]
    columns.append(((values[0] - values[1]) / (2 * step)).flatten())
J = torch.stack(columns, dim=1)
errors = noise * torch.sqrt(torch.diag(torch.linalg.inv(J.T @ J)))
print(f"s = {s:.4f} +- {errors[0]:.4f} (true 0.62), width = {width:.4f} +- {errors[1]:.4f} (true 0.25)")
print(f"misfit / noise^2 = {found.fun:.3f} after {found.nfev} evaluations")

figure = new_figure(9.0, 3.6)
left, right = figure.subplots(1, 2)
with torch.no_grad():
    fitted = observed(*parameters(theta))
for k, name in enumerate(("box", "bump")):
    left.plot(x, data[1, k], ".", ms=4, color=f"C{k}")
    left.plot(x, fitted[1, k], color=f"C{k}", label=f"{name}, fitted")
left.set(xlabel="x", ylabel="u(x, 0.2)")
left.locator_params(axis="x", nbins=5)
left.legend(frameon=False, fontsize="small")
path = np.asarray(trace)
right.plot(path[:, 0], path[:, 1], "o-", ms=3, label="BFGS")
right.plot(0.62, 0.25, "k*", ms=10, label="truth")
right.set(xlabel="order s", ylabel="width w")
right.locator_params(axis="x", nbins=6)
right.legend(frameon=False)
write_figure(figure, "inverse.png")
