"""What a proof hands over: claim, verdict, bound, hypotheses, witness, and what had to be trusted.

Symbols: A the operator, L the member of {A, -A} that is claimed to be <= 0, w_ij m_j rates, d degree, kappa killing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = [
    "ASSUMED",
    "PROVED",
    "REFUTED",
    "UNDECIDED",
    "VERIFIED",
    "Certificate",
    "CertificateError",
    "Certificates",
    "Hypothesis",
]

PROVED, REFUTED, UNDECIDED = "PROVED", "REFUTED", "UNDECIDED"
VERIFIED, ASSUMED = "verified", "assumed"
_FORMAT = 1


class CertificateError(AssertionError):
    """Certificates that do not prove what they were asked for, or that do not hold for the given subject."""


@dataclass(frozen=True)
class Hypothesis:
    """A condition of a proof and whether the proof checked it ("verified") or takes it from the caller ("assumed")."""

    statement: str
    status: str


@dataclass(frozen=True)
class Certificate:
    """One statement about one exact set of numbers, with its proof or its refutation.

    Parameters
    ----------
    claim : str
        A name of `pide.claims.CLAIMS` or of `pide.verification.proofs.STATEMENTS`.
    statement : str
        What was proved, refuted or left open, in words and symbols.
    verdict : str
        "PROVED", "REFUTED" (then `witness` can be checked by hand) or "UNDECIDED", which is never a pass.
    level : str
        "matrix" for the exact numbers stored, "model" for a formula that they are taken to follow, "trajectory" for
        given states.
    method : str
        The theorem or algorithm.
    digest : str
        SHA-256 of the numbers that the statement is about.
    bound : float or None
        Outward rounded; written in hexadecimal.
    direction : str
        "<=" or ">=": how the quantity of the statement compares with `bound`.
    slack : float or None
        Distance between the claimed and the proved number, or width of an enclosure.
    hypotheses : tuple of Hypothesis
    witness : dict or None
        Numbers that refute the claim; floats in hexadecimal, exact values as fractions.
    trusted : tuple of str
        What the proof rests on besides its arithmetic.
    versions : dict
        Of Python and of the libraries that computed it.
    cpu_seconds : float
    """

    claim: str
    statement: str
    verdict: str
    level: str
    method: str
    digest: str = ""
    bound: float | None = None
    direction: str = ""
    slack: float | None = None
    hypotheses: tuple[Hypothesis, ...] = ()
    witness: dict[str, Any] | None = None
    trusted: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    @property
    def proved(self) -> bool:
        """Whether the verdict is PROVED."""
        return self.verdict == PROVED

    def __str__(self) -> str:
        lines = [f"{self.verdict:9s} {self.claim} [{self.level}] {self.statement}", f"          by {self.method}"]
        if self.bound is not None:
            slack = "" if self.slack is None else f", slack {self.slack:.3g}"
            lines.append(f"          {self.direction} {self.bound:.17g} = {self.bound.hex()}{slack}")
        lines += [f"          {h.status}: {h.statement}" for h in self.hypotheses]
        if self.witness is not None:
            lines.append(f"          witness: {_shortened(self.witness)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON-native dictionary; floats in hexadecimal, so that nothing is lost."""
        entries = asdict(self)
        for name in ("bound", "slack", "cpu_seconds"):
            entries[name] = None if entries[name] is None else float(entries[name]).hex()
        return entries

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> Certificate:
        """Inverse of `to_dict`."""
        values = dict(entries)
        for name in ("bound", "slack", "cpu_seconds"):
            values[name] = None if values[name] is None else float.fromhex(values[name])
        values["hypotheses"] = tuple(Hypothesis(**h) for h in values["hypotheses"])
        values["trusted"] = tuple(values["trusted"])
        return cls(**values)


@dataclass(frozen=True)
class Certificates:
    """The certificates of one subject.

    Parameters
    ----------
    subject : str
        Its description.
    certificates : tuple of Certificate
    arguments : dict
        Arguments of `certify` besides the subject, JSON-native: what `recheck` repeats.
    source : object
        The subject itself; not written to JSON.
    """

    subject: str
    certificates: tuple[Certificate, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    source: Any = field(default=None, repr=False, compare=False)

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self.certificates)

    def __len__(self) -> int:
        return len(self.certificates)

    def __getitem__(self, claim: str) -> Certificate:
        """The certificate of a claim.

        Raises
        ------
        KeyError
            If there is none.
        """
        for certificate in self.certificates:
            if certificate.claim == claim:
                return certificate
        known = ", ".join(certificate.claim for certificate in self.certificates)
        raise KeyError(f"{claim}: not among these certificates. They are {known}.")

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.claims(v))} {v}" for v in (PROVED, REFUTED, UNDECIDED))
        return "\n".join((f"Certificates of {self.subject}: {counts}", *map(str, self.certificates)))

    def claims(self, verdict: str) -> tuple[str, ...]:
        """Names of the claims with this verdict."""
        return tuple(c.claim for c in self.certificates if c.verdict == verdict)

    @property
    def passed(self) -> bool:
        """At least one certificate, and all PROVED."""
        return bool(self.certificates) and all(c.proved for c in self.certificates)

    def raise_if_failed(self) -> None:
        """Raise `CertificateError` with the text of all certificates unless `passed`."""
        if not self.passed:
            raise CertificateError(str(self) if self.certificates else f"{self.subject}: no certificate was issued.")

    def recheck(self, subject: Any = None) -> Certificates:
        """Prove everything again, and check every witness in exact arithmetic.

        Parameters
        ----------
        subject : object, optional
            Needed for certificates read from JSON.

        Returns
        -------
        Certificates
            The new ones.

        Raises
        ------
        CertificateError
            If the numbers have another SHA-256, a verdict or a bound is not reproduced, or a witness fails.
        """
        from pide.verification.certifying import rechecked

        return rechecked(self, self.source if subject is None else subject)

    def to_json(self) -> str:
        """JSON text."""
        entries = [certificate.to_dict() for certificate in self.certificates]
        content = {"format": _FORMAT, "subject": self.subject, "arguments": self.arguments, "certificates": entries}
        return json.dumps(content, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Certificates:
        """Inverse of `to_json`; `source` is None.

        Raises
        ------
        ValueError
            If the text has another format.
        """
        content = json.loads(text)
        if content.get("format") != _FORMAT:
            given = content.get("format")
            raise ValueError(f"certificates of format {given}: format {_FORMAT} is read. Certify again.")
        certificates = tuple(Certificate.from_dict(entries) for entries in content["certificates"])
        return cls(content["subject"], certificates, content["arguments"])


def _shortened(witness: dict[str, Any]) -> str:
    """The witness with long vectors cut."""

    def text(value: Any) -> str:
        if isinstance(value, list) and len(value) > 6:
            return f"[{', '.join(map(str, value[:6]))}, ... {len(value)} entries]"
        return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)

    return ", ".join(f"{name} = {text(value)}" for name, value in witness.items())
