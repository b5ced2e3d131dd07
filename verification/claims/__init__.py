"""The checks, by subject of their statement; importing this package fills `pide.verification.claim.CHECKS`."""

from pide.verification.claims import (
    affinity,
    block,
    evolution,
    exact,
    flow,
    implementation,
    layer,
    limit,
    markov,
    operator,
    spectrum,
    steady,
    structure,
)

__all__ = [
    "affinity",
    "block",
    "evolution",
    "exact",
    "flow",
    "implementation",
    "layer",
    "limit",
    "markov",
    "operator",
    "spectrum",
    "steady",
    "structure",
]
