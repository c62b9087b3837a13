"""The generator's own delay: measured, merged over workers, told in one line."""

from __future__ import annotations

from typing import Any

from locust.env import Environment

from wireswarm.metrics import Histogram
from wireswarm.plugin.delay import describe_delay, install_delay
from wireswarm.sample import Sample


def sample(delay_ns: int, *, status: int = 200) -> Sample:
    return Sample("GET", "/x", 0, 1_000_000, 1_000_000 + delay_ns, 0, 0, status)


def fire(environment: Environment, measured: Sample | None) -> None:
    """The request event as clients fire it, other people's without a sample."""
    event = {"request_type": "GET", "name": "/x", "response_time": 1.0, "response_length": 0, "exception": None}
    environment.events.request.fire(**event, **({} if measured is None else {"sample": measured}))


def local() -> Environment:
    environment = Environment()
    environment.create_local_runner()
    install_delay(environment)
    return environment


def line_of(environment: Environment, caplog: Any) -> str:
    with caplog.at_level("INFO", "locust.stats_logger"):
        environment.events.quit.fire(exit_code=0)
    return "\n".join(record.getMessage() for record in caplog.records)


def test_the_line_at_the_end(caplog: Any) -> None:
    environment = local()
    environment.events.test_start.fire(environment=environment)
    for milliseconds in range(1, 101):
        fire(environment, sample(milliseconds * 1_000_000))

    line = line_of(environment, caplog)

    assert "kernel's clock" in line
    assert "at the median, 99." in line
    assert "100.00 ms at most" in line


def test_what_is_no_answer_of_ours_is_not_counted(caplog: Any) -> None:
    environment = local()
    fire(environment, None)
    fire(environment, sample(5_000_000, status=0))

    assert line_of(environment, caplog) == ""


def test_workers_reports_are_merged(caplog: Any) -> None:
    environment = local()
    for milliseconds in (10, 30):
        delays = Histogram()
        delays.record(milliseconds * 1000)
        message = delays.to_message() | {"unstamped": 1}
        environment.events.worker_report.fire(client_id="a", data={"wireswarm_delay": message})
    environment.events.worker_report.fire(client_id="b", data={})

    line = line_of(environment, caplog)

    assert "30.00 ms at most" in line
    assert "2 of 4 answers had no stamp" in line


def test_without_stamps_the_delay_is_part_of_the_response_times() -> None:
    assert describe_delay(Histogram(), 1200) == (
        "Response times of 1,200 answers end by the program's clock: its own delay is part of them."
    )
