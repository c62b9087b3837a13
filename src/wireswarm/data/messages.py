"""Protobuf messages from rows, as protobuf's own JSON mapping has it (protobuf.dev, "ProtoJSON Format")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.json_format import Error, ParseDict
from google.protobuf.message import Message

from wireswarm.data.columns import Row

M = TypeVar("M", bound=Message)


def message_from(kind: type[M], row: Row) -> M:
    """A message with a row's values in its fields, by their names in JSON or in the `.proto` file.

    Raises:
        ValueError: a field is not there, or holds something else; in words.
    """
    try:
        return ParseDict(row, kind())
    except (Error, TypeError, AttributeError, KeyError, RecursionError) as error:
        # The last four come through from the mapping of well-known types.
        reason = str(error).partition("\n")[0].removesuffix(".")
        name, allowed = kind.DESCRIPTOR.full_name, _fields(kind.DESCRIPTOR)
        raise ValueError(f"found no {name}: {reason}; allowed: {allowed}") from None


def message_check(kind: type[Message]) -> Callable[[Row], None]:
    """Looks at a row, whether it is such a message; raises ValueError."""

    def check(row: Row) -> None:
        message_from(kind, row)

    return check


def _fields(descriptor: Any) -> str:
    return f"the fields {', '.join(field.name for field in descriptor.fields)}"
