"""
Five ways to exp(tL)
====================

Linear flows need no steps: `Exact` transforms where Fourier modes diagonalise L; `Lanczos` (symmetric L) and `Arnoldi`
(any L) project on Krylov spaces; `Chebyshev` expands in the certified interval of the spectrum; `Uniformisation` adds
nonnegative terms only, so that signs survive, and costs q t + 6 sqrt(q t) applies, q the largest rate. Left: diffusion
on a torus, where the exact flow is known. Right: a generator that is not symmetric. Writes exponentials.png.
"""

import numpy as np
import scipy.linalg

import pide
from pide.plotting import new_figure, write_figure

ring = pide.Torus((1.0,))
grid = ring.grid(128)
bump = np.exp(-200 * (grid.axes[0] - 0.5) ** 2)
diffusion = pide.NonlocalDiffusion(pide.kernels.Linear(horizon=0.05))
transport = diffusion + pide.Advection(100.0)
until = 0.002
L = transport.on(grid)
dense = scipy.linalg.expm(until * L.to_dense()) @ bump
cases = {
    "diffusion": (diffusion, [pide.Lanczos(), pide.Chebyshev(), pide.Arnoldi(), pide.Uniformisation()]),
    "diffusion and transport": (transport, [pide.Arnoldi(), pide.Uniformisation()]),
}

figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)
for axes, (name, (A, steppers)) in zip((left, middle), cases.items(), strict=True):
    heat = pide.Evolution(A, ring, initial=bump)
    if name == "diffusion":
        run = pide.solve(heat, on=grid, until=until, stepper=pide.Exact())
        exact = run.final
        print(f"Exact: {run.record.applies} transforms, no apply of L")
    else:
        exact = dense
    for stepper, mark in zip(steppers, "os^v" if name == "diffusion" else "^v", strict=True):
        applies, errors, least = [], [], []
        for tol in (1e-1, 1e-4, 1e-7):
            run = pide.solve(heat, on=grid, until=until, stepper=stepper, tol=tol)
            applies.append(run.record.applies)
            errors.append(float(grid.norm(run.final - exact) / grid.norm(exact)))
            least.append(run.final.min())
            assert errors[-1] < 2 * tol
        label = type(stepper).__name__
        print(f"{name}, {label}: applies {applies}, errors {', '.join(f'{e:.0e}' for e in errors)}, "
              f"least value {min(least):.1e}")  # fmt: skip
        axes.semilogy(applies, errors, mark + "-", label=f"{label}, min u = {min(least):.0e}")
    axes.set(title=name, xlabel="applies of L", ylabel="relative l$^2$ error", ylim=(1e-15, 1))
    axes.legend(frameon=False, fontsize="small", loc="lower left")

q = L.rate_bound()
print(f"q t = {q * until:.0f}, q t + 6 sqrt(q t) = {q * until + 6 * np.sqrt(q * until):.0f}")
right.plot(grid.axes[0], bump, ":", color="0.5", label="t = 0")
right.plot(grid.axes[0], dense, "-", label=f"diffusion and transport, t = {until}")
right.set(xlabel="x", ylabel="u", ylim=(-0.05, 1.3))
right.legend(frameon=False, fontsize="small")
write_figure(figure, "exponentials.png")
