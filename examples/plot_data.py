"""
Images for experiments: sticks, damage, augmentation, subsets
=============================================================

Q-tips: sticks whose class is the pair of types at their two ends, so that every pixel must know both; windows that see
less have a limit of accuracy that can be computed. Top: an image, its labels, and three kinds of damage at severity 3.
Bottom: an augmented image; the limit of a local network against its reach; and how much damage changes an image,
against severity. All draws follow from a seed and the number of the image. Writes data.png.
"""

import numpy as np
import torch

from pide.nets.data import (
    SEVERITIES,
    Augmentation,
    Corruption,
    corrupt,
    fit_preprocessing,
    hold_out,
    keep_fraction,
    make_qtips,
)
from pide.nets.data.qtips import local_limit
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
dataset = make_qtips(train=24, test=8, seed=3)
images = dataset.train
figure = new_figure(13.0, 5.2)
panels = figure.subplots(2, 5)
pictures = {"image": images.pixels[0, 0]}
for kind in SEVERITIES:
    damaged = corrupt(images, Corruption(kind, severity=3, seed=1))
    pictures[f"{kind}, severity 3"] = damaged.pixels[0, 0]
for axes, (title, picture) in zip(panels[0], pictures.items(), strict=False):
    axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=255)
    axes.set(title=title)
ground = torch.where(images.labels[0] == dataset.ignored, torch.nan, images.labels[0].double())
panels[0, 4].imshow(ground.numpy(), cmap="tab20", vmin=0, vmax=19)
panels[0, 4].set(title="classes of the sticks")

prepared = fit_preprocessing(images)
values = prepared(images.pixels)
augmented, _ = Augmentation(flip=True, seed=5)(values, images.labels, torch.arange(len(images)), 0)
flipped = [k for k in range(len(images)) if not torch.equal(augmented[k], values[k])]
print(f"mean after preprocessing {float(values.mean()):+.1e}; {len(flipped)} of {len(images)} mirrored in epoch 0")
for axes, batch, title in ((panels[1, 0], values, "mean image removed"), (panels[1, 1], augmented, "and mirrored")):
    axes.imshow(batch[flipped[0], 0].numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set(title=title)
for axes in (*panels[0], *panels[1, :2]):
    axes.set(xticks=[], yticks=[])

half, split = keep_fraction(images, 0.5, seed=0), hold_out(dataset, 0.25, seed=0)
print(f"{len(images)} images, half of them {len(half)}; split in {len(split.train)} and {len(split.test)}")
reaches = np.arange(0, 41, 5)
limits = [local_limit(int(reach), sticks=100) for reach in reaches]
panels[1, 2].plot(reaches, limits, "o-")
panels[1, 2].axhline(2 / 25, color="0.6", lw=1)
panels[1, 2].set(xlabel="reach [pixels]", ylabel="largest accuracy", ylim=(0, 1.05))
print(f"no network that sees 10 pixels to each side is right on more than {limits[2]:.2f} of the pixels")
for kind, mark in zip(SEVERITIES, "os^", strict=True):
    changes = []
    for severity in range(1, 6):
        damaged = corrupt(images, Corruption(kind, severity=severity, seed=1)).pixels
        changes.append(float((damaged.double() - images.pixels.double()).square().mean().sqrt()))
    panels[1, 3].plot(range(1, 6), changes, mark + "-", label=kind)
panels[1, 3].set(xlabel="severity", ylabel="change, grey values", xticks=range(1, 6))
panels[1, 3].legend(frameon=False, fontsize="small")
panels[1, 4].bar(range(15), np.bincount(images.labels[images.labels != dataset.ignored].numpy(), minlength=15))
panels[1, 4].set(xlabel="class", ylabel="pixels")
write_figure(figure, "data.png")
