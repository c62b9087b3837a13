"""A worker that joins a running test reads no order before the framework is there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.runners import WorkerRunner

from wireswarm.plugin.joining import ATTACHED, wait_until_attached


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(WorkerRunner, "handle_message", lambda self, msg: found.append(msg.type))
    wait_until_attached.__wrapped__()
    return found


def messages(runner: Any, *types: str) -> gevent.Greenlet[..., Any]:
    """Messages that are read one after the other, as by Locust's worker."""

    def read() -> None:
        for kind in types:
            WorkerRunner.handle_message(runner, SimpleNamespace(type=kind))  # type: ignore[arg-type]

    reader = gevent.spawn(read)
    gevent.sleep(0.02)
    return reader


def test_orders_wait_and_keep_their_order(handled: list[str]) -> None:
    runner = SimpleNamespace(environment=SimpleNamespace())
    reader = messages(runner, "ack", "spawn", "wireswarm-arrivals-plan", "quit")
    assert handled == ["ack"], "without which the runner would not be made"
    setattr(runner.environment, ATTACHED, True)
    reader.get(timeout=5)
    assert handled == ["ack", "spawn", "wireswarm-arrivals-plan", "quit"]


def test_once_it_is_there_nothing_waits(handled: list[str]) -> None:
    runner = SimpleNamespace(environment=SimpleNamespace(**{ATTACHED: True}))
    assert messages(runner, "spawn").dead
    assert handled == ["spawn"]
