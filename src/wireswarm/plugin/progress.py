"""The line that tells how a headless run is doing: rewritten in place on a terminal, now and then in a log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from wireswarm.metrics import Results, Tally
from wireswarm.reports.live import Progress, progress_line

LOG_SECONDS: Final = 10
"""A log gets a line so often."""

_CLEAR: Final = "\r\x1b[2K"
_COLUMNS: Final = 80
"""Where the terminal does not know its width."""


class ProgressLine:
    """Writes the line, and clears it away for whatever else is to be shown."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._seconds = 0
        self._shown = False

    def show(
        self, results: Results, *, recent: Tally, seconds: float, total_s: float | None, breached: Sequence[str]
    ) -> None:
        """Say how it goes; called once a second.

        Args:
            results: of the run so far.
            recent: the exchanges of the last seconds.
            seconds: how many those are.
            total_s: when the run will end; None where that is not known.
            breached: the thresholds that do not hold at the moment.
        """
        self._seconds += 1
        if not self._is_terminal and self._seconds % LOG_SECONDS:
            return
        total = results.total
        line = progress_line(
            Progress(
                elapsed_s=results.elapsed_s,
                total_s=total_s,
                users=results.users,
                rps=recent.count / seconds if seconds else 0.0,
                p95_ms=recent.ok.percentile(95) / 1000 if recent.ok.total else None,
                count=total.count,
                failures=total.failures,
                breached=breached,
            )
        )
        if self._is_terminal:
            self._clear_for_the_log()
            self._stream.write(f"{_CLEAR}{line[: self._columns() - 1]}")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()
        self._shown = self._is_terminal

    def clear(self) -> None:
        """Take the line away from a terminal."""
        if self._shown:
            self._shown = False
            self._stream.write(_CLEAR)
            self._stream.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        except OSError:
            return _COLUMNS

    def _clear_for_the_log(self) -> None:
        # Every time, since it costs nothing: a handler takes a filter once, and may have been added meanwhile.
        for name in (None, "locust", "locust.stats_logger"):
            for handler in logging.getLogger(name).handlers:
                handler.addFilter(self._make_way)

    def _make_way(self, _record: logging.LogRecord) -> bool:
        self.clear()
        return True
