"""JSON Schemas as OpenAPI 3.0 and 3.1 have them: references resolved, and sample values made that keep to them."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wireswarm.scaffold.documents import Finder, shown
from wireswarm.scaffold.naming import words
from wireswarm.scaffold.values import DATE, UUID, number_for, text_for

_DEPTH: Final = 6
"""Schemas inside schemas; below that what is required alone, at twice the depth nothing: a schema may hold itself."""
_MOST_ITEMS: Final = 20
_LONGEST_TEXT: Final = 2_000
_FORMATS: Final = {
    "date-time": f"{DATE}T12:00:00Z",
    "date": DATE,
    "time": "12:00:%02dZ",
    "duration": "PT%dS",
    "email": "user%d@example.com",
    "idn-email": "user%d@example.com",
    "hostname": "host%d.example.com",
    "uri": "https://example.com/%d",
    "url": "https://example.com/%d",
    "uri-reference": "/%d",
    "ipv4": "192.0.2.%d",
    "ipv6": "2001:db8::%x",
    "uuid": UUID,
    "password": "correct-horse-%d",
}


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Mapping[str, Any], finder: Finder) -> None:
        self._document = document
        self._finder = finder

    def resolve(self, value: Any, place: str) -> tuple[dict[str, Any], str]:
        """What stands at a place, or where its reference leads.

        Args:
            value: what stands there.
            place: the way there.

        Returns:
            The object, empty where it is none (which is noted), and the way to it.
        """
        seen: set[str] = set()
        while isinstance(value, dict) and isinstance(value.get("$ref"), str):
            reference = value["$ref"]
            if reference in seen:
                self._finder.problem(place, f"$ref {shown(reference)}, which leads to itself", "an object")
                return {}, place
            seen.add(reference)
            found = self._follow(reference, place)
            if found is None:
                return {}, place
            # What stands beside a reference goes before it (OpenAPI 3.1).
            beside = {key: held for key, held in value.items() if key != "$ref"}
            value, place = ({**found, **beside} if isinstance(found, dict) else found), reference
        if not isinstance(value, dict):
            if value is not True and value is not None:  # schemas that allow anything
                self._finder.problem(place, shown(value), "an object")
            return {}, place
        return value, place

    def _follow(self, reference: str, place: str) -> Any:
        if not reference.startswith("#/"):
            allowed = "references into the same file, #/...; bundle the files into one"
            self._finder.problem(place, f"$ref {shown(reference)}", allowed)
            return None
        found: Any = self._document
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            found = found.get(key) if isinstance(found, dict) else None
            if found is None:
                self._finder.problem(place, f"$ref {shown(reference)}, which leads nowhere", "what is in the file")
                return None
        return found

    def merged(self, schema: Any, place: str) -> dict[str, Any]:
        """A schema without references, with its `allOf` put together, and with the first of `oneOf` and `anyOf`."""
        return self._merged(schema, place, 0)

    def _merged(self, schema: Any, place: str, depth: int) -> dict[str, Any]:
        found, place = self.resolve(schema, place)
        if depth > 2 * _DEPTH:
            return {}
        whole = {key: value for key, value in found.items() if key not in {"allOf", "oneOf", "anyOf"}}
        parts = [(f"{place}/allOf/{i}", part) for i, part in enumerate(_list(found.get("allOf")))]
        for key in ("oneOf", "anyOf"):
            choices = [c for c in _list(found.get(key)) if not (isinstance(c, dict) and c.get("type") == "null")]
            parts += [(f"{place}/{key}/0", choices[0])] if choices else []
        for where, part in parts:
            inner = self._merged(part, where, depth + 1)
            properties = {**_dict(inner.get("properties")), **_dict(whole.get("properties"))}
            required = [*_list(inner.get("required")), *_list(whole.get("required"))]
            whole = {**inner, **whole}
            if properties:
                whole["properties"] = properties
            if required:
                whole["required"] = list(dict.fromkeys(required))
        return whole

    def type_of(self, schema: Mapping[str, Any]) -> str:
        """What JSON type a schema that is merged describes, `""` for any."""
        kind = schema.get("type")
        if isinstance(kind, list):  # OpenAPI 3.1
            kind = next((one for one in kind if one != "null"), "null")
        if isinstance(kind, str):
            return kind
        if "properties" in schema or "additionalProperties" in schema:
            return "object"
        return "array" if "items" in schema else ""

    def sample(self, schema: Any, place: str, name: str, number: int = 1, *, sent: bool = True) -> Any:
        """A value that the schema allows: its example, default or first choice, or one that its type suggests.

        Args:
            schema: the schema, or a reference to it.
            place: the way to it, for messages.
            name: of the field, which says what it may look like.
            number: 1 and more; another number gives another value, where no example, default or choice decides.
            sent: in a request, without what is `readOnly`; False in an answer, without what is `writeOnly`.
        """
        return self._sample(schema, place, name, number, 0, sent)

    def has_example(self, schema: Any, place: str) -> bool:
        """Whether somebody has written down what a value looks like."""
        whole = self.merged(schema, place)
        return "example" in whole or bool(_list(whole.get("examples"))) or "const" in whole

    def _sample(self, schema: Any, place: str, name: str, number: int, depth: int, sent: bool) -> Any:
        whole = self.merged(schema, place)
        if "const" in whole:
            return whole["const"]
        for key in ("example", "default"):
            if whole.get(key) is not None:
                return whole[key]
        for key in ("examples", "enum"):
            choices = [choice for choice in _list(whole.get(key)) if choice is not None]
            if choices:
                return choices[(number - 1) % len(choices)]
        kind = self.type_of(whole)
        if kind == "object":
            return dict(self._fields(whole, place, number, depth, sent))
        if kind == "array":
            count = min(max(1, _whole(whole.get("minItems"), 1)), _MOST_ITEMS)
            if depth > 2 * _DEPTH or _whole(whole.get("maxItems"), 1) < 1:
                return []
            return [
                self._sample(whole.get("items", {}), f"{place}/items", name, number + i, depth + 1, sent)
                for i in range(count)
            ]
        if kind in {"integer", "number"}:
            return _number(whole, kind, name, number)
        if kind == "boolean":
            return True
        return None if kind == "null" else _text(whole, name, number)

    def _fields(
        self, whole: Mapping[str, Any], place: str, number: int, depth: int, sent: bool
    ) -> Iterator[tuple[str, Any]]:
        required = set(map(str, _list(whole.get("required"))))
        if depth > 2 * _DEPTH:
            return
        for key, schema in _dict(whole.get("properties")).items():
            inner = self.merged(schema, f"{place}/properties/{key}")
            if inner.get("readOnly" if sent else "writeOnly") is True or inner.get("deprecated") is True:
                continue
            if key in required or depth < _DEPTH // 2 or (depth < _DEPTH and self.type_of(inner) != "object"):
                yield key, self._sample(schema, f"{place}/properties/{key}", key, number, depth + 1, sent)


def keys_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that an object of a schema that is merged has to have, in an answer."""
    properties = _dict(schema.get("properties"))
    required = [key for key in _list(schema.get("required")) if isinstance(key, str)]
    return tuple(key for key in required if _dict(properties.get(key)).get("writeOnly") is not True)


