"""Faults on purpose: latency, jitter and errors, drawn from a seeded random so that runs repeat; a limited capacity."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from wireswarm.target.answers import Refusal
from wireswarm.target.capacity import Server
from wireswarm.target.settings import TargetSettings


class Fate(NamedTuple):
    """What happens to one request."""

    delay: float
    """Seconds that it waits first."""
    fails: bool
    """Whether it then gets a 500 instead of taking effect."""


class Faults:
    """Draws the fate of one request after the other.

    Both numbers are drawn for every request, needed or not: changing one setting leaves the other's sequence as it was.
    """

    def __init__(self, settings: TargetSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin the sequence.

        Args:
            settings: the faults.
            clock: seconds, for the capacity.
        """
        self._clock = clock
        self._capacity = settings.capacity
        self._latency = settings.latency
        self._jitter = settings.jitter
        self._error_rate = settings.error_rate
        self._seed = settings.seed
        self.any = bool(settings.latency or settings.error_rate or settings.capacity)
        """Whether there are faults at all. (Jitter is never longer than the latency.)"""
        self.reset()

    def reset(self) -> None:
        """Begin the sequence anew, with nobody waiting."""
        self._server = Server(self._capacity) if self._capacity else None
        self._random = Random(self._seed)  # noqa: S311 - repeatable is what is wanted

    def draw(self) -> Fate:
        """The next request's fate. The wait is uniform in `latency` ± `jitter`, after its turn at the server."""
        wait, luck = self._random.random(), self._random.random()
        turn = 0.0 if self._server is None else self._server.take(self._clock())
        if turn is None:
            return Fate(0.0, fails=True)
        # random() is below 1, so that a rate of 1 always fails and a rate of 0 never does.
        return Fate(turn + self._latency + self._jitter * (2 * wait - 1), luck < self._error_rate)


class FaultMiddleware:
    """Lets every request meet its fate before `app` sees it, and so before it has any effect."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then fail or go on."""
        delay, fails = self._faults.draw()
        if delay > 0:
            try:
                await asyncio.sleep(delay)
            except asyncio.CancelledError:
                # The server ends and does not wait for it. Say so, instead of leaving the server with a traceback.
                await Refusal(503, "the target is shutting down").answer(send)
                return
        if fails:
            await Refusal(500, "injected error").answer(send)
        else:
            await self._app(scope, receive, send)
