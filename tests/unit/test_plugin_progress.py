"""The line of a headless run: in a log now and then, on a terminal in place."""

from __future__ import annotations

import io
import logging
import sys

from live_run import LiveRun

from wireswarm.metrics import Results
from wireswarm.plugin.progress import LOG_SECONDS, ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(line: ProgressLine, results: Results, *breached: str, seconds: float = 1.0) -> None:
    line.show(results, recent=results.total, seconds=seconds, total_s=20.0, breached=breached)


def some_results() -> Results:
    live = LiveRun()
    live.request(12)
    live.request(15, failed=True)
    live.report()
    return live.results


def test_a_log_gets_a_line_every_ten_seconds() -> None:
    stream, results = io.StringIO(), some_results()
    line = ProgressLine(stream)
    for _ in range(2 * LOG_SECONDS):
        show(line, results)
    line.clear()

    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("0:01/0:20 · ")
    assert "2.00 requests/s · p95 12.0 ms · 1 failed (50.0 %)" in lines[0]
    assert "\x1b" not in stream.getvalue()


def test_a_terminals_line_is_rewritten_and_cleared() -> None:
    stream, results = Terminal(), some_results()
    line = ProgressLine(stream)
    show(line, results)
    show(line, results, "total: p95 < 1us")
    written = stream.getvalue()
    line.clear()
    line.clear()

    assert written.count("\r\x1b[2K") == 2
    assert "\n" not in written
    assert all(len(part) < 80 for part in written.split("\r\x1b[2K"))
    assert stream.getvalue() == f"{written}\r\x1b[2K", "cleared once"


def test_the_log_makes_it_go_away() -> None:
    stream, results = Terminal(), some_results()
    log, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(log)
    root.addHandler(handler)
    try:
        line = ProgressLine(stream)
        show(line, results)
        logging.getLogger("somebody").error("a word")
    finally:
        root.removeHandler(handler)

    assert log.getvalue() == "a word\n"
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_without_data_there_is_still_a_line() -> None:
    stream = Terminal()
    show(ProgressLine(stream), Results(), seconds=0.0)

    assert "0 failed" in stream.getvalue()


def test_it_goes_where_errors_go() -> None:
    line = ProgressLine()

    assert line._stream is sys.stderr
