"""
Steppers compared
=================

One problem, fractional heat on a square with u = 0 outside, solved by every stepper. The cost that counts is the number
of applications of the operator; the error is against a Lanczos run at tolerance 1e-12. Explicit steps are limited: a
step above the certified bound is refused, and the message names the largest allowed one. Writes steppers.png.
"""

import pide
from pide.errors import StepTooLarge
from pide.plotting import new_figure, write_figure

square = pide.Box(((-1, 1), (-1, 1)))
grid = square.grid(64)
until = 0.5
heat = pide.Heat(pide.FractionalLaplacian(s=0.5), square, initial=lambda x, y: 1.0 + 0 * x, exterior=pide.Zero())
exact = pide.solve(heat, on=grid, until=until, stepper=pide.Lanczos(), tol=1e-12).final

try:
    pide.solve(heat, on=grid, until=until, stepper=pide.ForwardEuler(dt=0.1))
except StepTooLarge as error:
    print(error)
    largest = error.largest

runs = {
    "forward Euler": [(pide.ForwardEuler(dt=largest / 2**i), 1e-6) for i in range(3)],
    "Runge-Kutta 4": [(pide.RungeKutta4(dt=largest / 2**i), 1e-6) for i in range(3)],
    "backward Euler": [(pide.BackwardEuler(dt=until / n), 1e-8) for n in (5, 10, 20)],
    "Crank-Nicolson": [(pide.CrankNicolson(dt=until / n), 1e-8) for n in (5, 10, 20)],
    "Chebyshev": [(pide.Chebyshev(), tol) for tol in (1e-2, 1e-4, 1e-8)],
    "Lanczos": [(pide.Lanczos(), tol) for tol in (1e-2, 1e-4, 1e-8)],
    "shift-invert Lanczos": [(pide.ShiftInvertLanczos(), tol) for tol in (1e-2, 1e-4, 1e-8)],
}

figure = new_figure(7.0, 4.5)
axes = figure.subplots()
for number, (name, steppers) in enumerate(runs.items()):
    cost, error = [], []
    for stepper, tol in steppers:
        result = pide.solve(heat, on=grid, until=until, stepper=stepper, tol=tol)
        cost.append(result.record.applies)
        error.append(float(grid.norm(result.final - exact) / grid.norm(exact)))
    print(f"{name:22s} applies {cost}, relative errors {', '.join(f'{e:.1e}' for e in error)}")
    axes.loglog(cost, error, marker="osv^Dx*"[number], label=name)
axes.set(xlabel="applications of the operator", ylabel="relative l$^2$ error", ylim=(1e-11, 1))
axes.legend(frameon=False, fontsize="small")
write_figure(figure, "steppers.png")
