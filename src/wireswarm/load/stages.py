"""Stages as people write them: `2m:200,5m:200,2m:0`, each a duration and the level at its end."""

from __future__ import annotations

import math
import re
from typing import Final

from wireswarm.durations import parse_duration
from wireswarm.load.shapes import Shape, Stage, Stages

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


def format_stages(stages: Stages) -> str:
    """The stages as `parse_stages` reads them, up to their `start`, from which a text always begins at 0."""
    return ",".join(f"{plain(stage.seconds)}s:{plain(stage.target)}" for stage in stages.stages)


def as_stages(shape: Shape, end: float = math.inf) -> Stages:
    """Any shape as straight lines, curves in as many pieces as `Shape.segments` cuts them into.

    Args:
        shape: what to write down.
        end: seconds after which nothing of it is wanted.

    Raises:
        ValueError: it has no end, and none is given.
    """
    if math.isinf(min(shape.duration, end)):
        raise ValueError("a shape without an end")
    stages: list[Stage] = []
    level = 0.0
    for piece in shape.segments():
        if piece.start >= end:
            break
        length, last = piece.end - piece.start, piece.end_level
        if piece.end > end:
            length = end - piece.start
            if math.isfinite(piece.end):
                last = piece.start_level + (last - piece.start_level) * length / (piece.end - piece.start)
        if not math.isclose(piece.start_level, level, abs_tol=1e-9):
            stages.append(Stage(0.0, piece.start_level))
        stages.append(Stage(length, last))
        level = last
    return Stages(tuple(stages))


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
