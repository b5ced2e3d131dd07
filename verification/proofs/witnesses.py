"""Witnesses checked again in exact arithmetic, without the code that found them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from pide.verification.certificate import Certificate
from pide.verification.proofs.diffusions import fraction_form
from pide.verification.proofs.lattice import Lattice, embeds
from pide.verification.proofs.models import DiffusionMatrix, SquareMatrix
from pide.verification.proofs.spectrum import Spectrum
from pide.verification.proofs.structural import witness_holds

__all__ = ["witness_stands"]


def witness_stands(model: DiffusionMatrix | Lattice | SquareMatrix | Spectrum, certificate: Certificate) -> bool:
    """Whether the numbers of the witness are those of the model, and contradict the claim."""
    witness = certificate.witness
    if witness is None:
        return False
    if isinstance(model, Lattice):
        return _lattice(model, witness)
    if isinstance(model, Spectrum):
        return _spectrum(model, witness)
    if isinstance(model, SquareMatrix):
        return _square(model, witness)
    if witness["kind"] == "apply":
        return float.fromhex(witness["error at least"]) > float.fromhex(witness["model"])
    if witness["kind"] == "rate":
        i = witness["i"]
        value = model.degree(i) + Fraction(float(model.kappa[i]))
        return value == Fraction(witness["d_i + kappa_i"]) and value > Fraction(float.fromhex(witness["claimed"]))
    return witness_holds(model, witness)


def _lattice(model: Lattice, witness: dict[str, Any]) -> bool:
    kind = witness["kind"]
    if kind == "offset":
        value = float.fromhex(witness["beta"])
        return bool(model.acting[tuple(witness["j"])] == value) and not value >= 0
    if kind == "field":
        source = model.killing if witness["field"] == "kappa" else model.octant
        value = float.fromhex(witness["value"])
        stored = float(source[tuple(witness["index"])])
        return (stored == value and value != 0) or (stored != stored and value != value)
    if kind == "stored rate":
        index = tuple(witness["index"])
        total = Fraction(float(model.degree[index])) + Fraction(float(model.killing[index]))
        return total * Fraction(model.scale) == Fraction(witness["scale (degree + killing)"])
    if kind == "lengths":
        return not embeds(model)
    if kind == "stencil":
        return model.engine_octant is not None
    if kind == "apply":
        return float.fromhex(witness["error at least"]) > float.fromhex(witness["model"])
    if kind == "spectrum" and model.spectrum is not None:
        stored, of, within = (float.fromhex(witness[name]) for name in ("stored", "of", "exact within"))
        return bool(model.spectrum[tuple(witness["k"])] == stored) and abs(stored - of) > within
    return model.matrix is not None and witness_holds(model.matrix, witness)


def _spectrum(model: Spectrum, witness: dict[str, Any]) -> bool:
    if witness["kind"] == "mode":
        s_k, s_0 = float.fromhex(witness["s_k"]), float.fromhex(witness["s_0"])
        return bool(model.values[tuple(witness["k"])] == s_k) and s_0 == model.origin and s_k != s_0
    if witness["kind"] == "eigenvalue":
        return Fraction(witness["largest |lambda|"]) > Fraction(float.fromhex(witness["claimed"]))
    return witness["kind"] in ("weight", "field")


def _square(model: SquareMatrix, witness: dict[str, Any]) -> bool:
    A, kind = model.entries, witness["kind"]
    if kind in ("row", "column"):
        line = A[witness["i"]] if kind == "row" else A[:, witness["i"]]
        return sum(map(Fraction, line.tolist()), Fraction(0)) == Fraction(witness["sum"]) != 0
    if kind == "rates":
        total = sum(map(Fraction, (model.sign * A[witness["i"]]).tolist()), Fraction(0))
        return total == Fraction(witness["sum"]) and total > 0
    if kind in ("pair", "entry"):
        i, j = witness["i"], witness["j"]
        w_ij = float.fromhex(witness["w_ij"])
        if kind == "entry":
            return bool(model.sign * A[i, j] == w_ij) and w_ij < 0
        w_ji = float.fromhex(witness["w_ji"])
        return bool(A[i, j] == w_ij and A[j, i] == w_ji) and w_ij != w_ji
    v = [Fraction(x) for x in witness["v"]]
    sign = 1 if witness["form"] == "v^T A v" else -1
    value = sign * fraction_form(np.asarray(A), v)
    return value < 0 and value == Fraction(witness["value"])
