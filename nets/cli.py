"""`pide train`, `pide evaluate`, `pide predict`, `pide compare` and `pide audit`.

Exit codes as for every pide command: 0 all went well; 1 a claim failed its audit; 2 a wrong file or argument;
3 the training diverged; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

__all__ = ["audit", "compare", "evaluate", "predict", "train"]

OK, CLAIM_FAILED, BAD_INPUT, DIVERGED, INTERRUPTED = 0, 1, 2, 3, 130


def train(argv: Sequence[str]) -> int:
    """Run `pide train`; returns the exit code."""
    parser = _parser("train", "Train the network of a training file, or go on with a run.")
    parser.add_argument("config", type=Path, help="a .toml file, or with --resume a run folder")
    parser.add_argument("--out", type=Path, metavar="RUN", help="run folder; by default out/NAME-seedS")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="change the file")
    parser.add_argument("--seed", type=int, help="change the seed")
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, help="progress bar; on terminals")
    return _guarded(parser, argv, _train)


def evaluate(argv: Sequence[str]) -> int:
    """Run `pide evaluate`; returns the exit code."""
    parser = _parser("evaluate", "Score a trained network on the sets it was not trained on.")
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("--checkpoint", default="best", metavar="NAME", help="best (default), last or epoch-0010")
    parser.add_argument("--corruptions", action="store_true", help="also on damaged test images")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--folder", help="where the data are, if not where they were")
    parser.add_argument("--checksums", choices=("verify", "report"), help="of the data, if not as in the training")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu (default) or cuda")
    return _guarded(parser, argv, _evaluate)


def predict(argv: Sequence[str]) -> int:
    """Run `pide predict`; returns the exit code."""
    parser = _parser("predict", "Labels or masks of your own pictures.")
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE", help="files or folders")
    parser.add_argument("--checkpoint", default="best", metavar="NAME", help="best (default), last or epoch-0010")
    parser.add_argument("--out", type=Path, metavar="DIR", help="by default RUN/predictions")
    return _guarded(parser, argv, _predict)


def compare(argv: Sequence[str]) -> int:
    """Run `pide compare`; returns the exit code."""
    parser = _parser("compare", "Medians over seeds, and curves, of several runs.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folders")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write comparison.md and comparison.png")
    return _guarded(parser, argv, _compare)


def audit(argv: Sequence[str]) -> int:
    """Run `pide audit`; returns the exit code."""
    parser = _parser("audit", "Check the claims of the layers of a network before, during and after its training.")
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("--seed", type=int, default=0, help="of the checks")
    return _guarded(parser, argv, _audit)


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"pide {command}", description=description)


def _guarded(parser: argparse.ArgumentParser, argv: Sequence[str], work: Callable[[argparse.Namespace], int]) -> int:
    """Exit code of the work; errors that a user can repair become one line."""
    options = parser.parse_args(list(argv))
    from pide.nets.training.runs import Diverged

    try:
        return work(options)
    except Diverged as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return DIVERGED
    except (ValueError, TypeError, OSError, ImportError) as error:
        if os.environ.get("PIDE_TRACEBACK"):
            raise
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return BAD_INPUT


def _train(options: argparse.Namespace) -> int:
    from pide.nets.training.config import read_config
    from pide.nets.training.fitting import fit
    from pide.nets.training.runs import read_run_config

    if options.config.is_dir():
        run = options.config
        if not options.resume or options.set or options.seed is not None:
            raise ValueError(f"{run}: a run folder goes on as it is. Write pide train {run} --resume")
        config, out = read_run_config(run), run
    else:
        changes = [*options.set, *([] if options.seed is None else [f"seed={options.seed}"])]
        config = read_config(options.config, changes)
        out = options.out or Path("out") / f"{options.config.stem}-seed{config.seed}"
    try:
        fit(None, config, out=out, resume=options.resume, progress=options.progress)
    except KeyboardInterrupt:
        print(f"\ninterrupted. Go on with: pide train {out} --resume", file=sys.stderr)
        return INTERRUPTED
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"\n{(out / 'report.md').read_text(encoding='utf-8')}")
        print(f"written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
    return OK


def _evaluate(options: argparse.Namespace) -> int:
    from pide.nets.training.evaluating import evaluate_run
    from pide.nets.training.networks import load_run
    from pide.nets.training.runs import write_text
    from pide.nets.training.tables import score_table

    trained = load_run(options.run, options.checkpoint)
    given = {"folder": options.folder, "checksums": options.checksums}
    data = replace(trained.config.data, **{key: value for key, value in given.items() if value is not None})
    trained = replace(trained, config=replace(trained.config, data=data))
    scores = dict(evaluate_run(trained, options.corruptions, options.seed, options.device))
    text = f"checkpoint {options.checkpoint}, after {trained.epoch} epochs\n\n"
    text += score_table(scores, trained.classes, trained.shape.segmentation)
    print(text)
    write_text(options.run / "evaluation.md", text + "\n")
    return OK


def _predict(options: argparse.Namespace) -> int:
    from pide.nets.training.networks import load_run
    from pide.nets.training.predicting import predict_pictures

    out = options.out or options.run / "predictions"
    trained = load_run(options.run, options.checkpoint)
    rows = predict_pictures(trained, options.pictures, out)
    if not trained.shape.segmentation:
        for row in rows:
            print(f"{row['file']}: {row['class']} ({row['probability']})")
    print(f"written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
    return OK


def _compare(options: argparse.Namespace) -> int:
    from pide.nets.training.comparing import comparison, group_runs, write_curves_of
    from pide.nets.training.runs import write_text

    groups = group_runs(options.runs)
    text = comparison(groups)
    print(text)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_text(options.out / "comparison.md", text + "\n")
        write_curves_of(groups, options.out / "comparison.png")
    return OK


def _audit(options: argparse.Namespace) -> int:
    from pide.nets.training.audits import audit_run, audit_table
    from pide.nets.training.runs import LAST, write_text

    reports = audit_run(options.run, options.seed)
    print(f"{audit_table(reports)}\n\n{reports[LAST]}")
    write_text(options.run / "audit.md", f"{audit_table(reports)}\n\n```\n{reports[LAST]}\n```\n")
    return OK if reports[LAST].passed else CLAIM_FAILED
