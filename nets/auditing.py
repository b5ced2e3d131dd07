"""Audit of a network: which statements its nonlocal layers can make with their current weights, and which they cannot.

    report = pide.nets.auditing.audit(model)                    # seeded features
    report = pide.nets.auditing.audit(model, batch_of_images)   # the features that reach each layer

Symbols: w weights of the pair sums, L their generator at frozen affinity, lambda_max of -L, h step, W mixing.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pide.nets.audited import AUDITED, PairLayer, pair_layer
from pide.nets.layers import NonlocalDiffusionStep, SpectralDiffusion, VerletBlock
from pide.verification import LayerMap, Stage, Subject, as_subject, check, module_layer
from pide.verification.blocks import LARGEST_STEPS
from pide.verification.claims.layer import stage_trials
from pide.verification.report import Row
from pide.verification.samples import Draws
from pide.verification.subject import direct_sum

__all__ = ["AuditReport", "AuditRow", "LayerAudit", "audit"]

Field = NDArray[np.float64]
HOLDS, FAILS, NOT_NOW, WITHHELD, NOT_CHECKABLE = "holds", "FAILS", "does not hold", "withheld", "not checkable"
_NO_DIFFUSION = ("pooled", "potential")
_RESIDUAL = 9008
"""Relative residual 1e-12 of implicit steps in units of the roundoff of float64."""
NEEDS = {
    "kills_constants": _NO_DIFFUSION,
    "nonnegative_rates": (*_NO_DIFFUSION, "signed", "uphill"),
    "markov": (*_NO_DIFFUSION, "signed", "uphill"),
    "maximum_principle": (*_NO_DIFFUSION, "signed", "uphill"),
    "self_adjoint": (*_NO_DIFFUSION, "asymmetric"),
    "conserves_mass": (*_NO_DIFFUSION, "asymmetric"),
    "energy_decay": (*_NO_DIFFUSION, "signed", "asymmetric", "uphill"),
    "variance_decay": (*_NO_DIFFUSION, "signed", "asymmetric", "uphill"),
}
"""Claims about L, with the objections that void them."""


@dataclass(frozen=True)
class AuditRow:
    """A statement about a layer.

    Parameters
    ----------
    claim : str
    verdict : str
        "holds"; "FAILS", of a statement that the layer must satisfy; "does not hold", of one that depends on the
        weights; "withheld", with the reason; "not checkable".
    measured, bound : float or None
    words : str
    """

    claim: str
    verdict: str
    measured: float | None = None
    bound: float | None = None
    words: str = ""


@dataclass(frozen=True)
class LayerAudit:
    """The rows of one layer."""

    name: str
    kind: str
    description: str
    rows: tuple[AuditRow, ...]

    def __getitem__(self, claim: str) -> AuditRow:
        """The row of a claim.

        Raises
        ------
        KeyError
            If there is none.
        """
        for row in self.rows:
            if row.claim == claim:
                return row
        raise KeyError(f"{claim}: not in this audit. It has {', '.join(row.claim for row in self.rows)}.")


@dataclass(frozen=True)
class AuditReport:
    """The audited layers of a network."""

    layers: tuple[LayerAudit, ...]
    seed: int

    @property
    def passed(self) -> bool:
        """At least one layer was audited, and nothing that a layer must satisfy FAILS."""
        return bool(self.layers) and not any(row.verdict == FAILS for layer in self.layers for row in layer.rows)

    def __getitem__(self, name: str) -> LayerAudit:
        """The audit of the layer of that name in `model.named_modules()`; "" is the model itself.

        Raises
        ------
        KeyError
            If it was not audited.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"{name!r}: not audited. There are {', '.join(repr(layer.name) for layer in self.layers)}.")

    def __str__(self) -> str:
        lines = []
        for layer in self.layers:
            lines.append(f"{layer.name or 'the model'}: {layer.kind}, {layer.description}")
            for row in layer.rows:
                numbers = " ".join(_number(x) for x in (row.measured, row.bound))
                lines.append(f"  {row.claim:<26} {row.verdict:<14} {numbers:<19} {row.words}".rstrip())
        counts = [row.verdict for layer in self.layers for row in layer.rows]
        counted = ", ".join(f"{counts.count(verdict)} {verdict}" for verdict in dict.fromkeys(counts))
        state = "passed" if self.passed else "NOT passed"
        return "\n".join([*lines, f"{state}: {len(self.layers)} layers, seed {self.seed}; {counted or 'no rows'}"])

    def to_json(self) -> str:
        """The report as JSON."""
        return json.dumps({"passed": self.passed, **asdict(self)}, indent=2, allow_nan=False)

    def to_html(self) -> str:
        """One HTML table, a row for each statement."""
        head = "".join(f"<th>{word}</th>" for word in ("layer", "statement", "verdict", "measured", "bound", "words"))
        body = "".join(
            "<tr>"
            + "".join(
                f"<td>{html.escape(cell)}</td>"
                for cell in (layer.name, row.claim, row.verdict, _number(row.measured), _number(row.bound), row.words)
            )
            + "</tr>\n"
            for layer in self.layers
            for row in layer.rows
        )
        return f"<table>\n<tr>{head}</tr>\n{body}</table>\n"


