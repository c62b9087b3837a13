"""Socket.IO 5 by python-socketio, made to keep to the protocol where that library does not, counted and with faults.

The library answers an unknown namespace in its own words, goes on after packets that are none, and takes a text for a
binary attachment. Its managing of namespaces and its packets are used; what a packet leads to is decided here.
See https://github.com/socketio/socket.io/tree/main/docs/socket.io-protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import socketio  # type: ignore[import-untyped]
from socketio.packet import (  # type: ignore[import-untyped]
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
)
from starlette.types import Receive, Scope, Send

from wireswarm.target.counters import OTHER, Count, Counters
from wireswarm.target.engine import EngineServer, silent_logger
from wireswarm.target.engine_session import ProtocolError
from wireswarm.target.faults import Fate, Faults
from wireswarm.target.listeners import INJECTED, Listener, Listeners
from wireswarm.target.settings import TargetSettings

MAX_ATTACHMENTS = 64
"""Binary attachments that an event may have."""

_RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


class Sockets:
    """Everything that is not plain HTTP, as an ASGI application: Socket.IO, and raw Engine.IO that echoes."""

    def __init__(self, listeners: Listeners, counters: Counters, faults: Faults, settings: TargetSettings) -> None:
        pings = {"ping_interval": settings.sio_ping_interval, "ping_timeout": settings.sio_ping_timeout}
        self._socketio = _SocketServer(listeners, counters, faults, settings.sio_connect_timeout, **pings)
        self._raw = EngineServer(**pings)
        self._raw.on("message", self._raw.send)
        self._raw.on("disconnect", _ignore_end)
        self._servers: dict[str, EngineServer] = {"/socket.io": self._socketio.eio, "/engine.io": self._raw}

    def serves(self, scope: Scope) -> bool:
        """Whether the request is one of these."""
        return scope["path"].rstrip("/") in self._servers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that `serves` says yes to."""
        await self._servers[scope["path"].rstrip("/")].handle_request(scope, receive, send)

    async def close(self) -> None:
        """Close every connection, and drop the events that still wait."""
        self._socketio.drop_waiting()
        for server in self._servers.values():
            await server.close_all()


async def _ignore_end(_sid: str, _reason: str) -> None:
    pass


class _Client:
    """See `wireswarm.target.listeners.Client`."""

    __slots__ = ("_eio_sid", "_server", "cookies", "namespace", "sid")

    def __init__(self, server: _SocketServer, eio_sid: str, sid: str, namespace: str) -> None:
        self._server = server
        self._eio_sid = eio_sid
        self.sid = sid
        self.namespace = namespace
        self.cookies: Mapping[str, str] = _cookies(server.environ[eio_sid].get("HTTP_COOKIE", ""))

    async def emit(self, event: str, *values: object) -> None:
        await self.send(EVENT, [event, *values])

    async def disconnect(self) -> None:
        await self._server.disconnect(self.sid, self.namespace)

    async def send(self, kind: int, data: list[object], number: int | None = None) -> None:
        if self._server.manager.is_connected(self.sid, self.namespace):
            await self._server._send_packet(self._eio_sid, Packet(kind, data, self.namespace, number))

    @property
    def here(self) -> bool:
        return self._eio_sid in self._server.eio.sockets


class _Call:
    """See `wireswarm.target.listeners.Call`."""

    __slots__ = ("_number", "client", "values")

    def __init__(self, client: _Client, number: int | None, values: tuple[object, ...]) -> None:
        self.client = client
        self.values = values
        self._number = number

    async def ack(self, *values: object) -> None:
        number, self._number = self._number, None
        if number is not None:
            await self.client.send(ACK, list(values), number)


class _Manager(socketio.AsyncManager):  # type: ignore[misc]
    """Knows who is in a namespace. There are no rooms: the library would look for a leaving client in everybody's."""

    def basic_disconnect(self, sid: str, namespace: str, **_: object) -> None:
        for room in (None, sid):
            self.basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)


