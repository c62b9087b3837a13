"""A stream that the event loop reads by itself: what arrives is seen at once, and no greenlet has to wait for it.

Reading happens in the callback of a watcher, in the hub: an idle connection costs no greenlet and no stack, and an
answer's arrival is noted whatever the user's greenlets do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from gevent import get_hub

from wireswarm.errors import RequestFailed
from wireswarm.net.stream import Stream, failure_of
from wireswarm.sample import Failure, Reason

BACKLOG: Final = 64 * 1024
"""Whoever sends more than the kernel takes should wait while more than this many bytes are left over."""
LINGER: Final = 1.0
"""Seconds that the peer has to close its side after a farewell."""

_READ: Final = 1
_WRITE: Final = 2
_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the server")


class Channel:
    """A connected stream between the event loop and whoever handles what arrives.

    `arrived` gets bytes and the receive clock's stamp; `lost` gets the reason, once, where the connection ends without
    `close`; `cleared` says that the kernel has taken what it had no room for. They are called by the event loop, and by
    `send` in the greenlet that calls it, and must not wait.
    """

    __slots__ = ("_arrived", "_backlog", "_cleared", "_linger", "_lost", "_readable", "_stream", "_writable", "waiting")

    def __init__(
        self,
        stream: Stream,
        arrived: Callable[[bytes, int], None],
        lost: Callable[[Failure], None],
        cleared: Callable[[], None],
    ) -> None:
        self._stream: Stream | None = stream
        self._arrived = arrived
        self._lost = lost
        self._cleared = cleared
        self._backlog: list[bytes] | None = None
        self._writable: Any = None
        self._linger: Any = None
        self.waiting = 0
        """Bytes that the kernel has not taken yet, of the sends that had to wait; the rest of the first one is not
        counted."""
        self._readable: Any = get_hub().loop.io(stream.fileno(), _READ)

    def start(self) -> None:
        """Begin to read."""
        if self._readable is not None:
            self._readable.start(self.look)

    def look(self) -> None:
        """Read what has arrived, if anything."""
        stream = self._stream
        if stream is None:
            return
        try:
            data, stamp = stream.take()
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(failure_of(error))
            return
        except RequestFailed as error:  # TLS
            self._lose(error.failure)
            return
        if data:
            self._arrived(data, stamp)
        else:
            self._lose(_CLOSED)

    def send(self, data: bytes) -> bool:
        """Send without waiting; what the kernel does not take now is sent as soon as it does, in order.

        Returns:
            Whether there is room for more. On a connection that is gone nothing is sent, and `lost` was called.
        """
        stream = self._stream
        if stream is None:
            return True
        if self._backlog is not None:
            self._backlog.append(data)
            self.waiting += len(data)
            return self.waiting < BACKLOG
        try:
            if stream.send(data):
                return True
        except OSError as error:
            self._end_of_sending(error)
            return True
        self._backlog = []
        self._writable = get_hub().loop.io(stream.fileno(), _WRITE)
        self._writable.start(self._flush)
        return len(data) < BACKLOG

    def close(self, farewell: bytes = b"") -> None:
        """Close the connection. With a farewell, send it, and give the peer a second to close its side.

        A socket that is closed while there is something to read resets the connection (RFC 2525, 2.17), and the peer
        might never see the farewell; so what it sends is still read, and dropped.
        """
        if self._stream is None or self._linger is not None:
            return
        self._lost = _ignore
        if not farewell:
            self._release()
            return
        self._arrived = _ignore
        self._linger = get_hub().loop.timer(LINGER, ref=False)
        self._linger.start(self._release)
        self.send(farewell)

    def _flush(self) -> None:
        stream, backlog = self._stream, self._backlog
        if stream is None or backlog is None:
            return
        try:
            while stream.flush():
                if not backlog:
                    self._backlog = None
                    self._writable.close()
                    self._writable = None
                    self._cleared()
                    return
                data = backlog.pop(0)
                self.waiting -= len(data)
                stream.send(data)
        except OSError as error:
            self._end_of_sending(error)

    def _end_of_sending(self, error: OSError) -> None:
        # The peer does not read any more; what it has said before may tell why.
        failure = failure_of(error)
        with suppress(OSError, RequestFailed):
            while self._stream is not None:
                data, stamp = self._stream.take()
                if not data:
                    break
                self._arrived(data, stamp)
        self._lose(_CLOSED if failure.reason is Reason.CLOSED else failure)

    def _lose(self, failure: Failure) -> None:
        if self._stream is None:
            return
        self._release()
        self._lost(failure)

    def _release(self) -> None:
        stream, self._stream = self._stream, None
        for watcher in (self._readable, self._writable, self._linger):
            if watcher is not None:
                watcher.close()
        self._readable = self._writable = self._linger = None
        self._backlog = None
        if stream is not None:
            stream.close()


def _ignore(*_: object) -> None:
    pass