def audit(
    model: nn.Module, features: Tensor | None = None, *, size: int = 6, seed: int = 0, samples: int = 8
) -> AuditReport:
    """Check every nonlocal layer of a model with its current weights.

    Parameters
    ----------
    model : nn.Module
        A network or a layer; it is not changed.
    features : tensor, optional
        Input of the model: each layer is audited at what reaches it, first sample, cut to `size` positions an axis.
        None: seeded normal features.
    size : int
        Positions an axis; costs grow like size^(2 n).
    seed, samples : int
        As for `pide.verification.check`.

    Returns
    -------
    AuditReport

    Notes
    -----
    Statements about L hold at the affinity of these features, frozen, in the inner product of the degrees C_i where
    rows are normalised; Lipschitz bounds of the whole layer are not claimed. Copies of the layers are checked in
    float64 and in evaluation mode. Of `SpectralDiffusion` and `VerletBlock` only what is asked of every layer is
    checked; layers of other kinds are left out.

    Raises
    ------
    ValueError
        For a model without a layer that the audit knows.
    """
    found: dict[str, nn.Module] = {name: module for name, module in model.named_modules() if type(module) in _KINDS}
    if not found:
        known = ", ".join(kind.__name__ for kind in _KINDS)
        raise ValueError(f"{type(model).__name__} has no layer that an audit knows. Needed is one of {known}.")
    reaching = {} if features is None else _inputs(model, features, found)
    layers = []
    for name, module in found.items():
        layer = deepcopy(module).double().eval()
        if isinstance(layer, NonlocalDiffusionStep):
            layers.append(_step_audit(name, layer, seed, samples))
            continue
        x = reaching.get(name)
        x = _seeded(layer, size, seed) if x is None else _cut(x, size)
        pairs = _pair_audit if type(layer) in AUDITED else _map_audit
        layers.append(pairs(name, layer, x, seed, samples))
    return AuditReport(tuple(layers), seed)


_KINDS: tuple[type[nn.Module], ...] = (*AUDITED, NonlocalDiffusionStep, SpectralDiffusion, VerletBlock)


def _inputs(model: nn.Module, features: Tensor, found: dict[str, nn.Module]) -> dict[str, Tensor]:
    """What reaches each layer, in float64."""
    reached: dict[str, Tensor] = {}
    copy = deepcopy(model).eval()

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            reached.setdefault(name, inputs[0][:1].detach().double())

        return hook

    handles = [copy.get_submodule(name).register_forward_pre_hook(keep(name)) for name in found]
    with torch.no_grad():
        copy(features)
    for handle in handles:
        handle.remove()
    return reached


