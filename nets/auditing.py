"""Audit of a network: which statements its nonlocal layers can make with their current weights, and which they cannot.

    report = pide.nets.auditing.audit(model)                    # seeded features
    report = pide.nets.auditing.audit(model, batch_of_images)   # the features that reach each layer

Symbols: w weights of the pair sums, L their generator at frozen affinity, lambda_max of -L, h step, W mixing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pide.nets.audit_report import FAILS, HOLDS, NOT_NOW, WITHHELD, AuditReport, AuditRow, LayerAudit, judged
from pide.nets.audited import AUDITED, PairLayer, pair_layer
from pide.nets.audited_steps import STEPS, Probe, layer_rows
from pide.nets.layers import VerletBlock
from pide.verification import Stage, Subject, check, module_layer
from pide.verification.blocks import LARGEST_STEPS
from pide.verification.claims.layer import rounding, stage_trials
from pide.verification.samples import Draws
from pide.verification.subject import direct_sum

__all__ = ["AuditReport", "AuditRow", "LayerAudit", "audit"]

Field = NDArray[np.float64]
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
    float64 and in evaluation mode. Layers whose operator is one of pide's own are audited by its claims: steps of a
    diffusion, clouds, graphs, and `SpectralDiffusion` by its symbols. Of a `HamiltonianBlock` it is checked that its
    inverse undoes it and that its forces are gradients. Layers of other kinds are left out.

    Raises
    ------
    ValueError
        For a model without a layer that the audit knows.
    """
    found = {name: module for name, module in model.named_modules() if type(module) in _KINDS}
    if not found:
        known = ", ".join(kind.__name__ for kind in _KINDS)
        raise ValueError(f"{type(model).__name__} has no layer that an audit knows. Needed is one of {known}.")
    reaching = {} if features is None else _inputs(model, features, found)
    layers = []
    for name, module in found.items():
        probe = Probe(reaching.get(name, {}), size, seed, samples)
        layers.append(_KINDS[type(module)](name, deepcopy(module).double().eval(), probe))
    return AuditReport(tuple(layers), seed)


def _inputs(model: nn.Module, features: Tensor, found: dict[str, nn.Module]) -> dict[str, dict[str, Any]]:
    """The arguments that reach each layer first, by name, floating ones in float64."""
    reached: dict[str, dict[str, Any]] = {}
    copy = deepcopy(model).eval()

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
            given = inspect.signature(module.forward).bind(*inputs, **options).arguments
            reached.setdefault(name, {key: _double(value) for key, value in given.items()})

        return hook

    handles = [copy.get_submodule(name).register_forward_pre_hook(keep(name), with_kwargs=True) for name in found]
    with torch.no_grad():
        copy(features)
    for handle in handles:
        handle.remove()
    return reached


def _double(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().double() if value.is_floating_point() else value.detach()


def _pair_audit(name: str, layer: Any, probe: Probe) -> LayerAudit:
    seed, samples = probe.seed, probe.samples
    x = probe.features(layer.channels, getattr(layer, "pairs", layer).dimension)
    view = pair_layer(layer, x)
    rows = [*_claim_rows(view, seed, samples), *_norm_rows(view), *_stability_rows(view)]
    states = set() if view.pooled else {"layer_equivariant"}

    def reference(values: Field) -> Field:
        with torch.no_grad():
            return np.asarray(view.reference(torch.from_numpy(np.ascontiguousarray(values))).numpy())

    subject = module_layer(layer, tuple(x.shape[1:]), states=states, reference=reference)
    if view.stages == 0:
        subject = replace(subject, longest_sum=subject.terms + _RESIDUAL)
    return LayerAudit(name, type(layer).__name__, layer.extra_repr(), (*rows, *layer_rows(subject, seed, samples)))


def _verlet_audit(name: str, layer: VerletBlock, probe: Probe) -> LayerAudit:
    """The claims about op at the affinity of V; the step itself turns V and W into each other."""
    x = probe.features(layer.channels, layer.block.dimension)
    v = x[:, : layer.channels // 2]
    view = pair_layer(layer.block, v)
    turns = "V and W drive each other: the step turns one into the other, and neither decays"
    kept = "the kernel is that of the incoming V, which the step replaces: it can be undone only where V is kept"
    rows = [
        *_claim_rows(view, probe.seed, probe.samples),
        *_norm_rows(view),
        AuditRow("non-expansive", WITHHELD, words=turns),
        AuditRow("reversible", WITHHELD, words=kept),
        _two_stages(layer, view, v),
    ]
    subject = module_layer(layer, tuple(x.shape[1:]))
    return LayerAudit(
        name, type(layer).__name__, layer.extra_repr(), (*rows, *layer_rows(subject, probe.seed, probe.samples))
    )


def _two_stages(layer: VerletBlock, view: PairLayer, v: Tensor) -> AuditRow:
    """From V = X, W = -X the step gives W = -B_2 of the block with the same weights, here by `pide.operators`."""
    with torch.no_grad():
        w = layer(torch.cat([v, -v], dim=1))[:, v.shape[1] :]
        expected = -view.reference(v)
    scale, error = rounding(module_layer(layer.block, tuple(v.shape[1:])), v.numpy(), "float64")
    measured, bound = float((w - expected).abs().max()) / scale, 2 * error
    verdict = HOLDS if measured <= bound else FAILS
    return AuditRow("two stages of the block", verdict, measured, bound, "W = -B_2 from V = X, W = -X")


def _claim_rows(view: PairLayer, seed: int, samples: int) -> Iterator[AuditRow]:
    """The claims about L that the layer's options support are checked; the others are withheld with the reasons."""
    objections = view.objections()
    voided = {claim: [objections[word] for word in words if word in objections] for claim, words in NEEDS.items()}
    supported = [claim for claim, reasons in voided.items() if not reasons]
    report = check(_generator(view), supported, seed=seed, samples=samples) if supported else None
    for claim, reasons in voided.items():
        if report is not None and not reasons:
            yield judged(report[claim])
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


_KINDS: dict[type[nn.Module], Callable[[str, Any, Probe], LayerAudit]] = {
    **dict.fromkeys(AUDITED, _pair_audit),
    VerletBlock: _verlet_audit,
    **STEPS,
}
