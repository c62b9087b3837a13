"""Names for Python from names that others chose."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection
from typing import Final

RESERVED: Final = frozenset(
    [
        "abstract",
        "args",
        "auth",
        "ca_file",
        "cleanup_timeout",
        "client",
        "client_cert",
        "clients",
        "clock",
        "connect_timeout",
        "content_type",
        "context",
        "defer",
        "environment",
        "event_reporter",
        "execute_next_task",
        "execute_task",
        "fixed_count",
        "flow_name",
        "fullname",
        "get_next_task",
        "greenlet",
        "group",
        "has_waited",
        "host",
        "insecure",
        "interrupt",
        "json",
        "json_response",
        "max_wait",
        "min_wait",
        "on_start",
        "on_stop",
        "parent",
        "prepare",
        "proxy",
        "proxy_auth",
        "reporter",
        "request_failed",
        "reschedule",
        "run",
        "schedule_task",
        "session",
        "setting",
        "settings",
        "socket",
        "start",
        "start_trial",
        "steps",
        "stop",
        "sticky_tag_stop",
        "tasks",
        "think_time",
        "timeout",
        "timing",
        "to_dict",
        "trace",
        "user",
        "wait",
        "wait_function",
        "wait_time",
        "weight",
        "filled",
        "has_keys",
        "holds",
        "pb",
        "os",
        "re",
        "between",
        "tag",
        "task",
        "step",
        "on_connect",
    ]
)
"""What users, flows and the written file have themselves."""

_LONGEST: Final = 48


def words(text: str) -> list[str]:
    """The words in a name, lower case: `getOrderByID`, `get-order by_id` and `orders.v1.Get` have three each."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return [word.lower() for word in re.findall(r"[A-Za-z0-9]+", spaced)]


def snake(text: str, otherwise: str = "request") -> str:
    """A name for a function or a variable; with nothing in it that means something already."""
    name = "_".join(words(text))[:_LONGEST].strip("_") or otherwise
    if name[0].isdigit():
        name = f"{otherwise}_{name}"
    is_taken = keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name) or name in RESERVED
    return f"{name}_{otherwise}" if is_taken else name


def camel(text: str, otherwise: str = "Flow") -> str:
    """A name for a class."""
    name = "".join(word[:1].upper() + word[1:] for word in words(text))[:_LONGEST] or otherwise
    return f"{otherwise}{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def parameter(text: str) -> str:
    """A name for a parameter of a path template."""
    name = text if text.isascii() and text.isidentifier() else "_".join(words(text))
    return name if name.isidentifier() else f"value_{name}".rstrip("_")


def slug(text: str) -> str:
    """A tag."""
    return "-".join(words(text)) or "other"


def unique(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def singular(word: str) -> str:
    """One of those."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2 else word
