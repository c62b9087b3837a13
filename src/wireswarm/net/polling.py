"""Engine.IO over HTTP long polling: one GET that waits for packets, and at most one POST that sends them."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, Final
from urllib.parse import quote

import gevent
from gevent import get_hub

from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.channel import BACKLOG
from wireswarm.net.http import Connection
from wireswarm.net.transport import SILENT, EngineRequest, Receiver
from wireswarm.sample import Failure, Reason
from wireswarm.wire.engineio import (
    CLOSE_PACKET,
    NO_HANDSHAKE,
    SEPARATOR,
    decode_payload,
    encode_binary,
    take_payload,
)
from wireswarm.wire.http1 import Response

MAX_PACKETS: Final = 16
"""In one payload: servers of python-engineio refuse more, where they are not told otherwise."""
FAREWELL: Final = 2.0
"""Seconds that the last POST may take."""

_CONTENT_TYPE: Final = b"Content-Type: text/plain;charset=UTF-8\r\n"
_GOODBYE: Final = (False, CLOSE_PACKET)


class PollingTransport:
    """Polls in a greenlet of its own, and sends in another one while there is something to send; see `Transport`."""

    name = "polling"

    __slots__ = (
        "_connect_timeout",
        "_get",
        "_is_closing",
        "_is_open",
        "_is_paused",
        "_limit",
        "_outbox",
        "_patience",
        "_poller",
        "_post",
        "_poster",
        "_receiver",
        "_request",
        "_target",
        "heard",
    )

    def __init__(self, request: EngineRequest, receiver: Receiver) -> None:
        self._request = request
        self._receiver = receiver
        self._get: Connection = request.connect(request.route)
        self._post: Connection | None = None
        self._target = f"{request.target}polling".encode("ascii")
        self._outbox: list[bytes] = []
        self._limit = 0
        self._patience = self._connect_timeout = 0.0
        self._poller: Any = None
        self._poster: Any = None
        self._is_open = True
        self._is_closing = False
        self._is_paused = False
        self.heard = 0.0

    def open(self, timeout: float, connect_timeout: float) -> tuple[list[tuple[bool, bytes]], int, int]:
        """Ask for the handshake, in the calling greenlet.

        Returns:
            The packets that came, the handshake first; when they arrived, and when they were read.

        Raises:
            RequestFailed: none came.
        """
        self._connect_timeout = connect_timeout
        try:
            packets = _packets(self._exchange(self._get, "GET", b"", timeout))
        except RemoteProtocolError:  # a page, mostly
            self.close()
            raise RequestFailed(Failure(Reason.PROTOCOL, NO_HANDSHAKE)) from None
        except BaseException:
            self.close()
            raise
        self.heard = monotonic()
        return packets, self._get.done, self._get.read

    def start(self, sid: str, limit: int, patience: float) -> None:
        """Begin to poll.

        Args:
            sid: the session's id.
            limit: bytes of a payload that the server takes.
            patience: seconds that it may be silent.
        """
        self._target += f"&sid={quote(sid, safe='')}".encode("ascii")
        self._limit, self._patience = limit, patience
        self._poller = gevent.spawn(self._poll)

    def pause(self, timeout: float) -> list[bytes]:
        """Stop polling and sending as soon as the requests under way are answered, for an upgrade. Waits for that.

        Returns:
            The packets that are still to be sent.

        Raises:
            TimeoutError: they were not answered in time.
        """
        self._is_paused = True
        under_way = [greenlet for greenlet in (self._poller, self._poster) if greenlet is not None]
        if len(gevent.joinall(under_way, timeout=timeout)) < len(under_way):
            raise TimeoutError
        return self._outbox

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        """See `Transport.send`. What comes while a POST is under way goes into the next one."""
        outbox = self._outbox
        outbox.append(packet)
        outbox += [encode_binary(data) for data in attachments]
        self._start_posting()
        return len(outbox) < 2 or sum(map(len, outbox)) < BACKLOG

    def look(self) -> None:
        """See `Transport.look`."""

    def close(self, packets: Sequence[bytes] | None = None) -> None:
        """See `Transport.close`."""
        if not self._is_open or self._is_closing:
            return
        if packets and self._poller is not None:
            self._is_closing = True
            self._outbox += packets
            self._start_posting()
            return
        self._is_open = False
        for greenlet in (self._poller, self._poster):
            if greenlet is not None and greenlet is not gevent.getcurrent():
                greenlet.kill(block=False)
        self._get.close()
        if self._post is not None:
            self._post.close()

    def _start_posting(self) -> None:
        if self._poster is None and self._is_open and not self._is_paused:
            self._poster = gevent.spawn(self._send_all)

    def _poll(self) -> None:
        # What arrives is handed to the event loop, as over WebSocket, so that whoever waits for a packet goes on before
        # the next one is looked at; but the next GET is sent first, as the server can say nothing without one.
        hand_on = get_hub().loop.run_callback
        while self._is_open and not self._is_paused:
            failure = None
            try:
                packets = _packets(self._exchange(self._get, "GET", b"", self._patience))
                self.heard = monotonic()
                hand_on(self._arrived, packets, self._get.done, self._get.read)
                if _GOODBYE in packets:
                    return
            except RequestFailed as error:
                failure = SILENT if error.failure.reason is Reason.DEADLINE else error.failure
            except RemoteProtocolError as error:
                failure = Failure(Reason.PROTOCOL, str(error))
            if self._is_closing:
                return  # the POST that says so closes the rest
            if failure is not None:
                hand_on(self._lose, failure)
                return

    def _arrived(self, packets: list[tuple[bool, bytes]], stamp: int, read: int) -> None:
        receiver = self._receiver
        try:
            for is_binary, packet in packets:
                if self._is_closing or not self._is_open:
                    return
                (receiver.binary if is_binary else receiver.text)(packet, stamp, read)
        except RemoteProtocolError as error:
            self._lose(Failure(Reason.PROTOCOL, str(error)))

    def _send_all(self) -> None:
        outbox = self._outbox
        try:
            while outbox and self._is_open and (not self._is_paused or self._is_closing):
                count = take_payload(outbox[:MAX_PACKETS], self._limit)
                body = SEPARATOR.join(outbox[:count])
                del outbox[:count]
                if self._post is None:
                    self._post = self._request.connect(self._request.route)
                self._exchange(self._post, "POST", body, FAREWELL if self._is_closing else self._patience)
        except RequestFailed as error:
            self._lose(error.failure)
        finally:
            self._poster = None
        if self._is_closing:
            self._is_closing = False
            self.close()
        elif self._is_open:
            self._receiver.cleared()

    def _exchange(self, connection: Connection, method: str, body: bytes, timeout: float) -> Response:
        head = b"%b %b HTTP/1.1\r\n%b" % (method.encode("ascii"), self._target, self._request.fields)
        if method == "POST":
            head += b"%bContent-Length: %d\r\n" % (_CONTENT_TYPE, len(body))
        response = connection.exchange(method, head + b"\r\n" + body, timeout, self._connect_timeout)
        if response.status != 200:
            message = f"a polling {method} was answered with status {response.status}"
            raise RequestFailed(Failure(Reason.STATUS, message), response)
        return response

    def _lose(self, failure: Failure) -> None:
        if not self._is_open:
            return
        quiet = self._is_closing
        self._is_closing = False
        self.close()
        if not quiet:
            self._receiver.lost(failure)


def _packets(response: Response) -> list[tuple[bool, bytes]]:
    return decode_payload(response.body)
