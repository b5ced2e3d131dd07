"""
Kou's model and its Greeks
==========================

Jumps of the log price with two exponential tails (Kou 2002), rates that are neither symmetric nor smooth at the
diagonal. The PIDE gives the whole price curve at once, so that delta and gamma are its differences. The reference is
Lewis's Fourier integral over the characteristic function. Errors fall like h^2. Writes greeks.png.
"""

import math

import numpy as np

import pide
from pide import kernels
from pide.continuum.advection import Advection
from pide.plotting import new_figure, write_figure

sigma, rate, strike, maturity = 0.16, 0.05, 100.0, 0.5
intensity, up, eta_up, eta_down = 2.0, 0.4, 12.0, 8.0
growth = up * eta_up / (eta_up - 1) + (1 - up) * eta_down / (eta_down + 1) - 1
discount = math.exp(-rate * maturity)


def density(x, y):
    z = y[0] - x[0]
    tails = np.where(z > 0, up * eta_up * np.exp(-eta_up * abs(z)), (1 - up) * eta_down * np.exp(-eta_down * abs(z)))
    return intensity * tails


def fourier(spot):
    """(price, delta, gamma) of a put by the midpoint rule in the Fourier variable."""
    v = (np.arange(20_000) + 0.5) / 100
    u = v - 0.5j
    jumps = up * eta_up / (eta_up - 1j * u) + (1 - up) * eta_down / (eta_down + 1j * u) - 1
    exponent = -(sigma**2) / 2 * (u**2 + 1j * u) + intensity * (jumps - 1j * u * growth)
    forward = spot[:, None] / discount
    waves = np.exp(maturity * exponent) * (forward / strike) ** (0.5 + 1j * v) * strike / math.pi / 100
    gamma = (waves.real.sum(axis=1) / forward[:, 0] ** 2) / discount
    waves = waves / (v**2 + 0.25)
    delta = -((0.5 + 1j * v) * waves).real.sum(axis=1) / forward[:, 0]
    return discount * (strike - waves.real.sum(axis=1)), delta, gamma


def payoff(x):
    return np.maximum(1 - np.exp(x), 0.0)


line = pide.Interval(-3.0, 3.0)
jumps = pide.NonlocalDiffusion(kernels.TwoPoint(density, horizon=3.0, symmetric=False))
drift = Advection(sigma**2 / 2 + intensity * growth, scheme="central")
problem = pide.Evolution(
    sigma**2 / 2 * pide.Laplacian() + drift + jumps, line, initial=payoff, exterior=pide.Value(payoff)
)

sizes, errors = (128, 256, 512), []
for n in sizes:
    grid = line.grid(n)
    w = pide.solve(problem, on=grid, times=[maturity], tol=1e-9).final
    h, spot = grid.spacing[0], strike * discount * np.exp(grid.axes[0])
    first, second = (w[2:] - w[:-2]) / (2 * h), (w[2:] - 2 * w[1:-1] + w[:-2]) / h**2
    shown = (spot[1:-1] > 70) & (spot[1:-1] < 140)
    S, scale = spot[1:-1][shown], strike * discount
    greeks = scale * w[1:-1][shown], scale * first[shown] / S, scale * (second - first)[shown] / S**2
    exact = fourier(S)
    errors.append([float(np.abs(a - b).max()) for a, b in zip(greeks, exact, strict=True)])
    print(f"{n:5d} nodes: errors of price {errors[-1][0]:.1e}, delta {errors[-1][1]:.1e}, gamma {errors[-1][2]:.1e}")
print("observed orders", np.log2(np.asarray(errors[-2]) / np.asarray(errors[-1])).round(2))

figure = new_figure(9.0, 3.2)
for axis, name, mine, theirs in zip(figure.subplots(1, 3), ("price", "delta", "gamma"), greeks, exact, strict=True):
    axis.plot(S, mine, label="PIDE")
    axis.plot(S[::8], theirs[::8], "k.", ms=4, label="Fourier integral")
    axis.set(xlabel="share price", title=name)
axis.legend(frameon=False, fontsize="small")
write_figure(figure, "greeks.png")
