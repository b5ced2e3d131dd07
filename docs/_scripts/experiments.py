"""Run the experiments of docs/experiments.md one after another; write that page and its tables from the run folders.

    python docs/_scripts/experiments.py run digits fashion qtips      # all of them without a name; --data FOLDER
    python docs/_scripts/experiments.py write

Finished runs are kept, interrupted ones go on from their last checkpoint, so the first command may be stopped and given
again. Runs are in out/experiments/NAME/VARIANT-seedS.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from experiment_list import DIVERGED, EXPERIMENTS, ROBUSTNESS, ROOT, Experiment, folder_of
from experiment_page import write

from pide.cli import main
from pide.nets.training.evaluating import evaluate_run
from pide.nets.training.networks import load_run
from pide.nets.training.runs import write_text


def run(names: list[str], data: Path | None) -> None:
    """All runs of the named experiments that are not finished."""
    for name in names:
        experiment = EXPERIMENTS[name]
        for seed in experiment.seeds:
            for variant in experiment.variants:
                folder = folder_of(name, variant, seed)
                if not (folder / "scores.json").exists() and not (folder / DIVERGED).exists():
                    _train(experiment, variant, seed, folder, data)
                if experiment.robust and not (folder / ROBUSTNESS).exists():
                    _damage(folder)


def _train(experiment: Experiment, variant: str, seed: int, folder: Path, data: Path | None) -> None:
    """Start a run or go on with it; one that diverges gets a file that says so."""
    changes = list(experiment.variants[variant])
    if experiment.folder and data is not None:
        changes.append(f"data.folder={data / experiment.folder}")
    if seed == experiment.seeds[0] and variant in experiment.spectra:
        changes.append("run.keep_every=1")
    words = [str(ROOT / experiment.file), "--out", str(folder), "--seed", str(seed)]
    words += [word for change in changes for word in ("--set", change)]
    if (folder / "config.toml").exists():
        words = [str(folder), "--resume"]
    print("pide train", *words, flush=True)
    with redirect_stdout(StringIO()):
        code = main(["train", *words, "--no-progress"])
    if code == 3:
        (folder / DIVERGED).write_text("The loss was no longer finite; see log.txt.\n")
    elif code:
        sys.exit(code)


def _damage(folder: Path) -> None:
    """Accuracies of the network after the last epoch on damaged test images."""
    scores = evaluate_run(load_run(folder, "last"), corruptions=True)
    found = {name: score.accuracy for name, score in scores}
    write_text(folder / ROBUSTNESS, json.dumps(found, indent=2) + "\n")


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
