"""Locust's CSV tables with the end of the run in them.

Locust writes them once a second and closes them when it exits, so what happened since the last time is missing: up to a
second of samples, and with workers their whole last reports (`locust/stats.py`, StatsCSVFileWriter).
"""

from __future__ import annotations

import functools
from typing import Any, TextIO

from locust.stats import StatsCSVFileWriter


@functools.cache
def write_tables_at_the_end() -> None:
    """Have the tables written once more before they are closed."""
    close_files = StatsCSVFileWriter.close_files

    @functools.wraps(close_files)
    def write_and_close(self: StatsCSVFileWriter) -> None:
        _rewrite(self.requests_csv_filehandle, self.requests_csv_writer, self.requests_csv_columns)
        self._requests_data_rows(self.requests_csv_writer)
        _rewrite(self.failures_csv_filehandle, self.failures_csv_writer, self.failures_columns)
        self._failures_data_rows(self.failures_csv_writer)
        _rewrite(self.exceptions_csv_filehandle, self.exceptions_csv_writer, self.exceptions_columns)
        self._exceptions_data_rows(self.exceptions_csv_writer)
        close_files(self)

    StatsCSVFileWriter.close_files = write_and_close  # type: ignore[method-assign]


def _rewrite(file: TextIO, writer: Any, columns: list[str]) -> None:
    file.seek(0)
    file.truncate()
    writer.writerow(columns)
