"""Names and units that pictures and files carry; the numerics never reads them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Labels"]

_TAKEN = ("t", "time", "x", "y", "z", "inside", "mass", "energy", "variance", "dirichlet_energy")


@dataclass(frozen=True)
class Labels:
    """What the field is called and which units it has; an empty unit means dimensionless.

    Parameters
    ----------
    quantity : str
        Name of the field, such as "elevation"; also the name of the variable in files.
    unit, length_unit, time_unit : str
        Units of the field, of the coordinates and of time, such as "m", "m", "yr".

    Examples
    --------
    >>> Labels("elevation", "m").of("elevation")
    'elevation (m)'
    """

    quantity: str = "u"
    unit: str = ""
    length_unit: str = ""
    time_unit: str = ""

    def __post_init__(self) -> None:
        if not self.quantity or "/" in self.quantity or self.quantity in _TAKEN:
            raise ValueError(
                f"Labels(quantity={self.quantity!r}): needs a name without '/' that is none of {', '.join(_TAKEN)}. "
                "Write quantity='u'."
            )

    def of(self, name: str) -> str:
        """`name` followed by the unit that belongs to it, for axes and colour bars."""
        unit = {self.quantity: self.unit, "t": self.time_unit}.get(name, self.length_unit)
        return f"{name} ({unit})" if unit else name
