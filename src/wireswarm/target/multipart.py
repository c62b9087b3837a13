"""Takes uploads apart: `multipart/form-data` (RFC 7578), whole in memory and therefore of bounded length."""

from __future__ import annotations

import re
from email.message import Message
from typing import NamedTuple

from wireswarm.target.answers import Refusal

MOST_PARTS = 100
LONGEST_HEAD = 8 * 1024
"""Bytes of a part's headers."""

# Without escapes: WHATWG HTML, "multipart form data", has a quote as %22, and a backslash as itself.
_PARAMETER = re.compile(r';\s*(name|filename)=(?:"([^"]*)"|([^";\s]+))', re.IGNORECASE)


class Part(NamedTuple):
    """One field of a form."""

    name: str
    filename: str | None
    """None where it is no file."""
    content: bytes


def parse_multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body, in order.

    Raises:
        Refusal: 415, the content type is not that of a form with a boundary; 400, the body does not fit it, or has more
            than `MOST_PARTS` parts.
    """
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise Refusal(415, "the content type is not multipart/form-data with a boundary")
    # RFC 2046, section 5.1.1: the line break before a delimiter belongs to it.
    first, *chunks = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"), MOST_PARTS + 2)
    if len(chunks) > MOST_PARTS + 1:
        raise Refusal(400, f"the form has more than {MOST_PARTS} parts")
    if first.strip() or not chunks or not chunks[-1].startswith(b"--"):
        raise Refusal(400, "the body is not a form with the boundary of its content type")
    return [_part(chunk) for chunk in chunks[:-1]]


def _part(chunk: bytes) -> Part:
    lines, separator, content = chunk.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if len(lines) > LONGEST_HEAD:
        raise Refusal(400, "the headers of a part are too long")
    parameters: dict[str, str] = {}
    for line in lines.split(b"\r\n"):
        if line.lower().startswith(b"content-disposition:"):
            for name, quoted, bare in _PARAMETER.findall(line.decode("utf-8", "replace")):
                parameters[name.lower()] = quoted or bare
    if not separator or "name" not in parameters:
        raise Refusal(400, "a part of the form has no name")
    return Part(parameters["name"], parameters.get("filename"), content)
