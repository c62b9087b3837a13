"""Once per swarm: what runs where, and what everybody gets."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from locust import User, task
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import MasterRunner, WorkerRunner

from wireswarm import ConfigurationError, UsageError, once_per_swarm
from wireswarm.auth import SECRETS, redact
from wireswarm.plugin import once as module
from wireswarm.plugin.once import install_once


class Visitor(User):
    @task
    def nothing(self) -> None: ...


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_declared", {})
    yield
    SECRETS.clear()


class FakeMaster(MasterRunner):
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.state = "ready"
        environment.runner = self

    def __del__(self) -> None: ...


class FakeWorker(WorkerRunner):
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        environment.runner = self

    def __del__(self) -> None: ...


def environment_with(kind: Any, **options: Any) -> Environment:
    environment = Environment(
        user_classes=[Visitor], parsed_options=Namespace(headless=True, stop_timeout=0, **options)
    )
    if kind is None:
        environment.create_local_runner()
    else:
        kind(environment)
    environment.runner.quit = lambda: environment.calls.append("quit")  # type: ignore
    environment.calls = []  # type: ignore[attr-defined]
    install_once(environment)
    return environment


def begin(environment: Environment) -> None:
    environment.events.test_start.fire(environment=environment)


def end(environment: Environment) -> None:
    environment.events.test_stop.fire(environment=environment)


def test_a_process_does_it_once_for_each_test() -> None:
    calls: list[str] = []

    @once_per_swarm
    def key(environment: Environment) -> str:
        """Docstring."""
        calls.append("set up")
        return f"key-{len(calls)}"

    @key.tear_down
    def revoke(environment: Environment, result: str) -> None:
        calls.append(f"tear down {result}")

    assert key.__doc__ == "Docstring."
    environment = environment_with(None)
    for _ in range(2):
        begin(environment)
        assert key() == key()
        end(environment)
        environment.events.quitting.fire(environment=environment)
    assert calls == ["set up", "tear down key-1", "set up", "tear down key-3"]


def test_outside_of_a_test_there_is_no_result() -> None:
    @once_per_swarm
    def key(environment: Environment) -> int:
        return 1

    with pytest.raises(UsageError, match=r"key\(\) has a result while a test runs"):
        key()
    environment = environment_with(None)
    begin(environment)
    end(environment)
    with pytest.raises(UsageError):
        key()


def test_a_master_sends_it_and_a_worker_has_it() -> None:
    @once_per_swarm
    def both(environment: Environment) -> Any:
        return {"numbers": (1, 2.5), "none": None, "text": "ß"}

    master = environment_with(FakeMaster)
    begin(master)
    there = both()
    assert there == {"numbers": [1, 2.5], "none": None, "text": "ß"}
    sent = vars(master.parsed_options)["wireswarm_once"]
    assert isinstance(sent, str)  # what Locust can send
    both.forget()

    worker = environment_with(FakeWorker, wireswarm_once=sent)
    begin(worker)
    assert both() == there


def test_a_worker_does_nothing_itself() -> None:
    @once_per_swarm
    def key(environment: Environment) -> int:
        raise AssertionError

    begin(environment_with(FakeWorker, wireswarm_once=json.dumps({key.name: 7})))
    assert key() == 7
    begin(environment_with(FakeWorker))
    with pytest.raises(UsageError):
        key()


def test_texts_in_the_result_are_secrets_in_every_process() -> None:
    @once_per_swarm
    def keys(environment: Environment) -> Any:
        return {"a": ["s3cr3t-value-1"], "b": {"c": "s3cr3t-value-2"}, "short": "test", "n": 12345678}

    begin(environment_with(FakeWorker, wireswarm_once=json.dumps({keys.name: keys._set_up(None)})))  # type: ignore[arg-type]
    assert redact("s3cr3t-value-1 s3cr3t-value-2 test 12345678") == "*** *** test 12345678"


def test_unless_they_are_none() -> None:
    @once_per_swarm(secret=False)
    def tenant(environment: Environment) -> str:
        return "tenant-of-this-run"

    begin(environment_with(None))
    assert redact(tenant()) == "tenant-of-this-run"


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigurationError("no key"), 2), (ValueError("no key"), 1), (UsageError("no key"), 2)]
)
@pytest.mark.parametrize("kind", [None, FakeMaster])
def test_where_it_fails_the_test_does_not_begin(
    error: Exception, code: int, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    torn_down: list[Any] = []

    @once_per_swarm
    def first(environment: Environment) -> int:
        return 1

    @first.tear_down
    def undo(environment: Environment, result: int) -> None:
        torn_down.append(result)

    @once_per_swarm
    def second(environment: Environment) -> int:
        raise error

    environment = environment_with(kind)
    went_on: list[int] = []

    def start() -> None:
        begin(environment)
        went_on.append(1)

    gevent.spawn(start).join()
    gevent.sleep(0)

    assert went_on == []
    assert environment.process_exit_code == code
    assert environment.calls == ["quit"]  # type: ignore[attr-defined]
    assert torn_down == [1]
    assert "second" in caplog.text
    assert "no key" in caplog.text


def test_a_program_that_starts_a_test_itself_is_told() -> None:
    @once_per_swarm
    def key(environment: Environment) -> int:
        raise ValueError("no key")

    environment = environment_with(None)
    with pytest.raises(StopTest, match="no key"):
        begin(environment)
    gevent.sleep(0)


def test_what_is_no_json_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    @once_per_swarm
    def key(environment: Environment) -> object:
        return {1, 2}

    environment = environment_with(None)
    with pytest.raises(StopTest, match="cannot be sent to workers"):
        begin(environment)
    assert environment.process_exit_code == 2


def test_a_tear_down_that_fails_is_an_error_and_the_others_are_done(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    @once_per_swarm
    def first(environment: Environment) -> int:
        return 1

    @first.tear_down
    def undo_first(environment: Environment, result: int) -> None:
        done.append("first")

    @once_per_swarm
    def second(environment: Environment) -> int:
        return 2

    @second.tear_down
    def undo_second(environment: Environment, result: int) -> None:
        raise ValueError("cannot")

    environment = environment_with(None)
    begin(environment)
    end(environment)
    assert done == ["first"]
    assert environment.process_exit_code == 1
    assert "ValueError('cannot')" in caplog.text
