"""Locust's CSV tables with the end of the run in them.

Locust writes them once a second and closes them when it exits, so what happened since the last time is missing: up to a
second of samples, and with workers their whole last reports (`locust/stats.py`, StatsCSVFileWriter).
"""

from __future__ import annotations

import functools
import time

from locust.stats import StatsCSVFileWriter


@functools.cache
def write_tables_at_the_end() -> None:
    """Have the tables written once more before they are closed."""
    close_files = StatsCSVFileWriter.close_files

    @functools.wraps(close_files)
    def write_and_close(self: StatsCSVFileWriter) -> None:
        if not self.requests_csv_filehandle.closed:  # Locust ends twice after a SIGTERM
            _write(self)
        close_files(self)

    StatsCSVFileWriter.close_files = write_and_close  # type: ignore[method-assign]


def _write(tables: StatsCSVFileWriter) -> None:
    for file, writer, write in (
        (tables.requests_csv_filehandle, tables.requests_csv_writer, tables.requests_csv),
        (tables.failures_csv_filehandle, tables.failures_csv_writer, tables.failures_csv),
        (tables.exceptions_csv_filehandle, tables.exceptions_csv_writer, tables.exceptions_csv),
    ):
        file.seek(0)
        file.truncate()
        write(writer)
    if tables.stats_history_csv_filehandle.tell():  # a row for every second; its header is there by now
        tables._stats_history_data_rows(tables.stats_history_csv_writer, time.time())
