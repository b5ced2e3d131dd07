"""Audits of layers whose operator is one of pide's own, and of those that can be undone.

Symbols: X features (B, C, *shape); A, L operators of `pide.operators`; h step, t time; f1, f2 forces; J Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pide.discretise import discretise
from pide.nets.audit_report import FAILS, HOLDS, NOT_NOW, AuditRow, LayerAudit, judged
from pide.nets.layers import (
    GraphDiffusion,
    HamiltonianBlock,
    LearnableDiffusionStep,
    NonlocalDiffusionStep,
    PointCloudDiffusion,
    SpectralDiffusion,
)
from pide.operators.affinity import GaussianAffinity
from pide.operators.algebra import scale
from pide.operators.base import Operator
from pide.operators.fourier import FourierMultiplier
from pide.operators.graph import graph_laplacian
from pide.operators.pairs import PairOperator
from pide.operators.pixel_symbols import fractional_symbols, horizon_symbols, pixel_grid
from pide.operators.structure import pair_claims
from pide.spaces.samples import Samples
from pide.verification import LayerMap, Report, Subject, as_subject, check, module_layer
from pide.verification.claims.layer import condition
from pide.verification.estimate import DOUBLE, gamma, transform_error

__all__ = ["STEPS", "Probe", "layer_rows"]

Field = NDArray[np.float64]
_JACOBIAN = 256
"""Numbers in the features whose Jacobian is formed."""


@dataclass(frozen=True, eq=False)
class Probe:
    """What a layer is audited with.

    Parameters
    ----------
    arguments : mapping
        Arguments that reached the layer, by name; empty where seeded ones are to be made.
    size : int
        Positions an axis, at most.
    seed, samples : int
    """

    arguments: Mapping[str, Any]
    size: int
    seed: int
    samples: int

    def features(self, channels: int, dimension: int) -> Tensor:
        """(1, C, *shape): what reached the layer, first sample, cut; or normal numbers."""
        given = self.arguments.get("x")
        if given is None:
            return self.normal(1, channels, *(self.size,) * dimension)
        cut = (slice(0, 1), slice(None), *(slice(0, self.size),) * dimension)
        return torch.as_tensor(given[cut]).contiguous()

    def normal(self, *shape: int) -> Tensor:
        """Seeded normal numbers."""
        return torch.randn(shape, generator=torch.Generator().manual_seed(self.seed), dtype=torch.float64)

    @property
    def positions(self) -> int:
        """Points or vertices, at most."""
        return self.size**2

    def report(self, subject: Any) -> Report:
        """The claims of a subject, checked."""
        return check(subject, seed=self.seed, samples=self.samples)


def layer_rows(subject: LayerMap, seed: int, samples: int) -> list[AuditRow]:
    """What is asked of every layer."""
    report = check(subject, seed=seed, samples=samples)
    return [judged(row) for row in report.rows if row.claim != "layer_non_expansive"]


def _audit(name: str, layer: nn.Module, rows: list[AuditRow], subject: LayerMap, probe: Probe) -> LayerAudit:
    every = layer_rows(subject, probe.seed, probe.samples)
    return LayerAudit(name, type(layer).__name__, layer.extra_repr(), (*rows, *every))


def _claims(*reports: Report) -> list[AuditRow]:
    """The claims that were checked, each with the worst of the reports."""
    worst: dict[str, tuple[tuple[bool, float], AuditRow]] = {}
    for report in reports:
        for row in report.rows:
            if row.verdict == "not claimed" or not row.ran:
                continue
            rank = row.verdict == FAILS, (row.measured or 0.0) / (row.bound or 1.0)
            if row.claim not in worst or rank > worst[row.claim][0]:
                worst[row.claim] = rank, judged(row)
    return [row for _, row in worst.values()]


def _step_row(claim: str, largest: float, words: str) -> AuditRow:
    return AuditRow(claim, HOLDS if largest <= 2.0 else FAILS, largest, 2.0, words)


def _stepped(operator: Operator, step: Any) -> Callable[[Field], Field]:
    """X + h L X by the operator, h a number or one of every channel; X of shape (B, C, *space.shape)."""
    h = np.reshape(step, (-1, *(1,) * len(operator.space.shape)))

    def reference(x: Field) -> Field:
        change = operator.apply(x) if operator.load is None else operator.apply(x) + operator.load
        return np.asarray(x - operator.definiteness * h * change)

    return reference


def _fixed_step(name: str, layer: NonlocalDiffusionStep, probe: Probe) -> LayerAudit:
    """A forward Euler step of an operator: its own claims, and its certified step."""
    return _euler(name, layer, layer.operator, [], probe)


def _euler(name: str, layer: Any, operator: Operator, more: list[AuditRow], probe: Probe) -> LayerAudit:
    rows = _claims(probe.report(operator))
    rows.append(_step_row("h lambda_max", layer.step * operator.spectral_bound(), "certified bound of the operator"))
    subject = module_layer(layer, (1, *operator.space.shape), reference=_stepped(operator, layer.step))
    return _audit(name, layer, [*rows, *more], subject, probe)


def _learnable_step(name: str, layer: LearnableDiffusionStep, probe: Probe) -> LayerAudit:
    """The claims at the current theta; the certified step there and at both ends of the range."""

    def at(theta: float) -> Operator:
        family: Callable[[Any], Any] = layer.family
        return discretise(family(theta), layer.grid, exterior=layer.exterior, scheme=layer.scheme, evolution=True)

    ends = max(layer.step * at(theta).spectral_bound() for theta in (layer.lower, layer.upper))
    row = _step_row("h lambda_max at the ends", ends, "certified bounds at both ends of the range of theta")
    return _euler(name, layer, at(float(layer.parameter.detach())), [row], probe)


class _At(nn.Module):
    """A layer of rows of positions (B, N, C), on maps (B, C, N), with its other arguments fixed."""

    def __init__(self, layer: nn.Module, batched: bool, fixed: Mapping[str, Tensor | None]) -> None:
        super().__init__()
        self.layer, self.batched, self.names = layer, batched, tuple(fixed)
        for name, value in fixed.items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        others = {name: getattr(self, name) for name in self.names}
        if self.batched:
            others = {k: None if v is None else v.expand(x.shape[0], *v.shape[1:]) for k, v in others.items()}
        y: Tensor = self.layer(x.mT, **others)
        return y.mT


def _cloud_step(name: str, layer: PointCloudDiffusion, probe: Probe) -> LayerAudit:
    """The operator of the points in the inner product of m_i C_i, or of m_i with "count"; points of mass 0 left out."""
    points, masses = _points(layer, probe)
    y = np.asarray(points[0].numpy(), dtype=np.float64)
    m = np.ones(len(y)) if masses is None else np.asarray(masses[0].numpy(), dtype=np.float64)
    omega = np.asarray(GaussianAffinity(width=float(layer.width.detach()))(y, y))
    weights = m * (omega @ m) if layer.normaliser == "rows" else m * m.sum()
    rates = omega * (m[:, None] * m) / weights[:, None]
    np.fill_diagonal(rates, 0.0)
    operator = PairOperator(Samples(y, weights), rates, np.zeros(len(y)), pair_claims(True, True, False))
    fixed = _At(layer, True, {"points": points, "masses": masses})
    return _positions(name, layer, operator, fixed, probe)


def _points(layer: PointCloudDiffusion, probe: Probe) -> tuple[Tensor, Tensor | None]:
    """Points (1, N, d) and masses (1, N) that reached the layer, or normal points of the width of the kernel."""
    if "points" not in probe.arguments:
        return float(layer.width.detach()) * probe.normal(1, probe.positions, 2), None
    points, masses = probe.arguments["points"][:1], probe.arguments.get("masses")
    if masses is None:
        return points[:, : probe.positions], None
    keep = torch.nonzero(masses[0] > 0)[: probe.positions, 0]
    return points[:, keep], masses[:1, keep]


def _graph_step(name: str, layer: GraphDiffusion, probe: Probe) -> LayerAudit:
    """The graph Laplacian in its own masses, over the largest degree where it is combinatorial."""
    edges, a = _edges(probe)
    count = int(edges.max()) + 1
    (i, j), values = edges.numpy(), np.asarray(a.numpy(), dtype=np.float64)
    entries = np.concatenate([values, values]), (np.concatenate([i, j]), np.concatenate([j, i]))
    adjacency = scipy.sparse.csr_matrix(entries, shape=(count, count))
    walk = layer.kind == "random_walk"
    operator: Operator = graph_laplacian(adjacency, "random_walk" if walk else "combinatorial")
    if not walk:
        operator = scale(operator, 1.0 / float(adjacency.sum(axis=1).max()))
    return _positions(name, layer, operator, _At(layer, False, {"edges": edges, "weights": a}), probe)


def _edges(probe: Probe) -> tuple[Tensor, Tensor]:
    """Edges among the first vertices that have some, renumbered, and weights; or a ring with chords."""
    if "edges" not in probe.arguments:
        i = torch.arange(probe.positions)
        edges = torch.cat([torch.stack([i, (i + k) % probe.positions]) for k in (1, 5)], dim=1)
        return edges, 0.5 + probe.normal(edges.shape[1]).abs()
    edges, a = probe.arguments["edges"], probe.arguments.get("weights")
    a = torch.ones(edges.shape[1], dtype=torch.float64) if a is None else a
    kept = (edges[0] != edges[1]) & (a > 0)
    among = kept & (edges.amax(0) < probe.positions)
    kept = among if bool(among.any()) else kept
    return torch.unique(edges[:, kept], return_inverse=True)[1], a[kept]


def _positions(name: str, layer: Any, operator: Operator, fixed: nn.Module, probe: Probe) -> LayerAudit:
    """Claims of the operator, the step of every channel, and the layer beside X + h L X."""
    h = layer.step.detach().numpy()
    rows = _claims(probe.report(operator))
    rows.append(_step_row("h lambda_max", float(h.max()) * operator.spectral_bound(), "Gershgorin's bound"))
    shape = (layer.channels, *operator.space.shape)
    return _audit(name, layer, rows, module_layer(fixed, shape, reference=_stepped(operator, h)), probe)


def _spectral(name: str, layer: SpectralDiffusion, probe: Probe) -> LayerAudit:
    """Claims of the generators of the channels of smallest and largest s or delta, and of the exact exponential."""
    shape = tuple(probe.features(layer.channels, layer.dimension).shape[2:])
    wide = tuple(2 * count for count in shape) if layer.boundary == "mirrored" else shape
    parameters = layer.range(layer.raw_shape).detach().numpy()
    if layer.kind == "fractional":
        symbols = np.asarray(fractional_symbols(parameters, wide, layer.scheme))
    else:
        symbols = np.asarray(horizon_symbols(parameters, wide, layer.largest_horizon))
    extremes = sorted({int(np.argmin(parameters)), int(np.argmax(parameters))})
    monotone = layer.kind == "horizon" or layer.scheme == "lattice"
    rows = _claims(*(probe.report(_pixels(wide, symbols[c], monotone)) for c in extremes))
    step = layer.multiplier(wide).detach().numpy()
    largest = float(np.abs(step).max())
    rows.append(AuditRow("non-expansive", HOLDS if largest <= 1.0 else FAILS, largest, 1.0, "max |exp(-t A)(k)|"))
    inside: Any = (..., *(slice(0, count) for count in shape))
    t = layer.time.detach().numpy().reshape(-1, *(1,) * len(shape))

    def reference(x: Field) -> Field:
        axes = tuple(range(2, x.ndim))
        for axis in axes if layer.boundary == "mirrored" else ():
            x = np.concatenate([x, np.flip(x, axis)], axis=axis)
        y = np.fft.irfftn(np.exp(-t * symbols) * np.fft.rfftn(x, axes=axes), s=wide, axes=axes)
        return np.asarray(y[inside])

    return _audit(name, layer, rows, module_layer(layer, (layer.channels, *shape), reference=reference), probe)


def _pixels(shape: tuple[int, ...], symbol: Field, monotone: bool) -> Subject:
    """A of one channel on periodic pixels, with the rates of its symbol."""
    claims = {"linear", "adjoint", "self_adjoint", "positive_semidefinite", "kills_constants", "conserves_mass",
              "energy_decay", "variance_decay", "translation_invariant"}  # fmt: skip
    claims |= {"nonnegative_rates", "maximum_principle", "markov", "sub_markov"} if monotone else set()
    operator = FourierMultiplier(pixel_grid(shape), symbol, frozenset(claims))
    table = np.fft.irfftn(symbol, s=shape, axes=range(len(shape)))
    nodes = np.indices(shape).reshape(len(shape), -1)

    def rates(rows: NDArray[np.intp]) -> Field:
        offsets = (nodes[:, None, :] - nodes[:, rows, None]) % np.reshape(shape, (-1, 1, 1))
        K = np.asarray(-table[tuple(offsets)])
        K[np.arange(len(rows)), rows] = 0.0
        return K

    error = 2 * float(symbol.max()) * transform_error(shape, DOUBLE, periodic=True)
    top = float(table[(0,) * len(shape)]) + error
    return replace(as_subject(operator), rates=rates, rates_error=error, rate_bound=lambda: top)


def _hamiltonian(name: str, layer: HamiltonianBlock, probe: Probe) -> LayerAudit:
    """The inverse undoes the step; both forces have symmetric Jacobians, so that they are gradients."""
    x = probe.features(layer.channels, layer.first.dimension)
    subject = module_layer(layer, tuple(x.shape[1:]))
    rows = [_reversible(layer, subject, x), _symmetric(layer, x)]
    return _audit(name, layer, rows, subject, probe)


def _reversible(layer: HamiltonianBlock, subject: LayerMap, x: Tensor) -> AuditRow:
    """|f^-1(f(x)) - x|, beside the rounding of f carried through f^-1 and that of f^-1."""
    with torch.no_grad():
        y = layer(x)
        back = layer.inverse(y)
    inverse = replace(subject, apply=lambda v: _inverted(layer, v))
    size, image = float(x.abs().max()) or 1.0, float(y.abs().max()) or 1.0
    rounding = gamma(4 * subject.terms, DOUBLE)
    carried = (condition(subject, x.numpy()) / image + 2) * (condition(inverse, y.numpy()) + image)
    measured, bound = float((back - x).abs().max()) / size, 2 * rounding * carried / size
    return AuditRow("reversible", HOLDS if measured <= bound else FAILS, measured, bound, "f^-1(f(X)) = X")


def _inverted(layer: HamiltonianBlock, v: Any) -> Any:
    with torch.no_grad():
        return layer.inverse(torch.from_numpy(np.ascontiguousarray(v))).numpy()


def _symmetric(layer: HamiltonianBlock, x: Tensor) -> AuditRow:
    """J = K^T D K with D = relu' times the scale of the normalisation: symmetric, and >= 0 where the scale is."""
    half, axes = layer.channels // 2, x.dim() - 2
    side = max(2, int((_JACOBIAN / half) ** (1 / axes)))
    u = x[(slice(0, 1), slice(0, half), *(slice(0, side),) * axes)].contiguous()
    worst, lowest = 0.0, 0.0
    for force in (layer.first, layer.second):
        J = torch.func.jacrev(force)(u).detach().reshape(u.numel(), u.numel()).numpy()
        size = float(np.linalg.norm(J)) or 1.0
        worst = max(worst, float(np.abs(J - J.T).max()) / size)
        lowest = min(lowest, float(np.linalg.eigvalsh((J + J.T) / 2)[0]) / size)
    bound = gamma(4 * u.numel() + 9 * half, DOUBLE)
    if worst > bound:
        return AuditRow("forces are gradients", FAILS, worst, bound, "J of f1 and f2 is symmetric")
    convex = "convex" if lowest >= -bound else f"not convex, smallest eigenvalue {lowest:.1e}"
    verdict = HOLDS if lowest >= -bound else NOT_NOW
    return AuditRow("forces are gradients", verdict, worst, bound, f"of potentials that are {convex} at X")


STEPS: dict[type[nn.Module], Callable[[str, Any, Probe], LayerAudit]] = {
    NonlocalDiffusionStep: _fixed_step,
    LearnableDiffusionStep: _learnable_step,
    PointCloudDiffusion: _cloud_step,
    GraphDiffusion: _graph_step,
    SpectralDiffusion: _spectral,
    HamiltonianBlock: _hamiltonian,
}
"""Layers that an audit knows by an operator of pide, or by their inverse."""
