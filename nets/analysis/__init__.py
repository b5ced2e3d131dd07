"""What networks cost and what they have learned: counts, spectra, damping, receptive fields, stability, figures."""

from pide.nets.analysis.counting import count_parameters, multiply_adds, operations
from pide.nets.analysis.damping import Damping, damping, nonlocal_flow
from pide.nets.analysis.drawing import figures
from pide.nets.analysis.receptive import ReceptiveField, effective_receptive_field
from pide.nets.analysis.spectra import Spectrum, spectra, spectra_over, spectrum
from pide.nets.analysis.stability import restart_polynomial, stability_interval, stability_region

__all__ = [
    "Damping",
    "ReceptiveField",
    "Spectrum",
    "count_parameters",
    "damping",
    "effective_receptive_field",
    "figures",
    "multiply_adds",
    "nonlocal_flow",
    "operations",
    "restart_polynomial",
    "spectra",
    "spectra_over",
    "spectrum",
    "stability_interval",
    "stability_region",
]
