"""
An option price with jumps: Merton's model as a PIDE
====================================================

The logarithm of a share drifts, diffuses and jumps by normally distributed steps. In the log-forward price x and the
time to maturity t the undiscounted price w of a put obeys w_t = sigma^2/2 w_xx - c w_x + int (w(y) - w(x)) nu(y - x) dy
with c = sigma^2/2 + lambda E[e^J - 1]: diffusion, advection and a jump integral that is not symmetric. Merton (1976)
gives the price as a Poisson series. The error of the PIDE is O(h^2) and, with implicit diffusion and explicit jumps,
O(dt^2). Writes merton.png.
"""

import math

import numpy as np
from scipy.stats import norm

import pide
from pide import kernels
from pide.continuum.advection import Advection
from pide.plotting import new_figure, write_figure
from pide.solvers import IMEX

sigma, rate, strike, maturity = 0.2, 0.05, 100.0, 0.5
intensity, mean, deviation = 1.0, -0.1, 0.15  # of the jumps J, per year
growth = math.exp(mean + deviation**2 / 2) - 1


def series(spot):
    """Black-Scholes prices of a put, averaged over the Poisson number k of jumps."""
    price, weight = 0.0, math.exp(-intensity * (1 + growth) * maturity)
    for k in range(40):
        r = rate - intensity * growth + k * math.log(1 + growth) / maturity
        v = math.sqrt(sigma**2 * maturity + k * deviation**2)
        d = (np.log(spot / strike) + r * maturity) / v + v / 2
        price = price + weight * (strike * math.exp(-r * maturity) * norm.cdf(v - d) - spot * norm.cdf(-d))
        weight *= intensity * (1 + growth) * maturity / (k + 1)
    return price


def payoff(x):
    return np.maximum(1 - np.exp(x), 0.0)


line, outside = pide.Interval(-2.0, 2.0), pide.Value(payoff)
rates = kernels.TwoPoint(
    lambda x, y: intensity * norm.pdf(y[0] - x[0], mean, deviation), horizon=abs(mean) + 7 * deviation, symmetric=False
)
diffusion = sigma**2 / 2 * pide.Laplacian()
transport = Advection(sigma**2 / 2 + intensity * growth, scheme="central") + pide.NonlocalDiffusion(rates)


def price(n, steps=None):
    """(spot, price, error) on n nodes: with exact time integration, or by IMEX steps."""
    grid = line.grid(n)
    if steps is None:
        problem, stepper = pide.Evolution(diffusion + transport, line, initial=payoff, exterior=outside), "auto"
    else:
        B = transport.on(grid, exterior=outside)
        problem = pide.Evolution(
            diffusion, line, initial=payoff, exterior=outside, reaction=lambda w: B.apply(w) + B.load
        )
        stepper = IMEX(dt=maturity / steps)
    w = pide.solve(problem, on=grid, times=[maturity], stepper=stepper, tol=1e-8).final
    spot = strike * np.exp(grid.axes[0] - rate * maturity)
    shown = (spot > 60) & (spot < 160)
    value = strike * math.exp(-rate * maturity) * w[shown]
    return spot[shown], value, np.abs(value - series(spot[shown])).max()


sizes = (64, 128, 256, 512)
rows = {"exact in time": [price(n)[2] for n in sizes]}
rows |= {f"{steps} steps": [price(n, steps)[2] for n in sizes] for steps in (4, 8, 16)}
print("error at n = " + ", ".join(map(str, sizes)))
for name, errors in rows.items():
    print(f"{name:14s}" + "".join(f"{error:10.2e}" for error in errors))

spot, value, _ = price(256)
figure = new_figure(9.0, 3.6)
left, right = figure.subplots(1, 2)
left.plot(spot, value, label="PIDE")
left.plot(spot[::4], series(spot)[::4], "k.", ms=4, label="Poisson series")
left.set(xlabel="share price", ylabel="price of the put")
left.legend(frameon=False)
for (name, errors), mark in zip(rows.items(), ("o-", "s--", "^:", "v-."), strict=True):
    right.loglog([4 / n for n in sizes], errors, mark, ms=4, lw=1, label=name)
right.set(xlabel="spacing h", ylabel="largest error of the price")
right.minorticks_off()
right.set_xticks([4 / n for n in sizes], labels=[f"1/{n // 4}" for n in sizes])
right.legend(frameon=False, fontsize="small")
write_figure(figure, "merton.png")
