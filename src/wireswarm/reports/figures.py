"""Figures and names as people read them, the same in every report."""

from __future__ import annotations

import re
from typing import Final

UNKNOWN: Final = "–"

# Terminal escapes as a whole, so that no "[31m" is left of them.
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
# Control characters, and those that turn round the direction of the text after them. No XML may have the first, and
# the second can make a name read as another.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """A name or message from outside as one line of harmless characters."""
    return _UNSAFE.sub("\ufffd", re.sub(r"[\t\r\n]+", " ", _ESCAPES.sub("", text)))


def shortened(text: str, length: int) -> str:
    """The text, cut in its middle where it is longer than `length`."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{text[:head]}…{text[head + 1 - length :]}"


def significant(value: float) -> str:
    """Three significant digits, thousands separated, never an exponent: `0.352`, `35.2`, `1,204`."""
    size = abs(value)
    if size >= 100 or not value:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def round_number(value: float) -> str:
    """A number that is round, without the zeros: `0.5`, `20`, `1,500`."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def round_duration(milliseconds: float) -> str:
    """A latency that is round: `200 µs`, `50 ms`, `2 s`."""
    if milliseconds >= 1000:
        return f"{round_number(milliseconds / 1000)} s"
    if 0 < milliseconds < 1:
        return f"{round_number(milliseconds * 1000)} µs"
    return f"{round_number(milliseconds)} ms"


def duration(milliseconds: float) -> str:
    """A latency with its unit: `352 µs`, `35.2 ms`, `1.20 s`, `2.5 min`."""
    if milliseconds >= 59_950:
        return f"{milliseconds / 60_000:.1f} min"
    if milliseconds >= 999.5:
        return f"{significant(milliseconds / 1000)} s"
    if 0 < milliseconds < 0.9995:
        return f"{milliseconds * 1000:.0f} µs"
    return f"{significant(milliseconds)} ms"


def clock(seconds: float) -> str:
    """A time of the run: `0:07`, `12:30`, `1:02:03`."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def span(seconds: float) -> str:
    """How long something took: `20.0 s`, `12 min 30 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def share(part: float, whole: float) -> str:
    """A part in percent. A part that is not nothing is never shown as 0 %, nor one that is not all as 100 %."""
    if not whole or not part:
        return "0 %"
    percent = part / whole * 100
    if percent < 0.01:
        return "< 0.01 %"
    if percent < 1:
        return f"{percent:.2f} %"
    if 99.95 <= percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %" if percent < 100 else "100 %"


def rate(per_second: float) -> str:
    """Requests per second, without the unit."""
    return significant(per_second)


def size(count: float) -> str:
    """Bytes: `512 B`, `1.50 kB`, `3.20 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:
            return f"{significant(count)} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1000
    return f"{significant(count)} TB"


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 failure`, `1,204 failures`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
