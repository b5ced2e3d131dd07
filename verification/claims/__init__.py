"""The checks, by subject of their statement; importing this package fills `pide.verification.claim.CHECKS`."""

from pide.verification.claims import (
    evolution,
    exact,
    flow,
    implementation,
    limit,
    markov,
    operator,
    spectrum,
    steady,
    structure,
)

__all__ = [
    "evolution",
    "exact",
    "flow",
    "implementation",
    "limit",
    "markov",
    "operator",
    "spectrum",
    "steady",
    "structure",
]
