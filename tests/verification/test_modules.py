"""torch modules as subjects: layers of pide, convolutions, a wrong backward pass."""

from __future__ import annotations

import numpy as np
import pytest

import pide
from pide.verification import as_subject, check, module_subject

torch = pytest.importorskip("torch")

GRID = pide.Torus((1.0, 1.0)).grid(8, 6)
SQUARE = pide.Box(((0.0, 1.0), (0.0, 1.0))).grid(8)


def diffusion(grid=GRID):
    from pide.nets.layers import NonlocalDiffusionStep

    operator = pide.FractionalLaplacian(s=0.5).on(grid)
    return NonlocalDiffusionStep(operator, 1.0 / operator.spectral_bound())


def convolution(kernel, padding_mode="zeros"):
    layer = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False, padding_mode=padding_mode).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel, dtype=torch.float64).reshape(1, 1, 3, 3))
    return layer


FIVE_POINT = [[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]
SOBEL = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]


def test_a_diffusion_layer_is_linear_self_adjoint_and_positive():
    subject = module_subject(diffusion(), GRID, {"linear", "self_adjoint", "adjoint", "positive_semidefinite"})
    report = check(subject)
    report.raise_if_failed()
    assert report["jacobian_transposed"].verdict == "holds"
    assert report["translation_invariant"].verdict == "not claimed"


def test_discovery_on_a_convolution():
    satisfied = check(module_subject(convolution(FIVE_POINT, "circular"), GRID), claims="all").satisfied
    assert {"linear", "self_adjoint", "adjoint", "kills_constants", "conserves_mass", "negative_semidefinite",
            "translation_invariant", "jacobian_transposed"} <= satisfied  # fmt: skip


def test_zero_padding_loses_constants_and_mass():
    report = check(module_subject(convolution(FIVE_POINT), SQUARE), claims="all")
    assert {"linear", "self_adjoint", "negative_semidefinite"} <= report.satisfied
    assert report["kills_constants"].verdict == report["conserves_mass"].verdict == "FAILS"


def test_a_sobel_filter_has_an_adjoint_and_is_not_self_adjoint():
    report = check(module_subject(convolution(SOBEL, "circular"), GRID), claims="all")
    assert {"linear", "adjoint", "kills_constants", "conserves_mass"} <= report.satisfied
    assert report["self_adjoint"].verdict == "FAILS"


def test_a_rectifier_is_not_linear_but_its_jacobian_is_consistent():
    module = torch.nn.Sequential(convolution(FIVE_POINT), torch.nn.ReLU())
    report = check(module_subject(module, SQUARE), claims="all")
    assert report["linear"].verdict == "FAILS"
    assert report["jacobian_transposed"].verdict == "holds"


class WrongBackward(torch.autograd.Function):
    """2 v forward, 3 v in the gradient."""

    @staticmethod
    def forward(v):
        return 2 * v

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient

    @staticmethod
    def jvp(ctx, tangent):
        return 2 * tangent


class Doubling(torch.nn.Module):
    def forward(self, v):
        return WrongBackward.apply(v)


def test_a_wrong_backward_pass_is_found_with_its_factor():
    report = check(module_subject(Doubling(), GRID), claims=["adjoint", "jacobian_transposed"])
    assert report["jacobian_transposed"].verdict == "FAILS"
    assert "<u, A* v> / <A u, v> = 1.5, should be 1" in report["adjoint"].words


def test_a_module_through_as_operator_is_a_subject():
    layer = convolution(FIVE_POINT, "circular")
    operator = pide.as_operator(lambda u: _numpy(layer, u), on=GRID, claims={"linear", "kills_constants"})
    assert check(as_subject(operator), claims=["linear", "kills_constants"]).passed


def _numpy(layer, u):
    with torch.no_grad():
        return layer(torch.from_numpy(u).reshape(-1, 1, *GRID.shape)).reshape(u.shape).numpy()


def test_layers_in_float32():
    module = diffusion().float()
    subject = module_subject(module, GRID, {"linear", "self_adjoint", "adjoint"})
    check(subject, claims=["linear", "self_adjoint", "adjoint", "preserves_dtype"], dtype="float32").raise_if_failed()


def test_what_is_no_module():
    with pytest.raises(TypeError, match="write as_operator"):
        module_subject(np.sin, GRID)
