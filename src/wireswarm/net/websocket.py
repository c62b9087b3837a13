"""Engine.IO over WebSocket: the opening handshake, and a transport that the event loop reads by itself."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, time_ns
from typing import Final

from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.channel import Channel
from wireswarm.net.deadline import Deadline, DeadlineExceeded
from wireswarm.net.route import Route, dial
from wireswarm.net.stream import Stream, failure_of
from wireswarm.net.transport import Receiver
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import MAX_HEAD_BYTES, Response, parse_head
from wireswarm.wire.websocket import (
    BINARY,
    CLOSE,
    NORMAL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    FrameReader,
    check_handshake,
    close_frame,
    frame,
    handshake_fields,
    new_key,
)

_CONNECT_TIMEOUT: Final = Failure(Reason.CONNECT_TIMEOUT, "connecting timed out")
_DEADLINE: Final = Failure(Reason.DEADLINE, "no answer to the WebSocket handshake within the deadline")
_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the server before its answer to the WebSocket handshake")
_ENDED: Final = Failure(Reason.CLOSED, "connection closed by the server")
_QUIET_CODES: Final = frozenset({0, NORMAL, 1001})


class WebSocketTransport:
    """An open WebSocket that carries Engine.IO packets; see `Transport`."""

    name = "websocket"

    __slots__ = ("_channel", "_frames", "_is_open", "_receiver", "heard")

    def __init__(self, stream: Stream, receiver: Receiver) -> None:
        self._receiver = receiver
        self._frames = FrameReader()
        self._is_open = True
        self.heard = monotonic()
        self._channel = Channel(stream, self._arrived, self._lost, receiver.cleared)

    def start(self, rest: bytes, stamp: int) -> None:
        """Begin to read.

        Args:
            rest: what came behind the handshake already.
            stamp: when, by the receive clock.
        """
        if rest:
            self._arrived(rest, stamp)
        self._channel.start()

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        """See `Transport.send`. On the hot path (`bench/socketio_emits.py`)."""
        if not attachments:
            return self._channel.send(frame(TEXT, packet))
        # In one piece, so that no other message can come in between.
        return self._channel.send(frame(TEXT, packet) + b"".join([frame(BINARY, data) for data in attachments]))

    def look(self) -> None:
        """See `Transport.look`."""
        self._channel.look()

    def close(self, packets: Sequence[bytes] | None = None) -> None:
        """See `Transport.close`."""
        self._is_open = False
        if packets is None:
            self._channel.close()
        else:
            self._channel.close(b"".join([frame(TEXT, packet) for packet in packets]) + close_frame())

    def _arrived(self, data: bytes, stamp: int) -> None:
        # One reading of the clock for all that arrived together.
        read = time_ns()
        self.heard = monotonic()
        frames, receiver = self._frames, self._receiver
        try:
            for opcode, payload in frames.feed(data):
                if opcode == TEXT:
                    receiver.text(payload, stamp, read)
                elif opcode == BINARY:
                    receiver.binary(payload, stamp, read)
                else:
                    self._control(opcode, payload)
                if not self._is_open:
                    return
            if frames.error is not None:
                raise frames.error
        except RemoteProtocolError as error:
            self._end(Failure(Reason.PROTOCOL, str(error)), getattr(error, "code", PROTOCOL_ERROR))

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._channel.send(frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            quiet = code in _QUIET_CODES
            self._end(_ENDED if quiet else Failure(Reason.CLOSED, f"{_ENDED.message}, with WebSocket code {code}"))

    def _end(self, failure: Failure, code: int = NORMAL) -> None:
        if self._is_open:
            self._is_open = False
            self._channel.close(close_frame(code))
            self._receiver.lost(failure)

    def _lost(self, failure: Failure) -> None:
        if self._is_open:
            self._is_open = False
            self._receiver.lost(failure)


def open_websocket(
    route: Route, target: str, fields: bytes, timeout: float, connect_timeout: float
) -> tuple[Stream, bytes, int]:
    """Connect and shake hands (RFC 6455, 4.1), in the calling greenlet.

    Args:
        route: the way to the server.
        target: path and query.
        fields: field lines beside those of the handshake.
        timeout: seconds for all of it.
        connect_timeout: seconds for connecting.

    Returns:
        The stream, what came behind the handshake already, and the receive clock's stamp of that.

    Raises:
        RequestFailed: there is no WebSocket; with the answer, where there was one.
    """
    key = new_key()
    request = b"GET %b HTTP/1.1\r\n%b%b\r\n" % (target.encode("ascii"), fields, handshake_fields(key))
    deadline = Deadline()
    began = monotonic()
    stream: Stream | None = None
    try:
        deadline.arm(min(timeout, connect_timeout))
        stream = dial(route, tunnel=True).stream
        deadline.arm(timeout - (monotonic() - began))
        response, rest, stamp = _exchange(stream, request)
        if response.status != 101:
            message = f"the WebSocket handshake was answered with status {response.status}"
            raise RequestFailed(Failure(Reason.STATUS, message), response)
        check_handshake(response, key)
    except BaseException as error:
        if stream is not None:
            stream.close()
        failure = _failure(error, connected=stream is not None)
        if failure is None:
            raise
        raise RequestFailed(failure) from None
    finally:
        deadline.close()
    return stream, rest, stamp


def _exchange(stream: Stream, request: bytes) -> tuple[Response, bytes, int]:
    if not stream.send(request):
        stream.drain()
    data = b""
    while True:
        arrived, stamp = stream.receive()
        if not arrived:
            raise RequestFailed(_CLOSED)
        data += arrived
        if data[:7] != b"HTTP/1."[: len(data)]:
            raise RemoteProtocolError("the WebSocket handshake was not answered in HTTP/1")
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head, data = data[:end], data[end + 4 :]
            status = parse_head(head).status
            if status >= 200 or status == 101:  # the other 1xx are interim (RFC 9110, 15.2)
                return Response(status, head, data if status != 101 else b"", False), data, stamp
        if len(data) > MAX_HEAD_BYTES:
            raise RemoteProtocolError("the answer's head is larger than 64 KiB")


def _failure(error: BaseException, *, connected: bool) -> Failure | None:
    if isinstance(error, DeadlineExceeded):
        return _DEADLINE if connected else _CONNECT_TIMEOUT
    if isinstance(error, RemoteProtocolError):
        return Failure(Reason.PROTOCOL, str(error))
    if isinstance(error, OSError):
        return failure_of(error)
    return None
