from __future__ import annotations

from wireswarm.exporters.pacing import Paced
from wireswarm.exporters.queue import BoundedQueue


def test_what_has_no_room_is_dropped_and_counted() -> None:
    queue: BoundedQueue[int] = BoundedQueue(3)
    assert [queue.put(number) for number in range(5)] == [True, True, True, False, False]
    assert queue.take(10) == [0, 1, 2]
    assert queue.dropped == 2
    assert queue.put(7), "there is room again"


def test_the_oldest_can_make_room() -> None:
    queue: BoundedQueue[int] = BoundedQueue(2, keep_newest=True)
    for number in range(5):
        queue.put(number)
    assert queue.take(10) == [3, 4]
    assert queue.dropped == 3


def test_items_are_taken_in_order_and_no_more_than_asked_for() -> None:
    queue: BoundedQueue[int] = BoundedQueue(9)
    for number in range(5):
        queue.put(number)
    assert queue.take(2) == [0, 1]
    assert len(queue) == 3
    assert queue.take(0) == []


def test_long_work_is_done_with_pauses() -> None:
    pauses: list[None] = []
    items = Paced(range(10), lambda: pauses.append(None), every=3)
    assert list(items) == list(range(10))
    assert len(pauses) == 3
    assert list(items) == list(range(10)), "as often as wanted"
    assert len(items) == 10
