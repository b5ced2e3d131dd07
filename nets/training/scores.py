"""Losses and scores of classification and segmentation.

Symbols: p softmax of the outputs, q the true class, N labelled images or pixels; M confusion matrix, M_ij the number
with class i that were called j.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Scores", "Tally", "cross_entropy_sum"]


def cross_entropy_sum(outputs: Tensor, labels: Tensor, ignored: int | None) -> tuple[Tensor, Tensor]:
    """(-sum log p_q over what is labelled, N).

    Parameters
    ----------
    outputs : tensor, shape (B, classes) or (B, classes, H, W)
    labels : tensor, shape (B,) or (B, H, W), int64
    ignored : int, optional
        Label that is left out of the sum and of N.
    """
    index = -100 if ignored is None else ignored
    total = nn.functional.cross_entropy(_precise(outputs), labels, ignore_index=index, reduction="sum")
    return total, (labels != index).sum()


def _precise(outputs: Tensor) -> Tensor:
    """Outputs of autocast in float32."""
    return outputs if outputs.dtype == torch.float64 else outputs.float()


@dataclass(frozen=True)
class Scores:
    """What a network scores on a set.

    Parameters
    ----------
    loss : float
        Mean cross entropy, -sum log p_q / N.
    accuracy : float
        Fraction of images, or pixels, called right: trace M / N.
    mean_iou : float
        Mean of `ious` over the classes that occur in the labels or the answers.
    soft_jaccard : float
        Mean over images of I / (2 N - I) with I = sum of p_q over the N labelled pixels of the image. That is
        |A B| / (|A| + |B| - |A B|) with A the true classes as 0 or 1 and B the probabilities, all pixels and classes
        in one sum; images without labelled pixels are left out. It stands for what the program of Bohn et al. prints
        as mIoU, a soft Jaccard index pooled over classes; the text of the paper describes `mean_iou`, which is
        another number. Ours has no smoothing constant and averages over images, not over batches.
    ious : tuple of float
        M_ii / (sum_j M_ij + sum_j M_ji - M_ii) by class; NaN where a class does not occur.
    """

    loss: float
    accuracy: float
    mean_iou: float
    soft_jaccard: float
    ious: tuple[float, ...]

    def row(self, dense: bool) -> dict[str, float]:
        """The numbers of a table: loss and accuracy, and for segmentation both Jaccard indices."""
        row = {"loss": self.loss, "accuracy": self.accuracy}
        return row | {"mean_iou": self.mean_iou, "soft_jaccard": self.soft_jaccard} if dense else row


class Tally:
    """Sums over batches from which `Scores` are computed; sums of several processes may be added.

    Parameters
    ----------
    classes : int
    ignored : int, optional
        Label that does not count.
    device : str or torch.device
    """

    def __init__(self, classes: int, ignored: int | None, device: str | torch.device = "cpu") -> None:
        self.ignored = ignored
        self.confusion = torch.zeros(classes, classes, dtype=torch.int64, device=device)
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)

    def add(self, outputs: Tensor, labels: Tensor) -> None:
        """Count a batch; see `cross_entropy_sum` for the shapes."""
        classes = len(self.confusion)
        loss, _ = cross_entropy_sum(outputs, labels, self.ignored)
        counted = torch.ones_like(labels, dtype=torch.bool) if self.ignored is None else labels != self.ignored
        safe = torch.where(counted, labels, 0)
        right = _precise(outputs).softmax(1).gather(1, safe.unsqueeze(1)).squeeze(1).where(counted, 0)
        inside = right.flatten(1).sum(1, dtype=torch.float64) if right.ndim > 1 else right.double()
        pixels = counted.flatten(1).sum(1) if counted.ndim > 1 else counted.long()
        seen = pixels > 0
        jaccard = inside[seen] / (2 * pixels[seen] - inside[seen])
        self.sums += torch.stack([loss.double(), jaccard.sum(), seen.sum().double()])
        pairs = (classes * labels + outputs.argmax(1))[counted]
        self.confusion += torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def scores(self) -> Scores:
        """Scores of everything counted so far."""
        matrix = self.confusion.double().cpu()
        loss, jaccard, images = self.sums.tolist()
        hits, count = matrix.diagonal(), float(matrix.sum())
        unions = matrix.sum(0) + matrix.sum(1) - hits
        ious = hits / unions
        return Scores(
            loss / count if count else float("nan"),
            float(hits.sum()) / count if count else float("nan"),
            float(ious[unions > 0].mean()) if count else float("nan"),
            jaccard / images if images else float("nan"),
            tuple(ious.tolist()),
        )
