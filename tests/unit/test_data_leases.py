"""Who has which rows, for any number of workers that come and go."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.data.leases import LARGEST, LeaseBook, LeaseQueue, Range
from wireswarm.data.orders import Permutation


class Swarm:
    """A book and its workers, without the messages between them."""

    def __init__(self, total: int | None) -> None:
        self.book = LeaseBook(total)
        self.queues: dict[str, LeaseQueue] = {}
        self.frozen: dict[str, LeaseQueue] = {}
        self.taken: list[int] = []
        self.unsure = 0
        self.number = 0

    def join(self) -> None:
        self.number += 1
        self.queues[f"worker {self.number}"] = LeaseQueue()

    def ask(self, worker: str, wanted: int) -> bool:
        lease = self.book.grant(worker, wanted, len(self.queues))
        if lease is not None:
            self.queues[worker].add(lease)
        return lease is not None

    def take(self, worker: str, count: int) -> None:
        queue = self.queues[worker]
        for _ in range(count):
            position = queue.take()
            if position is None:
                break
            self.taken.append(position)

    def report(self, worker: str) -> None:
        self.book.report(worker, self.queues[worker].left)

    def leave(self, worker: str) -> None:
        self.report(worker)
        self.book.give_back(worker, self.queues.pop(worker).give_back())

    def recall(self, worker: str, keep: int) -> None:
        back = self.queues[worker].give_back(keep)
        self.book.report(worker, self.queues[worker].left + sum(one.size for one in back))
        self.book.give_back(worker, back)

    def kill(self, worker: str) -> None:
        self.book.lose(worker)
        self.unsure += self.queues.pop(worker).left

    def freeze(self, worker: str) -> None:
        self.book.lose(worker)
        self.frozen[worker] = self.queues.pop(worker)

    def thaw(self) -> None:
        for worker, queue in self.frozen.items():
            self.queues[worker] = queue
            self.report(worker)
        self.frozen = {}

    def drain(self) -> None:
        self.thaw()
        if not self.queues:
            self.join()
        progress = True
        while progress:
            progress = False
            for worker in list(self.queues):
                progress |= self.ask(worker, 7)
                self.take(worker, 10**9)
                self.report(worker)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["join", "ask", "take", "report", "leave", "recall", "kill", "freeze", "thaw"]),
        st.integers(0, 5),
        st.integers(0, 40),
    ),
    max_size=60,
)


def play(swarm: Swarm, events: list[tuple[str, int, int]], *, kills: bool) -> None:
    for event, which, size in events:
        workers = list(swarm.queues)
        if event == "join":
            swarm.join()
        elif event == "thaw":
            swarm.thaw()
        elif workers and (kills or event != "kill"):
            worker = workers[which % len(workers)]
            extra = {"ask": (size + 1,), "take": (size,), "recall": (which,)}.get(event, ())
            getattr(swarm, event)(worker, *extra)


@given(st.integers(0, 300), EVENTS)
def test_whoever_comes_and_goes_every_row_goes_to_one_user(total: int, events: list[tuple[str, int, int]]) -> None:
    swarm = Swarm(total)
    play(swarm, events, kills=False)
    swarm.drain()
    assert sorted(swarm.taken) == list(range(total))
    assert swarm.book.complete
    assert (swarm.book.used, swarm.book.lost) == (total, 0)


@given(st.integers(0, 300), EVENTS)
def test_with_workers_that_are_killed_no_row_comes_twice(total: int, events: list[tuple[str, int, int]]) -> None:
    swarm = Swarm(total)
    play(swarm, events, kills=True)
    swarm.drain()
    assert len(set(swarm.taken)) == len(swarm.taken)
    assert len(swarm.taken) == total - swarm.unsure
    assert swarm.unsure <= swarm.book.lost
    assert swarm.book.complete


@given(EVENTS)
def test_without_an_end_no_position_comes_twice(events: list[tuple[str, int, int]]) -> None:
    swarm = Swarm(None)
    play(swarm, events, kills=True)
    assert len(set(swarm.taken)) == len(swarm.taken)
    assert not swarm.book.complete


def test_leases_shrink_towards_the_end_and_are_never_too_large() -> None:
    book = LeaseBook(100)
    sizes = [lease.size for _ in range(12) if (lease := book.grant("a", 1000, 2))]
    assert sizes == [25, 18, 14, 10, 8, 6, 4, 3, 3, 2, 1, 1]
    endless = LeaseBook(None).grant("a", 10**9, 2)
    assert endless == Range(0, LARGEST)


def test_a_worker_keeps_what_its_users_wait_for() -> None:
    queue = LeaseQueue()
    queue.add(Range(0, 4))
    queue.add(Range(10, 12))
    assert queue.take() == 0
    assert queue.give_back(keep=2) == [Range(3, 4), Range(10, 12)]
    assert [queue.take(), queue.take(), queue.take()] == [1, 2, None]
    queue.put_back(1)
    assert (queue.left, queue.take()) == (1, 1)


@given(st.integers(1, 2000), st.integers(0, 10**6))
def test_a_permutation_has_every_number_once(size: int, seed: int) -> None:
    permutation = Permutation(size, seed)
    assert sorted(permutation[n] for n in range(size)) == list(range(size))


@pytest.mark.parametrize("size", [65_537, 70_001, 131_072])
def test_a_large_permutation_has_every_number_once_and_mixes(size: int) -> None:
    first, second = Permutation(size, 1), Permutation(size, 2)
    numbers = [first[n] for n in range(size)]
    assert sorted(numbers) == list(range(size))
    # Of two random numbers below n the mean distance is n / 3.
    distance = sum(abs(a - b) for a, b in itertools.pairwise(numbers)) / (size - 1)
    assert abs(distance - size / 3) < size / 100
    assert sum(second[n] == numbers[n] for n in range(size)) < 20
