"""Reads a request's body as a JSON object."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import Receive

from wireswarm.target.answers import Refusal, read_body

SMALL = 64 * 1024
"""Bytes that an object may have, where nothing else is said."""


async def read_object(receive: Receive, limit: int = SMALL) -> dict[str, Any]:
    """The object in a request's body.

    Raises:
        Refusal: 400, it is none; 413, it is longer than `limit` bytes.
        ClientLeft: the connection was closed before its end.
    """
    try:
        value = json.loads(await read_body(receive, limit))
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body is not a JSON object")
    return value
