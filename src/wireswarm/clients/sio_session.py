"""One Socket.IO connection from CONNECT to its end: what is expected of it, and who gets what arrives.

Everything here happens in the callback that reads the connection, or in the greenlet that sends; nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import orjson

from wireswarm.clients.sio_answers import Answer, Event, Wait, unpack
from wireswarm.errors import RemoteProtocolError
from wireswarm.net.engineio import Engine, EngineEvents
from wireswarm.net.waiting import Waiter
from wireswarm.sample import Failure, Reason
from wireswarm.wire.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Assembly,
    Packet,
    decode,
    encode_connect,
    encode_disconnect,
    prefix_of,
)

MAX_EARLY: Final = 1000
"""So many events are kept that come before the server has accepted their namespace."""
MAX_REFUSAL: Final = 200
"""At most so many characters of a server's refusal are shown."""

DISCONNECTED: Final = Failure(Reason.CLOSED, "disconnected by the server")
"""The server has sent the client away, which is no reason to come back."""

_ENDED: Final = Failure(Reason.CLOSED, "the client has disconnected")


class Listener(Protocol):
    """Whoever the session belongs to."""

    def on_event(self, session: Session, event: Event) -> None:
        """An event came."""

    def on_lost(self, session: Session, namespaces: Iterable[str], failure: Failure, *, missed: bool) -> None:
        """Namespaces that were connected are no longer, and not by `Session.close`.

        Args:
            session: this one; it has no namespace left where all are lost.
            namespaces: those that were lost.
            failure: why.
            missed: whether nobody was waiting for anything in them, who would have been told.
        """

    def on_alive(self, session: Session) -> None:
        """A moment to do what must be done now and then."""


