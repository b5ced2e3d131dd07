"""Run the experiments of docs/experiments.md one after another; write that page and its tables from the run folders.

    python docs/_scripts/experiments.py run digits fashion qtips      # all of them without a name; --data FOLDER
    python docs/_scripts/experiments.py write

Finished runs are kept, interrupted ones go on from their last checkpoint, so the first command may be stopped and given
again. Runs are in out/experiments/NAME/VARIANT-seedS.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import mean, median, stdev

import torch
from scipy.stats import t as student

from pide.cli import main
from pide.nets.analysis import count_parameters
from pide.nets.models import from_config
from pide.nets.training.runs import read_run_config

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "experiments"
PAGE = ROOT / "docs" / "experiments.md"
TABLES = ROOT / "docs" / "experiments"
DIVERGED = "diverged.txt"
HEAD = """# Experiments

Trainings on small machines: narrow networks, few images, few epochs. They ask whether a nonlocal block changes what
such a network learns, and say with which uncertainty; they are no attempt at the published accuracies, which need the
wide networks and 200 epochs. All files that reproduce the published tables are in `examples/papers`.

Scores are in per cent on the test set after the last epoch: accuracy, or mean IoU over classes for CamVid and Q-tips.
The difference is the mean over equal seeds with its 95 % interval by Student's t; with two or three seeds that
interval is wide, and where it holds zero nothing has been shown. Seconds are wall-clock times on a machine that was
doing other things; do not compare them. Machine: {machine}, one thread, torch {torch}. The tables as CSV are in
`docs/experiments/`.

The page is written from the run folders by `python docs/_scripts/experiments.py write`.
"""
FOOT = """## What is not here

