"""The checks, by subject of their statement; importing this package fills `pide.verification.claim.CHECKS`."""

from pide.verification.claims import flow, implementation, limit, markov, operator, structure

__all__ = ["flow", "implementation", "limit", "markov", "operator", "structure"]
