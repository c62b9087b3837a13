"""Socket.IO protocol 5 without I/O: its packets as Engine.IO messages, and the binary attachments that follow them.

Source: https://socket.io/docs/v4/socket-io-protocol/. Packets are bytes with the `4` of the Engine.IO message that
carries them, so that nothing is copied once more on the hot path (`bench/socketio_emits.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from wireswarm.errors import RemoteProtocolError, UsageError

CONNECT: Final = 0
DISCONNECT: Final = 1
EVENT: Final = 2
ACK: Final = 3
CONNECT_ERROR: Final = 4
BINARY_EVENT: Final = 5
BINARY_ACK: Final = 6

RESERVED: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Names that no event may have."""

MAX_BINARY_BYTES: Final = 16 * 1024 * 1024
"""A packet whose attachments have more bytes together ends the connection."""

Encoded = tuple[bytes, list[bytes]]
"""A packet, and its attachments."""

_NONE: Final[list[bytes]] = []
_PACKET: Final = re.compile(rb"4([0-6])(?:([0-9]{1,6})-)?(?:(/[^,]*)(?:,|\Z))?([0-9]{1,18})?(.*)\Z", re.DOTALL)
_BYTES: Final = (bytes, bytearray, memoryview)


class Packet(NamedTuple):
    """One packet. The types of binary events and acks are only those of events and acks, once they are complete."""

    type: int
    namespace: str
    id: int | None
    data: Any
    attachments: int = 0
    """How many are to follow."""


@lru_cache(maxsize=1024)
def prefix_of(namespace: str) -> bytes:
    """What a namespace puts in front of a packet's id: nothing for `/`, which is the default.

    Raises:
        UsageError: it is no namespace.
    """
    if not namespace.startswith("/") or "," in namespace:
        raise UsageError(f"{namespace!r} is no namespace: it starts with / and has no comma")
    return b"" if namespace == "/" else namespace.encode() + b","


@lru_cache(maxsize=1024)
def _opening(event: str) -> bytes:
    if event in RESERVED:
        raise UsageError(f"an event cannot be named {event!r}")
    return b"[" + orjson.dumps(event)


def encode_connect(prefix: bytes, auth: object) -> bytes:
    """CONNECT with what the server is told of who is asking; None for nothing.

    Raises:
        UsageError: it has no JSON form.
    """
    return b"40" + prefix + (b"" if auth is None else _json(auth, None))


def encode_disconnect(prefix: bytes) -> bytes:
    """DISCONNECT."""
    return b"41" + prefix


def encode_event(prefix: bytes, id_: bytes, event: str, data: object) -> Encoded:
    """EVENT, or BINARY_EVENT where there are bytes in the data. On the hot path.

    Args:
        prefix: see `prefix_of`.
        id_: the digits of the id that the acknowledgement is to have; `b""` for none.
        event: its name.
        data: one argument; a tuple for several or none, None for none.

    Raises:
        UsageError: the event's name is reserved, or the data has no JSON form.
    """
    opening = _opening(event)
    if data is None:
        return b"42%b%b%b]" % (prefix, id_, opening), _NONE
    try:
        body = orjson.dumps(data)
    except orjson.JSONEncodeError:
        attachments: list[bytes] = []
        body = _json(data, attachments)
        if attachments:
            head = b"45%d-%b%b%b" % (len(attachments), prefix, id_, opening)
            return b"%b%b" % (head, _closing(body, data)), attachments
    if type(data) is tuple:
        return b"42%b%b%b%b" % (prefix, id_, opening, _closing(body, data)), _NONE
    return b"42%b%b%b,%b]" % (prefix, id_, opening, body), _NONE


def encode_ack(prefix: bytes, id_: int, values: tuple[object, ...]) -> Encoded:
    """ACK, or BINARY_ACK where there are bytes in the values.

    Raises:
        UsageError: the values have no JSON form.
    """
    attachments: list[bytes] = []
    body = _json(values, attachments)
    if attachments:
        return b"46%d-%b%d%b" % (len(attachments), prefix, id_, body), attachments
    return b"43%b%d%b" % (prefix, id_, body), _NONE