def _number(schema: Mapping[str, Any], kind: str, name: str, number: int) -> int | float:
    low, high = _finite(schema.get("minimum")), _finite(schema.get("maximum"))
    # In OpenAPI 3.0 these are booleans beside the two above, in 3.1 numbers of their own.
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    least = 1 if kind == "integer" else 0.01
    step = _finite(schema.get("multipleOf")) or least
    if above is not None and above is not False:
        floor = low if above is True else _finite(above)
        low = None if floor is None else floor + least
    if below is not None and below is not False:
        ceiling = high if below is True else _finite(below)
        high = None if ceiling is None else ceiling - least
    value: float = number_for(name, number) if kind == "integer" else number + 0.5
    if high is not None:
        value = min(value, high)
    if low is not None:
        value = max(value, low)
    if "multipleOf" in schema and step > 0:
        value = math.ceil(value / step) * step
        value = value - step if high is not None and value > high else value
    return int(value) if kind == "integer" else round(float(value), 6)


def _text(schema: Mapping[str, Any], name: str, number: int) -> str:
    form = schema.get("format")
    if form in {"byte", "base64"}:
        return base64.b64encode(f"sample {number}".encode()).decode()
    if form in _FORMATS:
        return _FORMATS[str(form)] % min(number, 28)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        made = _matching(pattern, number)
        if made is not None:
            return made
    found = "sample" if form == "binary" else text_for(name, number)
    least, most = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), _LONGEST_TEXT)
    if len(found) < least:
        found = (found + "x" * least)[: min(least, _LONGEST_TEXT)]
    # The number is at the end, and tells one row from the next.
    return found if len(found) <= most else found.replace(" ", "")[-most:] if most else ""


def _matching(pattern: str, number: int) -> str | None:
    """A text that fits a simple pattern; None where it is not so simple, or the outcome does not fit."""
    found, position = "", 0
    body = pattern.removeprefix("^").removesuffix("$")
    piece = re.compile(r"(\[[^\]^]+\]|\\[dw]|\\?[^\\\[\](){}|*+?^$.])(\{(\d+)(?:,\d*)?\}|[*+?])?")
    while position < len(body):
        match = piece.match(body, position)
        if match is None:
            return None
        times = int(match[3]) if match[3] else 1
        found += _one_of(match[1], number) * min(times, _LONGEST_TEXT)
        position = match.end()
    try:
        return found if re.search(pattern, found) else None
    except re.error:
        return None


def _one_of(piece: str, number: int) -> str:
    if piece == "\\d":
        return str(number % 10)
    if piece == "\\w":
        return "a"
    if piece.startswith("[") and len(piece) > 2:
        first = piece[1:-1]
        return str(number % 10) if first.startswith(("0-9", "\\d")) else first[0].replace("\\", first[1:2] or "a")
    return piece[-1]


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def is_secret_name(name: str) -> bool:
    """Whether a field of that name holds what nobody else should know."""
    parts = words(name)
    joined = "".join(parts)
    if {"page", "next", "continuation"} & set(parts):
        return False  # of a page of a list
    hidden = {"password", "passwd", "pwd", "secret", "token", "jwt", "authorization", "cookie", "credential", "otp"}
    ends = ("apikey", "accesskey", "privatekey", "sessionid", "signature", "password", "credentials", "assertion")
    return (
        bool(hidden & set(parts))
        or joined.endswith(ends)
        or joined in {"pin", "cvv", "cvc", "auth", "sid"}
        or ("csrf" in joined or "xsrf" in joined or "token" in joined)
    )
