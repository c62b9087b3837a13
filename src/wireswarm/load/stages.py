"""Stages as people write them: `2m:200,5m:200,2m:0`, each a duration and the level at its end."""

from __future__ import annotations

import math
import re
from typing import Final

from wireswarm.durations import parse_duration
from wireswarm.load.shapes import Stage, Stages

ALLOWED: Final = 'stages such as "2m:200,5m:200,2m:0", each a duration and the level to be at when it is over'

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def parse_stages(text: str) -> Stages:
    """Read stages.

    Raises:
        ValueError: they are none; the message names the part that is wrong.
    """
    stages = Stages(tuple(_parse(part.strip()) for part in text.split(",")))
    if not stages.duration:
        raise ValueError("stages that take no time")
    return stages


def plain(number: float) -> str:
    """A number without an exponent, to a billionth: `0.5`, `1500`."""
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _parse(part: str) -> Stage:
    duration, colon, level = part.rpartition(":")
    if not colon or not _NUMBER.fullmatch(level.strip()):
        raise ValueError(f"the stage {part!r}")
    try:
        seconds = parse_duration(duration)
    except ValueError:
        raise ValueError(f"the stage {part!r}") from None
    target = float(level)
    if math.isinf(target):
        raise ValueError(f"the stage {part[:20]!r}…")
    return Stage(seconds, target)