def decode(text: bytes) -> Packet:
    """Read a packet. The data of one with attachments has placeholders; see `Assembly`.

    Raises:
        RemoteProtocolError: it is none that the protocol allows.
    """
    match = _PACKET.match(text)
    if match is None:
        raise RemoteProtocolError("a Socket.IO packet is malformed")
    digit, count, space, id_, body = match.groups()
    kind = int(digit)
    try:
        namespace = "/" if space is None else space.decode()
        data = orjson.loads(body) if body else None
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        raise RemoteProtocolError("a Socket.IO packet's data is not JSON") from None
    if (count is not None) is not (kind in {BINARY_EVENT, BINARY_ACK}):
        raise RemoteProtocolError("a Socket.IO packet has attachments where its type has none, or the reverse")
    _check(kind, id_, body, data)
    kind = {BINARY_EVENT: EVENT, BINARY_ACK: ACK}.get(kind, kind)
    return Packet(kind, namespace, None if id_ is None else int(id_), data, int(count or 0))


class Assembly:
    """A packet whose attachments are still to come."""

    __slots__ = ("_attachments", "_packet", "size")

    def __init__(self, packet: Packet, size: int) -> None:
        """Begin.

        Args:
            packet: with `attachments`.
            size: its length in bytes.
        """
        self._packet = packet
        self._attachments: list[bytes] = []
        self.size = size
        """Bytes of packet and attachments so far."""

    def add(self, attachment: bytes) -> Packet | None:
        """The next attachment.

        Returns:
            The packet, where this was the last one.

        Raises:
            RemoteProtocolError: they are too large, or the packet refers to one that it has not.
        """
        self._attachments.append(attachment)
        self.size += len(attachment)
        if self.size > MAX_BINARY_BYTES:
            raise RemoteProtocolError(f"a Socket.IO packet's attachments are larger than {MAX_BINARY_BYTES} bytes")
        if len(self._attachments) < self._packet.attachments:
            return None
        try:
            data = fill(self._packet.data, self._attachments)
        except RecursionError:
            raise RemoteProtocolError("a Socket.IO packet's data is nested too deeply") from None
        return self._packet._replace(data=data, attachments=0)


def fill(data: Any, attachments: list[bytes]) -> Any:
    """Data with its placeholders replaced by attachments.

    Raises:
        RemoteProtocolError: a placeholder is of an attachment that is not there.
    """
    if isinstance(data, list):
        return [fill(item, attachments) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {key: fill(value, attachments) for key, value in data.items()}
    number = data.get("num")
    if type(number) is not int or not 0 <= number < len(attachments):
        raise RemoteProtocolError("a Socket.IO packet refers to an attachment that it does not have")
    return attachments[number]


def _check(kind: int, id_: bytes | None, body: bytes, data: Any) -> None:
    if kind in {EVENT, BINARY_EVENT}:
        valid = isinstance(data, list) and bool(data) and isinstance(data[0], str | int) and data[0] not in RESERVED
    elif kind in {ACK, BINARY_ACK}:
        valid = isinstance(data, list) and id_ is not None
    elif id_ is not None:
        valid = False
    elif kind == CONNECT:
        valid = isinstance(data, dict) and isinstance(data.get("sid"), str)
    elif kind == CONNECT_ERROR:
        valid = isinstance(data, dict | str)
    else:
        valid = not body
    if not valid:
        raise RemoteProtocolError("a Socket.IO packet has data that its type does not allow")


def _json(value: object, attachments: list[bytes] | None) -> bytes:
    def attach(item: object) -> object:
        if attachments is None or not isinstance(item, _BYTES):
            raise TypeError(f"Type is not JSON serializable: {type(item).__name__}")
        attachments.append(bytes(item))
        return {"_placeholder": True, "num": len(attachments) - 1}

    try:
        return orjson.dumps(value, default=attach)
    except orjson.JSONEncodeError as error:
        raise UsageError(f"a Socket.IO packet's data: {error}") from None


def _closing(body: bytes, data: object) -> bytes:
    # What follows an event's name: the items of a tuple, or the one value.
    if type(data) is not tuple:
        return b",%b]" % body
    return b",%b" % body[1:] if data else b"]"
