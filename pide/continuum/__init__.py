"""The continuum: domains, exterior conditions, kernels, operators and problems, before any grid."""
