"""Durations as people write them: `1500ms`, `20s`, `5m`, `1h30m`, or a plain number of seconds."""

from __future__ import annotations

import math
import re

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
# Every unit at most once, the largest first, as Locust reads its own --run-time; milliseconds and decimals are ours.
_WITH_UNITS = re.compile(rf"(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?(?:({_NUMBER})ms)?")
_PLAIN = re.compile(_NUMBER)


def parse_duration(text: str) -> float:
    """Read a duration.

    Args:
        text: Such as `1500ms`, `20s`, `5m`, `1h30m`, `0.5s`; a number without a unit is seconds.
            Space around it is ignored.

    Returns:
        Seconds; never negative.

    Raises:
        ValueError: The text is not a duration; the message says how to write one.
    """
    stripped = text.strip()
    if _PLAIN.fullmatch(stripped):
        seconds = float(stripped)
    elif stripped and (match := _WITH_UNITS.fullmatch(stripped)):
        hours, minutes, whole, milliseconds = (float(number or 0) for number in match.groups())
        seconds = hours * 3600 + minutes * 60 + whole + milliseconds / 1000
    else:
        raise ValueError(f"not a duration: {text!r} (write it as 1500ms, 20s, 5m, 1h30m, or a number of seconds)")
    if not math.isfinite(seconds):
        raise ValueError(f"not a duration: {text[:20]!r}… is too long to count")
    return seconds
