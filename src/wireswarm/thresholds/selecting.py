"""Which requests, flows and steps a selector is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar

from wireswarm.metrics import FLOW, STEP
from wireswarm.thresholds.readable import KeyLike
from wireswarm.thresholds.words import did_you_mean, quote

K = TypeVar("K", bound=KeyLike)

_APART = (FLOW, STEP)
"""Types that are no exchanges. Only a selector that begins with one of them means them."""
_LISTED = 10
"""Requests that a message lists."""


def matching(selector: str, keys: Iterable[K]) -> list[K]:
    """The keys that a selector means: the one of that type and name, else those of that name, else those of the glob.

    So a name with an asterisk or a question mark in it is found by itself.
    """
    keys = list(keys)
    exact = [key for key in keys if spelled(key) == selector]
    if exact:
        return exact
    apart = selector.startswith(tuple(f"{kind} " for kind in _APART))
    meant = [key for key in keys if (key.type in _APART) == apart]
    named = [key for key in meant if key.name == selector]
    if named or not _is_glob(selector):
        return named
    glob = _glob(selector)
    return [key for key in meant if glob.fullmatch(spelled(key)) or (not apart and glob.fullmatch(key.name))]


def spelled(key: KeyLike) -> str:
    """A key as a selector names it."""
    return f"{key.type} {key.name}"


def nothing_matched(selector: str, keys: Iterable[KeyLike]) -> str:
    """Why there is no data, for a selector that means none of the keys."""
    there = sorted(map(spelled, keys))
    if not there:
        return "there were no requests"
    by_name = {name.partition(" ")[2]: name for name in there}
    near = did_you_mean(selector, there) or did_you_mean(selector, by_name)
    if selector in by_name:  # a flow or a step, by its mere name
        near = f' (did you mean "{by_name[selector]}"?)'
    listed = ", ".join(there[:_LISTED])
    more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
    return f"nothing matched {quote(selector)}{near}; there were: {listed}{more}"


def _is_glob(selector: str) -> bool:
    return "*" in selector or "?" in selector


@lru_cache(maxsize=1024)
def _glob(selector: str) -> re.Pattern[str]:
    # No sets in brackets, which are part of many names: `/files [upload]`.
    parts = ({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in selector)
    return re.compile("".join(parts), re.DOTALL)
