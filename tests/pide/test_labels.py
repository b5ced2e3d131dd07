"""Names and units of pictures and files."""

from __future__ import annotations

import pytest

from pide.labels import Labels


def test_names_get_the_unit_that_belongs_to_them() -> None:
    labels = Labels("elevation", "m", "km", "yr")
    assert [labels.of(name) for name in ("elevation", "x", "t")] == ["elevation (m)", "x (km)", "t (yr)"]
    assert [Labels().of(name) for name in ("u", "x", "t")] == ["u", "x", "t"]


@pytest.mark.parametrize("name", ["", "mass", "x", "a/b"])
def test_names_that_files_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"Labels\(quantity='{name}'\): needs a name.*Write quantity='u'"):
        Labels(name)
