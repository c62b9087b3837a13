"""Why a test has ended, and that it does."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from locust.env import Environment
from locust.runners import LocalRunner

from wireswarm.plugin.ending import ENDED_BY, ITERATIONS, SIGNAL, THRESHOLD, end_test, note_end, note_usual_end


def environment_of(**options: Any) -> Environment:
    environment = Environment(parsed_options=Namespace(**options))
    environment.create_local_runner()
    return environment


def noted(environment: Environment) -> str:
    return str(vars(environment).get(ENDED_BY, ""))


def test_the_first_reason_counts() -> None:
    environment = environment_of(run_time=5)
    note_end(environment, THRESHOLD)
    note_end(environment, SIGNAL)
    note_usual_end(environment, 5.0)

    assert noted(environment) == "threshold"


@pytest.mark.parametrize(
    ("run_time", "elapsed_s", "reason"),
    [
        (60, 60.1, "run time"),
        (60, 58.5, "run time"),
        (60, 30.0, ""),
        (None, 60.0, ""),
        (2, 0.9, ""),
        (2, 1.6, "run time"),
    ],
)
def test_the_run_time_is_told_by_the_time(run_time: int | None, elapsed_s: float, reason: str) -> None:
    environment = environment_of(run_time=run_time)
    note_usual_end(environment, elapsed_s)

    assert noted(environment) == reason


def test_a_shape_ends_its_test_itself() -> None:
    environment = environment_of(run_time=None)
    runner = environment.runner
    assert isinstance(runner, LocalRunner)
    runner.shape_greenlet = gevent.spawn(note_usual_end, environment, 3.0)
    runner.shape_greenlet.join()

    assert noted(environment) == "shape"


def test_what_else_ends_a_test_under_the_web_ui_is_the_web_ui() -> None:
    environment = environment_of(run_time=60)
    environment.web_ui = object()  # type: ignore[assignment]
    note_usual_end(environment, 3.0)

    assert noted(environment) == "web"


def test_without_options_nothing_is_known() -> None:
    environment = Environment()
    note_usual_end(environment, 3.0)

    assert noted(environment) == ""


class Asked:
    """Notes what a runner, or a web UI, is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def telling(self, what: str) -> Callable[[], None]:
        return lambda: self.told.append(what)


def told_of(environment: Environment) -> list[str]:
    asked = Asked()
    environment.runner.stop = asked.telling("stop")  # type: ignore[union-attr, method-assign]
    environment.runner.quit = asked.telling("quit")  # type: ignore[union-attr, method-assign]
    end_test(environment, ITERATIONS)
    gevent.sleep(0)
    gevent.sleep(0.01)
    assert noted(environment) == "iterations"
    return asked.told


def test_a_headless_process_ends() -> None:
    assert told_of(environment_of(headless=True)) == ["quit"]


def test_a_web_ui_stays() -> None:
    assert told_of(environment_of(headless=False)) == ["stop"]
    assert told_of(environment_of(headless=False, autostart=True, autoquit=-1)) == ["stop"]
    assert told_of(environment_of(headless=False, autostart=False, autoquit=0)) == ["stop"]


def test_an_autostart_with_autoquit_ends() -> None:
    assert told_of(environment_of(headless=False, autostart=True, autoquit=0)) == ["stop", "quit"]


def test_without_a_runner_there_is_nothing_to_end() -> None:
    environment = Environment()
    end_test(environment, SIGNAL)
    gevent.sleep(0)

    assert noted(environment) == "signal"
