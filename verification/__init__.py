"""Property tests for discrete operators: claims, checks with derived bounds, reports with numbers, mutants.

    report = check(operator)          # what it claims, measured
    check(operator, claims="all")     # which claims does it satisfy?
    @parametrize([a, b])              # the same under pytest
    kill_matrix()                     # every check against wrong operators

A check measures seeded samples and compares with a bound derived from the unit roundoff, the size and the engine; it is
evidence, not a proof.
"""

from pide.verification import claims as _claims
from pide.verification import defects as _defects
from pide.verification.adapters import as_subject, dense_diffusion, matrix_subject
from pide.verification.checking import check, parametrize
from pide.verification.claim import CHECKS, Check, Trial, measures
from pide.verification.family import Family, family
from pide.verification.honest import HONEST
from pide.verification.mutants import MUTANTS, Mutant, kill_matrix
from pide.verification.orders import ObservedOrder, observed_order
from pide.verification.report import ClaimsFailedError, Report, Row
from pide.verification.subject import Subject

__all__ = [
    "CHECKS",
    "HONEST",
    "MUTANTS",
    "Check",
    "ClaimsFailedError",
    "Family",
    "Mutant",
    "ObservedOrder",
    "Report",
    "Row",
    "Subject",
    "Trial",
    "as_subject",
    "check",
    "dense_diffusion",
    "family",
    "kill_matrix",
    "matrix_subject",
    "measures",
    "observed_order",
    "parametrize",
]

del _claims, _defects
