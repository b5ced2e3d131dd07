"""C1 and C1b: what follows from symmetry and signs alone, decided entry by entry without any rounding.

For w = w^T and w, kappa >= 0, with d the exact row sums,

    <-L v, v> = 1/2 sum_ij m_i m_j w_ij (v_i - v_j)^2 + sum_i m_i kappa_i v_i^2 >= 0,

hence self-adjointness, decay, mass, the maximum principle and, by the components of {w > 0}, the kernel.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pide.verification.certificate import PROVED, REFUTED, UNDECIDED, VERIFIED, Certificate, Hypothesis
from pide.verification.proofs.models import DiffusionMatrix

__all__ = [
    "STRUCTURAL",
    "Witness",
    "asymmetry",
    "conditions",
    "first_entry",
    "kernel_dimension",
    "negativity",
    "structural",
    "witness_holds",
]

_TILE = 1024
STRUCTURAL = {
    "self_adjoint": ("<L u, v> = <u, L v>", ("symmetric",)),
    "nonnegative_rates": ("w_ij >= 0 for i != j and kappa_i >= 0", ("nonnegative", "killing")),
    "kills_constants": ("L 1 = 0 with d the exact row sums", ("no killing",)),
    "conserves_mass": ("<1, L v> = 0", ("symmetric", "no killing")),
    "negative_semidefinite": ("<L v, v> <= 0", ("symmetric", "nonnegative", "killing")),
    "positive_semidefinite": ("<-L v, v> >= 0", ("symmetric", "nonnegative", "killing")),
    "energy_decay": ("|v + tau L v| <= |v| for 0 <= tau <= 2/lambda_max", ("symmetric", "nonnegative", "killing")),
    "variance_decay": (
        "Var(v + tau L v) <= Var(v) for 0 <= tau <= 2/lambda_max",
        ("symmetric", "nonnegative", "no killing"),
    ),
    "maximum_principle": (
        "min(0, min v) <= v + tau L v <= max(0, max v) for tau max(d + kappa) <= 1, without the zeros for kappa = 0",
        ("nonnegative", "killing"),
    ),
    "markov": ("I + tau L >= 0 with rows of sum 1 for tau max d <= 1", ("nonnegative", "no killing")),
    "sub_markov": ("I + tau L >= 0 with rows of sum <= 1 for tau max(d + kappa) <= 1", ("nonnegative", "killing")),
}
"""Claim: (statement about L <= 0, conditions that prove it)."""

_WORDS = {
    "symmetric": "w_ij and w_ji are the same double for all i, j",
    "nonnegative": "w_ij >= 0 for all i != j",
    "killing": "kappa_i >= 0 for all i",
    "no killing": "kappa_i = 0 for all i",
}
_NECESSARY = {
    "self_adjoint": {"symmetric"},
    "nonnegative_rates": {"nonnegative", "killing"},
    "kills_constants": {"no killing"},
    "maximum_principle": {"nonnegative", "killing"},
    "sub_markov": {"nonnegative", "killing"},
    "markov": {"nonnegative", "no killing"},
}
"""Conditions whose failure refutes the claim, and not only its proof."""

Witness = dict[str, Any]
_KNOWN: WeakKeyDictionary[DiffusionMatrix, dict[str, Witness | None]] = WeakKeyDictionary()
"""Conditions already compared, as long as their matrix lives."""


def structural(claim: str, violations: dict[str, Witness | None], method: str) -> Certificate:
    """The certificate of one claim from the conditions, each None where it holds or its witness where it fails."""
    statement, conditions = STRUCTURAL[claim]
    failed = [name for name in conditions if violations[name] is not None]
    hypotheses = tuple(Hypothesis(_WORDS[name], VERIFIED) for name in conditions if name not in failed)
    if not failed:
        return Certificate(claim, statement, PROVED, "matrix", method, hypotheses=hypotheses)
    witness = violations[failed[0]]
    necessary = [violations[name] for name in failed if name in _NECESSARY.get(claim, ())]
    known = [w for w in necessary if w is not None and w["kind"] != "unknown"]
    refuted = bool(known)
    if refuted:
        witness = known[0]
    verdict = REFUTED if refuted else UNDECIDED
    method = method if refuted else f"{method}; the condition '{_WORDS[failed[0]]}' fails"
    return Certificate(claim, statement, verdict, "matrix", method, hypotheses=hypotheses, witness=witness)


def conditions(model: DiffusionMatrix) -> dict[str, Witness | None]:
    """Witness of the failure of each condition, None where it holds, for finite weights."""
    if model not in _KNOWN:
        _KNOWN[model] = {
            "symmetric": asymmetry(model),
            "nonnegative": negative_weight(model),
            "killing": negativity(model.kappa, "kappa"),
            "no killing": first_entry(model.kappa != 0, model.kappa, "kappa"),
        }
    return _KNOWN[model]


def asymmetry(model: DiffusionMatrix) -> Witness | None:
    """The first (i, j) with w_ij != w_ji, compared as doubles: tiles against their mirror images.

    Exact also for <L u, v> with unequal masses: m_i w_ij m_j is symmetric exactly when w is.
    """
    w = model.weights
    if model.sparse:
        different = scipy.sparse.coo_matrix(w != w.T)
        return _pair(w, int(different.row[0]), int(different.col[0])) if different.nnz else None
    for i in range(0, model.size, _TILE):
        for j in range(i, model.size, _TILE):
            a, b = w[i : i + _TILE, j : j + _TILE], w[j : j + _TILE, i : i + _TILE].T
            same = a == b
            if not same.all():
                p, q = np.argwhere(~same)[0]
                return _pair(w, i + int(p), j + int(q))
    return None


def _pair(w: Any, i: int, j: int) -> Witness:
    return {"kind": "pair", "i": i, "j": j, "w_ij": float(w[i, j]).hex(), "w_ji": float(w[j, i]).hex()}


def negative_weight(model: DiffusionMatrix) -> Witness | None:
    """The first (i, j), i != j, for which w_ij >= 0 fails."""
    w = model.weights
    if model.sparse:
        coordinates = w.tocoo()
        bad = np.flatnonzero(~(coordinates.data >= 0))
        place = (coordinates.row[bad[0]], coordinates.col[bad[0]]) if bad.size else None
    else:
        place = None if w.min() >= 0 else tuple(np.argwhere(~(w >= 0))[0])
    if place is None:
        return None
    i, j = map(int, place)
    return {"kind": "entry", "i": i, "j": j, "w_ij": float(w[i, j]).hex()}


def negativity(values: NDArray[np.float64], name: str) -> Witness | None:
    """The first entry of a field for which value >= 0 fails."""
    return first_entry(~(values >= 0), values, name)


def first_entry(bad: NDArray[np.bool_], values: NDArray[np.float64], name: str) -> Witness | None:
    """The first marked entry as a witness."""
    if not bad.any():
        return None
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return {"kind": "field", "field": name, "index": [int(k) for k in index], "value": float(values[index]).hex()}


def kernel_dimension(model: DiffusionMatrix) -> Certificate:
    """C1b: dim ker L, the number of components of {w > 0} on which kappa vanishes.

    By Green's identity L v = 0 forces v to be constant on components and 0 where kappa > 0. Components come from a
    search along rows: nodes reached are connected, and no weight leaves what was reached, by direct comparison.
    """
    violations = conditions(model)
    needed = ("symmetric", "nonnegative", "killing")
    statement = "dim ker L = number of components of {w > 0} without killing"
    method = "C1b: search along positive weights"
    if any(violations[name] is not None for name in needed):
        return Certificate("kernel_dimension", statement, UNDECIDED, "matrix", method)
    labels, count = components(model)
    killed = np.unique(labels[model.kappa > 0])
    dimension = count - killed.size
    hypotheses = tuple(Hypothesis(_WORDS[name], VERIFIED) for name in needed)
    words = f"dim ker L = {dimension}: {count} components of {{w > 0}}, {killed.size} of them with kappa > 0"
    return Certificate(
        "kernel_dimension", words, PROVED, "matrix", method, bound=float(dimension), direction="=", slack=0.0,
        hypotheses=hypotheses,
    )  # fmt: skip


def components(model: DiffusionMatrix) -> tuple[NDArray[np.intp], int]:
    """(label of each node, number of components) of the graph {w > 0}, w symmetric."""
    labels = np.full(model.size, -1)
    count = 0
    for start in range(model.size):
        if labels[start] >= 0:
            continue
        frontier = np.array([start])
        labels[start] = count
        while frontier.size:
            reached = _neighbours(model, frontier) & (labels < 0)
            frontier = np.flatnonzero(reached)
            labels[frontier] = count
        count += 1
    return labels, count


def _neighbours(model: DiffusionMatrix, nodes: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Nodes with a positive weight from one of `nodes`."""
    if model.sparse:
        w = model.weights
        reached = np.zeros(model.size, dtype=bool)
        for i in nodes:
            part = slice(w.indptr[i], w.indptr[i + 1])
            reached[w.indices[part][w.data[part] > 0]] = True
        return reached
    reached = np.zeros(model.size, dtype=bool)
    for start in range(0, nodes.size, _TILE):
        reached |= (model.weights[nodes[start : start + _TILE]] > 0).any(axis=0)
        if reached.all():
            break
    return reached


def witness_holds(model: DiffusionMatrix, witness: Witness) -> bool:
    """Whether the numbers of a structural witness are those of the model and violate what they should."""
    kind = witness["kind"]
    if kind in ("pair", "entry"):
        i, j = witness["i"], witness["j"]
        w_ij = float.fromhex(witness["w_ij"])
        stored = _same(float(model.weights[i, j]), w_ij)
        if kind == "entry":
            return stored and not w_ij >= 0
        w_ji = float.fromhex(witness["w_ji"])
        return stored and _same(float(model.weights[j, i]), w_ji) and w_ij != w_ji
    if kind == "field":
        value = float.fromhex(witness["value"])
        return _same(float(model.kappa[tuple(witness["index"])]), value) and value != 0
    v = np.array([float(x) for x in witness["v"]])
    shift = Fraction(witness.get("shift", "0"))
    energy = model.energy(v)
    norm = sum((Fraction(float(m)) * Fraction(float(x)) ** 2 for m, x in zip(model.m, v, strict=True)), Fraction(0))
    form = energy if witness["form"] == "energy" else shift * norm - energy
    return form < 0 and form == Fraction(witness["value"])


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)
