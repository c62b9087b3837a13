"""Words for messages about what somebody wrote."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

SHOWN = 60
"""Characters shown of a text that somebody wrote, which may be of any length."""


def quote(text: str) -> str:
    """Put quotes around a text and shorten it; escape it where it would disturb a terminal."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return json.dumps(shown, ensure_ascii=not shown.isprintable())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A parenthesis with the nearest known word, to follow what was found; empty when none is near."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    nearest = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return f' (did you mean "{by_folded[nearest[0]]}"?)' if nearest else ""
