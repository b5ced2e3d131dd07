"""
A run, certified state by state
===============================

`certify_states` decides in exact arithmetic whether energy and variance fall from each stored state to the next. There
is no tolerance, and a refutation names the step and the change, as a fraction. Left: the energy of a heat flow with
reflecting ends, which all four steppers draw alike. Middle: its changes; near rest they are roundings of either sign.
Right: what is proved of each run. A decay that must hold to the last bit needs the certificate of the operator and an
exact flow. Writes certified_run.png.
"""

from fractions import Fraction

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure

line = pide.Interval(0, 1)
grid = line.grid(64)
L = pide.NonlocalDiffusion(pide.kernels.Gaussian(width=0.2))
heat = pide.Heat(L, line, initial=lambda x: 1.0 * (x > 0.4), exterior=pide.Reflecting())
times = np.concatenate([[0.0], np.geomspace(1e-3, 8.0, 30)])
runs = {
    "Lanczos, tol 1e-10": (pide.Lanczos(), 1e-10),
    "Lanczos, tol 1e-2": (pide.Lanczos(), 1e-2),
    "Chebyshev, tol 1e-6": (pide.Chebyshev(), 1e-6),
    "backward Euler, dt 0.1": (pide.BackwardEuler(dt=0.1), 1e-10),
}
claims = ("energy_decay", "variance_decay")
figure = new_figure(13.0, 3.6)
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.8])
table = np.zeros((len(runs), len(claims)))
for row, ((name, (stepper, tol)), style) in enumerate(zip(runs.items(), ("-", "--", "-.", ":"), strict=True)):
    result = pide.solve(heat, on=grid, times=times, stepper=stepper, tol=tol)
    certificates = verification.certify_states(result, claims=claims)
    for column, claim in enumerate(claims):
        certificate = certificates[claim]
        table[row, column] = certificate.proved
        words = ""
        if not certificate.proved:
            change = float(Fraction(certificate.witness["change"]))
            words = f": at step {certificate.witness['step']} it grows by {change:.1e}"
        print(f"{name}: {claim} {certificate.verdict}{words}")
    left.semilogx(times[1:], result.energy[1:], style, label=name)
    middle.semilogx(times[1:], np.diff(result.energy), style, marker="so^v"[row], ms=4, label=name)
assert certificates["energy_decay"].statement.startswith("sum m v^2 does not increase")
proved = verification.certify(L.on(grid, pide.Reflecting()), list(claims))
print(f"the operator itself: {', '.join(f'{c.claim} {c.verdict}' for c in proved)}")

left.set(xlabel="t", ylabel="energy")
middle.set(xlabel="t", ylabel="change of the energy", yscale="symlog", ylim=(-1, 1e-14))
middle.set_yscale("symlog", linthresh=1e-16)
right.imshow(table, cmap="Blues", vmin=0, vmax=1.5, aspect="auto")
for row, column in np.ndindex(table.shape):
    right.text(column, row, "proved" if table[row, column] else "refuted", ha="center", va="center", fontsize="small")
right.set_xticks(range(len(claims)), claims)
right.set_yticks(range(len(runs)), list(runs), fontsize="small")
for axes in (left, middle):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "certified_run.png")
