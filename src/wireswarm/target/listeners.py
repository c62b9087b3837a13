"""What listens to Socket.IO events: the registry that systems enter their handlers in, and the calls handlers get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

Handle = Callable[["Call"], Awaitable[None]]
"""Answers one event."""

Connected = Callable[["Client", object], Awaitable[bool]]
"""Greets a client, given the payload of its CONNECT; False leaves it to the next one."""

Left = Callable[["Client"], object]
"""Takes notice of a client's end."""


class Client(Protocol):
    """One client in one namespace."""

    @property
    def namespace(self) -> str:
        """Where it is connected."""

    @property
    def cookies(self) -> Mapping[str, str]:
        """Cookies of the request that opened its connection."""

    async def emit(self, event: str, *values: object) -> None:
        """Send it an event; nothing when it has left."""

    async def disconnect(self) -> None:
        """Disconnect it from its namespace."""


class Call(Protocol):
    """One event of a client."""

    @property
    def client(self) -> Client:
        """Who sent it."""

    @property
    def values(self) -> tuple[object, ...]:
        """What was sent with it."""

    async def ack(self, *values: object) -> None:
        """Acknowledge it, once; nothing when no acknowledgement was asked for."""


class Listener(NamedTuple):
    """What an event is answered by."""

    handle: Handle
    fail: Handle
    """Answers it when an error is injected."""


async def fail_by_error(call: Call) -> None:
    """Acknowledge with an error, and send an event `error`."""
    await call.ack({"error": INJECTED.message})
    await call.client.emit("error", INJECTED.event())


class Problem(NamedTuple):
    """An error as clients are told of it."""

    code: str
    message: str

    def event(self) -> dict[str, str]:
        """The payload of an event `error`."""
        return {"code": self.code, "message": self.message}


INJECTED = Problem("INJECTED_ERROR", "injected error")


class Listeners:
    """The handlers of all systems, by namespace and event. Greetings are tried in the order in which they came."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Listener] = {}
        self._connected: dict[str, list[Connected]] = {}
        self._left: dict[str, list[Left]] = {}

    def on(self, event: str, handle: Handle, *, namespace: str = "/", fail: Handle = fail_by_error) -> None:
        """Answer an event.

        Raises:
            ValueError: The event has an answer already.
        """
        if (namespace, event) in self._events:
            raise ValueError(f"two systems answer the event {event} of {namespace}")
        self._events[namespace, event] = Listener(handle, fail)

    def on_connect(self, connected: Connected, *, namespace: str = "/") -> None:
        """Have a namespace, and greet its clients."""
        self._connected.setdefault(namespace, []).append(connected)

    def on_disconnect(self, left: Left, *, namespace: str = "/") -> None:
        """Take notice of clients that left."""
        self._left.setdefault(namespace, []).append(left)

    def has_namespace(self, namespace: str) -> bool:
        """Whether clients can connect to it."""
        return namespace in self._connected

    def find(self, namespace: str, event: str) -> Listener | None:
        """What answers the event."""
        return self._events.get((namespace, event))

    async def connected(self, client: Client, payload: object) -> None:
        """Have a new client greeted."""
        for connected in self._connected[client.namespace]:
            if await connected(client, payload):
                return

    def left(self, client: Client) -> None:
        """Tell that a client has left."""
        for left in self._left.get(client.namespace, ()):
            left(client)
