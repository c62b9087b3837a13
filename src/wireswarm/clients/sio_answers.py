"""What comes over a Socket.IO connection, as those who wait for it get it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from wireswarm.net.waiting import Waiter


class Answer(NamedTuple):
    """What a wait ends with where it ends well."""

    values: list[Any]
    size: int
    """Bytes of the packet and its attachments."""
    stamp: int
    read: int

    def done(self, sent: int) -> int:
        """When it arrived: the kernel's stamp, unless that is another packet's or of a clock that was set."""
        return self.stamp if sent < self.stamp <= self.read else self.read


class Event(NamedTuple):
    """An event of the server."""

    namespace: str
    name: Any
    values: list[Any]
    id: int | None
    """To be acknowledged; None where it is not."""
    answer: Answer
    claimed: bool
    """Whether somebody waited for it."""


class Wait:
    """Somebody who waits for an event."""

    __slots__ = ("event", "match", "namespace", "waiter")

    def __init__(self, namespace: str, event: str, match: Callable[[Any], object] | None, waiter: Waiter) -> None:
        self.namespace = namespace
        self.event = event
        self.match = match
        self.waiter = waiter


def unpack(values: list[Any]) -> Any:
    """What a caller gets of an event's or acknowledgement's values: the one, a tuple of several, None for none."""
    return values[0] if len(values) == 1 else tuple(values) if values else None
