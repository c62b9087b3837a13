"""The record of one measured exchange, from the client that made it to the report that shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why an exchange failed: a closed set, so that tables of errors stay small and can be compared between runs."""

    DNS = "dns"
    """The host's name does not resolve."""
    REFUSED = "refused"
    """Nothing listens at the address, or it cannot be reached."""
    CONNECT_TIMEOUT = "connect_timeout"
    """No connection within the connect deadline."""
    TLS = "tls"
    """The TLS handshake failed, or the certificate does not verify."""
    RESET = "reset"
    """The peer reset the connection."""
    CLOSED = "closed"
    """The peer closed the connection before the answer was complete."""
    DEADLINE = "deadline"
    """The answer was not complete within the total deadline."""
    PROTOCOL = "protocol"
    """The answer is not what the protocol allows."""
    STATUS = "status"
    """The answer has another status than expected."""
    DECODE = "decode"
    """The answer's body is not a message of the expected type."""
    ERROR = "error"
    """The answer's body says that it is an error, whatever its status: GraphQL's `errors`."""
    CONNECT_ERROR = "connect_error"
    """The server has refused a Socket.IO namespace."""
    REDIRECT = "redirect"
    """A redirect that leads nowhere, too often elsewhere, or to what is not a URL."""
    FORBIDDEN = "forbidden"
    """The host is not one of those that may be hit; nothing was sent."""
    LATE = "late"
    """The answer is right, but took longer than `max_time`."""
    CHECK = "check"
    """The answer did not pass the caller's own check."""
    POLL = "poll"
    """A polled condition did not come true within its attempts or its deadline."""
    FLOW = "flow"
    """A step of a flow failed."""


class Counter(StrEnum):
    """What is counted beside the samples, because it is no exchange that an answer ends: a closed set."""

    CONNECTS = "connects"
    """Connections opened."""
    STALE_RECONNECTS = "stale_reconnects"
    """Connections opened in place of one that the server had closed while it was idle."""
    SIO_EMITTED = "sio_emitted"
    """Socket.IO events sent without an acknowledgement or an answer to wait for."""
    SIO_RECEIVED = "sio_received"
    """Socket.IO events received that nobody waited for."""
    SIO_DISCONNECTS = "sio_disconnects"
    """Socket.IO connections that ended without this side wanting it."""
    SIO_RECONNECTS = "sio_reconnects"
    """Attempts to connect again after such an end."""
    SIO_BYTES_SENT = "sio_bytes_sent"
    """Payload bytes of Socket.IO packets sent."""
    SIO_BYTES_RECEIVED = "sio_bytes_received"
    """Payload bytes of Socket.IO packets received."""


class HttpPhases(NamedTuple):
    """Where the time of an HTTP exchange went, in nanoseconds. The first three are 0 on an open connection."""

    dns: int
    """Looking up the host's name."""
    connect: int
    """The TCP handshake, with the addresses that did not answer."""
    tls: int
    """The TLS handshake."""
    first_byte: int
    """From the request's first byte sent to the answer's first bytes received."""
    download: int
    """From the answer's first bytes to its last."""


class SocketPhases(NamedTuple):
    """Where the time of a Socket.IO connect went, in nanoseconds."""

    open: int
    """Until the Engine.IO handshake was answered, TCP and TLS included."""
    upgrade: int
    """From polling to WebSocket; 0 where there was no upgrade."""
    namespace: int
    """Until the server had accepted every namespace."""


class Failure(NamedTuple):
    """A reason, and a message that is the same for equal failures (no ids, addresses or byte counts)."""

    reason: Reason
    message: str


class Sample(NamedTuple):
    """One measured exchange. Times are nanoseconds of `CLOCK_REALTIME`, the clock of the kernel's stamps.

    A tuple, because one is made per request on the hot path (`bench/http_throughput.py`).
    """

    type: str
    """The request type: an HTTP method, or `FLOW`."""
    name: str
    """The request name: the path template, or what the caller named it."""
    sent: int
    """When the request's first byte was handed to the kernel; for an exchange that had to connect, when it began to."""
    done: int
    """When the answer's last byte arrived: the kernel's receive stamp where there is one, else `read`."""
    read: int
    """When the program had read the answer's last byte. `read - done` is the generator's own delay."""
    request_bytes: int
    """Length of the request's body."""
    response_bytes: int
    """Length of the response's body."""
    status: int
    """The answer's status; 0 where there was none."""
    failure: Failure | None = None
    """None for a success."""
    due: int | None = None
    """When the exchange should have begun, where the load is scheduled."""
    phases: HttpPhases | SocketPhases | None = None
    """Where the time went; None where that is not known, as for a flow."""

    @property
    def service_ns(self) -> int:
        """Time from sending to the complete answer."""
        return self.done - self.sent
