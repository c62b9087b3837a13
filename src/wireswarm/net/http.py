"""One HTTP/1.1 connection: sends a request, waits for its answer, and knows when both happened."""

from __future__ import annotations

from time import time_ns
from typing import Final

from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.deadline import Deadline, DeadlineExceeded
from wireswarm.net.origin import Origin
from wireswarm.net.stamps import ReceiveClock
from wireswarm.net.stream import TcpStream, failure_of, resolve
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response, ResponseReader

_DEADLINE: Final = Failure(Reason.DEADLINE, "no complete answer within the deadline")
_CONNECT_TIMEOUT: Final = Failure(Reason.CONNECT_TIMEOUT, "connecting timed out")
_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the server before the answer")
_CUT_SHORT: Final = Failure(Reason.CLOSED, "connection closed by the server within the answer")


class HttpConnection:
    """A keep-alive connection to one origin, connected when first used and again after it was closed.

    For one greenlet at a time. After `exchange`, whether it returned or raised, `sent`, `done` and `read` hold the
    exchange's moments as `Sample` describes them.
    """

    __slots__ = ("_clock", "_deadline", "_origin", "_reader", "_stream", "connects", "done", "read", "sent")

    def __init__(self, origin: Origin, clock: ReceiveClock) -> None:
        self._origin = origin
        self._clock = clock
        self._stream: TcpStream | None = None
        self._reader = ResponseReader()
        self._deadline = Deadline()
        self.connects = 0
        """How many connections were opened so far."""
        self.sent = self.done = self.read = 0

    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        """Send a request and wait for the whole answer.

        An idle connection that the server has closed in the meantime is replaced before anything is sent, so that no
        request is ever sent twice.

        Args:
            method: the request's method, which decides whether the answer has a body (RFC 9112, 6.3).
            request: the complete request.
            timeout: seconds for all of it, connecting included.
            connect_timeout: seconds for connecting, name look-up included.

        Raises:
            RequestFailed: no complete answer; the connection is closed.
        """
        stream = self._stream
        deadline = self._deadline
        self.sent = time_ns()
        try:
            if stream is None or stream.is_stale():
                stream = self._connect(min(connect_timeout, timeout))
                timeout -= (time_ns() - self.sent) / 1e9
            else:
                self.sent = time_ns()
            deadline.arm(timeout)
            self._reader.begin(method)
            stream.send(request)
            response = self._receive(stream)
        except BaseException as error:
            self.read = self.done = time_ns()
            self.close()
            raise self._translate(error) from None
        deadline.disarm()
        if not response.keep_alive:
            self._drop()
        return response

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        self._deadline.close()
        self._drop()

    def _connect(self, seconds: float) -> TcpStream:
        self._drop()
        self._deadline.arm(seconds)
        try:
            self._stream = TcpStream.connect(resolve(self._origin), self._clock)
        except DeadlineExceeded:
            raise RequestFailed(_CONNECT_TIMEOUT) from None
        self.connects += 1
        return self._stream

    def _receive(self, stream: TcpStream) -> Response:
        reader = self._reader
        while True:
            data, stamp = stream.receive()
            self.read = now = time_ns()
            response = reader.feed(data) if data else self._end_of(reader)
            if response is not None:
                # A stamp from before the request, or from the future, is another packet's or a clock that was set.
                self.done = stamp if self.sent < stamp <= now else now
                return response

    @staticmethod
    def _end_of(reader: ResponseReader) -> Response:
        try:
            response = reader.eof()
        except RemoteProtocolError:
            raise RequestFailed(_CUT_SHORT) from None
        if response is None:
            raise RequestFailed(_CLOSED)
        return response

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._reader.started:
            self._reader = ResponseReader()

    def _translate(self, error: BaseException) -> BaseException:
        if isinstance(error, DeadlineExceeded):
            return RequestFailed(_DEADLINE)
        if isinstance(error, OSError):
            return RequestFailed(failure_of(error))
        if isinstance(error, RemoteProtocolError):
            return RequestFailed(Failure(Reason.PROTOCOL, str(error)))
        return error
