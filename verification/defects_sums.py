"""Mutants of sums that store nothing: far boxes of a tree lost or used one way, anchors, blocks of rows, densities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pide.arrays import Array
from pide.operators.anchors import AnchorDiffusion
from pide.operators.tree import TreeSum
from pide.operators.tree_plan import Crossing
from pide.verification.adapters import as_subject
from pide.verification.defects import altered
from pide.verification.honest_sums import COMPILED, anchored_samples, clustered_sums, crowded_circle
from pide.verification.mutants import mutant
from pide.verification.subject import Subject

__all__: list[str] = []

Field = NDArray[np.float64]
TREE = "tree cloud"
Change = Callable[[Crossing], tuple[Crossing, ...]]


def by_crossings(s: Subject, change: Change) -> Subject:
    """The tree with other passes across, under the facts of `s`: a subject of its own, with its own degree."""
    operator = clustered_sums()
    sums = operator.sums
    assert isinstance(sums, TreeSum)
    crossings = tuple(other for crossing in sums.plan.crossings for other in change(crossing))
    wrong = replace(operator, sums=replace(sums, plan=replace(sums.plan, crossings=crossings)))
    return replace(as_subject(wrong), facts=s.facts)


class OneWay(Crossing):
    """F_a from Q_b, and nothing the other way."""

    def across(self, c: Field, Q: Field, M: Field, F: Field) -> None:
        before = F.copy()
        super().across(c, Q, M, F)
        used = self.span[0] + np.unique(self.pairs[:, 1])
        F[used] = before[used]


class WithoutDifference(Crossing):
    """F_a from Q_b without (c_b - c_a) M_b."""

    def across(self, c: Field, Q: Field, M: Field, F: Field) -> None:
        super().across(np.zeros_like(c), Q, M, F)


def recast(kind: type[Crossing]) -> Change:
    """The same pairs and couplings as another kind of crossing."""
    return lambda x: (kind(x.span, x.pairs, x.stops, x.coupling, x.factor, x.shift),)


def far_boxes_lost(s: Subject) -> Subject:
    """A diffusion of its own, with every claim of one, and the wrong one."""
    return by_crossings(s, lambda crossing: ())


def far_boxes_one_way(s: Subject) -> Subject:
    return by_crossings(s, recast(OneWay))


def far_boxes_without_difference(s: Subject) -> Subject:
    return by_crossings(s, recast(WithoutDifference))


if COMPILED:
    mutant("far boxes of the tree lost", TREE, "agrees_with_partner")(far_boxes_lost)
    mutant("far boxes of the tree act one way", TREE, "self_adjoint", "conserves_mass", "agrees_with_partner")(
        far_boxes_one_way
    )
    mutant("far boxes without the difference of their values", TREE, "self_adjoint", "agrees_with_partner")(
        far_boxes_without_difference
    )


@mutant("anchors that count points instead of masses", "anchors", "self_adjoint", "conserves_mass", "symmetric_rates")
def anchors_that_count(s: Subject) -> Subject:
    operator: AnchorDiffusion = anchored_samples()
    return as_subject(replace(operator, masses=np.ones(operator.space.count)))


@mutant("anchors without their degrees", "anchors", "markov", "kills_constants", "fast_equals_dense")
def anchors_without_degrees(s: Subject) -> Subject:
    """W = C C^T diag(mu) / mean(lambda), less 1 and not W 1."""
    operator = anchored_samples()
    C, mu = operator.assignment, operator.masses
    W = C @ C.T * mu / (C.T @ mu).mean()
    return altered(s, lambda v: v @ W.T.astype(v.dtype) - v)


@mutant("last block of rows left out", "blocked affinity", "self_adjoint", "conserves_mass", "fast_equals_dense")
def last_block_left_out(s: Subject) -> Subject:
    def apply(v: Array) -> Array:
        image = np.array(s.apply(v))
        image[..., -4:] = 0.0
        return image

    return altered(s, apply)


@mutant("density left in a diffusion map", "diffusion map", "self_adjoint", "conserves_mass", "symmetric_rates")
def density_left(s: Subject) -> Subject:
    """alpha = 0 in the kernel, and the masses of alpha = 1."""
    return replace(as_subject(replace(crowded_circle(), alpha=0.0).operator), masses=s.masses)
