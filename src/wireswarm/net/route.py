"""The way to an origin: through a forward proxy or straight there, over TCP and TLS, and how long each part took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import time_ns
from typing import Final, NamedTuple

from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.names import resolve
from wireswarm.net.origin import Origin
from wireswarm.net.stamps import ReceiveClock
from wireswarm.net.stream import Stream, TcpStream, failure_of
from wireswarm.net.tls import TlsSettings, TlsStream, context_for
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import ResponseReader

_CLOSED: Final = Failure(Reason.CLOSED, "connection closed by the proxy before its answer to CONNECT")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy (RFC 9110, 3.7), spoken to without TLS."""

    origin: Origin
    authorization: Callable[[], bytes] | None = None
    """Makes the `Proxy-Authorization` line; called for each connection, since credentials may expire."""

    def fields(self) -> bytes:
        """What a request to the proxy has to say of who is asking."""
        return b"" if self.authorization is None else self.authorization()


@dataclass(frozen=True, slots=True)
class Route:
    """Everything that must be known to connect."""

    origin: Origin
    clock: ReceiveClock
    tls: TlsSettings
    proxy: Proxy | None = None


class Dialled(NamedTuple):
    """An open connection, and the nanoseconds that its parts took."""

    stream: Stream
    dns: int
    connect: int
    """The TCP handshake; with a proxy, also its answer to CONNECT."""
    tls: int


def dial(route: Route, *, tunnel: bool) -> Dialled:
    """Connect to an origin, or to its proxy.

    Args:
        route: the way.
        tunnel: have the proxy, if there is one, pass on bytes as they are (CONNECT, RFC 9110, 9.3.6). https is
            tunnelled always. Without it the proxy is connected to, and wants requests in absolute form.

    Raises:
        RequestFailed: there is no connection.
    """
    began = time_ns()
    proxy, origin = route.proxy, route.origin
    try:
        addresses = resolve(origin if proxy is None else proxy.origin)
        resolved = time_ns()
        tcp = TcpStream.connect(addresses, route.clock)
        if proxy is not None and (tunnel or origin.scheme == "https"):
            _tunnel(tcp, origin, proxy)
    except RequestFailed as error:
        if proxy is None:
            raise
        reason, message = error.failure
        raise RequestFailed(Failure(reason, f"proxy: {message}")) from None
    connected = time_ns()
    if origin.scheme == "https":
        stream = TlsStream.connect(tcp, context_for(route.tls), origin.host)
        return Dialled(stream, resolved - began, connected - resolved, time_ns() - connected)
    return Dialled(tcp, resolved - began, connected - resolved, 0)


def _tunnel(tcp: TcpStream, origin: Origin, proxy: Proxy) -> None:
    try:
        _connect(tcp, origin, proxy)
    except OSError as error:
        tcp.close()
        raise RequestFailed(failure_of(error)) from None
    except RemoteProtocolError as error:
        tcp.close()
        raise RequestFailed(Failure(Reason.PROTOCOL, str(error))) from None
    except BaseException:
        tcp.close()
        raise


def _connect(tcp: TcpStream, origin: Origin, proxy: Proxy) -> None:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    authority = f"{host}:{origin.port}".encode("ascii")  # here always with its port (RFC 9110, 7.1)
    request = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (authority, authority, proxy.fields())
    reader = ResponseReader()
    reader.begin("CONNECT")
    if not tcp.send(request):
        tcp.drain()
    while True:
        data, _ = tcp.receive()
        if not data:
            raise RequestFailed(_CLOSED)
        response = reader.feed(data)
        if response is None:
            continue
        if not 200 <= response.status < 300:
            raise RequestFailed(Failure(Reason.REFUSED, f"CONNECT was answered with status {response.status}"))
        return
