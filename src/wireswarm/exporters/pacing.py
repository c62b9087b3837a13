"""Long work in short pieces: what an exporter computes must not hold up the load that runs in the same thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import gevent

T = TypeVar("T")

Pause = Callable[[], None]


def let_others_run() -> None:
    """Let every greenlet that is ready go first."""
    gevent.sleep(0)


class Paced(Generic[T]):
    """Items that can be gone through again and again, with a pause after every so many of them."""

    def __init__(self, items: Iterable[T], pause: Pause, every: int) -> None:
        self._items = list(items)
        self._pause = pause
        self._every = every

    def __iter__(self) -> Iterator[T]:
        for number, item in enumerate(self._items, start=1):
            yield item
            if number % self._every == 0:
                self._pause()

    def __len__(self) -> int:
        return len(self._items)
