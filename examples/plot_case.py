"""
A study written down as text
============================

A case is a text: domain, grid, operator, exterior, initial field, times, and the operators that it is compared with.
`pide run case.toml` solves it and writes states, pictures and a summary; `parse_case` and `run_study` do the same in
Python. Mistakes are reported with their path in the text and what to write instead. `cite` names the papers that a
result stands on. Writes case.png.
"""

import numpy as np

import pide
from pide.cases import parse_case
from pide.plotting import draw_plane, new_figure, write_figure
from pide.study import run_study, summary

text = """
title = "Three ways to spread in a disc"
domain = { type = "ball", radius = 1.0, dimension = 2 }
exterior = "zero"

[grid]
counts = 64

[operator]
type = "fractional_laplacian"
s = 0.5

[initial]
field = { type = "bump", centre = [0.3, 0.0], width = 0.2 }

[compare.horizon]
type = "nonlocal_diffusion"
kernel = { type = "constant", horizon = 0.25 }

[compare.local]
type = "laplacian"

[time]
until = 0.2
count = 10
"""
case = parse_case(text)
study = run_study(case, progress=False)
print(summary(study))

try:
    parse_case(text.replace("horizon = 0.25", "horizn = 0.25").replace('"zero"', '"zeros"'), "case.toml")
except pide.errors.CaseError as mistakes:
    print(mistakes)
references = pide.cite(study.main)
print("\n".join(line for line in references.splitlines() if line.startswith("@")))

figure = new_figure(13.0, 3.4)
panels = figure.subplots(1, len(study.results) + 1, width_ratios=[1, 1, 1, 1.2])
for axes, (name, result), style in zip(panels, study.results.items(), ("-", "--", "-."), strict=False):
    grid = result.operator.space
    u = np.where(grid.inside, result.final, np.nan)
    image = draw_plane(axes, u, grid, result.labels, cmap="viridis", vmin=0, vmax=float(np.nanmax(u)))
    figure.colorbar(image, ax=axes, shrink=0.7)
    axes.set_title(f"{name}, t = {result.times[-1]:g}")
    panels[-1].plot(result.times, result.mass / result.mass[0], style, label=name)
panels[-1].set(xlabel="t", ylabel="mass, relative to t = 0", ylim=(0, 1.05))
panels[-1].legend(frameon=False, fontsize="small")
write_figure(figure, "case.png")
