"""What a GraphQL document asks for, as far as a client has to know (https://spec.graphql.org/draft/#sec-Document)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

# Comments and strings are words, so that nothing in them is taken for one.
_WORD: Final = re.compile(
    r'#[^\r\n]*|"""(?s:\\"""|(?!""").)*(?:"""|\Z)|"(?:\\.|[^"\\\r\n])*"?|[A-Za-z_][A-Za-z0-9_]*|[{}()\[\]@]', re.ASCII
)
_KINDS: Final = frozenset({"query", "mutation", "subscription"})
_DEPTHS: Final = {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}


class Operation(NamedTuple):
    """One operation of a document."""

    kind: str
    """`query`, `mutation` or `subscription`."""
    name: str | None


@lru_cache(maxsize=1024)
def operations_of(document: str) -> tuple[Operation, ...]:
    """The operations of a document, in order. What is not one is passed over: to judge it is the server's business.

    Remembered, because a load test sends the same few documents all the time.
    """
    operations: list[Operation] = []
    depth = 0
    first = True  # the next word begins a definition
    kind: str | None = None  # of the operation whose name may be the next word
    for word in _WORD.findall(document):
        if word[0] in '#"':
            continue
        if kind is not None:
            is_name = word[0].isalpha() or word[0] == "_"
            operations.append(Operation(kind, word if is_name else None))
            kind = None
        elif first and word == "{":
            operations.append(Operation("query", None))
        elif first and word in _KINDS:
            kind = word
        depth += _DEPTHS.get(word, 0)
        first = depth == 0 and word == "}"
    return tuple(operations)