def _cut(x: Tensor, size: int) -> Tensor:
    return x[(slice(None), slice(None), *(slice(0, size),) * (x.dim() - 2))].contiguous()


def _seeded(layer: nn.Module, size: int, seed: int) -> Tensor:
    module: Any = layer
    owner = module.block if isinstance(layer, VerletBlock) else getattr(module, "pairs", module)
    channels = 2 * owner.channels if isinstance(layer, VerletBlock) else module.channels
    generator = torch.Generator().manual_seed(seed)
    shape = (1, channels, *(size,) * owner.dimension)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _pair_audit(name: str, layer: nn.Module, x: Tensor, seed: int, samples: int) -> LayerAudit:
    view = pair_layer(layer, x)
    rows = [*_claim_rows(view, seed, samples), *_norm_rows(view), *_stability_rows(view)]
    states = set() if view.pooled else {"layer_equivariant"}

    def reference(values: Field) -> Field:
        with torch.no_grad():
            return np.asarray(view.reference(torch.from_numpy(np.ascontiguousarray(values))).numpy())

    subject = module_layer(layer, tuple(x.shape[1:]), states=states, reference=reference)
    if view.stages == 0:
        subject = replace(subject, longest_sum=subject.terms + _RESIDUAL)
    return LayerAudit(name, type(layer).__name__, layer.extra_repr(), (*rows, *_layer_rows(subject, seed, samples)))


def _map_audit(name: str, layer: nn.Module, x: Tensor, seed: int, samples: int) -> LayerAudit:
    """What is asked of every layer, and nothing about an operator."""
    rows = _layer_rows(module_layer(layer, tuple(x.shape[1:])), seed, samples)
    return LayerAudit(name, type(layer).__name__, layer.extra_repr(), tuple(rows))


def _claim_rows(view: PairLayer, seed: int, samples: int) -> Iterator[AuditRow]:
    """The claims about L that the layer's options support are checked; the others are withheld with the reasons."""
    objections = view.objections()
    voided = {claim: [objections[word] for word in words if word in objections] for claim, words in NEEDS.items()}
    supported = [claim for claim, reasons in voided.items() if not reasons]
    report = check(_generator(view), supported, seed=seed, samples=samples) if supported else None
    for claim, reasons in voided.items():
        if report is not None and not reasons:
            yield _judged(report[claim])
        else:
            yield AuditRow(claim, WITHHELD, words="; ".join(reasons))


def _generator(view: PairLayer) -> Subject:
    """L as the layer's engine applies it, with rates from the weights of `pide.operators`."""
    K = view.sign * view.weights.copy()
    np.fill_diagonal(K, 0.0)
    degree, M = K.sum(1), len(K)
    top = float(np.abs(K).sum(1).max())

    def apply(v: Field) -> Field:
        fields = torch.from_numpy(np.ascontiguousarray(v.reshape(-1, M).T, dtype=np.float64)[None])
        with torch.no_grad():
            image = view.sign * view.maps.difference(fields, fields)[0]
        return np.asarray(image.numpy().T.reshape(v.shape).astype(v.dtype))

    return Subject(
        "L at frozen affinity", apply, view.degrees / view.degrees.mean(), sign=-1,
        model=direct_sum(np.abs(view.weights).sum(1), np.zeros(M), 2 * M + 64), rates=lambda rows: K[rows],
        degree=degree, killing=np.zeros(M), spectral_bound=lambda: 2 * top * (1 + 1e-12),
        rate_bound=lambda: top * (1 + 1e-12),
    )  # fmt: skip


