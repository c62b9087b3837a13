"""What an Engine.IO connection and its transports know of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wireswarm.net.http import Connect
from wireswarm.net.route import Route
from wireswarm.sample import Failure, Reason

SILENT: Final = Failure(Reason.DEADLINE, "the server was silent for longer than its ping interval and timeout")
"""Why a connection ends on which the server has not even pinged."""


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """Everything that must be known to open an Engine.IO connection."""

    route: Route
    target: str
    """Path and query, up to and including `transport=`."""
    fields: bytes
    """The field lines of every HTTP request, `Host` included."""
    transports: tuple[str, ...]
    """`websocket`, `polling`, or `polling` and `websocket` for an upgrade."""
    connect: Connect
    """Makes the HTTP connections of polling."""


class Receiver(Protocol):
    """Gets what a transport receives; called by the event loop or a greenlet of the transport, and must not wait.

    `stamp` is the kernel's receive stamp in ns, 0 where there is none, and `read` the program's clock. A
    RemoteProtocolError that a call raises ends the connection.
    """

    def text(self, packet: bytes, stamp: int, read: int) -> None:
        """A packet of text."""

    def binary(self, data: bytes, stamp: int, read: int) -> None:
        """A binary message."""

    def lost(self, failure: Failure) -> None:
        """The connection has ended, and not by `Transport.close`. Nothing more comes."""

    def cleared(self) -> None:
        """There is room again for what is to be sent."""


class Transport(Protocol):
    """One way of carrying Engine.IO packets."""

    name: str
    heard: float
    """When something was received last, in seconds of the monotonic clock."""

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        """Send a packet of text, and binary messages right behind it, without waiting.

        Returns:
            Whether there is room for more; if not, `Receiver.cleared` will tell.
        """

    def look(self) -> None:
        """Read what has arrived and was not seen yet."""

    def close(self, packets: Sequence[bytes] | None = None) -> None:
        """Send these packets and say goodbye, without waiting. None: close the connection at once."""
