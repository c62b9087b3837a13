"""Who says which row comes next. The plug-in's supplies know the whole swarm; this one is for a process on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wireswarm.errors import WireswarmError

if TYPE_CHECKING:
    from wireswarm.data.feed import DataFile


class EndOfData(WireswarmError):  # noqa: N818 - it is what happened, and no error
    """Every row was taken. Under Locust the user, or the test, is stopped instead."""


class Supply(Protocol):
    """Hands out positions of a feed, each once."""

    def take(self, feed: DataFile, user: Any) -> int:
        """The next position. Raises what stops the user where there is none."""

    def keep(self, feed: DataFile, user: Any, position: int) -> None:
        """That user keeps that position for as long as it lives."""

    def user(self) -> Any:
        """The user that is running; None where none is."""

    def stream(self) -> int:
        """Which process of the swarm this is, so that each draws random numbers of its own."""


class OwnSupply:
    """All rows are this process's."""

    def __init__(self) -> None:
        self._next: dict[DataFile, int] = {}

    def take(self, feed: DataFile, user: Any) -> int:
        """See `Supply.take`.

        Raises:
            EndOfData: there is no position left.
        """
        position = self._next.get(feed, 0)
        if feed.total is not None and position >= feed.total:
            raise EndOfData(f"{feed.path}: all {feed.total} rows were taken")
        self._next[feed] = position + 1
        return position

    def keep(self, feed: DataFile, user: Any, position: int) -> None:
        """See `Supply.keep`."""

    def user(self) -> Any:
        """See `Supply.user`."""
        return None

    def stream(self) -> int:
        """See `Supply.stream`."""
        return 0


class Supplied:
    """Where feeds look for their supply."""

    def __init__(self) -> None:
        self.by: Supply = OwnSupply()


SUPPLIED = Supplied()
"""This process's."""