class _SocketServer(socketio.AsyncServer):  # type: ignore[misc]
    """Leads the packets of all clients to the listeners."""

    def __init__(
        self, listeners: Listeners, counters: Counters, faults: Faults, connect_timeout: float, **options: float
    ) -> None:
        super().__init__(client_manager=_Manager(), logger=silent_logger(), **options)
        self._listeners = listeners
        self._counters = counters
        self._faults = faults
        self._connect_timeout = connect_timeout
        self._clients: dict[str, _Client] = {}
        self._unconnected: dict[str, asyncio.TimerHandle] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    def drop_waiting(self) -> None:
        """Forget the events that wait for their latency."""
        for task in self._waiting:
            task.cancel()

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        loop = asyncio.get_running_loop()
        self._unconnected[eio_sid] = loop.call_later(self._connect_timeout, self._give_up, eio_sid)

    def _give_up(self, eio_sid: str) -> None:
        self._spawn(self.eio.sockets[eio_sid].close(), self._closing)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._connected(eio_sid)
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._binary_packet.pop(eio_sid, None)

    def _connected(self, eio_sid: str) -> None:
        if timer := self._unconnected.pop(eio_sid, None):
            timer.cancel()

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        packet = self._binary_packet.pop(eio_sid, None)
        if isinstance(data, bytes):
            packet = _attached(packet, data)
        elif packet is None:
            packet = _decode(data)
        else:
            raise ProtocolError
        if packet.attachment_count > len(packet.attachments):
            self._binary_packet[eio_sid] = packet
            return
        try:
            await self._act(eio_sid, packet)
        except RecursionError:
            # What was just not too deep to be read can be too deep to be sent back.
            raise ProtocolError from None

    async def _act(self, eio_sid: str, packet: Packet) -> None:
        namespace = packet.namespace or "/"
        if packet.packet_type == CONNECT:
            await self._handle_connect(eio_sid, namespace, packet.data)
        elif packet.packet_type == DISCONNECT:
            await self._handle_disconnect(eio_sid, namespace, self.reason.CLIENT_DISCONNECT)
        elif packet.packet_type in {EVENT, BINARY_EVENT}:
            await self._handle_event(eio_sid, namespace, packet.id, packet.data)
        # The target asks for no acknowledgements, and one that comes nevertheless says nothing to it.

    async def _handle_connect(self, eio_sid: str, namespace: str, data: object) -> None:
        self._connected(eio_sid)
        if not self._listeners.has_namespace(namespace):
            count = self._counters.receive(_counted_as("/", OTHER))
            await self._refuse(eio_sid, namespace, "Invalid namespace")
            count.answered += 1
            return
        count = self._counters.receive(_counted_as(namespace, "connect"))
        fate = self._faults.draw()
        await self._meet(fate, self._accept(eio_sid, namespace, data, fate.fails, count))

    async def _accept(self, eio_sid: str, namespace: str, data: object, fails: bool, count: Count) -> None:
        if eio_sid not in self.environ:
            return
        sid = None if fails else await self.manager.pre_connect(eio_sid, namespace)
        count.answered += 1
        if sid is None:
            await self._refuse(eio_sid, namespace, INJECTED.message if fails else "Already connected")
            return
        client = self._clients[sid] = _Client(self, eio_sid, sid, namespace)
        await self.manager.connect(sid, namespace)
        await self._send_packet(eio_sid, Packet(CONNECT, {"sid": sid}, namespace))
        await self._listeners.connected(client, data)

    async def _refuse(self, eio_sid: str, namespace: str, message: str) -> None:
        await self._send_packet(eio_sid, Packet(CONNECT_ERROR, {"message": message}, namespace))

    async def _trigger_event(self, event: str, _namespace: str, *args: Any) -> None:
        # The library calls it for nothing but ends, now that connects and events go their own way.
        if event == "disconnect" and (client := self._clients.pop(args[0], None)):
            self._listeners.left(client)

    async def _handle_event(self, eio_sid: str, namespace: str, id: int | None, data: list[Any]) -> None:  # noqa: A002
        client = self._clients.get(self.manager.sid_from_eio_sid(eio_sid, namespace))
        if client is None:
            # As the library does: it may be under way since before the client was told that it is disconnected.
            return
        name, *values = data
        listener = self._listeners.find(namespace, name)
        count = self._counters.receive(_counted_as(namespace, name if listener else OTHER))
        if listener:
            fate = self._faults.draw()
            await self._meet(fate, _answer(listener, _Call(client, id, tuple(values)), fate.fails, count))

    async def _meet(self, fate: Fate, coroutine: Coroutine[Any, Any, None]) -> None:
        if fate.delay > 0:
            # Not here: the client's other packets do not wait for it.
            self._spawn(_late(fate.delay, coroutine), self._waiting)
        else:
            await coroutine

    def _spawn(self, coroutine: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.ensure_future(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _late(delay: float, coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.sleep(delay)
    except asyncio.CancelledError:
        coroutine.close()
        raise
    await coroutine


async def _answer(listener: Listener, call: _Call, fails: bool, count: Count) -> None:
    await (listener.fail if fails else listener.handle)(call)
    # As the library does for a handler that returns nothing.
    await call.ack()
    count.answered += call.client.here


def _counted_as(namespace: str, event: str) -> str:
    return f"SIO {event}" if namespace == "/" else f"SIO {namespace} {event}"


def _decode(data: str) -> Packet:
    # The library takes what is no digit after the type for the data, and counts attachments of any packet.
    try:
        packet = Packet(encoded_packet=data)
    except (ValueError, RecursionError):
        raise ProtocolError from None
    binary = packet.packet_type in {BINARY_EVENT, BINARY_ACK}
    if not _fits(packet) or packet.attachment_count > (MAX_ATTACHMENTS if binary else 0):
        raise ProtocolError
    return packet


def _fits(packet: Packet) -> bool:
    kind, data = packet.packet_type, packet.data
    if kind == CONNECT:
        return data is None or isinstance(data, dict)
    if kind == DISCONNECT:
        return data is None
    if kind in {EVENT, BINARY_EVENT}:
        return isinstance(data, list) and bool(data) and isinstance(data[0], str) and data[0] not in _RESERVED
    return kind in {ACK, BINARY_ACK} and isinstance(data, list) and packet.id is not None


def _attached(packet: Packet | None, data: bytes) -> Packet:
    if packet is None:
        raise ProtocolError
    try:
        packet.add_attachment(data)
    except (IndexError, TypeError):
        raise ProtocolError from None
    return packet


def _cookies(value: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(value).items()}
    except CookieError:
        return {}
