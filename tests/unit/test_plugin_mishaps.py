"""Exceptions that Locust only logs are counted, from the start of a test to the end of the process."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from locust import User
from locust.env import Environment

from wireswarm.plugin.mishaps import MishapWatch


class Watched:
    """An environment under watch, and what was counted."""

    def __init__(self) -> None:
        self.environment = Environment()
        self.environment.create_local_runner()
        self.found: list[str] = []
        self.kills = 0
        self.watch = MishapWatch(self.environment, self.found.append, self._kill)

    def _kill(self) -> None:
        self.kills += 1


@pytest.fixture
def watched() -> Iterator[Watched]:
    before, logging.getLogger().filters = logging.getLogger().filters, []
    yield Watched()
    logging.getLogger().filters = before


def raising(text: str) -> object:
    def listener(**_kwargs: object) -> None:
        raise ValueError(text)

    return listener


def test_a_users_exception_is_counted(watched: Watched) -> None:
    watched.environment.events.user_error.fire(
        user_instance=User(watched.environment), exception=KeyError("x"), tb=None
    )

    assert watched.found == ["KeyError: 'x'"]


def test_listeners_are_looked_at_while_it_is_on(watched: Watched) -> None:
    event = watched.environment.events.test_stop
    event.add_listener(raising("a bug"))
    event.fire()
    watched.watch.on()
    event.fire()
    watched.watch.on()  # as at the start of a second test
    event.fire()
    watched.watch.off()
    event.fire()

    assert watched.found == ["listener: ValueError: a bug"] * 2


def test_the_end_of_the_process_is_looked_at_too(watched: Watched) -> None:
    events = watched.environment.events
    events.quitting.add_listener(raising("from the locustfile"))
    watched.watch.on()
    watched.watch.off()
    events.quitting.add_listener(raising("between two tests"))
    watched.watch.on()
    watched.watch.off()

    events.quitting.fire(environment=watched.environment, reverse=True)
    events.quit.fire(exit_code=0)
    events.test_stop.add_listener(raising("too late"))
    events.test_stop.fire()

    assert watched.found == ["listener: ValueError: between two tests", "listener: ValueError: from the locustfile"]
    assert logging.getLogger().filters == []


def test_users_that_outlive_the_stop_timeout_are_counted(watched: Watched) -> None:
    runner = watched.environment.runner
    assert runner is not None
    watched.environment.stop_timeout = 10
    runner.stop_users({})
    assert watched.kills == 0

    watched.environment.stop_timeout = 1e-9  # type: ignore[assignment]
    runner.stop_users({})
    assert watched.kills == 1
