"""Discrete spaces: nodes with an inner product."""
