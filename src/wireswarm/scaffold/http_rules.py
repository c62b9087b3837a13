"""The option `google.api.http` of a method: which HTTP requests stand for it.

It is an extension, number 72295728, of a method's options. Whether its definition is known to the pool that the method
is in does not matter here: the options are read once more, from their bytes, with a definition of our own.
Source: https://cloud.google.com/endpoints/docs/grpc/transcoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import MethodDescriptor

from wireswarm.protos import load_protos
from wireswarm.scaffold.naming import parameter, singular, words

INCLUDES: Final = Path(__file__).parent / "includes"
"""A folder with definitions of the option, for `.proto` files whose own are not there."""

_VERBS: Final = ("get", "put", "post", "delete", "patch")
_VARIABLE: Final = re.compile(r"\{([^{}=]+)(?:=([^{}]*))?\}")


class Segment(NamedTuple):
    """A parameter of a path template."""

    name: str
    """In the template."""
    field: str
    """Of the message, which it is the value of, or a part."""
    is_whole: bool
    """Whether it is the field's whole value."""


class Binding(NamedTuple):
    """One HTTP request that stands for a method."""

    verb: str
    path: str
    """A template."""
    segments: tuple[Segment, ...]
    body: str
    """`*`, a field, or nothing."""
    response_body: str


def bindings_of(method: MethodDescriptor) -> Iterator[Binding]:
    """The requests that a method's option names, the additional ones as well; none where it has no option."""
    kind, extension = _definitions()
    options = kind.FromString(method.GetOptions().SerializeToString())
    if options.HasExtension(extension):
        yield from _bindings(options.Extensions[extension])


@cache
def _definitions() -> tuple[Any, Any]:
    """The type of a method's options where the extension is known, and the extension."""
    pb = load_protos(INCLUDES / "google/api/annotations.proto")
    return pb["google.protobuf.MethodOptions"], pb["google.api.http"]


def _bindings(rule: Any) -> Iterator[Binding]:
    pattern = rule.WhichOneof("pattern")
    if pattern in _VERBS:
        verb, path = pattern.upper(), getattr(rule, pattern)
    else:
        verb, path = rule.custom.kind.upper(), rule.custom.path
    if verb.isalpha() and path.startswith("/"):
        template, segments = _template(path)
        yield Binding(verb, template, segments, rule.body, rule.response_body)
    for further in rule.additional_bindings:
        yield from _bindings(further)


def _template(path: str) -> tuple[str, tuple[Segment, ...]]:
    """A path of the option's grammar as one of ours: `{name=shelves/*}` is `shelves/{shelf}`."""
    segments: list[Segment] = []

    def add(name: str, field: str, *, is_whole: bool) -> str:
        names = {segment.name for segment in segments}
        found = name
        while found in names:
            found += "_"
        segments.append(Segment(found, field, is_whole))
        return f"{{{found}}}"

    def replace(match: re.Match[str]) -> str:
        field, pattern = match[1].strip(), match[2] or "*"
        if pattern in {"*", "**"}:
            return add(parameter(field), field, is_whole=True)
        parts = pattern.split("/")
        return "/".join(
            add(_thing(parts[:i], field), field, is_whole=False) if part in {"*", "**"} else part
            for i, part in enumerate(parts)
        )

    return _VARIABLE.sub(replace, path), tuple(segments)


def _thing(before: list[str], field: str) -> str:
    named = words(before[-1]) if before else []
    return parameter(singular(named[-1]) if named else field)
