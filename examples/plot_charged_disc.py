"""
A charged plate: a Riesz potential on scattered points
======================================================

The Coulomb potential of charges on a plate is a Riesz potential, (-Delta)^(-1/2) q (x) = integral of q(y) / (2 pi r),
r the distance of x and y. Charge on a conducting disc arranges itself so that the potential is constant: q = (2 / pi)
/ sqrt(1 - r^2), infinite at the rim, of total charge 4, for a potential of 1. Points of the cloud are denser
towards the rim, which a grid cannot be, and the equation A q = 1 is solved by conjugate gradients, because the matrix
is positive definite on every cloud. Writes charged_disc.png.
"""

import numpy as np

import pide
from pide.plotting import new_figure, write_figure

disc = pide.Ball(radius=1.0, dimension=2)
rng = np.random.default_rng(0)


def cloud_of(count, graded):
    """Sunflower points; graded ones have r = sin(t), which spaces them like the charge."""
    k = np.arange(count) + 0.5
    area = k / count
    r = np.sqrt(1 - (1 - area) ** 2) if graded else np.sqrt(area)
    angle = np.pi * (1 + np.sqrt(5)) * k
    return pide.PointCloud(0.999 * np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1), domain=disc)


figure = new_figure(12.0, 3.8)
left, middle, right = figure.subplots(1, 3, width_ratios=[1.15, 1, 1])
counts = (125, 250, 500, 1000, 2000)
for graded, mark in ((False, "o-"), (True, "s--")):
    name = "points denser at the rim" if graded else "even points"
    errors = []
    for count in counts:
        cloud = cloud_of(count, graded)
        plate = pide.Stationary(pide.RieszPotential(0.5), disc, source=1.0)
        result = pide.solve(plate, on=cloud, tol=1e-8)
        radius = np.hypot(*cloud.coordinates)
        exact = 2 / np.pi / np.sqrt(1 - radius**2)
        errors.append(float(cloud.inner(np.abs(result.final - exact), np.ones(count)) / 4))
    charge = float(cloud.inner(result.final, np.ones(count)))
    right.loglog(counts, errors, mark, label=name)
    middle.semilogy(radius, result.final, ".", ms=2, label=name)
    print(f"{name}: total charge {charge:.3f}, 4 exactly; error of the density {errors[-1]:.3f} with {count} points")
    print(f"  {result.record.applies} applies")
r = np.linspace(0, 0.999, 400)
middle.semilogy(r, 2 / np.pi / np.sqrt(1 - r**2), "k-", lw=1, label="exact")
middle.set(xlabel="r", ylabel="charge density q")
middle.legend(frameon=False, fontsize="small")
right.set(xlabel="points", ylabel="error of q in the mean, relative", ylim=(0.005, 0.2))
right.minorticks_off()
right.set_xticks(counts, labels=[str(count) for count in counts])
right.set_yticks([0.01, 0.03, 0.1], labels=["1%", "3%", "10%"])
right.legend(frameon=False, fontsize="small")
dots = left.scatter(*cloud.coordinates, c=np.log10(result.final), s=4, cmap="viridis")
left.set(aspect="equal", xlabel="x", ylabel="y")
figure.colorbar(dots, ax=left, label="log$_{10}$ q")
write_figure(figure, "charged_disc.png")
