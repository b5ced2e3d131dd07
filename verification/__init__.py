"""Property tests for discrete operators: claims, checks with derived bounds, reports with numbers, mutants.

    report = check(operator)          # what it claims, measured
    check(operator, claims="all")     # which claims does it satisfy?
    @parametrize([a, b])              # the same under pytest
    kill_matrix()                     # every check against wrong operators

A check measures seeded samples and compares with a bound derived from the unit roundoff, the size and the engine; it is
evidence, not a proof. `certify(operator)` proves claims for the exact numbers that the operator stores.
"""

from pide.verification import claims as _claims
from pide.verification import defects as _defects
from pide.verification import defects_facts as _defects_facts
from pide.verification import defects_flows as _defects_flows
from pide.verification import defects_layers as _defects_layers
from pide.verification import defects_operators as _defects_operators
from pide.verification import defects_sums as _defects_sums
from pide.verification.adapters import as_subject, dense_diffusion, matrix_subject
from pide.verification.affinities import AffinityMap, affinity_of
from pide.verification.blocks import BlockMap, block_of
from pide.verification.certificate import Certificate, CertificateError, Certificates
from pide.verification.certifying import certify, certify_states
from pide.verification.checking import check, parametrize
from pide.verification.claim import CHECKS, Check, Trial, measures
from pide.verification.facts import Facts
from pide.verification.family import Family, Limit, family
from pide.verification.flows import FlowMap, SolverMap, WaveMap, flow_of, heat_flow, solver_of, wave_of
from pide.verification.honest import HONEST
from pide.verification.layers import LayerMap, Stage
from pide.verification.modules import module_layer, module_subject
from pide.verification.mutants import CLOUD_BASES, MUTANTS, Mutant, cloud_kills, kill_matrix
from pide.verification.orders import CompatibilityTable, ObservedOrder, compatibility_table, observed_order
from pide.verification.proofs import DiffusionMatrix
from pide.verification.report import ClaimsFailedError, Report, Row
from pide.verification.subject import Subject

__all__ = [
    "CHECKS",
    "CLOUD_BASES",
    "HONEST",
    "MUTANTS",
    "AffinityMap",
    "BlockMap",
    "Certificate",
    "CertificateError",
    "Certificates",
    "Check",
    "ClaimsFailedError",
    "CompatibilityTable",
    "DiffusionMatrix",
    "Facts",
    "Family",
    "FlowMap",
    "LayerMap",
    "Limit",
    "Mutant",
    "ObservedOrder",
    "Report",
    "Row",
    "SolverMap",
    "Stage",
    "Subject",
    "Trial",
    "WaveMap",
    "affinity_of",
    "as_subject",
    "block_of",
    "certify",
    "certify_states",
    "check",
    "cloud_kills",
    "compatibility_table",
    "dense_diffusion",
    "family",
    "flow_of",
    "heat_flow",
    "kill_matrix",
    "matrix_subject",
    "measures",
    "module_layer",
    "module_subject",
    "observed_order",
    "parametrize",
    "solver_of",
    "wave_of",
]

del _claims, _defects, _defects_facts, _defects_flows, _defects_layers, _defects_operators, _defects_sums
