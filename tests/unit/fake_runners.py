"""Masters and workers without a socket, whose messages are written down, and time that passes by being slept."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.pool import Group
from locust.env import Environment
from locust.runners import STATE_RUNNING, MasterRunner, WorkerNode, WorkerNodes, WorkerRunner


class FakeMaster(MasterRunner):
    """A master with workers of so many users each."""

    def __init__(self, environment: Environment, **users: int) -> None:
        self.environment = environment
        environment.runner = self
        self.greenlet = Group()
        self.custom_messages = {}
        self.clients = WorkerNodes()
        self.target_user_count = sum(users.values())
        self.sent: list[tuple[str, str | None]] = []
        for name, count in users.items():
            self.clients[name] = WorkerNode(name, state=STATE_RUNNING)
            self.clients[name].user_classes_count = {"Visitor": count}

    def __del__(self) -> None: ...

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((msg_type, client_id))

    def hear(self, message: str, node_id: str, data: Any = None) -> None:
        """A worker's message arrives."""
        self.custom_messages[message][0](msg=SimpleNamespace(node_id=node_id, data=data))


class FakeWorker(WorkerRunner):
    """A worker in the middle of a test."""

    user_classes_count = {"Visitor": 3}  # type: ignore[assignment]  # noqa: RUF012 - in place of a property

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        environment.runner = self
        self.client_id = "me"
        self.greenlet = self.user_greenlets = Group()
        self.custom_messages = {}
        self.worker_state = STATE_RUNNING
        self.sent: list[tuple[str, Any]] = []
        self.has_quit = False

    def __del__(self) -> None: ...

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((msg_type, data))

    def hear(self, message: str, data: Any = None) -> None:
        """A message of the master's arrives."""
        self.custom_messages[message][0](msg=SimpleNamespace(data=data))

    def quit(self) -> None:
        self.has_quit = True


class SleptTime:
    """Stands in for `gevent` and `time` of a module: what it sleeps passes at once, and tells the test's function."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timer: Callable[[], None] | None = None
        self.on_sleep: Callable[[], None] = lambda: None
        self.until = 1e9
        """From when on sleepers sleep for good."""

    def install(self, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
        """Put it into a module."""
        loop = SimpleNamespace(timer=self._timer, MAXPRI=0)
        fake = SimpleNamespace(spawn=gevent.spawn, sleep=self.sleep, get_hub=lambda: SimpleNamespace(loop=loop))
        monkeypatch.setattr(module, "gevent", fake)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def sleep(self, seconds: float) -> None:
        """See `gevent.sleep`."""
        self.now += seconds
        self.on_sleep()
        if self.now >= self.until:
            gevent.sleep(1e6)
        gevent.sleep(0)

    def _timer(self, *_: Any, **__: Any) -> Any:
        def start(callback: Callable[[], None]) -> None:
            self.timer = callback

        return SimpleNamespace(start=start)


def settle() -> None:
    """Let greenlets go on until all of them wait."""
    for _ in range(500):
        gevent.sleep(0)
