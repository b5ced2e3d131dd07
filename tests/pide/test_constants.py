"""Constants of the fractional Laplacian against ball-arithmetic values, quadrature and their limits."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from pide.continuum.constants import (
    check_order,
    fractional_constant,
    logarithm_constant,
    riesz_constant,
    sphere_area,
)

ENTRIES = json.loads((Path(__file__).parents[1] / "reference" / "constants.json").read_text())["entries"]
FUNCTIONS = {"cns": fractional_constant, "riesz": riesz_constant}


@pytest.mark.parametrize("entry", [e for e in ENTRIES if ".log." not in e["id"]], ids=lambda e: e["id"])
def test_reference_values(entry):
    function = FUNCTIONS[entry["id"].split(".")[1]]
    for s, value in zip(entry["points"], entry["values"], strict=True):
        assert function(entry["dimension"], float(s)) == pytest.approx(float(value), rel=4e-15)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if ".log." in e["id"]], ids=lambda e: e["id"])
def test_logarithm_constant(entry):
    assert logarithm_constant(entry["dimension"]) == pytest.approx(float(entry["values"][0]), rel=1e-15)


def test_sphere_areas():
    assert [sphere_area(n) for n in (1, 2, 3)] == pytest.approx([2, 2 * math.pi, 4 * math.pi], rel=1e-15)


@pytest.mark.parametrize("s", [0.2, 0.5, 0.8])
def test_fractional_constant_normalises_the_symbol(s):
    near = quad(lambda z: 2 * np.sinc(z / (2 * np.pi)) ** 2 / 4, 0, 1, weight="alg", wvar=(1 - 2 * s, 0))[0]
    far = 1 / (2 * s) - quad(lambda z: z ** (-1 - 2 * s), 1, np.inf, weight="cos", wvar=1)[0]
    assert fractional_constant(1, s) * 2 * (near + far) == pytest.approx(1, rel=1e-8)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_limits_of_the_fractional_constant(dimension):
    """c ~ s Gamma(n/2) / pi^{n/2} as s -> 0 and c ~ 4 n (1 - s) / |S^{n-1}| as s -> 1 [Di Nezza et al. 2012, 4.2]."""
    small = 1e-9
    assert fractional_constant(dimension, small) / small == pytest.approx(2 / sphere_area(dimension), rel=1e-8)
    limit = 4 * dimension / sphere_area(dimension)
    assert fractional_constant(dimension, 1 - small) / small == pytest.approx(limit, rel=1e-7)


def test_arrays_of_every_namespace(namespace, dtype):
    s = [0.1, 0.5, 0.9]
    constants = fractional_constant(2, namespace.asarray(s, dtype))
    assert str(constants.dtype).endswith(dtype)
    np.testing.assert_allclose(
        namespace.host(constants), [fractional_constant(2, v) for v in s], rtol=8 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_torch_gradients(dimension):
    torch = pytest.importorskip("torch")
    s = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: fractional_constant(dimension, t), s)
    assert torch.autograd.gradcheck(lambda t: riesz_constant(dimension, t), s)


@pytest.mark.parametrize("s", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_orders_outside_the_unit_interval_are_refused(s):
    with pytest.raises(ValueError, match=r"0 < s < 1. If you meant the order alpha = 2 s, pass s=alpha/2"):
        check_order(s, "FractionalLaplacian")
    with pytest.raises(ValueError, match="0 < s < 1"):
        fractional_constant(1, np.asarray([0.5, s]))


def test_riesz_constant_names_the_logarithm_at_its_end():
    with pytest.raises(ValueError, match=r"0 < s < n/2 = 0.5.*logarithm_constant"):
        riesz_constant(1, 0.5)
