"""The page of the experiments, its tables and its figures, from the run folders."""

from __future__ import annotations

import csv
import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median, stdev
from textwrap import fill

import torch
from experiment_list import DIVERGED, EXPERIMENTS, ROBUSTNESS, ROOT, Experiment, folder_of
from experiment_spectra import draw_spectra, moved
from experiment_words import FOOT, HEAD, WORDS
from scipy.stats import t as student

from pide.nets.data.corruptions import SEVERITIES
from pide.nets.training.networks import load_run

PAGE = ROOT / "docs" / "experiments.md"
TABLES = ROOT / "docs" / "experiments"


@dataclass(frozen=True)
class Finished:
    """One run: what it reached, and what it cost."""

    seed: int
    parameters: int
    epochs: int
    score: float
    accuracy: float
    loss: float
    seconds: float
    robustness: dict[str, float]


Found = dict[str, list[Finished]]


def write() -> None:
    """The page, one table per experiment and the figures, of what is finished."""
    TABLES.mkdir(exist_ok=True)
    parts = [HEAD.format(machine=machine(), torch=torch.__version__, date=f"{datetime.now(UTC):%Y-%m-%d}")]
    for name, experiment in EXPERIMENTS.items():
        found = {variant: finished(name, variant, experiment) for variant in experiment.variants}
        if any(found.values()):
            parts.append(section(name, experiment, found))
            write_table(TABLES / f"{name}.csv", found)
    parts.append(FOOT)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def finished(name: str, variant: str, experiment: Experiment) -> list[Finished]:
    """The finished runs of a variant."""
    runs = []
    for seed in experiment.seeds:
        folder = folder_of(name, variant, seed)
        if not (folder / "scores.json").exists():
            continue
        test = json.loads((folder / "scores.json").read_text())["test"]
        epochs = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
        seconds = sum(float(row["seconds"]) for row in epochs)
        net = load_run(folder, "last").net
        parameters = sum(parameter.numel() for parameter in net.parameters())
        score = float(test.get(experiment.score, test["accuracy"]))
        damaged = folder / ROBUSTNESS
        robustness = json.loads(damaged.read_text()) if damaged.exists() else {}
        runs.append(Finished(seed, parameters, len(epochs), score, test["accuracy"], test["loss"], seconds, robustness))
    return runs


def section(name: str, experiment: Experiment, found: Found) -> str:
    """Heading, command, table: median score, mean difference from the first variant with its 95 % interval."""
    first = next(iter(found.values()))
    lines = [
        f"## {name}\n",
        wrapped(f"{WORDS[name]} `{experiment.file}`, `python docs/_scripts/experiments.py run {name}`."),
        "",
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
            "" if runs is first else difference(*paired(first, runs)),
            f"{median(run.seconds / run.epochs for run in runs):.1f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    if any(run.robustness for run in first):
        lines += robustness(found)
    if experiment.spectra:
        lines += figure(name, experiment)
    return "\n".join(lines) + "\n"


def robustness(found: Found) -> list[str]:
    """Table of accuracies on damaged test images: medians over seeds, and the difference from the first network."""
    kinds = [f"test, {kind} {severity}" for kind in SEVERITIES for severity in (1, 3, 5)]
    whole = {variant: [run for run in runs if run.robustness] for variant, runs in found.items()}
    first, *others = (name for name, runs in whole.items() if runs)
    lines = [
        "",
        wrapped(
            "The same networks on damaged test images (`pide.nets.data.SEVERITIES` says what a severity is): median "
            "accuracy of the first network, and mean difference from it at equal seeds."
        ),
        "",
        f"| damage | {first} | {' | '.join(others)} |",
        "|---|" + "---|" * (1 + len(others)),
    ]
    for kind in kinds:
        base = {run.seed: run.robustness[kind] for run in whole[first]}
        cells = [f"{100 * median(base.values()):.1f}"]
        for name in others:
            pairs = [(base[run.seed], run.robustness[kind]) for run in whole[name] if run.seed in base]
            cells.append(difference([a for a, _ in pairs], [b for _, b in pairs]))
        lines.append(f"| {kind.removeprefix('test, ')} | " + " | ".join(cells) + " |")
    return lines


def figure(name: str, experiment: Experiment) -> list[str]:
    """The picture of spectra over the training of the first seed, and the line that shows it."""
    folders = {variant: folder_of(name, variant, experiment.seeds[0]) for variant in experiment.spectra}
    done = {variant: folder for variant, folder in folders.items() if (folder / "scores.json").exists()}
    if not done:
        return []
    draw_spectra(TABLES / f"{name}_spectra.png", done)
    changes = "; ".join(f"{moved(folder)} ({variant})" for variant, folder in done.items())
    seed = f"Eigenvalues of the symmetric part of the matrices that mix channels, seed {experiment.seeds[0]}"
    told = f"{seed}; over the training these matrices change by {changes}. {WORDS[f'{name} spectra']}"
    return ["", wrapped(told), "", f"![spectra over the training](experiments/{name}_spectra.png)"]


def paired(first: Sequence[Finished], runs: Sequence[Finished]) -> tuple[list[float], list[float]]:
    """Scores of two networks at the seeds that both have."""
    base = {run.seed: run.score for run in first}
    both = [(base[run.seed], run.score) for run in runs if run.seed in base]
    return [a for a, _ in both], [b for _, b in both]


def difference(first: Sequence[float], second: Sequence[float]) -> str:
    """Mean of the differences at equal seeds and its 95 % interval by Student's t, in per cent points."""
    d = [100 * (b - a) for a, b in zip(first, second, strict=True)]
    if len(d) < 2:
        return f"{d[0]:+.2f}" if d else ""
    half = float(student.ppf(0.975, len(d) - 1)) * stdev(d) / len(d) ** 0.5
    return f"{round(mean(d), 2) + 0.0:+.2f} ± {half:.2f}"


def write_table(path: Path, found: Found) -> None:
    """One line per run; accuracies on damaged images behind the others."""
    kinds = sorted({kind for runs in found.values() for run in runs for kind in run.robustness if kind != "test"})
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        names = ("network", "seed", "parameters", "epochs", "test_score", "test_accuracy", "test_loss", "seconds")
        lines.writerow([*names, *(kind.replace(", ", "_").replace(" ", "_") for kind in kinds)])
        for variant, runs in found.items():
            for run in runs:
                numbers = [round(value, 6) for value in (run.score, run.accuracy, run.loss)]
                damaged = [round(run.robustness[kind], 6) if run.robustness else "" for kind in kinds]
                start = [variant, run.seed, run.parameters, run.epochs, *numbers, round(run.seconds, 1)]
                lines.writerow([*start, *damaged])


def wrapped(text: str) -> str:
    """Text in lines of at most 120 characters; code stays in one line."""
    whole = re.sub("`[^`]*`", lambda code: code.group().replace(" ", "\0"), text)
    return fill(whole, 120, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def machine() -> str:
    """Processor name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()
