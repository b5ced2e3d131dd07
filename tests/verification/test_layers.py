"""Layers as subjects: torch modules, honest and wrong, and the eigenvalue theorem of a stage at frozen affinity."""

from __future__ import annotations

import numpy as np
import pytest

from pide.verification import HONEST, LayerMap, Stage, check, module_layer
from pide.verification.claims.layer import stage_trials
from pide.verification.samples import Draws

torch = pytest.importorskip("torch")

SHAPE = (3, 3, 4)
STATED = ("layer_equivariant", "layer_non_expansive")


class Nonlocal(torch.nn.Module):
    """x + (h / M) sum_j exp(-|t_i - t_j|^2) W (x_j - x_i), t = theta x, written naively."""

    def __init__(self, mixing, step=0.8, naive=False, root=False):
        super().__init__()
        self.mixing = torch.nn.Parameter(torch.as_tensor(mixing))
        self.theta = torch.nn.Parameter(torch.tensor([[1.0, 0.3, 0.0], [0.0, 0.5, -0.7]], dtype=torch.float64))
        self.step, self.naive, self.root = step, naive, root

    def affinity(self, X):
        t = X @ self.theta.T
        if self.naive:
            s = (t * t).sum(-1)
            square = s[..., :, None] + s[..., None, :] - 2 * t @ t.transpose(-1, -2)
            return square**-1.5
        square = ((t[..., :, None, :] - t[..., None, :, :]) ** 2).sum(-1)
        return torch.exp(-(torch.sqrt(square) ** 2 if self.root else square))

    def forward(self, x):
        X = x.flatten(2).transpose(1, 2)
        omega, Z = self.affinity(X), X @ self.mixing.T
        flow = omega @ Z - omega.sum(-1, keepdim=True) * Z
        return (X + self.step / X.shape[1] * flow).transpose(1, 2).reshape(x.shape)


MIXING = np.array([[1.0, 0.4, 0.0], [-0.4, 1.0, 0.2], [0.0, -0.2, 0.8]])


def layer(module, **options):
    def stage(x):
        X = torch.as_tensor(x.reshape(x.shape[0], -1).T)
        with torch.no_grad():
            omega = module.affinity(X).numpy()
        L = module.step / len(omega) * (omega - np.diag(omega.sum(-1)))
        return Stage(L, module.mixing.detach().numpy(), np.ones(len(omega)))

    return module_layer(module, SHAPE, states=STATED, stage=stage, **options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_honest_module_passes_and_does_not_change(dtype):
    module = Nonlocal(MIXING)
    before = [p.clone() for p in module.parameters()]
    report = check(layer(module), dtype=dtype)
    report.raise_if_failed()
    assert report["layer_gradient"].trials == 2 * max(2, 20 // 4)
    assert report["layer_matches_operator"].words == "the layer exposes no reference"
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def failures(subject):
    return {row.claim for row in check(subject).rows if row.verdict == "FAILS"}


@pytest.mark.parametrize(
    ("module", "dead"),
    [
        (Nonlocal(MIXING, naive=True), "layer_finite"),
        (Nonlocal(MIXING, root=True), "layer_finite"),
        (Nonlocal(-MIXING), "layer_non_expansive"),
        (Nonlocal(MIXING, step=4.0), "layer_non_expansive"),
        (torch.nn.Conv1d(3, 3, 3, padding=1).double(), "layer_equivariant"),
        (torch.nn.BatchNorm2d(3, momentum=0.0), "layer_batch_independent"),
    ],
    ids=["unmasked", "root", "amplifying", "long step", "convolution", "batch statistics"],
)
def test_wrong_modules_die(module, dead):
    shape = (3, 12) if isinstance(module, torch.nn.Conv1d) else SHAPE
    subject = (
        layer(module) if isinstance(module, Nonlocal) else module_layer(module, shape, states=["layer_equivariant"])
    )
    assert dead in failures(subject)


class Detached(torch.nn.Module):
    """A scale that is left out of the gradient."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return x * self.scale.detach() + 0 * self.scale


class AlwaysDouble(torch.nn.Module):
    def forward(self, x):
        return x.double()


def test_gradients_of_parameters_and_dtypes_of_modules():
    report = check(module_layer(Detached(), SHAPE))
    assert "parameters" in report["layer_gradient"].sample
    assert failures(module_layer(Detached(), SHAPE)) == {"layer_gradient"}
    assert "layer_preserves_dtype" in failures(module_layer(AlwaysDouble(), SHAPE))


def test_a_layer_against_a_reference():
    module = Nonlocal(MIXING)
    double = Nonlocal(1.001 * MIXING)

    def reference(x):
        with torch.no_grad():
            return double(torch.as_tensor(x)).numpy()

    row = check(module_layer(module, SHAPE, reference=reference), claims="layer_matches_operator").rows[0]
    assert row.verdict == "FAILS"
    assert 1e-5 < row.measured < 1e-2
    assert row.bound < 1e-9


def trials(stage):
    return [trial.measured <= trial.bound for trial in stage_trials(stage, "stage", Draws())]


def test_a_stage_at_the_limit_of_the_theorem():
    """L = -a on (1, -1) / sqrt 2, W = c: |1 - a c| <= 1 exactly for a c <= 2."""
    L = np.array([[-0.5, 0.5], [0.5, -0.5]])
    for a, holds in ((1.999, True), (2.001, False)):
        stage = Stage(a * L, np.array([[1.0]]), np.ones(2), lambda Z, a=a: Z + a * L @ Z)
        assert all(trials(stage)) == holds


def test_weights_of_a_stage_are_those_in_which_it_is_self_adjoint():
    W = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    walk = W / W.sum(1, keepdims=True) - np.eye(3)
    assert all(trials(Stage(walk, 0.9 * np.eye(2), W.sum(1))))
    assert not all(trials(Stage(walk, 0.9 * np.eye(2), np.ones(3))))
    reports = list(stage_trials(Stage(walk, 0.9 * np.eye(2), W.sum(1)), "walk", Draws()))
    assert any("a = 2, smallest eigenvalue 0.18" in trial.sample for trial in reports)  # 2 c - 2 c^2


def test_what_layers_must_be_given():
    with pytest.raises(ValueError, match="Choose from layer_equivariant"):
        LayerMap("f", np.sin, (2, 3), frozenset({"layer_linear"}))
    with pytest.raises(ValueError, match=r"Write shape=\(C, M\)"):
        LayerMap("f", np.sin, (3,))
    with pytest.raises(TypeError, match="write LayerMap"):
        module_layer(np.sin, SHAPE)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x[:1], "returned shape"),
        (lambda x: x * 1j, "needed a real one"),
        (lambda x: x * np.nan, "NaN or infinite"),
        (lambda x: x.no_such_attribute, "raised AttributeError"),
    ],
)
def test_layers_that_misbehave_have_rows_that_say_so(f, words):
    row = check(LayerMap("wrong", f, (2, 5)))["layer_batch_independent"]
    assert row.verdict == "FAILS"
    assert words in row.words


def test_what_a_layer_does_not_state_is_skipped():
    honest = HONEST["diffusion layer"]()
    report = check(LayerMap("plain", honest.apply, honest.shape))
    assert report["layer_equivariant"].verdict == "skipped"
    assert report["layer_gradient"].verdict == "not checkable"
    assert report["linear" if "linear" in [row.claim for row in report.rows] else "layer_finite"].verdict == "holds"
