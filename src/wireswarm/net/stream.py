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
from typing import Any, Final

import gevent.socket
from gevent import get_hub, getcurrent

from wireswarm.errors import RequestFailed
from wireswarm.net.origin import Origin
from wireswarm.net.stamps import PROGRAM_CLOCK, ReceiveClock
from wireswarm.sample import Failure, Reason

RECEIVE_BYTES: Final = 64 * 1024
"""At most this many bytes are read at once."""

_READ: Final = 1
_WRITE: Final = 2
_CONNECT_FAILURES: Final = {
    errno.ECONNREFUSED: Failure(Reason.REFUSED, "connection refused"),
    errno.EHOSTUNREACH: Failure(Reason.REFUSED, "host unreachable"),
    errno.ENETUNREACH: Failure(Reason.REFUSED, "network unreachable"),
    errno.EADDRNOTAVAIL: Failure(Reason.REFUSED, "no local port or address left to connect from"),
    errno.EMFILE: Failure(Reason.REFUSED, "too many open files"),
    errno.ETIMEDOUT: Failure(Reason.CONNECT_TIMEOUT, "connecting timed out"),
}
_RESET: Final = Failure(Reason.RESET, "connection reset by the server")
_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the server before the answer")
_DNS: Final = Failure(Reason.DNS, "host name does not resolve")


def failure_of(error: OSError) -> Failure:
    """The failure that an error on a connected stream stands for."""
    return _CLOSED if error.errno == errno.EPIPE else _RESET


def resolve(origin: Origin) -> list[tuple[int, tuple[Any, ...]]]:
    """The addresses of an origin's host, as pairs of address family and socket address, in the order to try.

    Raises:
        RequestFailed: the name does not resolve.
    """
    try:
        found = gevent.socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise RequestFailed(_DNS) from None
    return [(family, address) for family, _, _, _, address in found]


class TcpStream:
    """A connected TCP socket. Belongs to one greenlet at a time; a failed call leaves it unusable."""

    __slots__ = ("_clock", "_io", "_socket", "_switch", "_writable")

    def __init__(self, sock: Any, clock: ReceiveClock) -> None:
        hub = get_hub()
        self._socket = sock
        self._clock = clock if clock.enable(sock) else PROGRAM_CLOCK
        self._switch = hub.switch
        self._io = hub.loop.io(sock.fileno(), _READ)
        self._writable: Any = None

    @classmethod
    def connect(cls, addresses: list[tuple[int, tuple[Any, ...]]], clock: ReceiveClock) -> TcpStream:
        """Connect to the first of the addresses that accepts.

        Raises:
            RequestFailed: none did; the failure is that of the last one.
        """
        failure = _DNS
        for family, address in addresses:
            try:
                return cls(_connected_socket(family, address), clock)
            except OSError as error:
                failure = _CONNECT_FAILURES.get(error.errno or 0, _RESET)
        raise RequestFailed(failure)

    def send(self, data: bytes) -> None:
        """Send all of it, waiting where the kernel's buffer is full.

        Raises:
            OSError: the connection is gone.
        """
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._send_rest(memoryview(data)[sent:])

    def receive(self) -> tuple[bytes, int]:
        """Wait for bytes; `b""` once the peer has closed its side. The second value is the receive clock's stamp.

        Raises:
            OSError: the connection is gone.
        """
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
                continue  # woken for nothing, which poll(2) allows

    def is_stale(self) -> bool:
        """Whether the peer has closed this idle connection, or sent something that nobody asked for."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close the socket. Doing so twice does no harm."""
        if self._socket is None:
            return
        self._io.close()
        if self._writable is not None:
            self._writable.close()
        self._socket.close()
        self._socket = None

    def _send_rest(self, rest: memoryview) -> None:
        if self._writable is None:
            self._writable = get_hub().loop.io(self._socket.fileno(), _WRITE)
        while rest:
            watcher = self._writable
            watcher.start(getcurrent().switch)
            try:
                self._switch()
            finally:
                watcher.stop()
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                continue


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
