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

    @property
    def service_ns(self) -> int:
        """Time from sending to the complete answer."""
        return self.done - self.sent
