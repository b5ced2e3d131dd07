"""Problems: which way heat flows, how functions receive their arguments, and what is refused."""

import numpy as np
import pytest

import pide
from pide.continuum.kernels import Gaussian
from pide.continuum.problems import PointwiseTerm

TORUS = pide.Torus((1.0, 1.0))
DISC = pide.Ball(radius=1.0, dimension=2)
A = pide.FractionalLaplacian(s=0.5)
L = pide.NonlocalDiffusion(Gaussian(width=0.1))


@pytest.mark.parametrize(("operator", "sign"), [(A, -1), (L, 1), (-1.0 * L, -1), (L - 2.0 * A, 1), (A - L, -1)])
def test_heat_flows_downhill_whatever_the_sign(operator, sign):
    assert pide.Heat(operator, TORUS, initial=1.0).sign == sign


def test_evolution_takes_the_operator_literally():
    assert pide.Evolution(A, TORUS, initial=1.0).sign == 1


@pytest.mark.parametrize("operator", [A + L, 0.0 * A, pide.Multiplier(lambda k1, k2: -(k1**2) - k2**2)])
def test_heat_refuses_operators_of_no_sign(operator):
    with pytest.raises(ValueError, match=r"indefinite or its sign is unknown.*use Evolution\(A, domain"):
        pide.Heat(operator, TORUS, initial=1.0)


def test_torus_is_periodic_without_being_told():
    assert pide.Heat(A, TORUS, initial=1.0).exterior == pide.Periodic()
    assert pide.Heat(A, TORUS, initial=1.0, exterior=pide.Periodic()).exterior == pide.Periodic()
    with pytest.raises(ValueError, match=r"a torus has no exterior\. Leave exterior out"):
        pide.Heat(A, TORUS, initial=1.0, exterior=pide.Zero())


@pytest.mark.parametrize("exterior", [None, pide.Periodic(), "zero"])
def test_other_domains_need_an_exterior(exterior):
    with pytest.raises(ValueError, match=r"on Ball: .*Write exterior=Zero\(\), Value\(g\) or Reflecting\(\)"):
        pide.Heat(A, DISC, initial=1.0, exterior=exterior)


def test_wrong_nouns_are_named():
    with pytest.raises(TypeError, match=r"a continuum operator is needed. Write FractionalLaplacian"):
        pide.Heat(np.eye(3), TORUS, initial=1.0)
    with pytest.raises(TypeError, match=r"a domain is needed, the grid comes later.*solve\(problem, on=domain.grid"):
        pide.Heat(A, TORUS.grid(4), initial=1.0)


@pytest.mark.parametrize(
    ("f", "given"),
    [
        (lambda u: u, ("u",)),
        (lambda u, t: (u, t), ("u", "t")),
        (lambda u, *, t: (u, t), ("u", "t")),
        (lambda u, x, y: (u, x, y), ("u", "x", "y")),
        (lambda u, x, y, t: (u, x, y, t), ("u", "x", "y", "t")),
        (lambda u, *x: (u, *x), ("u", "x", "y")),
    ],
)
def test_reactions_receive_what_they_name(f, given):
    term = PointwiseTerm(f, 2, with_state=True)
    term.check("reaction")
    assert term.uses_time == ("t" in given)
    received = term("u", ("x", "y"), "t")
    assert received == (given[0] if len(given) == 1 else given)


def test_sources_receive_coordinates_and_time():
    assert PointwiseTerm(lambda x, y: (x, y), 2, with_state=False)(None, (1, 2), 3.0) == (1, 2)
    assert PointwiseTerm(lambda x, y, t: (x, y, t), 2, with_state=False)(None, (1, 2), 3.0) == (1, 2, 3.0)


def test_functions_that_do_not_tell_their_arguments_receive_all():
    term = PointwiseTerm(np.add, 2, with_state=False)
    assert not term.uses_time
    assert term(None, (1, 2), 0.0) == 3


def test_wrong_numbers_of_arguments_are_named():
    with pytest.raises(TypeError, match=r"reaction with 2 arguments besides t: needed are 1 or 3 in dimension 2"):
        pide.Evolution(L, TORUS, initial=1.0, reaction=lambda u, x: u)
    with pytest.raises(
        TypeError, match=r"source with 1 arguments.*Write source=lambda x, y: \.\.\., or lambda x, y, t"
    ):
        pide.Heat(L, TORUS, initial=1.0, source=lambda x, t: x)
    with pytest.raises(TypeError, match=r"reaction=float: a function is needed. Write reaction=lambda u"):
        pide.Evolution(L, TORUS, initial=1.0, reaction=1.0)


def test_parameters_with_defaults_are_the_callers_own():
    """NumPy's functions have an optional output, and loops bind values by defaults; neither is a coordinate."""
    line = pide.Torus((6.0,))
    assert pide.Heat(pide.Laplacian(), line, initial=0.0, source=np.cos).source_term.uses_coordinates
    bound = pide.Evolution(pide.Laplacian(), line, initial=0.0, reaction=lambda u, a=3.0: a * u)
    assert not bound.reaction_term.uses_coordinates
