"""JSON bodies (RFC 8259)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from wireswarm.errors import RemoteProtocolError, UsageError

CONTENT_TYPE: Final = "application/json"

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def dumps(value: Any) -> bytes:
    """A value as JSON in UTF-8, without spaces.

    Takes what JSON has, and dataclasses, enumerations, `datetime` and `UUID`. NaN and infinity become null, as in a
    browser.

    Raises:
        UsageError: something in it has no JSON form; the message names its type, and no value.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise UsageError(f"a request's JSON body: {error}") from None


def loads(body: bytes) -> Any:
    """An answer's body as a value. A byte order mark before it is dropped (RFC 8259, section 8.1).

    Raises:
        RemoteProtocolError: it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        raise RemoteProtocolError("the answer is not JSON") from None