Nothing was trained on a GPU, no network of the published width was trained to the end, and no ranking of operators is
claimed from these runs. The data-fraction, noise and four-stage experiments of the papers are files in
`examples/papers` that have been built and counted, but not trained.
"""
OPERATORS = {
    "local": (),
    **{
        name: (f"network.nonlocal_operator={name}",)
        for name in ("diffusion", "fractional", "inverse_fractional", "log")
    },
}
STRONG = ("network.nonlocal_operator=diffusion", "network.strength=1.0", "network.nonlocal_step=1.0")
STAGES = {
    "no block": (),
    **{
        f"{form}, {count}": (f"network.nonlocal_blocks={count}", f"network.form={form}")
        for form, counts in (("original", (2, 4)), ("proposed", (2, 4, 6)))
        for count in counts
    },
}

TAMED = tuple(f"network.nonlocal_options.{option}" for option in ("scale=true", "normalise=layer", "initial_scale=0.1"))


@dataclass(frozen=True)
class Experiment:
    """A training file, the changes that make its variants, the seeds, and what the page says about it."""

    file: str
    variants: dict[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    words: str
    folder: str = ""


EXPERIMENTS = {
    "digits": Experiment(
        "examples/experiments/digits.toml", OPERATORS, (0, 1, 2, 3, 4), "Handwritten digits of scikit-learn, 8 x 8."
    ),
    "fashion": Experiment(
        "examples/experiments/fashion.toml", OPERATORS, (0, 1), "A thirtieth of Fashion-MNIST, 28 x 28."
    ),
    "qtips": Experiment(
        "examples/experiments/qtips.toml",
        {"local": (), "diffusion": STRONG},
        (0, 1, 2),
        "The long-range task, with a nonlocal block of strength and step 1: at the published 0.1 and 0.06 it hardly "
        "acts. Mean IoU over fifteen classes.",
    ),
    "camvid": Experiment(
        "examples/experiments/camvid.toml",
        {"local": (), "diffusion": OPERATORS["diffusion"]},
        (0,),
        "Streets in eleven classes; mean IoU, one seed.",
        "CamVid",
    ),
    "cifar10": Experiment(
        "examples/experiments/cifar10.toml",
        {name: OPERATORS[name] for name in ("local", "diffusion", "fractional")},
        (0, 1),
        "Images that were stored as JPEG, so that pixels differ a little from the published ones.",
        ".",
    ),
    "tao": Experiment(
        "examples/experiments/tao.toml",
        STAGES,
        (0, 1, 2),
        "The original and the proposed block of Tao et al. on digits, at a tenth of the published rate: at 0.1 both "
        "train badly from our initial weights.",
    ),
    "tao_normalised": Experiment(
        "examples/experiments/tao.toml",
        {variant: changes + TAMED * bool(changes) for variant, changes in STAGES.items()},
        (0, 1, 2),
        "The same with exponents divided by the root of their dimension, features normalised before them, and a tenth "
        "of the first W_Z (`docs/explanation/networks.md`).",
    ),
}


def run(names: list[str], data: Path | None) -> None:
    """All runs of the named experiments that are not finished."""
    for name in names:
        experiment = EXPERIMENTS[name]
        for seed in experiment.seeds:
            for variant, changes in experiment.variants.items():
                folder = folder_of(name, variant, seed)
                if (folder / "scores.json").exists() or (folder / DIVERGED).exists():
                    continue
                if experiment.folder and data is not None:
                    changes = (*changes, f"data.folder={data / experiment.folder}")
                if (folder / "config.toml").exists():
                    words = [str(folder), "--resume"]
                else:
                    words = [str(ROOT / experiment.file), "--out", str(folder), "--seed", str(seed)]
                    words += [word for change in changes for word in ("--set", change)]
                print("pide train", *words, flush=True)
                with redirect_stdout(StringIO()):
                    code = main(["train", *words, "--no-progress"])
                if code == 3:
                    (folder / DIVERGED).write_text("The loss was no longer finite; see log.txt.\n")
                elif code:
                    sys.exit(code)


def write() -> None:
    """The page and one table per experiment, of what is finished."""
    TABLES.mkdir(exist_ok=True)
    parts = [HEAD.format(machine=machine(), torch=torch.__version__)]
    for name, experiment in EXPERIMENTS.items():
        found = {variant: finished(name, variant, experiment.seeds) for variant in experiment.variants}
        if any(found.values()):
            parts.append(section(name, experiment, found))
            write_table(TABLES / f"{name}.csv", found)
    parts.append(FOOT)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


@dataclass(frozen=True)
class Finished:
    """One run: what it reached, and what it cost."""

    seed: int
    parameters: int
    epochs: int
    score: float
    loss: float
    seconds: float


def folder_of(name: str, variant: str, seed: int) -> Path:
    """Where a run is."""
    return OUT / name / f"{variant.replace(', ', '-').replace(' ', '-')}-seed{seed}"


def finished(name: str, variant: str, seeds: tuple[int, ...]) -> list[Finished]:
    """The finished runs of a variant."""
    runs = []
    for seed in seeds:
        folder = folder_of(name, variant, seed)
        if not (folder / "scores.json").exists():
            continue
        test = json.loads((folder / "scores.json").read_text())["test"]
        epochs = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
        seconds = sum(float(row["seconds"]) for row in epochs)
        config = read_run_config(folder)
        dataset = config.data.name
        parameters = count_parameters(from_config(config.network, dataset))
        score = float(test.get("mean_iou", test["accuracy"]))
        runs.append(Finished(seed, parameters, len(epochs), score, float(test["loss"]), seconds))
    return runs


def section(name: str, experiment: Experiment, found: dict[str, list[Finished]]) -> str:
    """Heading, command, table: median score, mean difference from the first variant with its 95 % interval."""
    first = next(iter(found.values()))
    lines = [
        f"## {name}\n",
        f"{experiment.words} `{experiment.file}`, `python docs/_scripts/experiments.py run {name}`.\n",
        "| network | parameters | seeds | median | lowest to highest | difference from the first row | s / epoch |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant, runs in found.items():
        lost = [seed for seed in experiment.seeds if (folder_of(name, variant, seed) / DIVERGED).exists()]
        note = f" (seed {', '.join(map(str, lost))} diverged)" if lost else ""
        if not runs:
            lines += [f"| {variant}{note} | | | | | | |"] * bool(lost)
            continue
        scores = [run.score for run in runs]
        cells = (
            variant + note,
            f"{runs[0].parameters}",
            " ".join(str(run.seed) for run in runs),
            f"{100 * median(scores):.2f}",
            f"{100 * min(scores):.2f} to {100 * max(scores):.2f}",
            "" if runs is first else difference(runs, first),
            f"{median(run.seconds / run.epochs for run in runs):.1f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def difference(runs: list[Finished], first: list[Finished]) -> str:
    """Mean of the differences at equal seeds and its 95 % interval by Student's t, in per cent points."""
    base = {run.seed: run.score for run in first}
    d = [100 * (run.score - base[run.seed]) for run in runs if run.seed in base]
    if len(d) < 2:
        return f"{d[0]:+.2f}" if d else ""
    half = float(student.ppf(0.975, len(d) - 1)) * stdev(d) / len(d) ** 0.5
    return f"{mean(d):+.2f} ± {half:.2f}"


def write_table(path: Path, found: dict[str, list[Finished]]) -> None:
    """One line per run."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["network", "seed", "parameters", "epochs", "test_score", "test_loss", "seconds"])
        for variant, runs in found.items():
            for run in runs:
                score, loss = round(run.score, 6), round(run.loss, 6)
                lines.writerow([variant, run.seed, run.parameters, run.epochs, score, loss, round(run.seconds, 1)])


def machine() -> str:
    """Processor name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("run", "write"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--data", type=Path, help="folder of the data sets that are not installed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.action == "run":
        run(options.names or list(EXPERIMENTS), options.data)
    write()
