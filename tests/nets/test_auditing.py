"""Audits: what layers can state with their weights, what is withheld and why, and layers that are wrong."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

import pide  # noqa: E402
from pide.nets import audited, auditing  # noqa: E402
from pide.nets.auditing import AuditReport, audit  # noqa: E402
from pide.nets.layers import (  # noqa: E402
    AffinityDiffusion,
    NonlocalBlock,
    NonlocalDiffusionStep,
    NonlocalStage,
    PIDEBlock,
)

DECAY = ("energy_decay", "variance_decay")
SIGNS = ("nonnegative_rates", "markov", "maximum_principle")
CLAIMS = ("kills_constants", "self_adjoint", "conserves_mass", *SIGNS, *DECAY)


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def dissipative(**options):
    return PIDEBlock(
        4, "fractional", subsampling=1, shared_embedding=True, sign="dissipative", activation=None, stages=1, **options
    )


def test_a_dissipative_block_has_every_claim_and_its_step_bound():
    layer = audit(dissipative())[""]
    assert {layer[claim].verdict for claim in CLAIMS} == {"holds"}
    assert layer["h lambda_max"].verdict == "holds"
    assert layer["h lambda_max"].bound == 2.0
    assert layer["layer_equivariant"].verdict == layer["layer_matches_operator"].verdict == "holds"
    assert layer["hilbert_schmidt"].verdict == "withheld"
    assert layer["hilbert_schmidt"].measured > 0


@pytest.mark.parametrize("kind", ["fractional", "inverse_fractional", "log"])
def test_one_embedded_channel_brings_no_false_alarm(kind):
    """In one channel some pairs are near; their distances must not be differences of squares."""
    for seed in (3, 5, 10):
        torch.manual_seed(seed)
        layer = PIDEBlock(1, kind, embedding=1, s=0.4, sign="dissipative", shared_embedding=True, subsampling=1)
        assert audit(layer, seed=seed, samples=2).passed


def test_expansion_follows_the_eigenvalue_theorem():
    """W = c: one stage does not expand for 0 <= c h lambda_max <= 2; batch normalisation divides by (1 + eps)^(1/2)."""
    block = dissipative(step=0.06)
    a = audit(block, size=3, samples=2)[""]["h lambda_max"].measured
    for c, verdict in ((1.0, "holds"), (1.999 / a, "holds"), (2.01 / a, "does not hold"), (-1.0, "does not hold")):
        with torch.no_grad():
            block.mixing[0].weight.copy_(c * torch.eye(4).reshape(4, 4, 1, 1))
        report = audit(block, size=3, samples=2)
        assert report[""]["non-expansive"].verdict == verdict, c
        assert report.passed  # the weights, not the layer, decide it


REASONS = [
    (PIDEBlock(4, "diffusion", subsampling=1, shared_embedding=True), DECAY, "DotProductAffinity has values of either"),
    (PIDEBlock(4, "fractional", subsampling=1), ("self_adjoint", "conserves_mass", *DECAY), "theta and phi differ"),
    (PIDEBlock(4, "fractional", subsampling=1, shared_embedding=True), ("markov", *DECAY), "anti-diffusive"),
    (PIDEBlock(4, "fractional", subsampling=2), CLAIMS, "pooling is not linear"),
    (PIDEBlock(4, "log", subsampling=1), CLAIMS, "a potential, not a diffusion"),
    (PIDEBlock(4, "inverse_fractional", subsampling=1), CLAIMS, "a potential, not a diffusion"),
    (NonlocalBlock(4), CLAIMS, "a potential, not a diffusion"),
    (NonlocalStage(4, sub_blocks=2), ("self_adjoint", *DECAY), "theta and phi differ"),
]


@pytest.mark.parametrize(
    ("layer", "claims", "reason"), REASONS, ids=[f"{type(case[0]).__name__}-{k}" for k, case in enumerate(REASONS)]
)
def test_what_a_layer_cannot_state_is_withheld_with_the_reason(layer, claims, reason):
    report = audit(layer, samples=2, size=4)
    report_of = report[""]
    for claim in claims:
        assert report_of[claim].verdict == "withheld"
        assert reason in report_of[claim].words
    assert report.passed


def test_a_gaussian_stage_decays_in_the_inner_product_of_its_degrees():
    layer = audit(NonlocalStage(4, sub_blocks=2, kind="gaussian"))[""]
    assert {layer[claim].verdict for claim in CLAIMS} == {"holds"}
    assert layer["rows of w sum to 1"].verdict == "holds"


@pytest.mark.parametrize("method", ["explicit", "implicit"])
@pytest.mark.parametrize("normaliser", ["count", "rows", "sinkhorn"])
def test_constrained_affinities_have_every_claim(normaliser, method):
    layer = audit(AffinityDiffusion(4, normaliser=normaliser, method=method), size=3, samples=2)[""]
    assert {layer[claim].verdict for claim in CLAIMS} == {"holds"}
    assert layer["h lambda_max"].verdict == layer["layer_matches_operator"].verdict == "holds"
    assert layer["non-expansive"].verdict == ("holds" if method == "explicit" else "withheld")


def test_activations_and_stages_withhold_the_theorem_of_one_stage():
    options = {"subsampling": 1, "shared_embedding": True, "sign": "dissipative"}
    two = audit(PIDEBlock(4, "fractional", activation=None, stages=2, **options))[""]
    assert "no single stage" in two["non-expansive"].words
    assert two["h lambda_max"].bound == 1.0
    assert "ReLU last" in audit(PIDEBlock(4, "fractional", stages=1, **options))[""]["non-expansive"].words


def test_steps_of_operators():
    grid = pide.Torus((1.0, 1.0)).grid(6, 5)
    operator = pide.FractionalLaplacian(s=0.5).on(grid)
    layer = audit(NonlocalDiffusionStep(operator, 1.0 / operator.spectral_bound()))[""]
    assert layer["energy_decay"].verdict == layer["layer_matches_operator"].verdict == "holds"
    assert layer["h lambda_max"].measured == pytest.approx(1.0)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.first, self.second = NonlocalStage(4, sub_blocks=1, kind="gaussian"), dissipative()

    def forward(self, x):
        return self.second(self.first(self.stem(x)))


def test_a_network_is_audited_at_the_features_that_reach_its_layers():
    net = Network().train()
    report = audit(net, torch.randn(2, 3, 9, 8), size=5, samples=4)
    assert [layer.name for layer in report.layers] == ["first", "second"]
    assert report.passed
    assert net.training
    seeded = audit(net, size=5, samples=4)
    assert seeded["first"]["hilbert_schmidt"].measured != report["first"]["hilbert_schmidt"].measured


def test_reports_as_text_json_and_html():
    report = audit(dissipative(), size=3, samples=4)
    text = str(report)
    assert text.splitlines()[-1].startswith("passed: 1 layers, seed 0; ")
    content = json.loads(report.to_json())
    assert content["passed"]
    assert content["layers"][0]["rows"][0] == {"bound": report[""]["kills_constants"].bound} | {
        key: getattr(report[""]["kills_constants"], key) for key in ("claim", "verdict", "measured", "words")
    }
    assert report.to_html().count("<tr>") == len(report[""].rows) + 1


class Drifting(PIDEBlock):
    """Adds the index of a pixel."""

    def forward(self, x):
        return super().forward(x) + 1e-3 * torch.arange(x.shape[-1], dtype=x.dtype)


class Detached(PIDEBlock):
    """Leaves the embedding out of the gradient."""

    def embedded(self, x):
        t, p = super().embedded(x)
        return t.detach(), p.detach()


class Halved(PIDEBlock):
    """Computes in half precision."""

    def forward(self, x):
        return super().forward(x.half().to(x.dtype))


class Mixing(PIDEBlock):
    """Subtracts the mean of the batch."""

    def forward(self, x):
        return super().forward(x - 1e-3 * x.mean(0, keepdim=True))


class Exploding(PIDEBlock):
    """Distances without a mask."""

    def forward(self, x):
        t = self.embedded(x)[0]
        square = (t[:, :, None] - t[:, None]).square().sum(-1)
        return super().forward(x) + 1e-3 * (square**-0.5 * square**0.5).mean()


WRONG = [
    (Drifting, {"layer_equivariant", "layer_matches_operator"}),
    (Detached, {"layer_gradient"}),
    (Halved, {"layer_matches_operator", "layer_gradient"}),
    (Mixing, {"layer_batch_independent", "layer_matches_operator"}),
    (Exploding, {"layer_finite"}),
]


@pytest.mark.parametrize(("kind", "dead"), WRONG, ids=[kind.__name__ for kind, _ in WRONG])
def test_wrong_layers_fail_their_audit(kind, dead, monkeypatch):
    monkeypatch.setitem(audited.AUDITED, kind, audited.AUDITED[PIDEBlock])
    monkeypatch.setattr("pide.nets.auditing._KINDS", {kind: auditing._pair_audit})
    wrong = kind(4, "fractional", subsampling=1, shared_embedding=True, sign="dissipative", stages=1, activation=None)
    report = audit(wrong, samples=4, size=4)
    assert dead <= {row.claim for row in report[""].rows if row.verdict == "FAILS"}
    assert not report.passed


def test_wrong_weights_of_an_engine_fail_the_claims(monkeypatch):
    """An engine that divides columns instead of rows loses constants and symmetry."""
    honest = audited.pair_maps

    def wrong(engine, affinity, t, p, normaliser):
        maps = honest(engine, affinity, t, p, normaliser)
        tilt = torch.linspace(0.9, 1.1, t.shape[1], dtype=t.dtype)[:, None]
        return type(maps)(lambda x, y: tilt * maps.difference(x, y), maps.total)

    monkeypatch.setattr(audited, "pair_maps", wrong)
    rows = audit(dissipative(), samples=4)[""]
    assert rows["self_adjoint"].verdict == rows["conserves_mass"].verdict == "FAILS"


def test_messages():
    with pytest.raises(ValueError, match="Needed is one of AffinityDiffusion, PIDEBlock"):
        audit(torch.nn.Linear(2, 2))
    report = AuditReport((), 0)
    assert not report.passed
    with pytest.raises(KeyError, match="not audited"):
        report["nowhere"]
    with pytest.raises(KeyError, match="not in this audit"):
        audit(dissipative(), size=3, samples=2)[""]["nothing"]
