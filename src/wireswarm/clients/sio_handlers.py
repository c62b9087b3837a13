"""What a Socket.IO client does with the events that nobody waits for: handlers, and pushes that are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from wireswarm.clients.sio_answers import Event, unpack
from wireswarm.errors import UsageError
from wireswarm.sample import Failure, Reason, Sample

Handler = Callable[..., Any]
TimeUnit = Literal["s", "ms", "us", "ns"]

ANY: Final = "*"
"""Stands for every event of a namespace that has no handler of its own."""

_UNITS: Final[dict[str, int]] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FUTURE: Final = Failure(Reason.DECODE, "the push says that it was sent after it arrived")
_NO_TIME: Final = Failure(Reason.DECODE, "sent_at returned no number")


class Push(NamedTuple):
    """An event that carries the time of its sending."""

    sent_at: Callable[[Any], float | None]
    unit_ns: int

    def sample(self, type_: str, name: str, event: Event) -> Sample | None:
        """The measured push; None where it carries no time."""
        answer, failure = event.answer, None
        sent = done = answer.done(0)
        try:
            time = self.sent_at(unpack(event.values))
            if time is None:
                return None
            sent = time * self.unit_ns if isinstance(time, int) else round(time * self.unit_ns)
        except (TypeError, OverflowError, ValueError):
            failure = _NO_TIME
        except Exception as error:
            failure = Failure(Reason.DECODE, f"sent_at raised {type(error).__name__}")
        if sent > done:
            sent, failure = done, _FUTURE
        return Sample(type_, name, sent, done, answer.read, 0, answer.size, 0, failure)


class Handlers:
    """The handlers of one client, by namespace and event."""

    __slots__ = ("_handlers", "_pushes")

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, Any], Handler] = {}
        self._pushes: dict[tuple[str, Any], Push] = {}

    def copy(self) -> Handlers:
        """The same handlers, for another client."""
        other = Handlers()
        other._handlers.update(self._handlers)
        other._pushes.update(self._pushes)
        return other

    def add(self, namespace: str, event: str, handler: Handler) -> None:
        """Call a handler for an event, in place of the one that it may have had."""
        self._handlers[namespace, event] = handler

    def add_push(self, namespace: str, event: str, sent_at: Callable[[Any], float | None], unit: TimeUnit) -> None:
        """Measure an event.

        Raises:
            UsageError: the unit is none.
        """
        if unit not in _UNITS:
            raise UsageError(f"on_push: unit is one of {', '.join(_UNITS)}, not {unit!r}")
        self._pushes[namespace, event] = Push(sent_at, _UNITS[unit])

    def push(self, namespace: str, event: object) -> Push | None:
        """How an event is measured, if it is."""
        return self._pushes.get((namespace, event)) if self._pushes else None

    def own(self, namespace: str, event: str) -> Handler | None:
        """The handler of just that event."""
        return self._handlers.get((namespace, event))

    def find(self, namespace: str, event: object) -> tuple[Handler, bool] | None:
        """The handler for an event, and whether it is the one for any, which also gets the event's name."""
        handler = self._handlers.get((namespace, event))
        if handler is not None:
            return handler, False
        handler = self._handlers.get((namespace, ANY))
        return None if handler is None else (handler, True)
