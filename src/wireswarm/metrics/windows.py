"""The latest seconds of each key, for what is judged over a sliding window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from wireswarm.metrics.tally import Key, Tally

_LATE_S: Final = 30
"""Seconds beyond the window that are kept: reports come late, and at different times."""
_BLOCK_S: Final = 10
"""A window of minutes is added up from longer pieces."""


class _Recent:
    """Of one key: by second, and by block of ten."""

    __slots__ = ("blocks", "seconds")

    def __init__(self) -> None:
        self.seconds: dict[int, Tally] = {}
        self.blocks: dict[int, Tally] = {}


class Windows:
    """Keeps nothing until it is told how much."""

    def __init__(self) -> None:
        self.length_s = 0.0
        """The longest window; 0 for none."""
        self._recent: dict[Key | None, _Recent] = {}

    def clear(self) -> None:
        """Another run begins."""
        self._recent.clear()

    def add(self, key: Key, cell: Sequence[Any], second: int, newest: int) -> None:
        """Add a cell of a report to its key, and to the total if it is of exchanges.

        Args:
            key: whose.
            cell: see `Recorder.take_report`.
            second: when.
            newest: the latest second that there is.
        """
        oldest = newest - int(self.length_s) - _LATE_S
        for place in (key, None) if key.is_exchange else (key,):
            recent = self._recent.get(place)
            if recent is None:
                recent = self._recent[place] = _Recent()
            _add(recent.seconds, second, cell, oldest)
            _add(recent.blocks, second // _BLOCK_S, cell, oldest // _BLOCK_S)

    def over(self, key: Key | None, begin: int, end: int) -> Tally:
        """What happened from one second up to another; None is the total."""
        tally, recent = Tally(), self._recent.get(key)
        if recent is None:
            return tally
        second = begin
        while second < end:
            whole = second % _BLOCK_S == 0 and second + _BLOCK_S <= end
            part = recent.blocks.get(second // _BLOCK_S) if whole else recent.seconds.get(second)
            if part is not None:
                tally.merge(part)
            second += _BLOCK_S if whole else 1
        return tally


def _add(parts: dict[int, Tally], number: int, cell: Sequence[Any], oldest: int) -> None:
    part = parts.get(number)
    if part is None:
        if number < oldest:
            return
        part = parts[number] = Tally()
        for old in [other for other in parts if other < oldest]:
            del parts[old]
    part.merge_cell(cell)
