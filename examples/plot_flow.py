"""
What a flow must keep
=====================

E(t) = exp(tL) with rates >= 0 keeps signs and mass, contracts ``sum |u|``, ``max |u|`` and the energy, is reversible
for symmetric rates, and E(t) E(s) = E(t + s). A stepper is checked as the map v -> E(t) v that it makes. Left: a spike
under Lanczos and under three wrong flows. Middle: distance to equilibrium falls at least like exp(-lambda_2 t). Right:
the checks of flows. Writes flow.png.
"""

import numpy as np
import scipy.linalg

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

line = pide.Interval(0, 1)
grid = line.grid(48)
L = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.2)).on(grid, pide.Reflecting())
until = 0.02
flow = verification.flow_of(L, pide.Lanczos(), until, tolerance=1e-9)
report = verification.check(flow, samples=6)
print(report)
report.raise_if_failed()

matrix = L.to_dense()
spike = np.zeros(48)
spike[12] = 1.0
image = flow.advance(spike, until)
flows = {
    "Lanczos": image,
    "Taylor polynomial, degree 2": spike + until * L(spike) + until**2 / 2 * L(L(spike)),
    "overshoot": image - 0.4 * (spike - image),
    "uphill": scipy.linalg.expm(-until / 20 * matrix) @ spike,
}
figure = new_figure(14.0, 4.0)
left, middle, right = figure.subplots(1, 3)
for (name, u), style in zip(flows.items(), ("-", "--", ":", "-."), strict=True):
    left.plot(grid.axes[0], u, style, label=f"{name}: min {u.min():.2g}")
    print(f"{name}: min {u.min():.3g}, mass {u.sum():.6f}, sum |u| {np.abs(u).sum():.3f}")
left.set(xlabel="x", ylabel="E(t) v", ylim=(-0.2, 0.3))
left.legend(frameon=False, fontsize="small")

gap = -np.linalg.eigvalsh(matrix)[-2]
times = np.linspace(0, 0.15, 16)
mean = np.full(48, 1 / 48)
for name, v in (("spike", spike), ("step", (grid.axes[0] < 0.5) / 24)):
    distance = [float(grid.norm(flow.advance(v, t) - mean)) if t else float(grid.norm(v - mean)) for t in times]
    middle.semilogy(times, np.array(distance) / distance[0], "o" if name == "spike" else "s", ms=4, label=name)
    assert all(d <= np.exp(-gap * t) * distance[0] * (1 + 1e-8) for d, t in zip(distance, times, strict=True))
middle.semilogy(times, np.exp(-gap * times), "k:", label=f"exp(-{gap:.2f} t)")
middle.set(xlabel="t", ylabel="|E(t) v - mean v| / |v - mean v|")
middle.legend(frameon=False, fontsize="small")

cases = {
    "flow_positive": "overshoot",
    "flow_rows": "mass lost at 1e-6",
    "flow_mass": "mass lost at 1e-6",
    "flow_energy": "heat flows uphill",
    "flow_variance": "variance from the mean",
    "flow_contracts": "evolution of the opposite sign",
    "flow_reversible": "flow without detailed balance",
    "flow_semigroup": "Taylor polynomial for the exponential",
    "flow_generator": "steps of half the length",
    "flow_equilibrium": "flow of half the time",
    "flow_order": "order claimed too high",
}
found = margins(cases, samples=4)
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "flow.png")
