"""What a Socket.IO client is told about its connection, in the form in which the connection needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from wireswarm.clients.endpoint import merge_fields
from wireswarm.clients.site import USER_AGENT
from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.net.origin import BaseUrl
from wireswarm.wire.form import encode_form
from wireswarm.wire.http1 import field_lines
from wireswarm.wire.socketio import prefix_of

TRANSPORTS: Final = ("websocket", "polling")

Payload = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""What a server is told in CONNECT of who is asking, or what makes it."""


class Asked(NamedTuple):
    """A connect as it was asked for, and is repeated by a reconnect."""

    namespaces: tuple[str, ...]
    auth: Payload | None
    headers: Mapping[str, str]
    transports: tuple[str, ...]
    timeout: float
    name: str


def take_transports(given: str | Iterable[str]) -> tuple[str, ...]:
    """The transports to use, in order: names, or one text with commas in between.

    Raises:
        ConfigurationError: there is none, or one that does not exist.
    """
    names = given.split(",") if isinstance(given, str) else given
    found = tuple(dict.fromkeys(name.strip().lower() for name in names))
    if not found or not set(found) <= set(TRANSPORTS):
        raise ConfigurationError(
            f"transports {', '.join(found) or 'none'}: expected websocket, polling, or polling,websocket for an upgrade"
        )
    return found


def take_namespaces(given: str | Iterable[str] | None, default: str) -> tuple[str, ...]:
    """The namespaces to connect to.

    Raises:
        UsageError: there is none, or one that is none.
    """
    names = (default,) if given is None else (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))
    if not names:
        raise UsageError("connect needs a namespace")
    for name in names:
        prefix_of(name)
    return names


def connect_name(namespaces: tuple[str, ...]) -> str:
    """A connect's request name: `connect`, and the namespaces where they are not just `/`."""
    return "connect" if namespaces == ("/",) else f"connect {','.join(namespaces)}"


def label(namespace: str, event: str) -> str:
    """An event's request name: with its namespace, where that is not `/`."""
    return event if namespace == "/" else f"{namespace} {event}"


def target_of(base: BaseUrl, socketio_path: str, query: Mapping[str, str] | None) -> tuple[str, str]:
    """The path, and the target of the connection's requests up to and including `transport=`."""
    path = f"{base.path}/{socketio_path.strip('/')}/"
    further = f"&{encode_form(query).decode('ascii')}" if query else ""
    return path, f"{path}?EIO=4{further}&transport="


def fields_of(base: BaseUrl, *layers: Mapping[str, str]) -> tuple[bytes, frozenset[str]]:
    """The field lines of the connection's requests, and the lower-case names that are among them."""
    fields = merge_fields({"Host": base.origin.authority, "User-Agent": USER_AGENT, "Accept": "*/*"}, *layers)
    return field_lines(fields.values()), frozenset(fields)
