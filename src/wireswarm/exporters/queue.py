"""A queue between the load, which must never wait, and an exporter, which may be slow."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    """Takes what there is room for, and counts what it had to drop.

    For one thread: greenlets switch nowhere in here.

    Args:
        limit: how many items there is room for.
        keep_newest: a full queue drops its oldest item for a new one. Otherwise it drops the new one.
    """

    def __init__(self, limit: int, *, keep_newest: bool = False) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._keep_newest = keep_newest
        self.dropped = 0
        """How many items were lost for want of room."""

    def put(self, item: T) -> bool:
        """Add an item; False where one was dropped for it, or it was dropped itself."""
        if len(self._items) < self._limit:
            self._items.append(item)
            return True
        self.dropped += 1
        if self._keep_newest:
            self._items.popleft()
            self._items.append(item)
        return False

    def take(self, most: int) -> list[T]:
        """Remove and return the oldest items, not more than so many."""
        items = self._items
        return [items.popleft() for _ in range(min(most, len(items)))]

    def __len__(self) -> int:
        return len(self._items)
