"""`relax`: where flows come to rest, and what never rests."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pide
from pide.errors import NotConverged
from pide.solvers.relax import relax

LINE = pide.Interval(-1, 1)
RING = pide.Torus((1.0,))
A = pide.FractionalLaplacian(s=0.6)


def test_reflecting_heat_rests_at_the_mean():
    grid = LINE.grid(32)
    problem = pide.Heat(A, LINE, initial=lambda x: (x > 0) * 1.0, exterior=pide.Reflecting())
    result = relax(problem, on=grid, rate=1e-6, latest=1000.0)
    assert_allclose(result.final, 0.5, atol=1e-6)
    assert result.times[-1] < 1000.0
    assert result.states.shape == (len(result.times), 32)
    assert_allclose(result.states[0], grid.sample(problem.initial))
    assert result.record.choices["rest"].startswith(f"at t = {result.times[-1]:g}, relative speed")


def test_source_rests_at_the_stationary_solution():
    grid = LINE.grid(24)
    problem = pide.Heat(A, LINE, initial=0.0, exterior=pide.Zero(), source=1.0)
    result = relax(problem, on=grid, rate=1e-8, latest=200.0, tol=1e-9)
    assert_allclose(result.final, np.linalg.solve(-result.operator.to_dense(), np.ones(24)), rtol=1e-6)


def test_bistable_reaction_settles_every_batch_member():
    grid = RING.grid(8)

    def settled(*levels):
        initial = np.stack([np.full(8, level) for level in levels])
        problem = pide.Evolution(-1.0 * A, RING, initial=initial, reaction=lambda u: u * (1 - u) * (u - 0.5))
        return relax(problem, on=grid, rate=1e-5, latest=200.0).final

    assert_allclose(settled(0.6, 1.3), 1.0, atol=1e-3)
    with pytest.raises(NotConverged, match="decays to 0 or oscillates"):
        settled(0.6, 0.4)


def test_segments_join_into_one_trajectory():
    grid = LINE.grid(16)
    problem = pide.Heat(A, LINE, initial=lambda x: np.exp(x), exterior=pide.Reflecting())
    result = relax(problem, on=grid, rate=1e-2, latest=64.0, tol=1e-8)
    whole = pide.solve(problem, on=grid, times=result.times, tol=1e-8)
    assert_allclose(result.states, whole.states, atol=1e-7)
    assert result.record.applies >= whole.record.applies


def test_decay_to_zero_never_rests():
    problem = pide.Heat(A, LINE, initial=1.0, exterior=pide.Zero())
    with pytest.raises(NotConverged, match=r"relative speed .* at t=5, wanted 1\.0e-06\. Take a larger latest or rate"):
        relax(problem, on=LINE.grid(16), rate=1e-6, latest=5.0)


def test_what_depends_on_time_is_refused():
    problem = pide.Heat(A, LINE, initial=1.0, exterior=pide.Zero(), source=lambda x, t: x * t)
    with pytest.raises(ValueError, match=r"depends on t never rests\. Write solve\(problem, until="):
        relax(problem, on=LINE.grid(16), rate=1e-6, latest=5.0)


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": -1.0}, {"latest": np.inf}])
def test_rates_and_times_are_positive(wrong):
    problem = pide.Heat(A, LINE, initial=1.0, exterior=pide.Zero())
    with pytest.raises(ValueError, match=r"a positive number is needed\. Write (rate|latest)=1\.0"):
        relax(problem, on=LINE.grid(16), **({"rate": 1.0, "latest": 1.0} | wrong))


def test_the_scheme_is_passed_on() -> None:
    line = pide.Interval(-1, 1)
    flow = pide.Evolution(
        -1.0 * pide.FractionalLaplacian(0.5),
        line,
        initial=0.1,
        reaction=lambda u: 5 * u * (1 - u),
        exterior=pide.Zero(),
    )
    found = [
        pide.relax(flow, on=line.grid(32), rate=1e-6, latest=100.0, scheme=scheme)
        for scheme in ("lattice", "corrected")
    ]
    assert "corrected" not in " ".join(found[0].operator.notes)
    assert np.abs(found[0].final - found[1].final).max() > 1e-4
