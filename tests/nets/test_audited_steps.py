"""Audits of layers by pide's own operators and by their inverse: claims that hold, and layers that are wrong."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import pide  # noqa: E402
from pide.nets import auditing  # noqa: E402
from pide.nets.auditing import audit  # noqa: E402
from pide.nets.layers import (  # noqa: E402
    GraphDiffusion,
    HamiltonianBlock,
    LearnableDiffusionStep,
    PointCloudDiffusion,
    SpectralDiffusion,
    VerletBlock,
)

DIFFUSION = ("self_adjoint", "kills_constants", "conserves_mass", "energy_decay", "variance_decay")
SIGNS = ("nonnegative_rates", "markov", "maximum_principle")
EVERY = ("layer_gradient", "layer_finite", "layer_single_precision", "layer_batch_independent")
GRID = pide.Torus((1.0, 1.0)).grid(6, 5)


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def learnable(kind=LearnableDiffusionStep):
    bound = pide.FractionalLaplacian(s=0.9).on(GRID).spectral_bound()
    return kind(lambda s: pide.FractionalLaplacian(s=s), GRID, initial=0.4, lower=0.1, upper=0.9, step=1.9 / bound)


def verdicts(layer, *names):
    return {layer[name].verdict for name in names}


def failed(model, *inputs, **options):
    report = audit(model, *inputs, samples=4, **options)
    assert not report.passed
    return {row.claim for layer in report.layers for row in layer.rows if row.verdict == "FAILS"}


@pytest.mark.parametrize(
    "layer",
    [
        learnable(),
        PointCloudDiffusion(3, width=0.8),
        PointCloudDiffusion(2, width=0.8, normaliser="count", step=0.9),
        GraphDiffusion(3),
        GraphDiffusion(2, kind="combinatorial", step=0.9),
    ],
    ids=["learnable", "cloud rows", "cloud count", "random_walk", "combinatorial"],
)
def test_steps_have_the_claims_of_their_operators(layer):
    report = audit(layer, size=4, samples=4)
    assert report.passed
    rows = report[""]
    assert verdicts(rows, *DIFFUSION, *SIGNS, *EVERY, "layer_matches_operator", "h lambda_max") == {"holds"}
    assert rows["h lambda_max"].bound == 2.0


def test_the_ends_of_a_learnable_range_are_certified():
    row = audit(learnable(), samples=4)[""]["h lambda_max at the ends"]
    assert row.measured == pytest.approx(1.9)
    assert row.verdict == "holds"


@pytest.mark.parametrize("boundary", ["mirrored", "periodic"])
@pytest.mark.parametrize(
    "options", [{}, {"scheme": "fourier"}, {"kind": "horizon"}], ids=["lattice", "fourier", "horizon"]
)
def test_spectral_diffusion_has_the_claims_of_its_symbols(options, boundary):
    layer = SpectralDiffusion(2, boundary=boundary, **options)
    with torch.no_grad():
        layer.raw_shape.add_(torch.tensor([0.0, 0.7]))
    report = audit(layer, size=4, samples=4)
    assert report.passed
    rows = report[""]
    assert verdicts(rows, *DIFFUSION, "translation_invariant", "non-expansive", *EVERY) == {"holds"}
    assert rows["non-expansive"].measured == 1.0
    names = {row.claim for row in rows.rows}
    assert ("markov" in names) == ("scheme" not in options)  # the Fourier symbol has rates of either sign


@pytest.mark.parametrize("memory", ["stored", "reversible"])
def test_hamiltonian_blocks_can_be_undone_and_their_forces_are_gradients(memory):
    block = HamiltonianBlock(4, memory=memory, step=0.5)
    for force in (block.first, block.second):
        force.norm.running_mean.normal_()
        force.norm.running_var.uniform_(0.5, 2.0)
    report = audit(block, size=4, samples=4)
    assert report.passed
    assert verdicts(report[""], "reversible", "forces are gradients", *EVERY) == {"holds"}
    with torch.no_grad():
        block.first.norm.weight.fill_(-1.0)
    row = audit(block, size=4, samples=4)[""]["forces are gradients"]
    assert row.verdict == "does not hold"
    assert "not convex" in row.words


def test_verlet_blocks_say_what_their_operator_claims_and_what_the_step_does_not():
    block = VerletBlock(8, "fractional", subsampling=1, shared_embedding=True, sign="dissipative", activation=None)
    rows = audit(block, size=4, samples=4)[""]
    assert verdicts(rows, *DIFFUSION, *SIGNS, "two stages of the block", *EVERY) == {"holds"}
    assert verdicts(rows, "non-expansive", "reversible") == {"withheld"}
    paper = audit(VerletBlock(8, "fractional"), size=4, samples=4)
    assert paper.passed
    assert paper[""]["energy_decay"].verdict == "withheld"


class CloudNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = torch.nn.Linear(2, 3)
        self.step = PointCloudDiffusion(3, width=0.5)
        self.graph = GraphDiffusion(3)

    def forward(self, points):
        masses = torch.ones(points.shape[:2]).cumsum(1) - 1.0  # the first point only fills the batch
        x = self.step(self.lift(points), masses=masses, points=points)
        i = torch.arange(points.shape[1] - 1)
        return self.graph(x, torch.stack([i, i + 1]))


def test_points_and_edges_are_those_that_reach_the_layers():
    report = audit(CloudNet(), torch.rand(2, 40, 2), size=4, samples=4)
    assert report.passed
    assert [layer.name for layer in report.layers] == ["step", "graph"]
    assert verdicts(report["step"], *DIFFUSION, "layer_matches_operator") == {"holds"}


class Larger(LearnableDiffusionStep):
    """Twice the step."""

    def forward(self, x):
        return 2 * super().forward(x) - x


class Undiscovered(LearnableDiffusionStep):
    """theta without its gradient."""

    @property
    def parameter(self):
        return super().parameter.detach()


class Pulled(PointCloudDiffusion):
    """Towards the origin."""

    def forward(self, x, points, masses=None):
        return 0.999 * super().forward(x, points, masses)


class Directed(GraphDiffusion):
    """Edges in one direction."""

    def forward(self, x, edges, weights=None):
        i, j = edges
        flow = weights[:, None] * (x.index_select(-2, j) - x.index_select(-2, i))
        return x + 0.1 * torch.zeros_like(x).index_add(-2, i, flow)


class Growing(SpectralDiffusion):
    """exp(+t A)."""

    def multiplier(self, shape):
        return 1.0 / super().multiplier(shape)


class Unmirrored(SpectralDiffusion):
    """Mirrored by a half, not by a whole pixel: the outer ones once."""

    def diffused(self, x):
        return super().diffused(x.roll(1, -1)).roll(-1, -1)


WRONG = [
    (lambda: learnable(Larger), LearnableDiffusionStep, {"layer_matches_operator"}),
    (lambda: learnable(Undiscovered), LearnableDiffusionStep, {"layer_gradient"}),
    (lambda: Pulled(3, width=0.8), PointCloudDiffusion, {"layer_matches_operator"}),
    (lambda: Directed(3), GraphDiffusion, {"layer_matches_operator"}),
    (lambda: Growing(2), SpectralDiffusion, {"non-expansive", "layer_matches_operator"}),
    (lambda: Unmirrored(2), SpectralDiffusion, {"layer_matches_operator"}),
]


@pytest.mark.parametrize(
    ("build", "honest", "dead"), WRONG, ids=[sorted(case[2])[0] + str(i) for i, case in enumerate(WRONG)]
)
def test_wrong_steps_fail_their_audit(build, honest, dead, monkeypatch):
    layer = build()
    monkeypatch.setattr(auditing, "_KINDS", {type(layer): auditing._KINDS[honest]})
    assert dead <= failed(layer, size=4)


class Forgetful(HamiltonianBlock):
    """Another sign on the way back."""

    def inverse(self, x):
        y, z = x.chunk(2, 1)
        z = z - self.step * self.second.again(y, self.training)
        return torch.cat((y - self.step * self.first.again(z, self.training), z), 1)


def test_a_wrong_inverse_fails(monkeypatch):
    monkeypatch.setattr(auditing, "_KINDS", {Forgetful: auditing._KINDS[HamiltonianBlock]})
    assert failed(Forgetful(4), size=4) == {"reversible"}


def test_a_force_with_another_transpose_fails(monkeypatch):
    block = HamiltonianBlock(4)
    honest = type(block.first)._transposed
    monkeypatch.setattr(type(block.first), "_transposed", lambda self, v: honest(self, v).roll(1, 1))
    assert failed(block, size=4) == {"forces are gradients"}


class Backwards(VerletBlock):
    """W + h sigma(K_2 op(V))."""

    def forward(self, x):
        v, w = x.chunk(2, dim=1)
        y = super().forward(x)
        return torch.cat([y[:, : v.shape[1]], 2 * w - y[:, v.shape[1] :]], dim=1)


def test_a_verlet_step_of_the_wrong_sign_is_no_two_stages(monkeypatch):
    monkeypatch.setattr(auditing, "_KINDS", {Backwards: auditing._verlet_audit})
    assert failed(Backwards(8, "fractional"), size=4) == {"two stages of the block"}
