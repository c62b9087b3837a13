"""Engine.IO protocol 4 without I/O: its handshake, its packets, and the payloads that carry them in HTTP bodies.

Source: https://socket.io/docs/v4/engine-io-protocol/. Text packets are bytes here, type digit included; they are UTF-8.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeGuard

import orjson

from wireswarm.errors import RemoteProtocolError

OPEN: Final = 0x30
CLOSE: Final = 0x31
PING: Final = 0x32
PONG: Final = 0x33
MESSAGE: Final = 0x34
UPGRADE: Final = 0x35
NOOP: Final = 0x36
"""The types of packets, as the byte that they begin with."""

CLOSE_PACKET: Final = b"1"
UPGRADE_PACKET: Final = b"5"
PROBE: Final = b"2probe"
PROBE_ANSWER: Final = b"3probe"

SEPARATOR: Final = b"\x1e"
"""Between the packets of a payload."""

MAX_PAYLOAD: Final = 1_000_000
"""Bytes of a payload that a server takes that does not say so: that of the reference server."""

_BINARY: Final = b"b"
NO_HANDSHAKE: Final = "the server does not answer with an Engine.IO 4 handshake"


class Handshake(NamedTuple):
    """What a server says when a connection is opened."""

    sid: str
    upgrades: tuple[str, ...]
    """The transports that the connection can go on to."""
    ping_interval: float
    """Seconds between two pings of the server."""
    ping_timeout: float
    """Seconds that either side waits beyond that."""
    max_payload: int
    """Bytes that one payload may have."""

    @property
    def patience(self) -> float:
        """Seconds of silence after which the connection is dead."""
        return self.ping_interval + self.ping_timeout


def parse_handshake(packet: bytes) -> Handshake:
    """Read the first packet of a connection.

    Raises:
        RemoteProtocolError: it is no handshake.
    """
    if packet[:1] != b"0":
        raise RemoteProtocolError(NO_HANDSHAKE)
    try:
        found: Any = orjson.loads(packet[1:])
    except orjson.JSONDecodeError:
        raise RemoteProtocolError(NO_HANDSHAKE) from None
    if not isinstance(found, dict):
        raise RemoteProtocolError(NO_HANDSHAKE)
    sid, upgrades, limit = found.get("sid"), found.get("upgrades", []), found.get("maxPayload", MAX_PAYLOAD)
    interval, timeout = found.get("pingInterval"), found.get("pingTimeout")
    if not (isinstance(sid, str) and sid and isinstance(upgrades, list) and _is_positive(limit)):
        raise RemoteProtocolError(NO_HANDSHAKE)
    if not (_is_positive(interval) and _is_positive(timeout)):
        raise RemoteProtocolError(NO_HANDSHAKE)
    return Handshake(sid, tuple(map(str, upgrades)), interval / 1000, timeout / 1000, int(limit))


def encode_binary(data: bytes) -> bytes:
    """A binary message as it stands in a payload."""
    return _BINARY + base64.b64encode(data)


def take_payload(packets: Sequence[bytes], limit: int) -> int:
    """How many of these packets go into the next payload: one at least, and as many as the limit allows."""
    size = len(packets[0])
    for count, packet in enumerate(packets[1:], 1):
        size += 1 + len(packet)
        if size > limit:
            return count
    return len(packets)


def decode_payload(body: bytes) -> list[tuple[bool, bytes]]:
    """The packets of a payload, in order: whether it is a binary message, and its bytes.

    Raises:
        RemoteProtocolError: it is no payload.
    """
    try:
        body.isascii() or body.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("an Engine.IO payload is not UTF-8") from None
    return [_decode(packet) for packet in body.split(SEPARATOR)]


def _decode(packet: bytes) -> tuple[bool, bytes]:
    if packet[:1] == _BINARY:
        try:
            return True, base64.b64decode(packet[1:], validate=True)
        except binascii.Error:
            raise RemoteProtocolError("an Engine.IO packet is not base64") from None
    if not b"0" <= packet[:1] <= b"6":
        raise RemoteProtocolError("an Engine.IO payload has a packet of an unknown type")
    return False, packet


def _is_positive(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