def _norm_rows(view: PairLayer) -> Iterator[AuditRow]:
    norm = float(np.sqrt(np.sum(view.weights**2)))
    words = "a limit of fine sampling, which one set of features does not show; measured is |w|_F here"
    yield AuditRow("hilbert_schmidt", WITHHELD, norm, None, words)
    sums = float(np.max(np.abs(view.weights.sum(1) - 1.0)))
    if view.degrees.min() == view.degrees.max() == 1.0:
        yield AuditRow("rows of w sum to 1", WITHHELD, sums, None, "normaliser 'count' divides by N")
    else:
        bound = (len(view.weights) + 16) * 2.0**-52
        yield AuditRow("rows of w sum to 1", HOLDS if sums <= bound else FAILS, sums, bound)


def _stability_rows(view: PairLayer) -> Iterator[AuditRow]:
    objections = view.objections()
    void = [objections[word] for word in NEEDS["energy_decay"] if word in objections]
    if void:
        yield AuditRow("h lambda_max", WITHHELD, words="; ".join(void))
        yield AuditRow("non-expansive", WITHHELD, words="; ".join(void))
        return
    root = np.sqrt(view.degrees)
    L = view.weights - np.diag(view.weights.sum(1))
    S = root[:, None] * L / root[None, :]
    largest = view.step * max(-float(np.linalg.eigvalsh((S + S.T) / 2)[0]), 0.0)
    limit = LARGEST_STEPS.get(view.stages, 1.0) if view.stages else None
    verdict = HOLDS if limit is None or largest <= limit else NOT_NOW
    words = "implicit steps have no limit" if limit is None else f"limit of {view.stages} stages with W = 1"
    yield AuditRow("h lambda_max", verdict, largest, limit, words)
    yield _expansion_row(view, view.step * L)


def _expansion_row(view: PairLayer, generator: Field) -> AuditRow:
    if view.obstacle:
        return AuditRow("non-expansive", WITHHELD, words=view.obstacle)
    if view.stages > 1:
        words = f"{view.stages} stages that restart are no single stage; the theorem is one of Z + (L x W) Z"
        return AuditRow("non-expansive", WITHHELD, words=words)
    worst = [
        max(stage_trials(Stage(generator, W, view.degrees), f"W_{k}", Draws()), key=lambda trial: trial.excess)
        for k, W in enumerate(view.mixing)
    ]
    trial = max(worst, key=lambda trial: trial.excess)
    verdict = HOLDS if trial.measured <= trial.bound else NOT_NOW
    return AuditRow("non-expansive", verdict, trial.measured, trial.bound, trial.sample)


def _step_audit(name: str, layer: NonlocalDiffusionStep, seed: int, samples: int) -> LayerAudit:
    """A forward Euler step of an operator of pide: its own claims, and its certified step."""
    operator = layer.operator
    report = check(as_subject(operator), seed=seed, samples=samples)
    rows = [_judged(row) for row in report.rows if row.verdict != "not claimed" and row.ran]
    largest = layer.step * operator.spectral_bound()
    verdict = HOLDS if largest <= 2.0 else FAILS
    rows.append(AuditRow("h lambda_max", verdict, largest, 2.0, "certified bound of the operator"))

    def reference(x: Field) -> Field:
        step: Field = x - operator.definiteness * layer.step * operator.apply(x)
        return step if operator.load is None else step - operator.definiteness * layer.step * operator.load

    subject = module_layer(layer, (1, *operator.space.shape), reference=reference)
    description = layer.extra_repr()
    return LayerAudit(name, type(layer).__name__, description, (*rows, *_layer_rows(subject, seed, samples)))


def _layer_rows(subject: LayerMap, seed: int, samples: int) -> list[AuditRow]:
    report = check(subject, seed=seed, samples=samples)
    return [_judged(row) for row in report.rows if row.claim != "layer_non_expansive"]


def _judged(row: Row) -> AuditRow:
    verdict = row.verdict if row.verdict in (HOLDS, FAILS) else NOT_CHECKABLE
    verdict = WITHHELD if row.verdict == "skipped" else verdict
    return AuditRow(row.claim, verdict, row.measured, row.bound, row.words)


def _number(x: float | None) -> str:
    return "" if x is None else f"{x:.2e}" if x else "0"