class Session:
    """See `EngineEvents`, which it implements. `namespaces` has what is connected, with the ids of the session there.

    A wait ends with an `Answer`, with the `Failure` that makes it futile, or with an exception of its `match`.
    """

    __slots__ = (
        "_assembly",
        "_connecting",
        "_early",
        "_listener",
        "_next_id",
        "_outstanding",
        "_pending",
        "_waits",
        "engine",
        "failure",
        "is_engaged",
        "namespaces",
        "received",
        "sent",
    )

    def __init__(self, listener: Listener, make_engine: Callable[[EngineEvents], Engine]) -> None:
        self._listener = listener
        self.engine = make_engine(self)
        self.namespaces: dict[str, str] = {}
        self.failure: Failure | None = None
        """Why it has ended; None while it has not."""
        self.is_engaged = False
        """Whether somebody is sending who will see by himself that the connection is lost."""
        self.sent = 0
        """Bytes of packets sent, since somebody last took note and set it to 0."""
        self.received = 0
        """Bytes of packets received, in the same way."""
        self._pending: dict[bytes, Waiter] = {}
        self._waits: list[Wait] | None = None
        self._connecting: Waiter | None = None
        self._outstanding: set[str] | None = None
        self._early: list[tuple[Packet, int, int, int]] | None = None
        self._assembly: Assembly | None = None
        self._next_id = 0

    def connect(self, namespaces: Sequence[str], auth: object, waiter: Waiter) -> None:
        """Ask for namespaces. The wait ends when the server has accepted all of them, or refused one."""
        self._outstanding = set(namespaces)
        self._connecting = waiter
        for namespace in namespaces:
            self.send(encode_connect(prefix_of(namespace), auth))

    def connected(self) -> None:
        """The connect is over, and was a success."""
        self._connecting = self._outstanding = self._early = None

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        """Send without waiting. Whether there is room for more."""
        self.sent += len(packet)
        if attachments:
            self.sent += sum(map(len, attachments))
        return self.engine.send(packet, attachments)

    def expect_ack(self, prefix: bytes, waiter: Waiter) -> tuple[bytes, bytes]:
        """Have a wait end with an acknowledgement. On the hot path (`bench/socketio_emits.py`).

        Returns:
            The id to send, and the key to `forget_ack` with.
        """
        id_ = b"%d" % self._next_id
        self._next_id += 1
        key = prefix + id_
        self._pending[key] = waiter
        return id_, key

    def forget_ack(self, key: bytes) -> None:
        """Nobody waits for it any more."""
        self._pending.pop(key, None)

    def expect_event(self, wait: Wait) -> None:
        """Have a wait end with an event: the next one that fits, and that no older wait has got."""
        if self._waits is None:
            self._waits = []
        self._waits.append(wait)

    def forget_event(self, wait: Wait) -> None:
        """Nobody waits for it any more."""
        if self._waits is not None and wait in self._waits:
            self._waits.remove(wait)
            self._waits = self._waits or None

    def close(self) -> None:
        """Disconnect from every namespace and end the connection, in good order and without waiting."""
        if self.failure is not None:
            return
        self.failure = _ENDED
        farewell = [encode_disconnect(prefix_of(namespace)) for namespace in self.namespaces]
        self.namespaces = {}
        self.engine.close(farewell)
        for waiter in self._take_waiters(None):
            waiter.deliver(_ENDED)

    # What the connection calls: see `EngineEvents`.

    def message(self, packet: bytes, stamp: int, read: int) -> None:
        """See `EngineEvents.message`. On the hot path."""
        size = len(packet)
        self.received += size
        if self._assembly is not None:
            raise RemoteProtocolError("a Socket.IO packet comes before the attachments of the one before it")
        if packet[1:2] == b"3":
            # An acknowledgement is mostly one that somebody waits for: its key is what it has before its data.
            start = packet.find(b"[")
            waiter = self._pending.get(packet[2:start]) if start > 0 else None
            if waiter is not None:
                try:
                    values = orjson.loads(packet[start:])
                except orjson.JSONDecodeError:
                    raise RemoteProtocolError("a Socket.IO packet's data is not JSON") from None
                del self._pending[packet[2:start]]
                waiter.deliver(Answer(values, size, stamp, read))
                return
        decoded = decode(packet)
        if decoded.attachments:
            self._assembly = Assembly(decoded, size)
        else:
            self._packet(decoded, size, stamp, read)

    def attachment(self, data: bytes, stamp: int, read: int) -> None:
        """See `EngineEvents.attachment`."""
        self.received += len(data)
        assembly = self._assembly
        if assembly is None:
            raise RemoteProtocolError("a binary message belongs to no Socket.IO packet")
        packet = assembly.add(data)
        if packet is not None:
            self._assembly = None
            self._packet(packet, assembly.size, stamp, read)

    def alive(self) -> None:
        """See `EngineEvents.alive`."""
        self._listener.on_alive(self)

    def lost(self, failure: Failure) -> None:
        """See `EngineEvents.lost`."""
        if self.failure is None:
            self.failure = failure
            self._lose(list(self.namespaces), failure)

    def _packet(self, packet: Packet, size: int, stamp: int, read: int) -> None:
        kind, namespace = packet.type, packet.namespace
        if kind == CONNECT:
            self._accepted(packet, size, stamp, read)
        elif kind == CONNECT_ERROR:
            self._refused(packet)
        elif namespace not in self.namespaces:
            self._keep(packet, size, stamp, read)
        elif kind == EVENT:
            self._event(packet, Answer(packet.data[1:], size, stamp, read))
        elif kind == ACK and packet.id is not None:
            waiter = self._pending.pop(prefix_of(namespace) + b"%d" % packet.id, None)
            if waiter is not None:  # else one whose call was given up
                waiter.deliver(Answer(packet.data, size, stamp, read))
        elif kind == DISCONNECT:
            self._dismissed(namespace)

    def _accepted(self, packet: Packet, size: int, stamp: int, read: int) -> None:
        waiter, outstanding, namespace = self._connecting, self._outstanding, packet.namespace
        if outstanding is None or namespace not in outstanding:
            raise RemoteProtocolError("the server accepts a namespace that was not asked for")
        outstanding.discard(namespace)
        self.namespaces[namespace] = packet.data["sid"]
        # Taken first: whoever waits goes on at once, and declares the connect to be over.
        early, self._early = self._early, None
        if not outstanding and waiter is not None:
            waiter.deliver(Answer([], size, stamp, read))
        for kept in early or ():
            self._packet(*kept)

    def _refused(self, packet: Packet) -> None:
        if self._connecting is None or self._outstanding is None or packet.namespace not in self._outstanding:
            raise RemoteProtocolError("the server refuses a namespace that was not asked for")
        message = packet.data.get("message") if isinstance(packet.data, dict) else packet.data
        text = message.partition("\n")[0][:MAX_REFUSAL] if isinstance(message, str) else ""
        what = "namespace refused" if packet.namespace == "/" else f"namespace {packet.namespace} refused"
        self._connecting.deliver(Failure(Reason.CONNECT_ERROR, f"{what}: {text}" if text else what))

    def _keep(self, packet: Packet, size: int, stamp: int, read: int) -> None:
        # A server may speak in a namespace before its word that the client is in; the official client keeps that, too.
        if packet.type == EVENT and self._outstanding is not None and packet.namespace in self._outstanding:
            if self._early is None:
                self._early = []
            if len(self._early) < MAX_EARLY:
                self._early.append((packet, size, stamp, read))
        elif packet.type == DISCONNECT and self._outstanding is not None and self._connecting is not None:
            self._connecting.deliver(DISCONNECTED)

    def _event(self, packet: Packet, answer: Answer) -> None:
        name, claimed = packet.data[0], False
        for wait in self._waits or ():
            if wait.event != name or wait.namespace != packet.namespace:
                continue
            try:
                claimed = wait.match is None or bool(wait.match(unpack(answer.values)))
                found: Answer | Exception = answer
            except Exception as error:
                claimed, found = True, error  # whoever wrote it hears of it
            if claimed:
                self.forget_event(wait)
                break
        # First what is to be done with it, since whoever waits for it goes on at once, and may disconnect.
        self._listener.on_event(self, Event(packet.namespace, name, answer.values, packet.id, answer, claimed))
        if claimed:
            wait.waiter.deliver(found)

    def _dismissed(self, namespace: str) -> None:
        del self.namespaces[namespace]
        if not self.namespaces:
            self.failure = DISCONNECTED
            self.engine.close([])
        self._lose([namespace], DISCONNECTED)

    def _lose(self, namespaces: list[str], failure: Failure) -> None:
        waiters = self._take_waiters(None if self.failure is not None else namespaces[0])
        if self.failure is not None:
            self.namespaces = {}
        # First the state of the client, since whoever waits goes on at once, and may connect again.
        if namespaces and self._connecting is None:
            self._listener.on_lost(self, namespaces, failure, missed=not waiters and not self.is_engaged)
        for waiter in waiters:
            waiter.deliver(failure)

    def _take_waiters(self, namespace: str | None) -> list[Waiter]:
        # Of a namespace, or all of them; nobody will deliver to them any more but the caller.
        prefix = None if namespace is None else prefix_of(namespace)
        keys = [key for key in self._pending if prefix is None or _prefix(key) == prefix]
        waits = [wait for wait in self._waits or () if namespace is None or wait.namespace == namespace]
        for wait in waits:
            self.forget_event(wait)
        connecting = [] if self._connecting is None else [self._connecting]
        return [*(self._pending.pop(key) for key in keys), *(wait.waiter for wait in waits), *connecting]


def _prefix(key: bytes) -> bytes:
    return key[: key.rfind(b",") + 1]
