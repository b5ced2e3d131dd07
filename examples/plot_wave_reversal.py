"""
A wave that runs backwards
==========================

u_tt = L u keeps ``H = (|u_t|^2 + <-L u, u>) / 2``, and (u, u_t) -> (u, -u_t) turns time round: run to t, reverse the
velocity, run to t again, and the first state is back, although the bump had become a train of ripples. A damped wave
neither keeps H nor comes back. Right: the two checks of waves, by their margins. Writes wave_reversal.png.
"""

import numpy as np

import pide
from pide import verification
from pide.plotting import new_figure, write_figure
from pide.verification.margins import draw_margins, margins

ring = pide.Torus((8.0,))
grid = ring.grid(400)
(x,) = grid.coordinates
bump = np.exp(-20 * (x - 4) ** 2)
wave = pide.Wave(pide.NonlocalDiffusion(pide.kernels.Constant(horizon=0.4)), ring, initial=0.0)
motion = verification.wave_of(wave, grid, until=3.0, tol=1e-10)

u, v = motion.advance(bump, np.zeros_like(bump), 3.0)
back, _ = motion.advance(u, -v, 3.0)
damped, slow = u, 0.9 * v
damped_back, _ = motion.advance(damped, -slow, 3.0)
L = wave.operator.on(grid)


def energy(u, v):
    return float(grid.inner(v, v) - grid.inner(L(u), u)) / 2


drift = energy(u, v) / energy(bump, np.zeros_like(bump)) - 1
print(f"energy drift {drift:.1e}; after reversal {np.abs(back - bump).max():.1e} from the first state")
print(f"velocity damped by 0.9: energy {energy(damped, slow) / energy(u, v):.3f} of the first, "
      f"{np.abs(damped_back - bump).max():.2f} from the first state")  # fmt: skip
report = verification.check(verification.wave_of(wave, ring.grid(64), until=1.0), samples=4)
print(report)
report.raise_if_failed()

figure = new_figure(14.0, 3.6)
left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1.1, 1])
left.plot(x, bump, "-", label="t = 0")
left.plot(x, u, "--", label="t = 3")
left.plot(x, back, ":", lw=3, label="reversed, t = 6")
middle.semilogy(x, np.maximum(np.abs(back - bump), 1e-17), "-", label="reversed")
middle.semilogy(x, np.abs(damped_back - bump), "--", label="damped, then reversed")
left.set(xlabel="x", ylabel="u")
middle.set(xlabel="x", ylabel="|u(6) - u(0)|", ylim=(3e-18, 1))
for axes in (left, middle):
    axes.legend(frameon=False, fontsize="small")
found = margins({"wave_energy": "damped wave", "wave_reversible": "velocity returned with the opposite sign"})
assert all(m.separates for m in found)
draw_margins(right, found)
write_figure(figure, "wave_reversal.png")
