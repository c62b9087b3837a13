"""An Engine.IO 4 connection: opened over either transport, upgraded, kept alive, closed."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, time_ns
from typing import Any, Final, Protocol
from urllib.parse import quote

from gevent import get_hub

from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.polling import PollingTransport
from wireswarm.net.transport import SILENT, EngineRequest, Transport
from wireswarm.net.waiting import Waiter
from wireswarm.net.websocket import WebSocketTransport, open_websocket
from wireswarm.sample import Failure, Reason
from wireswarm.wire.engineio import (
    CLOSE,
    CLOSE_PACKET,
    MESSAGE,
    NOOP,
    OPEN,
    PING,
    PONG,
    PROBE,
    PROBE_ANSWER,
    UPGRADE_PACKET,
    Handshake,
    parse_handshake,
)

_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the server")
_NO_HANDSHAKE: Final = Failure(Reason.DEADLINE, "no Engine.IO handshake within the deadline")
_NO_UPGRADE: Final = Failure(Reason.DEADLINE, "the polling requests were not answered before the upgrade")


class EngineEvents(Protocol):
    """Gets what a connection receives. Called by the event loop or a greenlet of the connection; must not wait."""

    def message(self, packet: bytes, stamp: int, read: int) -> None:
        """A message of text, with its `4`. See `Receiver` for the times and for what may be raised."""

    def attachment(self, data: bytes, stamp: int, read: int) -> None:
        """A binary message."""

    def lost(self, failure: Failure) -> None:
        """The connection has ended, and not by `Engine.close`."""

    def alive(self) -> None:
        """The server has pinged, and was answered: a moment to do what must be done now and then."""


class Engine(Protocol):
    """What a client needs of a connection: the seam at which tests put another one."""

    opened: int
    """When the handshake was answered, in ns; 0 before."""
    upgrade_ns: int
    """How long the upgrade took; 0 where there was none."""

    @property
    def transport(self) -> str:
        """`websocket` or `polling`; empty before it is open."""

    def open(self, request: EngineRequest, timeout: float, connect_timeout: float) -> None:
        """See `EngineConnection.open`."""

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        """See `EngineConnection.send`."""

    def drain(self, timeout: float) -> None:
        """See `EngineConnection.drain`."""

    def look(self) -> None:
        """See `EngineConnection.look`."""

    def close(self, packets: Sequence[bytes] | None = None) -> None:
        """See `EngineConnection.close`."""


class EngineConnection:
    """One connection, which is opened once."""

    __slots__ = (
        "_draining",
        "_events",
        "_handshake",
        "_is_closed",
        "_silence",
        "_timer",
        "_transport",
        "opened",
        "upgrade_ns",
    )

    def __init__(self, events: EngineEvents) -> None:
        self._events = events
        self._transport: Transport | None = None
        self._handshake: Waiter | None = None
        self._draining: list[Waiter] | None = None
        self._timer: Any = None
        self._silence = 0.0
        self._is_closed = False
        self.opened = 0
        self.upgrade_ns = 0

    @property
    def transport(self) -> str:
        """See `Engine`."""
        return "" if self._transport is None else self._transport.name

    def open(self, request: EngineRequest, timeout: float, connect_timeout: float) -> None:
        """Connect, shake hands, and upgrade where that is asked for and the server can.

        Where the server offers the upgrade but it does not come about, the connection stays with polling, as that of
        the official client does.

        Args:
            request: what to connect to, and how.
            timeout: seconds for all of it.
            connect_timeout: seconds for connecting.

        Raises:
            RequestFailed: there is no connection.
        """
        end = monotonic() + timeout
        try:
            if request.transports[0] == "websocket":
                handshake = self._open_websocket(request, end, connect_timeout)
            else:
                handshake = self._open_polling(request, end, connect_timeout)
                if "websocket" in request.transports and "websocket" in handshake.upgrades:
                    self._upgrade(request, handshake, end, connect_timeout)
        except BaseException:
            self.close()
            raise

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        """Send a message of text, with its `4`, and binary messages right behind it, without waiting.

        Returns:
            Whether there is room for more; see `drain`.
        """
        transport = self._transport
        return transport is None or transport.send(packet, attachments)

    def drain(self, timeout: float) -> None:
        """Wait until there is room for more.

        Raises:
            TimeoutError: there was none, for so many seconds.
        """
        if self._is_closed:
            return
        waiter = Waiter()
        if self._draining is None:
            self._draining = []
        self._draining.append(waiter)
        try:
            waiter.wait(timeout)
        finally:
            waiter.close()
            if self._draining and waiter in self._draining:
                self._draining.remove(waiter)

    def look(self) -> None:
        """Read what has arrived and was not seen yet, where the transport can."""
        if self._transport is not None:
            self._transport.look()

    def close(self, packets: Sequence[bytes] | None = None) -> None:
        """Send these packets and say goodbye, without waiting. None: close the connection at once."""
        if not self._is_closed and self._transport is not None:
            self._transport.close(None if packets is None else [*packets, CLOSE_PACKET])
        self._end()

    # What the transports call: see `Receiver`.

    def text(self, packet: bytes, stamp: int, read: int) -> None:
        """See `Receiver.text`. On the hot path (`bench/socketio_emits.py`)."""
        kind = packet[0] if packet else 0
        if kind == MESSAGE and self.opened:
            self._events.message(packet, stamp, read)
        elif kind == PING and self.opened and self._transport is not None:
            self._transport.send(b"3" + packet[1:])
            self._events.alive()
        elif kind == OPEN and not self.opened and self._handshake is not None:
            handshake = parse_handshake(packet)
            waiter, self._handshake = self._handshake, None
            self.opened = stamp if 0 < stamp <= read else read
            self._keep_watch(handshake.patience)
            waiter.deliver(handshake)
        elif kind == CLOSE:
            if self._transport is not None:
                self._transport.close([])
            self.lost(_CLOSED)
        elif kind not in {NOOP, PONG} or not self.opened:
            raise RemoteProtocolError("an Engine.IO packet is of a type that must not come here")

    def binary(self, data: bytes, stamp: int, read: int) -> None:
        """See `Receiver.binary`."""
        if not self.opened:
            raise RemoteProtocolError("an Engine.IO packet is of a type that must not come here")
        self._events.attachment(data, stamp, read)

    def lost(self, failure: Failure) -> None:
        """See `Receiver.lost`."""
        if self._is_closed:
            return
        handshake = self._handshake
        self._end()
        if handshake is not None:
            handshake.deliver(failure)
        else:
            self._events.lost(failure)

    def cleared(self) -> None:
        """See `Receiver.cleared`."""
        waiting, self._draining = self._draining, None
        for waiter in waiting or ():
            waiter.deliver(None)

    def _open_websocket(self, request: EngineRequest, end: float, connect_timeout: float) -> Handshake:
        stream, rest, stamp = open_websocket(
            request.route, f"{request.target}websocket", request.fields, end - monotonic(), connect_timeout
        )
        self._handshake = waiter = Waiter()
        self._transport = transport = WebSocketTransport(stream, self)
        transport.start(rest, stamp)
        try:
            found = waiter.wait(end - monotonic())
        except TimeoutError:
            raise RequestFailed(_NO_HANDSHAKE) from None
        finally:
            self._handshake = None
            waiter.close()
        if isinstance(found, Failure):
            raise RequestFailed(found)
        handshake: Handshake = found
        return handshake

    def _open_polling(self, request: EngineRequest, end: float, connect_timeout: float) -> Handshake:
        self._transport = transport = PollingTransport(request, self)
        packets, done, read = transport.open(end - monotonic(), connect_timeout)
        try:
            handshake = parse_handshake(b"" if packets[0][0] else packets[0][1])
            self.opened = done
            for is_binary, packet in packets[1:]:
                (self.binary if is_binary else self.text)(packet, done, read)
        except RemoteProtocolError as error:
            raise RequestFailed(Failure(Reason.PROTOCOL, str(error))) from None
        transport.start(handshake.sid, handshake.max_payload, handshake.patience)
        return handshake

    def _upgrade(self, request: EngineRequest, handshake: Handshake, end: float, connect_timeout: float) -> None:
        began = time_ns()
        polling = self._transport
        assert isinstance(polling, PollingTransport)  # noqa: S101 - for the type checker
        probe = _Probe(self)
        transport = probe.open(request, handshake.sid, min(end - monotonic(), connect_timeout))
        if self._is_closed:
            raise RequestFailed(_CLOSED)
        if transport is None:
            return
        try:
            left = polling.pause(end - monotonic())
        except TimeoutError:
            transport.close()
            raise RequestFailed(_NO_UPGRADE) from None
        except BaseException:
            transport.close()
            raise
        if self._is_closed:
            transport.close()
            raise RequestFailed(_CLOSED)
        polling.close()
        self._transport = transport
        probe.is_upgraded = True
        transport.send(UPGRADE_PACKET)
        for packet in left:  # pongs, as nobody else can send before the connection is open
            transport.send(packet)
        self.upgrade_ns = time_ns() - began
        self._keep_watch(handshake.patience)

    def _keep_watch(self, silence: float) -> None:
        self._silence = silence
        self._sleep(silence)

    def _sleep(self, seconds: float) -> None:
        # One timer, which finds out when it fires that there was something to hear in the meantime.
        self._timer = get_hub().loop.timer(seconds, ref=False)
        self._timer.start(self._listen)

    def _listen(self) -> None:
        self._timer.close()
        self._timer = None
        transport = self._transport
        if transport is None or self._is_closed:
            return
        left = self._left(transport)
        if left <= 0:
            transport.look()  # something else may have held up this process
            left = self._left(transport)
        if self._is_closed:
            return
        if left > 0:
            self._sleep(left)
        else:
            transport.close()
            self.lost(SILENT)

    def _left(self, transport: Transport) -> float:
        return transport.heard + self._silence - monotonic()

    def _end(self) -> None:
        self._is_closed = True
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self.cleared()


class _Probe:
    """The WebSocket of an upgrade: tries whether it works, and hands on what it receives once it is the transport."""

    __slots__ = ("_engine", "_waiter", "is_upgraded")

    def __init__(self, engine: EngineConnection) -> None:
        self._engine = engine
        self._waiter = Waiter()
        self.is_upgraded = False

    def open(self, request: EngineRequest, sid: str, timeout: float) -> WebSocketTransport | None:
        """Connect and probe; None where that does not work."""
        end = monotonic() + timeout
        target = f"{request.target}websocket&sid={quote(sid, safe='')}"
        transport = None
        try:
            stream, rest, stamp = open_websocket(request.route, target, request.fields, timeout, timeout)
            transport = WebSocketTransport(stream, self)
            transport.start(rest, stamp)
            transport.send(PROBE)
            works = self._waiter.wait(end - monotonic())
        except (RequestFailed, TimeoutError):
            works = False
        except BaseException:
            if transport is not None:
                transport.close()
            raise
        finally:
            self._waiter.close()
        if works:
            return transport
        if transport is not None:
            transport.close()
        return None

    def text(self, packet: bytes, stamp: int, read: int) -> None:
        """See `Receiver.text`."""
        if self.is_upgraded:
            self._engine.text(packet, stamp, read)
        elif packet == PROBE_ANSWER:
            self._waiter.deliver(True)
        else:
            self._waiter.deliver(False)

    def binary(self, data: bytes, stamp: int, read: int) -> None:
        """See `Receiver.binary`."""
        if self.is_upgraded:
            self._engine.binary(data, stamp, read)
        else:
            self._waiter.deliver(False)

    def lost(self, failure: Failure) -> None:
        """See `Receiver.lost`."""
        if self.is_upgraded:
            self._engine.lost(failure)
        else:
            self._waiter.deliver(False)

    def cleared(self) -> None:
        """See `Receiver.cleared`."""
        self._engine.cleared()
