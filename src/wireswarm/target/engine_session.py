"""A session of Engine.IO 4: what waits to be sent, its heartbeat, and its transport."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from engineio.packet import CLOSE, MESSAGE, NOOP, PING, PONG, Packet  # type: ignore[import-untyped]
from starlette.types import Receive

from wireswarm.target.answers import ClientLeft, Refusal, read_body

MAX_PAYLOAD = 1_000_000
"""Bytes that a request's body or a WebSocket message may have, as in the reference implementation."""

UPGRADE_TIMEOUT = 10.0
"""Seconds that a WebSocket gets to take a session over, as in the reference implementation."""

SEPARATOR = "\x1e"
"""Between the packets of one body."""


class ProtocolError(Exception):
    """The client broke the protocol; its session is closed."""


class EngineSession:
    """One session: what waits to be sent, its heartbeat, and its transport.

    Whoever sends appends to the buffer; a poll or the WebSocket's writer, of which there is one at most, takes from it.
    """

    def __init__(self, server: Any, sid: str) -> None:
        self.server = server
        self.sid = sid
        self.connected = False
        """Whether it can be polled: its handshake is done."""
        self.upgrading = False
        """Whether a WebSocket is about to take it over."""
        self.upgraded = False
        """Whether it is a WebSocket's."""
        self.closed = False
        self.writer: asyncio.Task[None] | None = None
        """Sends to the WebSocket, and ends after the session."""
        self._loop = asyncio.get_running_loop()
        self._buffer: list[Packet] = []
        self._waiting: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._posting = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def overdue(self) -> bool:
        """Whether its pong is, although its timer may not have run yet."""
        return self._loop.time() >= self._deadline

    async def send(self, pkt: Packet) -> None:
        """Send a packet; nothing when the session is closed."""
        if not self.closed:
            self._put(pkt)

    def take(self) -> list[Packet]:
        """What waits to be sent."""
        packets, self._buffer = self._buffer, []
        return packets

    def _put(self, packet: Packet) -> None:
        self._buffer.append(packet)
        self._wake()

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait_for_packets(self, receive: Receive) -> list[Packet]:
        """What is to answer a poll: packets as soon as there are some, or a no-op to end it.

        Raises:
            ProtocolError: A poll was waiting already; the session is closed.
            ClientLeft: The client did.
        """
        if self._waiting:
            await self.close(reason=self.server.reason.TRANSPORT_ERROR)
            raise ProtocolError
        if self.upgrading:
            return [Packet(NOOP)]
        if not self._buffer:
            self._waiting = self._loop.create_future()
            left = asyncio.ensure_future(receive())
            try:
                await asyncio.wait((self._waiting, left), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone, self._waiting = left.done(), None
                left.cancel()
            if gone:
                raise ClientLeft
            if self.upgrading:
                return [Packet(NOOP)]
        return self.take() or [Packet(NOOP)]

    async def take_body(self, receive: Receive) -> None:
        """Receive the packets in the body of a POST, in order.

        Raises:
            ProtocolError: They are none, or another POST is being received; the session is closed.
            Refusal: They are too long; the session is closed.
            ClientLeft: The client left before the end of the body.
        """
        try:
            if self._posting:
                raise ProtocolError
            self._posting = True
            try:
                body = await read_body(receive, MAX_PAYLOAD)
            finally:
                self._posting = False
            for packet in [_parse(encoded) for encoded in body.decode().split(SEPARATOR)]:
                await self.receive(packet)
        except (ProtocolError, Refusal, UnicodeDecodeError) as error:
            await self.close(reason=self.server.reason.TRANSPORT_ERROR)
            raise error if isinstance(error, Refusal) else ProtocolError from None

    async def receive(self, pkt: Packet) -> None:
        """Act on a packet.

        Raises:
            ProtocolError: A client does not send such a packet.
        """
        if self.closed:
            return
        if pkt.packet_type == MESSAGE:
            await self.server.handlers["message"](self.sid, pkt.data)
        elif pkt.packet_type == PONG:
            self.schedule_ping()
        elif pkt.packet_type == CLOSE:
            await self.close(abort=True, reason=self.server.reason.CLIENT_DISCONNECT)
        else:
            raise ProtocolError

    async def close(self, wait: bool = False, abort: bool = False, reason: str | None = None) -> None:
        """End the session. With `abort` the client is not told, except that its poll ends. It never waits."""
        if self.closed:
            return
        self.closed = True
        if self._timer:
            self._timer.cancel()
        if abort:
            self._buffer.clear()
        else:
            self._put(Packet(CLOSE))
        self._wake()
        self.server.sockets.pop(self.sid, None)
        await self.server.handlers["disconnect"](self.sid, reason or self.server.reason.SERVER_DISCONNECT)

    def schedule_ping(self) -> None:
        """Begin the heartbeat anew: a ping after the interval, and the end where no pong comes in time."""
        if self._timer:
            self._timer.cancel()
        due = self._loop.time() + self.server.ping_interval
        self._deadline = due + self.server.ping_timeout
        self._timer = self._loop.call_at(due, self._ping)

    def _ping(self) -> None:
        self._put(Packet(PING))
        self._timer = self._loop.call_at(self._deadline, self._expire)

    def _expire(self) -> None:
        # Kept, because the event loop would forget it.
        self._closing = asyncio.ensure_future(self.close(reason=self.server.reason.PING_TIMEOUT))

    async def serve(self, socket: Any) -> None:
        """Be the session of a WebSocket until its end; the library calls it once that is accepted."""
        if self.connected and not await self._upgrade(socket):
            return
        self.connected = self.upgraded = True
        self.writer = asyncio.ensure_future(self._write(socket))
        reason = self.server.reason.TRANSPORT_CLOSE
        try:
            while not self.closed:
                await self.receive(_parse(await socket.wait()))
        except OSError:
            pass
        except ProtocolError:
            reason = self.server.reason.TRANSPORT_ERROR
        finally:
            await self.close(abort=True, reason=reason)
            await self.writer

    async def _upgrade(self, socket: Any) -> bool:
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT):
                if await socket.wait() != "2probe":
                    return False
                self.upgrading = True
                self._wake()
                await socket.send("3probe")
                return bool(await socket.wait() == "5") and not self.closed
        # A timeout is one too.
        except OSError:
            return False
        finally:
            self.upgrading = False

    async def _write(self, socket: Any) -> None:
        try:
            while True:
                for packet in self.take():
                    await socket.send(packet.encode())
                if self.closed and not self._buffer:
                    break
                if not self._buffer:
                    self._waiting = self._loop.create_future()
                    await self._waiting
        # What the server raises for a client that has left, and after it has itself closed for a broken frame.
        except (OSError, RuntimeError):
            pass
        await socket.close()


def _parse(encoded: str | bytes) -> Packet:
    # The library's own takes "4{}" for an object.
    if isinstance(encoded, bytes):
        return Packet(MESSAGE, encoded)
    kind, data = encoded[:1], encoded[1:]
    if kind == "b":
        try:
            return Packet(MESSAGE, base64.b64decode(data, validate=True))
        except ValueError:
            raise ProtocolError from None
    if kind not in {"0", "1", "2", "3", "4", "5", "6"}:
        raise ProtocolError
    return Packet(int(kind), data)
