"""Marking the methods of a flow that are its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "_wireswarm_step"


def step(method: F) -> F:
    """Make a method of a `Flow` one of its steps. Steps run in the order in which they are defined."""
    setattr(method, _MARK, True)
    return method


def steps_of(cls: type) -> tuple[str, ...]:
    """The names of a class's steps in order: those of its bases first; one that is overridden keeps its place."""
    names: dict[str, bool] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if getattr(value, _MARK, False):
                names[name] = True
            elif name in names:
                names[name] = False  # replaced by something that is no step
    return tuple(name for name, is_step in names.items() if is_step)
