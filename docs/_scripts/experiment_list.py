"""The experiments of docs/experiments.md: training files, their variants, and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "experiments"
DIVERGED = "diverged.txt"
ROBUSTNESS = "robustness.json"

Variants = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Experiment:
    """A training file, the changes that make its variants, and the seeds.

    Parameters
    ----------
    file : str
    variants : dict
        Changes of the file by name; the first is what the others are compared with.
    seeds : tuple of int
    folder : str
        Where in --data the files are.
    score : str
        What is compared in segmentation: "mean_iou" or "accuracy". Classification has its accuracy.
    robust : bool
        Whether the trained networks are also scored on damaged test images.
    spectra : tuple of str
        Variants whose first seed keeps checkpoints, for the figure of spectra.
    """

    file: str
    variants: Variants
    seeds: tuple[int, ...]
    folder: str = ""
    score: str = "mean_iou"
    robust: bool = False
    spectra: tuple[str, ...] = ()


def folder_of(name: str, variant: str, seed: int) -> Path:
    """Where a run is."""
    return OUT / name / f"{variant.replace(', ', '-').replace(' ', '-')}-seed{seed}"


OPERATORS: Variants = {
    "local": (),
    **{
        name: (f"network.nonlocal_operator={name}",)
        for name in ("diffusion", "fractional", "inverse_fractional", "log")
    },
}
FOUR_STAGES = {"diffusion, 4 stages": (*OPERATORS["diffusion"], "network.stages=4")}
STRONG = ("network.nonlocal_operator=diffusion", "network.strength=1.0", "network.nonlocal_step=1.0")
SMALL = ("network.nonlocal_after=1", "network.subsampling=4")
FRACTIONS = {
    f"digits_fraction_{fraction}": Experiment(
        "examples/experiments/digits.toml",
        {name: (f"data.fraction={fraction}", *OPERATORS[name]) for name in ("local", "diffusion")},
        (0, 1, 2, 3, 4),
    )
    for fraction in (0.1, 0.3)
}
STAGES: Variants = {
    "no block": (),
    **{
        f"{form}, {count}": (f"network.nonlocal_blocks={count}", f"network.form={form}")
        for form, counts in (("original", (2, 4)), ("proposed", (2, 4, 6)))
        for count in counts
    },
}
TAMED = tuple(f"network.nonlocal_options.{option}" for option in ("scale=true", "normalise=layer", "initial_scale=0.1"))

EXPERIMENTS = {
    "digits": Experiment(
        "examples/experiments/digits.toml",
        OPERATORS | FOUR_STAGES,
        (0, 1, 2, 3, 4),
        robust=True,
        spectra=("diffusion",),
    ),
    **FRACTIONS,
    "fashion": Experiment("examples/experiments/fashion.toml", OPERATORS, (0, 1)),
    "qtips": Experiment("examples/experiments/qtips.toml", {"local": (), "diffusion": STRONG}, (0, 1, 2, 3, 4)),
    "qtips_small": Experiment(
        "examples/experiments/qtips_small.toml",
        {
            "local": (),
            "local, 2 blocks": ("network.blocks=2",),
            "diffusion": (*STRONG, *SMALL),
            "fractional": (*STRONG, *SMALL, "network.nonlocal_operator=fractional"),
        },
        (0, 1, 2, 3, 4),
        score="accuracy",
        spectra=("diffusion",),
    ),
    "camvid": Experiment("examples/experiments/camvid.toml", OPERATORS, (0,), "CamVid"),
    "cifar10": Experiment(
        "examples/experiments/cifar10.toml",
        {name: OPERATORS[name] for name in ("local", "diffusion", "fractional")},
        (0, 1),
        ".",
    ),
    "tao": Experiment("examples/experiments/tao.toml", STAGES, (0, 1, 2), spectra=("original, 4", "proposed, 4")),
    "tao_normalised": Experiment(
        "examples/experiments/tao.toml",
        {variant: changes + TAMED * bool(changes) for variant, changes in STAGES.items()},
        (0, 1, 2),
    ),
}
