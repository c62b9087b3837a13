"""How late the load generator itself was: the time between an answer's arrival and its being read.

It is no part of the response times, which end by the kernel's stamp, but it says how busy the generator was, and by how
much a program's own clock would have been off. Told in one line at the end of the run, for all workers together.
"""

from __future__ import annotations

import logging
from typing import Any

from locust.env import Environment
from locust.runners import WorkerRunner

from wireswarm.metrics import Histogram
from wireswarm.sample import Sample

# Locust's own logger for the tables at the end: no time and no name before the text.
console = logging.getLogger("locust.stats_logger")

_KEY = "wireswarm_delay"


def install_delay(environment: Environment) -> None:
    """Measure the generator's delay in that environment, on workers for the master."""
    _Delay(environment)


class _Delay:
    def __init__(self, environment: Environment) -> None:
        self._start()
        events = environment.events
        events.request.add_listener(self._on_request)
        events.test_start.add_listener(self._start)
        if isinstance(environment.runner, WorkerRunner):
            events.report_to_master.add_listener(self._on_report_to_master)
        else:
            events.worker_report.add_listener(self._on_worker_report)
            events.quit.add_listener(self._on_quit)

    def _start(self, **_kwargs: Any) -> None:
        self._delays = Histogram()
        self._unstamped = 0

    def _on_request(self, sample: Sample | None = None, **_kwargs: Any) -> None:
        # Hot path (bench/http_throughput.py).
        if sample is None or not sample.status:
            return  # another client's, a flow, or no answer
        delay = sample.read - sample.done
        if delay > 0:
            self._delays.record(delay // 1000)
        else:
            self._unstamped += 1

    def _on_report_to_master(self, data: dict[str, Any], **_kwargs: Any) -> None:
        data[_KEY] = self._delays.to_message() | {"unstamped": self._unstamped}
        self._start()

    def _on_worker_report(self, data: dict[str, Any], **_kwargs: Any) -> None:
        message = data.get(_KEY)
        if message is not None:
            self._delays.merge(Histogram.from_message(message))
            self._unstamped += message["unstamped"]

    def _on_quit(self, **_kwargs: Any) -> None:
        line = describe_delay(self._delays, self._unstamped)
        if line:
            console.info(line)


def describe_delay(delays: Histogram, unstamped: int) -> str:
    """The line about the clock and the delay; empty where there was no answer at all."""
    answers = delays.total + unstamped
    if not answers:
        return ""
    if not delays.total:
        return f"Response times of {answers:,} answers end by the program's clock: its own delay is part of them."
    p50, p99 = (delays.percentile(percent) / 1000 for percent in (50, 99))
    line = (
        f"Response times end by the kernel's clock; the load generator read the answers "
        f"{p50:.2f} ms later at the median, {p99:.2f} ms at p99, {delays.maximum / 1000:.2f} ms at most."
    )
    if unstamped:
        line += f" {unstamped:,} of {answers:,} answers had no stamp and end by the program's clock."
    return line
