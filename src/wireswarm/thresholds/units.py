"""The units of limits and of watched series, and the one that each kind of quantity is judged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A kind of quantity, with the units that it may be written in."""

    canonical: str
    """The unit that values are compared and reported in."""
    factors: Mapping[str, float]
    """What one of each unit is in the canonical one. An empty unit is a bare number."""
    allowed: str
    """The units in words, to end a message's "allowed: "."""


DURATION: Final = Quantity(
    "ms",
    MappingProxyType({"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}),
    "a duration in us, ms, s or m, such as 500ms",
)
SHARE: Final = Quantity(
    "%", MappingProxyType({"%": 1.0, "": 100.0}), "a percentage such as 1%, or a share below 1 such as 0.01"
)
CPU: Final = Quantity("%", MappingProxyType({"%": 1.0}), "a percentage of one core, such as 80%")
RATE: Final = Quantity("/s", MappingProxyType({"/s": 1.0, "": 1.0}), "a number per second, such as 100/s")
COUNT: Final = Quantity("", MappingProxyType({"": 1.0}), "a whole number, such as 10")
MEMORY: Final = Quantity(
    "MB",
    MappingProxyType(
        {
            "B": 1e-6,
            "KB": 1e-3,
            "MB": 1.0,
            "GB": 1e3,
            "KiB": 1024 / 1e6,
            "MiB": 1024**2 / 1e6,
            "GiB": 1024**3 / 1e6,
        }
    ),
    "an amount of memory in B, KB, MB, GB, KiB, MiB or GiB, such as 50MB",
)


def quantity_of(unit: str) -> Quantity | None:
    """What a watched series of that unit holds; None for other units, compared with bare numbers."""
    for quantity in (DURATION, MEMORY, CPU):
        if unit in quantity.factors:
            return quantity
    return None


def scale_of(unit: str) -> float:
    """What a value of a watched series has to be multiplied by to be in the canonical unit."""
    quantity = quantity_of(unit)
    return 1.0 if quantity is None else quantity.factors[unit]


def factor_of(written: str) -> float:
    """What one of a limit's unit is in the canonical unit, where a bare number is what it is."""
    for quantity in (DURATION, MEMORY):
        if written in quantity.factors:
            return quantity.factors[written]
    return 1.0
