"""Host names to addresses, without blocking the event loop."""

from __future__ import annotations

import _socket  # unlike `socket`, never replaced by gevent
from collections.abc import Callable
from typing import Any, Final

import gevent.socket

from wireswarm.errors import RequestFailed
from wireswarm.net.origin import Origin
from wireswarm.sample import Failure, Reason

Address = tuple[int, tuple[Any, ...]]
"""An address family, and a socket address of it."""

_DNS: Final = Failure(Reason.DNS, "host name does not resolve")


def resolve(origin: Origin) -> list[Address]:
    """The addresses of an origin's host, in the order to try.

    A name is looked up by one of gevent's threads, every time, as the system under test may move; an address is only
    read, which blocks nothing.

    Raises:
        RequestFailed: the name does not resolve.
    """
    try:
        return _look_up(_socket.getaddrinfo, origin, _socket.AI_NUMERICHOST)
    except (_socket.gaierror, UnicodeError):
        pass  # a name, or what is none
    try:
        return _look_up(gevent.socket.getaddrinfo, origin, 0)
    except (OSError, UnicodeError):
        raise RequestFailed(_DNS) from None


def _look_up(getaddrinfo: Callable[..., Any], origin: Origin, flags: int) -> list[Address]:
    found = getaddrinfo(origin.host, origin.port, 0, _socket.SOCK_STREAM, 0, flags)
    return [(family, address) for family, _, _, _, address in found]
