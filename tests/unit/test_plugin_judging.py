"""The verdict on a run: when it is given, on what, and what may still change it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import locust.log
import pytest
from locust.env import Environment

from wireswarm import ConfigurationError, ProtobufUser
from wireswarm.metrics import Recorder
from wireswarm.plugin.judging import install_judging
from wireswarm.plugin.measuring import RECORDER, install_measuring
from wireswarm.reports.saved import read_summary, write_summary
from wireswarm.reports.summary import Summary


@pytest.fixture(autouse=True)
def _nothing_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locust.log, "unhandled_greenlet_exception", False)
    for name in ("P95_THRESHOLD_MS", "ERROR_RATE_THRESHOLD", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


class Run:
    """Tests of one environment, by the events that Locust fires."""

    def __init__(self, **options: Any) -> None:
        self.environment = Environment(user_classes=[ProtobufUser], parsed_options=Namespace(**options))
        self.environment.create_local_runner()
        install_measuring(self.environment)
        install_judging(self.environment)

    @property
    def code(self) -> int | None:
        return self.environment.process_exit_code

    @property
    def summary(self) -> Summary:
        summary: Summary = vars(self.environment)["wireswarm_summary"]
        return summary

    def start(self) -> None:
        self.environment.events.test_start.fire(environment=self.environment)

    def request(self, milliseconds: float = 10.0, *, failed: bool = False) -> None:
        self.environment.events.request.fire(
            request_type="GET",
            name="/x",
            response_time=milliseconds,
            response_length=1,
            exception=ValueError("no") if failed else None,
            context={},
        )

    def stop(self) -> None:
        events = self.environment.events
        events.test_stopping.fire(environment=self.environment)
        events.test_stop.fire(environment=self.environment)

    def test(self, milliseconds: float = 10.0, *, failed: bool = False, times: int = 1) -> int | None:
        self.start()
        for _ in range(times):
            self.request(milliseconds, failed=failed)
        self.stop()
        return self.code

    def quit(self) -> int | None:
        self.environment.events.quitting.fire(environment=self.environment, reverse=True)
        return self.code


def test_nothing_is_judged_where_there_are_no_results() -> None:
    environment = Environment()
    before = sum(len(event._handlers) for event in vars(environment.events).values())
    install_judging(environment)

    assert sum(len(event._handlers) for event in vars(environment.events).values()) == before


def test_wrong_thresholds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="--threshold"):
        Run(threshold=["nonsense"])


@pytest.mark.parametrize(
    ("options", "failed", "code"),
    [
        ({}, False, 0),
        ({}, True, 1),
        ({"exit_code_on_error": 9}, True, 9),
        ({"threshold": ["p95 < 1s"]}, False, 0),
        ({"threshold": ["p95 < 1ms"]}, False, 3),
        ({"threshold": ["errors <= 100%"]}, True, 0),
        ({"threshold": ["errors < 1%"]}, True, 3),
        ({"threshold": ["GET /other: count > 0"]}, False, 3),
    ],
)
def test_the_verdict_at_the_end_of_a_test(options: dict[str, Any], failed: bool, code: int) -> None:
    run = Run(**options)

    assert run.test(failed=failed) == code
    assert run.summary.exit_code == code
    assert run.summary.verdict == ("failed" if code else "passed")
    assert run.quit() == code


def test_what_a_locustfile_does_at_the_end_of_the_test_counts() -> None:
    run = Run(threshold=["count < 2"])
    run.environment.events.test_stop._handlers.insert(0, lambda **_: run.request())

    assert run.test() == 3
    assert run.summary.total.count == 2


def test_each_test_has_a_verdict_of_its_own() -> None:
    run = Run(threshold=["p95 < 50ms"])

    assert [run.test(100), run.test(10), run.quit()] == [3, 0, 0]
    assert run.summary.exit_code == 0


def test_what_was_asked_for_before_the_first_test_stays() -> None:
    run = Run()
    run.environment.process_exit_code = 7

    assert [run.test(), run.quit()] == [7, 7]


@pytest.mark.parametrize(("asked", "code"), [(0, 3), (1, 3), (2, 2)])
def test_a_breach_is_not_talked_away_as_the_process_ends(asked: int, code: int) -> None:
    run = Run(threshold=["p95 < 1ms"])
    run.test()
    run.environment.process_exit_code = asked

    assert run.quit() == code


def test_an_exception_of_a_listener_counts_as_late_as_the_process_ends() -> None:
    run = Run()
    run.test()
    locust.log.unhandled_greenlet_exception = True

    assert run.quit() == 1


def test_a_listener_that_raises_as_the_process_ends_is_in_the_reports(tmp_path: Path) -> None:
    def bug(**_kwargs: Any) -> None:
        raise ValueError("a bug")

    run = Run(summary=str(tmp_path / "summary.json"), threshold=["p95 < 1ms"])
    run.environment.events.quitting.add_listener(bug)
    run.test()
    assert run.summary.exceptions == []

    assert run.quit() == 3
    run.environment.events.quit.fire(exit_code=3)
    summary = read_summary(tmp_path / "summary.json")
    assert summary == run.summary
    assert summary.exceptions == [("listener: ValueError: a bug", 1)]
    assert summary.exit_code == 3


def test_a_test_that_nobody_has_ended_is_judged_as_the_process_ends() -> None:
    run = Run(threshold=["p95 < 1ms"])
    run.start()
    run.request()

    assert run.quit() == 3
    assert run.summary.exit_code == 3
    assert run.quit() == 3, "once is enough"


def test_without_a_test_there_is_no_verdict() -> None:
    assert Run(threshold=["p95 < 1ms"]).quit() is None


def test_a_baseline_with_nothing_in_common_is_no_pass(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    base = Run()
    base.start()
    base.stop()
    write_summary(base.summary, tmp_path / "base.json")
    run = Run(baseline=str(tmp_path / "base.json"))

    assert run.test() == 3
    assert any(message.startswith("--baseline: ") for message in caplog.messages)
    assert any(note.startswith("--baseline: ") for note in run.summary.notes)


def test_a_baseline_that_was_faster_is_a_breach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "elapsed_s", 10.0)  # all of them last as long, or their throughputs would differ
    base = Run()
    base.test(10, times=300)
    write_summary(base.summary, tmp_path / "base.json")
    run = Run(baseline=str(tmp_path / "base.json"))

    assert run.test(10, times=300) == 0
    assert run.test(100, times=300) == 3
    assert any("p95 was 100" in note for note in run.summary.notes), run.summary.notes


def test_an_invalid_run_fails_where_that_was_asked_for() -> None:
    strict, tolerant = Run(fail_on_invalid=True), Run()
    for run in (strict, tolerant):
        run.start()
        vars(run.environment)[RECORDER].drop()
        run.request()
        run.stop()

    assert (strict.code, tolerant.code) == (4, 0)
    assert strict.summary.validity.state == tolerant.summary.validity.state == "INVALID"
