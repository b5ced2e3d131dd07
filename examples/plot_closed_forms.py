"""
Closed forms to test against
============================

`pide.exact` holds solutions and images that are known: the torsion function of intervals, balls and ellipsoids, the
heat kernel, (-Delta)^s of Gaussians, of (1 + r^2)^(-a), of (1 - r^2)^p and of (1 - r^2)^s times Jacobi polynomials.
Left: heat kernels; solved on a large torus, they agree. Middle: images of four functions. Right: errors of discrete
operators against them, and their orders. Writes closed_forms.png.
"""

import numpy as np

import pide
from pide import exact
from pide.plotting import new_figure, write_figure

figure = new_figure(13.0, 3.8)
left, middle, right = figure.subplots(1, 3)

# Left: p(x, 1) against exp(-|k|^(2s)) applied to a unit mass on a torus so large that periodic images hardly count.
ring = pide.Torus((2000.0,))
grid = ring.grid(40000)
x = grid.axes[0] - 1000.0
unit = np.zeros(40000)
unit[20000] = 1 / grid.spacing[0]
near = np.flatnonzero(np.abs(x - x[20000]) < 2)
distance = np.abs(x[near] - x[20000])
for s, style in ((0.5, ":"), (0.6, "-"), (0.75, "--"), (1.0, "-.")):
    found = pide.Multiplier(lambda k, s=s: np.exp(-(np.abs(k) ** (2 * s)))).on(grid)(unit)
    kernel = exact.heat_kernel(distance, 1.0, s, dimension=1)
    print(f"heat kernel, s = {s}: apart by {np.max(np.abs(found[near] - kernel)):.1e}")
    left.semilogy(x[near] - x[20000], kernel, style, label=f"s = {s}")
left.set(xlabel="x", ylabel="p(x, 1)")
left.legend(frameon=False, fontsize="small")

s, r = 0.5, np.linspace(0, 0.999, 300)
images = {
    "exp(-r$^2$)": lambda r: exact.gaussian_image(r, s, 1),
    "1 / (1 + r$^2$)": lambda r: exact.algebraic_image(r, 1.0, s, 1),
    "(1 - r$^2$)$^{3/2}$": lambda r: exact.ball_power_image(r, 1.5, s, 1),
    "(1 - r$^2$)$^{1/2}$": lambda r: exact.ball_power_image(r, 0.5, s, 1),
}
for (name, image), style in zip(images.items(), ("-", "--", "-.", ":"), strict=True):
    middle.plot(r, image(r), style, label=name)
jacobi = exact.jacobi_multiplier(2, 0, s, 1) * exact.jacobi_radial(r, 2, 0, s, 1)
middle.plot(r, jacobi / 4, color="C5", lw=1, label="(1 - r$^2$)$^{1/2}$ P$_2$(r$^2$), / 4")
middle.set(xlabel="r", ylabel="$(-\\Delta)^{1/2}$ of the function", ylim=(-2.5, 3))
middle.legend(frameon=False, fontsize="small", ncols=2)

# Right: solutions, maxima and integrals of the torsion problem (-Delta)^s u = 1.
counts = np.array([32, 64, 128, 256])
domains = {"interval": pide.Interval(-1, 1), "ellipse": pide.Ellipsoid((1.0, 0.6))}
for (name, domain), mark in zip(domains.items(), ("o-", "s--"), strict=True):
    errors, integrals = [], []
    levels = counts if name == "interval" else counts // 2
    for n in levels:
        nodes = domain.grid(n) if name == "interval" else domain.grid(spacing=2.2 / n, origin=(0.3 / n, 0.2 / n))
        u = pide.solve(pide.Stationary(pide.FractionalLaplacian(s), domain, source=1.0), on=nodes, tol=1e-10).final
        truth = exact.torsion_function(domain, s)(*nodes.coordinates)
        errors.append(float(nodes.norm(u - truth) / nodes.norm(truth)))
        integrals.append(abs(float(nodes.inner(u, np.ones_like(u))) / exact.torsion_integral(domain, s) - 1))
    order = np.polyfit(np.log(levels), -np.log(errors), 1)[0]
    peak = exact.torsion_maximum(domain, s)
    print(f"{name}: maximum {peak:.6f}, found {u.max():.6f}; integral to {integrals[-1]:.1e}, order of u {order:.2f}")
    right.loglog(levels, errors, mark, label=f"u, {name}, order {order:.1f}")
    right.loglog(levels, integrals, mark, mfc="none", lw=0.8, label=f"its integral, {name}")
right.set(xlabel="nodes across", ylabel="relative error")
right.set_xticks(counts, [str(n) for n in counts])
right.minorticks_off()
right.legend(frameon=False, fontsize="small")
write_figure(figure, "closed_forms.png")
