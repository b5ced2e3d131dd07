"""
Fractional heat in a disc
=========================

u_t = -(-Delta)^s u in the unit disc, u = 0 outside, from a half-disc of heat. Particles jump; those that leave the disc
are lost, so the mass falls from the first moment on, also far from the boundary. Writes first_heat.png, .gif and .nc.
"""

import pide
from pide import verification

disc = pide.Ball(radius=1.0, dimension=2)
heat = pide.Heat(pide.FractionalLaplacian(s=0.75), disc, initial=lambda x, y: (x > 0) * 1.0, exterior=pide.Zero())

# The grid covers the bounding box; nodes outside the disc hold zeros.
grid = disc.grid(spacing=1 / 48)
result = pide.solve(heat, on=grid, times=[0, 0.01, 0.02, 0.04, 0.07, 0.1])

# "auto" chose the method; the record says which one, and why.
print(result)
for what, choice in result.record.choices.items():
    print(f"  {what}: {choice}")

# Energy |u|^2 and mass <1, u> fall. The variance need not: exterior-zero operators do not claim that it does.
for time, energy, mass in zip(result.times, result.energy, result.mass, strict=True):
    print(f"  t = {time:<6g} energy {energy:.6f}  mass {mass:.6f}")

# What the discrete operator claims, measured.
print(verification.check(result.operator, samples=5))

result.plot("first_heat.png")
result.movie("first_heat.gif", fps=3)
result.save("first_heat.nc")
