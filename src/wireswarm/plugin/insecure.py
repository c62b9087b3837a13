"""Who does not verify certificates is named before the run and at its end: such a run has not tested its target's TLS.

What is declared can be seen; a client that a task makes for itself, or `self.client.verify = False` of a stock
`HttpUser`, cannot.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from locust import FastHttpUser, User
from locust.env import Environment
from locust.runners import WorkerRunner

from wireswarm.users import WireUser

logger = logging.getLogger(__name__)
# Locust's own logger for the tables at the end: no time and no name before the text.
console = logging.getLogger("locust.stats_logger")


def insecure_clients(user_classes: Iterable[type[User]], host: str | None = None) -> list[str]:
    """The clients that let anybody answer in an https server's place, such as `ApiUser.client`.

    Ours are named wherever `insecure=True` says so: a redirect may lead an http client to https. Locust's
    `FastHttpUser` verifies nothing unless it is told to, and is named where its host is https.

    Args:
        user_classes: the classes of a run.
        host: that all of them are given, as by `--host`.
    """
    names: list[str] = []
    for cls in user_classes:
        if issubclass(cls, WireUser):
            insecure = [client for client in cls.clients() if client.resolve_tls(cls).insecure]
            names += [f"{cls.__name__}.{name}" for name in _names(cls, insecure)]
        elif issubclass(cls, FastHttpUser) and cls.insecure and (host or cls.host or "").lower().startswith("https:"):
            names.append(f"{cls.__name__}.client")
    return names


def install_insecure(environment: Environment) -> None:
    """Name them for that environment, on the master for all workers."""
    if not isinstance(environment.runner, WorkerRunner):
        _Insecure(environment)


class _Insecure:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._names: list[str] = []
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.quit.add_listener(self._on_quit)

    def _on_test_start(self, **_kwargs: Any) -> None:
        environment = self._environment
        self._names = insecure_clients(environment.user_classes, environment.host)
        if self._names:
            logger.warning("%s", describe_insecure(self._names))

    def _on_quit(self, **_kwargs: Any) -> None:
        if self._names:
            console.info(describe_insecure(self._names))


def describe_insecure(names: Iterable[str]) -> str:
    """The line about those clients."""
    return f"TLS certificates are not verified by {', '.join(names)}: anybody can answer in the target's place."


def _names(cls: type[WireUser], clients: Iterable[object]) -> list[str]:
    wanted = {id(client) for client in clients}
    found = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    return [name for name, value in found.items() if id(value) in wanted]
