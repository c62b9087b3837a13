"""Uploads: `multipart/form-data` (RFC 7578), as browsers write it."""

from __future__ import annotations

import mimetypes
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from wireswarm.errors import UsageError
from wireswarm.wire.form import Params, flat_pairs, named_items

Content = str | bytes
"""What is in a file; text is sent in UTF-8."""

FilePart = Content | tuple[str | None, Content] | tuple[str | None, Content, str | None]
"""A file: its content, `(filename, content)`, or `(filename, content, content type)`.

Without a filename the field's name is used. A filename of None makes a field of it that is no file, for parts such as
`(None, '{"a": 1}', "application/json")`.
"""

Files = Mapping[str, FilePart | list[FilePart]] | Iterable[tuple[str, FilePart | list[FilePart]]]
"""Files by the names of their fields, or pairs of both; a list of files gives several parts of one name."""

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
"""Content type of a file whose name does not tell (RFC 7578, section 4.4)."""

_MAX_DRAWS: Final = 10
# Of what RFC 2046, section 5.1.1, allows, that which needs no quotes in the Content-Type field.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'+_.-]{1,70}\Z")
_CONTENT_TYPE: Final = re.compile(r"[\x21-\x7e][\x20-\x7e]*\Z")
_ENCODED_AS: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def random_boundary() -> str:
    """128 random bits, as a boundary."""
    return secrets.token_hex(16)


def encode_multipart(
    data: Params | None = None, files: Files | None = None, *, boundary: Callable[[], str] = random_boundary
) -> tuple[str, bytes]:
    r"""The Content-Type and the body of an upload: first the fields, then the files, each in the order given.

    In names and filenames `"`, CR and LF become `%22`, `%0D` and `%0A`, and the rest is UTF-8 (WHATWG HTML, "multipart
    form data"). Contents are sent as they are; unlike a browser, line breaks in fields are not made CRLF.

    Args:
        data: names and values of fields; see `Params`.
        files: see `Files`. A content type that is not given is that of the filename's ending, by Python's own table
            and not by the machine's, so that all workers send the same.
        boundary: draws a boundary, again where the last one occurs in the content.

    Raises:
        UsageError: a name, value, file or content type is not one, or ten drawn boundaries occur in the content.
    """
    parts = [(_head(name, None, None), value) for name, value in flat_pairs(data or ())]
    for name, entry in named_items(files or (), "files"):
        parts += [_file(name, file) for file in (entry if isinstance(entry, list) else [entry])]
    drawn = _draw(boundary, [content for _, content in parts])
    lines = [piece for head, content in parts for piece in (b"--", drawn, head, content, b"\r\n")]
    body = b"".join((*lines, b"--", drawn, b"--\r\n"))
    return f"multipart/form-data; boundary={drawn.decode()}", body


def guess_content_type(filename: str) -> str:
    """The content type that belongs to a filename's ending; `application/octet-stream` where none is known."""
    kind, encoding = _types().guess_type(filename, strict=False)
    if encoding is not None:
        # What is sent is the archive, whatever is in it.
        return _ENCODED_AS.get(encoding, DEFAULT_CONTENT_TYPE)
    return kind or DEFAULT_CONTENT_TYPE


@lru_cache(maxsize=1)
def _types() -> mimetypes.MimeTypes:
    # An instance has the built-in types alone. Made when first needed, because Python reads the machine's files then.
    return mimetypes.MimeTypes()


def _file(name: str, file: Any) -> tuple[bytes, bytes]:
    filename, content, content_type = name, file, None
    if isinstance(file, tuple):
        if not 2 <= len(file) <= 3:
            raise UsageError(f"the file {name!r} is no (filename, content) or (filename, content, content type)")
        filename, content, content_type = (*file, None)[:3]
    if isinstance(content, str):
        content = _utf8(content, f"the content of {name!r}")
    if not isinstance(content, bytes):
        raise UsageError(
            f"the content of {name!r} is bytes or str, not {type(content).__name__}; read a file once, "
            "before the load, and pass its bytes"
        )
    if filename is not None and not isinstance(filename, str):
        raise UsageError(f"the filename of {name!r} is a str or None, not {type(filename).__name__}")
    if content_type is None and filename is not None:
        content_type = guess_content_type(filename)
    return _head(name, filename, content_type), content


def _head(name: str, filename: str | None, content_type: str | None) -> bytes:
    # What stands between the boundary and the content (RFC 7578, sections 4.2 and 4.4).
    head = b'\r\nContent-Disposition: form-data; name="%b"' % _quote(name)
    if filename is not None:
        head += b'; filename="%b"' % _quote(filename)
    if content_type is not None:
        if not isinstance(content_type, str) or not _CONTENT_TYPE.match(content_type):
            raise UsageError(f"the content type of {name!r} has a line break or another character that is not allowed")
        head += b"\r\nContent-Type: " + content_type.encode("ascii")
    return head + b"\r\n\r\n"


def _quote(text: str) -> bytes:
    return _utf8(text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A"), "the name of a field or file")


def _utf8(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} is not valid Unicode") from None


def _draw(boundary: Callable[[], str], contents: Sequence[bytes]) -> bytes:
    for _ in range(_MAX_DRAWS):
        text = boundary()
        if not _BOUNDARY.match(text):
            raise UsageError(f"{text!r} is not a boundary: 1 to 70 of the characters A-Z a-z 0-9 ' + _ . -")
        drawn = text.encode("ascii")
        if not any(b"--" + drawn in content for content in contents):
            return drawn
    raise UsageError("every boundary that was drawn for a multipart body occurs in its content")
