"""Forms and query strings: `application/x-www-form-urlencoded`, as browsers write it (WHATWG URL, section 5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from wireswarm.errors import UsageError

CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
"""A form's Content-Type. It has no charset: the format is ASCII, and UTF-8 below the percent signs."""

Scalar = str | bytes | int | float | bool | None
"""One value: text, bytes as they are, a number, `true` or `false`; None leaves its name out."""

Params = Mapping[str, Scalar | Sequence[Scalar]] | Iterable[tuple[str, Scalar | Sequence[Scalar]]]
"""Names and values, or pairs of them; several values for a name give several pairs."""

_SCALARS: Final = (str, int, float, bytes, bytearray, memoryview)  # the last two so that they are refused as a whole


def encode_form(params: Params) -> bytes:
    """The body of a form.

    Raises:
        UsageError: see `flat_pairs`.
    """
    return _encode(params).encode("ascii")


def add_query(target: str, params: Params) -> str:
    """A request target with these parameters behind those that it has.

    Args:
        target: path and perhaps query, percent-encoded. What is in it stays as it is.
        params: names and values; see `Params`.

    Raises:
        UsageError: the target has a fragment, which is never sent; see also `flat_pairs`.
    """
    if "#" in target:
        raise UsageError(f"{target!r} has a fragment, which no server gets to see; write %23 for a literal #")
    query = _encode(params)
    if not query:
        return target
    _, has_query, present = target.partition("?")
    between = "?" if not has_query else "&" if present and not present.endswith("&") else ""
    return target + between + query


def flat_pairs(params: Params) -> Iterator[tuple[str, bytes]]:
    """Names, and values in UTF-8: one pair for each value that is not None, in the order given.

    Raises:
        UsageError: not a mapping or pairs, a name that is no text, or a value that is none of `Params`. Values are not
            in the message, since they may be credentials.
    """
    for name, value in named_items(params, "form and query parameters"):
        if value is None:
            continue
        if isinstance(value, _SCALARS) or not isinstance(value, Sequence):
            yield name, _value(name, value)
        else:
            yield from ((name, _value(name, item)) for item in value if item is not None)


def named_items(source: object, what: str) -> Iterator[tuple[str, Any]]:
    """The items of a mapping or of an iterable of pairs, with the names looked at.

    Args:
        source: the mapping or the pairs.
        what: what it is, for the message.

    Raises:
        UsageError: it is neither, or a name in it is no text.
    """
    if isinstance(source, Mapping):
        items: Iterable[Any] = source.items()
    elif isinstance(source, Iterable) and not isinstance(source, str | bytes):
        items = source
    else:
        raise UsageError(f"{what} are a mapping or a list of pairs, not {type(source).__name__}")
    for item in items:
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise UsageError(f"{what} are a mapping or a list of pairs; one item is no pair")
        if not isinstance(item[0], str):
            raise UsageError(f"{what} have names of type str, not {type(item[0]).__name__}")
        yield item[0], item[1]


def _value(name: str, value: object) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise UsageError(f"the value of {name!r} is not valid Unicode") from None
    if isinstance(value, bool):  # before int, which it is one of
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value  # by format, because enumerations of numbers have a text of their own
    if isinstance(value, float):
        return repr(float(value)).encode()
    if isinstance(value, bytes):
        return value
    raise UsageError(
        f"the value of {name!r} is of type {type(value).__name__}; it can be str, bytes, int, float, bool, None, "
        "or a list of these"
    )


def _encode(params: Params) -> str:
    try:
        text = urlencode(list(flat_pairs(params)), safe="*")
    except UnicodeEncodeError:
        raise UsageError("the name of a form or query parameter is not valid Unicode") from None
    # Everything but letters, digits and *-._ is escaped (WHATWG URL, section 1.3); Python leaves ~ alone.
    return text.replace("~", "%7E")
