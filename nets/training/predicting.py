"""Labels or masks of your own pictures, and figures of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pide.files import atomic
from pide.nets.data.pictures import SUFFIXES, picture_files, read_pictures
from pide.nets.training.networks import Trained
from pide.plotting import new_figure, write_figure

__all__ = ["predict_pictures"]

_AT_ONCE = 16
_SHOWN = 8


def predict_pictures(trained: Trained, sources: Sequence[Path], out: Path) -> list[dict[str, str]]:
    """Predict pictures and write what was found.

    Parameters
    ----------
    trained : Trained
        See `load_run`.
    sources : sequence of Path
        Pictures, and folders of pictures; in the size the network was trained on.
    out : Path
        Folder. Classification writes predictions.csv; segmentation writes masks/NAME.png, whose grey values are class
        numbers, and predictions.csv with the fraction of every class. Both write predictions.png of the first eight.

    Returns
    -------
    list of dict
        The rows of predictions.csv.

    Raises
    ------
    FileNotFoundError, ValueError
        If there are no pictures, or they have another size.
    """
    paths = _pictures(sources)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    shown: list[tuple[Tensor, Tensor, dict[str, str]]] = []
    for start in range(0, len(paths), _AT_ONCE):
        part = paths[start : start + _AT_ONCE]
        pixels = _fitting(trained, part)
        for path, image, answer in zip(part, pixels, trained(pixels), strict=True):
            rows.append(_row(trained, path, answer))
            if trained.shape.segmentation:
                _write_mask(out / "masks" / f"{path.stem}.png", answer)
            if len(shown) < _SHOWN:
                shown.append((image, answer, rows[-1]))
    with atomic(out / "predictions.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    _draw(out / "predictions.png", shown, trained)
    return rows


def _pictures(sources: Sequence[Path]) -> list[Path]:
    remedy = f"Give pictures or folders of pictures, ending in {', '.join(SUFFIXES)}."
    missing = [str(source) for source in sources if not source.exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)}: no such file or folder. {remedy}")
    paths = [path for source in sources for path in (picture_files(source) if source.is_dir() else [source])]
    if not paths:
        raise FileNotFoundError(f"{', '.join(map(str, sources))}: no pictures in it. {remedy}")
    return paths


def _fitting(trained: Trained, paths: list[Path]) -> Tensor:
    channels, height, width = trained.shape.input_shape
    pixels = read_pictures(paths, mode="L" if channels == 1 else "RGB")
    if pixels.shape[2:] != (height, width):
        raise ValueError(
            f"{paths[0]}: {pixels.shape[3]} x {pixels.shape[2]} pixels; this network was trained on {width} x "
            f"{height}. Resize or cut the pictures first."
        )
    return pixels


def _row(trained: Trained, path: Path, answer: Tensor) -> dict[str, str]:
    """File, class and probability; or the fraction of the picture that each class takes."""
    if not trained.shape.segmentation:
        best = int(answer.argmax())
        return {"file": str(path), "class": trained.classes[best], "probability": f"{float(answer[best]):.4f}"}
    counts = torch.bincount(answer.argmax(0).flatten(), minlength=len(trained.classes)) / answer[0].numel()
    fractions = zip(trained.classes, counts.tolist(), strict=True)
    return {"file": str(path)} | {name: f"{value:.4f}" for name, value in fractions}


def _write_mask(path: Path, answer: Tensor) -> None:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    with atomic(path) as draft:
        Image.fromarray(answer.argmax(0).to(torch.uint8).numpy()).save(draft)


def _draw(path: Path, shown: list[tuple[Tensor, Tensor, dict[str, str]]], trained: Trained) -> None:
    """Pictures with their class, or above their masks."""
    dense = trained.shape.segmentation
    figure = new_figure(1.8 * len(shown), 4.0 if dense else 2.3)
    panels = figure.subplots(2 if dense else 1, len(shown), squeeze=False)
    for column, (image, answer, row) in enumerate(shown):
        panels[0, column].imshow(_displayed(image), **_gray(image))
        title = Path(row["file"]).stem if dense else f"{row['class']}\n{row['probability']}"
        panels[0, column].set_title(title, fontsize="small")
        if dense:
            panels[1, column].imshow(
                answer.argmax(0).numpy(),
                cmap="tab20",
                vmin=0,
                vmax=max(19, len(trained.classes)),
                interpolation="nearest",
            )
    for axes in panels.flat:
        axes.set_axis_off()
    write_figure(figure, path)


def _displayed(image: Tensor) -> Any:
    return np.ascontiguousarray(image.numpy().transpose(1, 2, 0)).squeeze()


def _gray(image: Tensor) -> dict[str, Any]:
    return {"cmap": "gray", "vmin": 0, "vmax": 255} if len(image) == 1 else {}
