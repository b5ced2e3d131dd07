"""Every wrong operator dies to the checks it names, and every check kills at least one."""

from __future__ import annotations

import pytest

from pide.verification import CHECKS, CLOUD_BASES, HONEST, MUTANTS, check, cloud_kills, kill_matrix
from pide.verification.mutants import mutant, table
from pide.verification.sources import SOURCES


@pytest.fixture(scope="module")
def matrix():
    return kill_matrix()


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_dies_to_the_checks_it_names(matrix, name):
    assert set(MUTANTS[name].killed_by) <= matrix[name]


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_kills_a_mutant(matrix, name):
    assert any(name in killers for killers in matrix.values())


CLOUDY = [name for name, wrong in MUTANTS.items() if wrong.base in CLOUD_BASES]


@pytest.fixture(scope="module")
def clouds():
    return cloud_kills()


@pytest.mark.parametrize("name", CLOUDY)
def test_every_mutant_that_a_point_cloud_can_have_dies_there(clouds, name):
    assert set(MUTANTS[name].killed_by) <= clouds[name]


def test_point_clouds_have_the_mutants_of_weights_masses_flows_and_code(clouds):
    assert set(clouds) == set(CLOUDY)
    assert len(CLOUDY) >= 50
    for base in set(CLOUD_BASES.values()):
        check(HONEST[base](), samples=12).raise_if_failed()


def test_a_mutant_differs_from_its_base_only_by_the_defect(matrix):
    for base in {wrong.base for wrong in MUTANTS.values()}:
        assert check(HONEST[base](), samples=12).passed


@pytest.mark.parametrize("name", MUTANTS)
@pytest.mark.slow
def test_mutants_die_whatever_the_seed(name):
    for seed in range(1, 20):
        assert set(MUTANTS[name].killed_by) <= kill_matrix([name], seed=seed)[name]


def test_table_names_survivors_and_escapes():
    text = table({"wrong sign": frozenset(), "one asymmetric ulp": frozenset({"linear"})})
    assert "SURVIVES" in text
    assert "escapes symmetric_rates" in text
    assert "1 of 2 mutants die" in text


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("wrong sign", "dense killed", "linear"), "Choose another name"),
        (("new", "nowhere", "linear"), "no such honest operator"),
        (("new", "dense killed"), "names the checks"),
    ],
)
def test_registration_errors(arguments, remedy):
    with pytest.raises(ValueError, match=remedy):
        mutant(*arguments)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_says_what_it_presupposes_and_where_its_theorem_is(name):
    assert CHECKS[name].statement
    assert CHECKS[name].hypotheses
    assert CHECKS[name].reference


def test_no_source_is_listed_for_a_check_that_does_not_exist():
    assert set(SOURCES) == set(CHECKS)
