"""What a system under test is to the target: its routes, its part of `/health`, and state that can be reset."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from starlette.routing import BaseRoute

from wireswarm.target.counters import Operations
from wireswarm.target.listeners import Listeners
from wireswarm.target.settings import TargetSettings
from wireswarm.target.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Context:
    """What every system is built with."""

    settings: TargetSettings
    tokens: Tokens
    """Issues and checks JWTs."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    listeners: Listeners = field(default_factory=Listeners)
    """Where a system's constructor enters what it does on Socket.IO events; most do nothing."""
    operations: Operations = field(default_factory=Operations)
    """Where a system counts what one endpoint of it does many of."""


class System(Protocol):
    """One system under test. Its constructor takes a `Context`, and `wireswarm.target.app.SYSTEMS` lists it."""

    def routes(self) -> Sequence[BaseRoute]:
        """The routes. An endpoint that is no function is called as an ASGI application, which is the fast way."""

    def health(self) -> Mapping[str, object]:
        """What it adds to the answer of `GET /health`."""

    def reset(self) -> None:
        """Forget everything that requests have changed."""
