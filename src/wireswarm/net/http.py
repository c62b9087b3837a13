"""One HTTP/1.1 connection: sends a request, waits for its answer, and knows when both happened."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from time import time_ns
from typing import Final, Protocol

from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.deadline import Deadline, DeadlineExceeded
from wireswarm.net.origin import Origin
from wireswarm.net.route import Proxy, Route, dial
from wireswarm.net.stream import Stream, failure_of
from wireswarm.sample import Failure, HttpPhases, Reason
from wireswarm.wire.http1 import Response, ResponseReader

TRUSTED_NS: Final = 1_000_000
"""An idle connection that was read less than this long ago is used again without a look at its state.

The look costs a system call and an exception, which is a tenth of a busy user's request. A server that means to close
after an answer says so in that answer (RFC 9112, 9.6), and one that is tired of an idle connection has waited for
seconds; what else happens within this millisecond might as well happen while the request is on its way, and is
reported the same. A server that has once closed such a connection without a word is looked at every time from then on.
"""

_DEADLINE: Final = Failure(Reason.DEADLINE, "no complete answer within the deadline")
_CONNECT_TIMEOUT: Final = Failure(Reason.CONNECT_TIMEOUT, "connecting timed out")
_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the server before the answer")
_NO_SETUP: Final = (0, 0, 0)
_CUT_SHORT: Final = Failure(Reason.CLOSED, "connection closed by the server within the answer")


class _Trust:
    """For how long an idle connection to one origin is trusted, in nanoseconds."""

    __slots__ = ("ns",)

    def __init__(self) -> None:
        self.ns = TRUSTED_NS


@lru_cache(maxsize=1024)
def _trust_in(_origin: Origin) -> _Trust:
    return _Trust()


class Connection(Protocol):
    """What a client needs of a connection: the seam at which tests put another network."""

    sent: int
    done: int
    read: int
    connects: int
    stale_reconnects: int

    @property
    def phases(self) -> HttpPhases:
        """See `HttpConnection.phases`."""

    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        """See `HttpConnection.exchange`."""

    def close(self) -> None:
        """See `HttpConnection.close`."""


Connect = Callable[[Route], Connection]
"""Makes a connection, which opens when it is first used."""


class HttpConnection:
    """A keep-alive connection to one origin, connected when first used and again after it was closed.

    For one greenlet at a time. After `exchange`, whether it returned or raised, `sent`, `done` and `read` hold the
    exchange's moments as `Sample` describes them.
    """

    __slots__ = (
        "_deadline",
        "_first",
        "_reader",
        "_route",
        "_setup",
        "_stream",
        "_trust",
        "connects",
        "done",
        "read",
        "sent",
        "stale_reconnects",
    )

    def __init__(self, route: Route) -> None:
        self._route = route
        self._trust = _trust_in(route.origin)
        self._stream: Stream | None = None
        self._reader = ResponseReader()
        self._deadline = Deadline()
        self.connects = 0
        """How many connections were opened so far."""
        self.stale_reconnects = 0
        """How many of them replaced one that the server had closed while it was idle."""
        self.sent = self.done = self.read = 0
        self._first = 0  # when the answer's first bytes arrived
        self._setup = _NO_SETUP

    @property
    def phases(self) -> HttpPhases:
        """Where the time of the last exchange went."""
        sent, done = self.sent, self.done
        first = self._first or done
        if self._setup is _NO_SETUP:
            return HttpPhases(0, 0, 0, first - sent, done - first)
        dns, connect, tls = self._setup
        return HttpPhases(dns, connect, tls, max(first - sent - dns - connect - tls, 0), done - first)

    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        """Send a request and wait for the whole answer.

        An idle connection that the server has closed in the meantime is replaced where that is seen before a byte of
        the request has left, so that no request is ever sent twice. An answer that comes before the whole request is
        sent, as a 413 does, is an answer; the connection is not used again.

        Args:
            method: the request's method, which decides whether the answer has a body (RFC 9112, 6.3).
            request: the complete request.
            timeout: seconds for all of it, connecting included.
            connect_timeout: seconds for connecting, name look-up and TLS handshake included.

        Raises:
            RequestFailed: no complete answer; the connection is closed.
        """
        stream = self._stream
        self._reader.begin(method)
        self._first = 0
        self._setup = _NO_SETUP
        self.sent = now = time_ns()
        try:
            if stream is not None and (now - self.read < self._trust.ns or self._is_alive(stream)):
                self._deadline.arm(timeout)
                try:
                    all_sent = stream.send(request)
                except (BrokenPipeError, ConnectionResetError):
                    stream = None
            else:
                stream = None
            if stream is None:
                stream = self._connect(timeout, connect_timeout)
                all_sent = stream.send(request)
            response = self._receive(stream) if all_sent else self._send_rest(stream)
        except BaseException as error:
            response = self._rescue(error, timeout)  # raises, nearly always
        self._deadline.disarm()
        if not response.keep_alive:
            self._drop()
        return response

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        self._deadline.close()
        self._drop()

    def _is_alive(self, stream: Stream) -> bool:
        if stream.is_stale():
            return False
        self.sent = time_ns()
        return True

    def _connect(self, timeout: float, connect_timeout: float) -> Stream:
        self.stale_reconnects += self._stream is not None
        self._drop()
        self._deadline.arm(min(timeout, connect_timeout))
        try:
            stream, dns, connect, tls = dial(self._route, tunnel=False)
        except DeadlineExceeded:
            raise RequestFailed(_CONNECT_TIMEOUT) from None
        self._stream = stream
        self._setup = dns, connect, tls
        self.connects += 1
        self._deadline.arm(timeout - (time_ns() - self.sent) / 1e9)
        return stream

    def _send_rest(self, stream: Stream) -> Response:
        while (arrived := stream.drain()) is not None:
            response = self._take(stream, *arrived)
            if response is not None:
                response.keep_alive = False  # the server still waits for the rest of the request
                return response
        return self._receive(stream)

    def _receive(self, stream: Stream) -> Response:
        while True:
            data, stamp = stream.receive()
            response = self._take(stream, data, stamp)
            if response is not None:
                return response

    def _take(self, stream: Stream, data: bytes, stamp: int) -> Response | None:
        self.read = now = time_ns()
        response = self._reader.feed(data) if data else self._end_of(stream)
        # A stamp from before the request, or from the future, is another packet's or a clock that was set.
        self.done = stamp if self.sent < stamp <= now else now
        if not self._first:
            self._first = self.done
        return response

    def _end_of(self, stream: Stream) -> Response:
        try:
            response = self._reader.eof()
        except RemoteProtocolError:
            raise RequestFailed(_CUT_SHORT) from None
        if response is None:
            raise RequestFailed(_CLOSED)
        if not stream.ends_cleanly:
            # Somebody in between may have cut it short (RFC 8446, 6.1).
            raise RequestFailed(_CUT_SHORT)
        return response

    def _rescue(self, error: BaseException, timeout: float) -> Response:
        if self._setup is _NO_SETUP and _is_silent_close(error):
            self._trust.ns = 0
        # Two errors come too early to believe them: the server stopped reading the request, but had answered before;
        # the deadline passed while something else held up this process, and the answer was there in time.
        if self._stream is not None and isinstance(error, (OSError, DeadlineExceeded)):
            response = self._waiting_answer(self._stream)
            if response is not None and self.done - self.sent <= timeout * 1e9:
                response.keep_alive = False
                return response
        self.read = self.done = time_ns()
        self.close()
        failure = _failure(error)
        if failure is None:
            raise error
        raise RequestFailed(failure) from None

    def _waiting_answer(self, stream: Stream) -> Response | None:
        # An end of the stream is no end of an answer here, since an error came before it (RFC 9112, 8).
        try:
            data, stamp = stream.take()
            while data:
                response = self._take(stream, data, stamp)
                if response is not None:
                    return response
                data, stamp = stream.take()
        except (OSError, RequestFailed, RemoteProtocolError):
            pass  # a BlockingIOError, mostly: that was all
        return None

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._reader.started:
            self._reader = ResponseReader()


class ProxiedConnection(HttpConnection):
    """A connection to a forward proxy that passes on requests for an http origin (RFC 9112, 3.2.2)."""

    __slots__ = ("_proxy",)

    def __init__(self, route: Route, proxy: Proxy) -> None:
        super().__init__(route)
        self._proxy = proxy

    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        """See `HttpConnection.exchange`. The request is put into absolute form."""
        verb, _, rest = request.partition(b" ")
        line, _, rest = rest.partition(b"\r\n")
        absolute = b"%b %b%b\r\n%b%b" % (verb, str(self._route.origin).encode(), line, self._proxy.fields(), rest)
        return super().exchange(method, absolute, timeout, connect_timeout)


def http_connection(route: Route) -> Connection:
    """The connection for a route: a `Connect`."""
    if route.proxy is not None and route.origin.scheme == "http":
        return ProxiedConnection(route, route.proxy)
    return HttpConnection(route)


def _is_silent_close(error: BaseException) -> bool:
    return isinstance(error, ConnectionResetError) or (isinstance(error, RequestFailed) and error.failure is _CLOSED)


def _failure(error: BaseException) -> Failure | None:
    if isinstance(error, DeadlineExceeded):
        return _DEADLINE
    if isinstance(error, OSError):
        return failure_of(error)
    if isinstance(error, RemoteProtocolError):
        return Failure(Reason.PROTOCOL, str(error))
    return None
