"""`--allowed-hosts` in an environment: who hears of a refused host, and how the run ends."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from locust.env import Environment

from wireswarm import ConfigurationError
from wireswarm.net.guard import GUARD
from wireswarm.net.origin import Origin
from wireswarm.plugin.guarding import allowed_hosts, install_guard
from wireswarm.users import HOST_REFUSED


@pytest.fixture(autouse=True)
def _every_host_again() -> Iterator[None]:
    yield
    GUARD.allow_only([])


def guarded(**options: Any) -> Environment:
    environment = Environment(parsed_options=Namespace(stop_timeout=0, headless=True, **options))
    environment.create_local_runner()
    install_guard(environment)
    return environment


@pytest.mark.parametrize(
    ("text", "hosts"), [("", []), ("a", ["a"]), ("a,b:80", ["a", "b:80"]), (None, []), ("a,,", ["a"])]
)
def test_the_option_is_a_list_with_commas(text: str | None, hosts: list[str]) -> None:
    assert allowed_hosts(Namespace(allowed_hosts=text)) == hosts


def test_the_list_holds_from_the_start_of_the_test() -> None:
    environment = guarded(allowed_hosts="127.0.0.1")

    environment.events.test_start.fire(environment=environment)

    GUARD.check(Origin("http", "127.0.0.1", 80))
    with pytest.raises(ConfigurationError):
        GUARD.check(Origin("http", "localhost", 80))


def test_a_refused_host_ends_the_run_with_exit_code_2_and_is_told_once(caplog: Any) -> None:
    environment = guarded(allowed_hosts="a")
    ended: list[str] = []
    environment.runner.quit = lambda: ended.append("quit")  # type: ignore[union-attr, method-assign]

    vars(environment)[HOST_REFUSED]("other.example is not one of the allowed hosts")
    vars(environment)[HOST_REFUSED]("other.example is not one of the allowed hosts")
    gevent.sleep(0)

    assert environment.process_exit_code == 2
    assert ended == ["quit"]
    assert [record.getMessage() for record in caplog.records].count(
        "other.example is not one of the allowed hosts"
    ) == 1
