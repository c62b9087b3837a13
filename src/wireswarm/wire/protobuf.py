"""Protobuf messages to bytes and back."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, EncodeError, Message

from wireswarm.errors import RemoteProtocolError, UsageError

M = TypeVar("M", bound=Message)


def encode(message: Message | bytes | None) -> bytes:
    """A request's body: a message serialized, bytes as they are, nothing for None.

    Raises:
        UsageError: a proto2 message lacks a required field, or the value is no message.
    """
    if message is None:
        return b""
    if isinstance(message, bytes):
        return message
    try:
        return message.SerializeToString()
    except EncodeError as error:
        raise UsageError(str(error)) from None
    except (AttributeError, TypeError):
        raise UsageError(
            f"a request's body is a protobuf message, bytes or None, not {type(message).__name__}"
        ) from None


def decode(kind: type[M], body: bytes) -> M:
    """A body as a message.

    Raises:
        RemoteProtocolError: the bytes are not one.
        UsageError: it is no type of message.
    """
    try:
        return kind.FromString(body)
    except DecodeError:
        raise RemoteProtocolError(f"the answer is not a {kind.DESCRIPTOR.full_name}") from None
    except AttributeError:
        raise UsageError(f"expect= is a type of protobuf message, not {kind!r}") from None
