"""Strict TOML: every kind of mistake is reported at its path with what to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from pide.errors import CaseError
from pide.tables import structure


class Shape:
    """What the registry builds."""


@dataclass(frozen=True)
class Disc(Shape):
    radius: float
    centre: tuple[float, ...] = (0.0, 0.0)
    name: str | None = None

    def __post_init__(self) -> None:
        if not self.radius > 0:
            raise ValueError(f"Disc(radius={self.radius}): needs radius > 0.")


@dataclass(frozen=True)
class Part:
    count: int
    mode: Literal["fast", "slow"] = "fast"


@dataclass(frozen=True)
class Whole:
    shape: Shape
    part: Part
    parts: dict[str, Part]
    spacing: tuple[float, ...] = ()
    flag: bool = False
    note: str = ""


GOOD = """
spacing = [1, 2.5]
note = "text"
shape = { type = "disc", radius = 2 }
[part]
count = 3
[parts.other]
count = 4
mode = "slow"
"""


def read(text: str) -> Whole:
    return structure(text, Whole, {Shape: {"disc": Disc}}, "case.toml")


def test_a_good_table_becomes_typed_objects() -> None:
    whole = read(GOOD)
    assert whole == Whole(Disc(2), Part(3), {"other": Part(4, "slow")}, (1.0, 2.5), False, "text")
    assert [type(value) for value in whole.spacing] == [float, float]


def test_one_number_stands_for_a_list() -> None:
    assert read(GOOD.replace("[1, 2.5]", "0.5")).spacing == (0.5,)


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("count = 3", "conut = 3", "part.conut: unknown key. Did you mean 'count'?"),
        ("count = 3", "conut = 3", "part.count: missing."),
        ("count = 3", "count = 3.5", "part.count: needs an integer, not 3.5."),
        ("count = 3", "count = true", "part.count: needs an integer, not True."),
        ("count = 4", 'count = "4"', "parts.other.count: needs an integer, not '4'."),
        ('"slow"', '"slwo"', "parts.other.mode: 'slwo' is not known. Did you mean 'slow'?"),
        ("[1, 2.5]", '[1, "2"]', "spacing: needs a number, not '2'."),
        ("[1, 2.5]", '"12"', "spacing: needs a number, not '12'."),
        ('note = "text"', "note = 1", "note: needs a text in quotes, not 1."),
        ('note = "text"', "flag = 1", "flag: needs true or false, not 1."),
        ('"disc"', '"disk"', "shape.type: 'disk' is not known. Did you mean 'disc'?"),
        ("radius = 2", "raduis = 2", "shape.raduis: unknown key for disc. Did you mean 'radius'?"),
        ("radius = 2", "centre = [0, 0]", "shape.radius: missing; disc needs it."),
        ("radius = 2", "radius = -1", "shape: Disc(radius=-1): needs radius > 0."),
        ("radius = 2", 'radius = "2"', "shape.radius: needs a number, not '2'."),
        ("radius = 2", "radius = true", "shape.radius: needs a number, not True."),
        ('{ type = "disc", radius = 2 }', "5", 'shape: needs a table such as { type = "disc", ... }, not 5.'),
        ("[part]", "", "part: missing."),
        ("[part]\ncount = 3", "part = 3", "part: needs a table [part]."),
    ],
)
def test_mistakes_are_named_with_their_path(good: str, bad: str, line: str) -> None:
    assert good in GOOD
    with pytest.raises(CaseError) as caught:
        read(GOOD.replace(good, bad, 1))
    assert f"case.toml: {line}" in str(caught.value)


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(CaseError) as caught:
        read(GOOD.replace("count = 3", "count = 1.5").replace("radius = 2", "radius = 0"))
    lines = str(caught.value).splitlines()
    assert lines == [
        "case.toml: shape: Disc(radius=0): needs radius > 0.",
        "case.toml: part.count: needs an integer, not 1.5.",
    ]


@pytest.mark.parametrize("text", ["plain words", "a = ", "[open"])
def test_text_that_is_not_toml_names_the_line(text: str) -> None:
    with pytest.raises(CaseError, match=r"case.toml: not TOML: .*(line 1|end of document).*Strings need quotes"):
        read(text)
