"""A TCP connection as a stream of bytes on gevent's event loop.

A bare non-blocking socket and two watchers instead of `gevent.socket`: after a request has been sent, its answer is
never there yet, so the stream waits first and reads then, and a read costs one system call, not two. On the hot path
(`bench/http_throughput.py`).
"""

from __future__ import annotations

import _socket  # the class below `socket.socket`: no Python in its calls, and never replaced by gevent
import errno
import os
import socket
from typing import Any, Final, Protocol

from gevent import get_hub, getcurrent

from wireswarm.errors import RequestFailed
from wireswarm.net.names import Address
from wireswarm.net.stamps import PROGRAM_CLOCK, ReceiveClock
from wireswarm.sample import Failure, Reason

RECEIVE_BYTES: Final = 64 * 1024
"""At most this many bytes are read at once."""

Arrived = tuple[bytes, int]
"""Bytes, and the receive clock's stamp (0 where it has none). No bytes: the peer has closed its side."""

_READ: Final = 1
_WRITE: Final = 2
_CONNECT_FAILURES: Final = {
    errno.ECONNREFUSED: Failure(Reason.REFUSED, "connection refused"),
    errno.EHOSTUNREACH: Failure(Reason.REFUSED, "host unreachable"),
    errno.ENETUNREACH: Failure(Reason.REFUSED, "network unreachable"),
    errno.EADDRNOTAVAIL: Failure(Reason.REFUSED, "no local port or address left to connect from"),
    errno.EMFILE: Failure(Reason.REFUSED, "too many open files"),
    errno.ETIMEDOUT: Failure(Reason.CONNECT_TIMEOUT, "connecting timed out"),
    errno.ECONNRESET: Failure(Reason.RESET, "connection reset by the server"),
}
_STREAM_FAILURES: Final = {
    errno.EPIPE: Failure(Reason.CLOSED, "connection closed by the server before the answer"),
    errno.ECONNRESET: Failure(Reason.RESET, "connection reset by the server"),
}
_LOST: Final = Failure(Reason.RESET, "connection lost")


def failure_of(error: OSError) -> Failure:
    """The failure that an error on a connected stream stands for."""
    return _STREAM_FAILURES.get(error.errno or 0, _LOST)


class Stream(Protocol):
    """A connection that bytes go through. Belongs to one greenlet at a time; a failed call leaves it unusable."""

    ends_cleanly: bool
    """Whether the end of the stream is known to be the peer's doing, and not that of somebody in between."""

    def send(self, data: bytes) -> bool:
        """Hand bytes to the kernel, without waiting.

        Returns:
            Whether it took all of them; if not, `drain` sends the rest. Nothing else may be sent before that.

        Raises:
            OSError: the connection is gone, and not one of the bytes was taken.
        """

    def drain(self) -> Arrived | None:
        """Wait until all is sent that `send` has left over, or until something arrives, whichever is first.

        Returns:
            What arrived; None once all is sent.

        Raises:
            OSError: the connection is gone.
        """

    def receive(self) -> Arrived:
        """Wait until something arrives.

        Raises:
            OSError: the connection is gone.
        """

    def take(self) -> Arrived:
        """What has arrived already.

        Raises:
            BlockingIOError: nothing has.
            OSError: the connection is gone.
        """

    def flush(self) -> bool:
        """Hand the kernel what `send` has left over, without waiting.

        Returns:
            Whether it has taken all of it.

        Raises:
            OSError: the connection is gone.
        """

    def fileno(self) -> int:
        """The socket's descriptor, for a watcher of one's own."""

    def is_stale(self) -> bool:
        """Whether the peer has closed this idle connection, or sent something that nobody asked for."""

    def close(self) -> None:
        """Close the connection. Doing so twice does no harm."""


class TcpStream:
    """A connected TCP socket; see `Stream`."""

    __slots__ = ("_both", "_clock", "_io", "_socket", "_switch", "unsent")

    ends_cleanly = True  # plain TCP knows no better

    def __init__(self, sock: Any, clock: ReceiveClock) -> None:
        hub = get_hub()
        self._socket = sock
        self._clock = clock if clock.enable(sock) else PROGRAM_CLOCK
        self._switch = hub.switch
        self._io = hub.loop.io(sock.fileno(), _READ)
        self._both: Any = None
        self.unsent = memoryview(b"")
        """What `send` has left for `drain`."""

    @classmethod
    def connect(cls, addresses: list[Address], clock: ReceiveClock) -> TcpStream:
        """Connect to the first of the addresses that accepts.

        Raises:
            RequestFailed: none did; the failure is that of the last one.
        """
        failure = _LOST
        for family, address in addresses:
            try:
                return cls(_connected_socket(family, address), clock)
            except OSError as error:
                failure = _connect_failure(error)
        raise RequestFailed(failure)

    def send(self, data: bytes) -> bool:
        """See `Stream.send`."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self.unsent = memoryview(data)[sent:]
        return False

    def drain(self) -> Arrived | None:
        """See `Stream.drain`."""
        if self._both is None:
            self._both = get_hub().loop.io(self._socket.fileno(), _READ | _WRITE)
        while self.unsent:
            watcher = self._both
            watcher.start(getcurrent().switch, pass_events=True)
            try:
                events = self._switch()
            finally:
                watcher.stop()
            try:
                if events & _READ:
                    return self.take()
                self.unsent = self.unsent[self._socket.send(self.unsent) :]
            except BlockingIOError:
                continue  # woken for nothing, which poll(2) allows
        return None

    def receive(self) -> Arrived:
        """See `Stream.receive`."""
        while True:
            watcher = self._io
            watcher.start(getcurrent().switch)
            try:
                self._switch()
            finally:
                watcher.stop()
            try:
                return self._clock.receive(self._socket, RECEIVE_BYTES)
            except BlockingIOError:
                continue  # as above

    def take(self) -> Arrived:
        """See `Stream.take`."""
        return self._clock.receive(self._socket, RECEIVE_BYTES)

    def flush(self) -> bool:
        """See `Stream.flush`."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self._socket.send(self.unsent) :]
        except BlockingIOError:
            return False
        return True

    def fileno(self) -> int:
        """See `Stream.fileno`."""
        descriptor: int = self._socket.fileno()
        return descriptor

    def is_stale(self) -> bool:
        """See `Stream.is_stale`."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """See `Stream.close`."""
        if self._socket is None:
            return
        self._io.close()
        if self._both is not None:
            self._both.close()
        self._socket.close()
        self._socket = None


def _connected_socket(family: int, address: tuple[Any, ...]) -> Any:
    sock = _socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # A request is sent in one piece; waiting for more (RFC 896) would only delay it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            hub = get_hub()
            watcher = hub.loop.io(sock.fileno(), _WRITE)
            try:
                hub.wait(watcher)
            finally:
                watcher.close()
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def _connect_failure(error: OSError) -> Failure:
    known = _CONNECT_FAILURES.get(error.errno or 0)
    return known or Failure(Reason.REFUSED, f"cannot connect: {os.strerror(error.errno or 0).lower()}")
