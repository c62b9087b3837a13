"""`wireswarm.clients.polling`: when it asks, and when it gives up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest
from manual_clock import ManualClock

from wireswarm.clients.polling import poll_until, waits
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.sample import Failure, Reason


class Question:
    """Answers with its number, counted from 1, and notes when it was asked."""

    def __init__(self, clock: ManualClock, takes: float = 0.0) -> None:
        self.moments: list[float] = []
        self._clock = clock
        self._takes = takes

    def __call__(self) -> int:
        self.moments.append(self._clock.elapsed)
        self._clock.advance(self._takes)
        return len(self.moments)


def at(number: int) -> Callable[[int], bool]:
    return lambda answer: answer == number


def never(answer: int) -> bool:
    return False


def test_it_asks_at_once_and_then_ever_more_rarely(clock: ManualClock) -> None:
    ask = Question(clock)
    assert poll_until(ask, at(9), clock) == 9
    assert ask.moments == [0, 2, 5, 9.5, 16.25, 26.375, 41.5625, 64.34375, 94.34375]


def test_an_answer_that_is_right_at_once_costs_no_wait(clock: ManualClock) -> None:
    assert poll_until(Question(clock), at(1), clock) == 1
    assert clock.slept == []


def test_waits_begin_when_the_answer_is_there(clock: ManualClock) -> None:
    ask = Question(clock, takes=1.0)
    poll_until(ask, at(3), clock)
    assert ask.moments == [0, 3, 7]


@pytest.mark.parametrize(
    ("first", "factor", "cap", "expected"),
    [
        (2.0, 1.5, 30.0, [2.0, 3.0, 4.5, 6.75, 10.125, 15.1875, 22.78125, 30.0, 30.0]),
        (1.0, 1.0, 30.0, [1.0] * 9),
        (10.0, 2.0, 5.0, [5.0] * 9),
        (0.0, 2.0, 5.0, [0.0] * 9),
    ],
)
def test_waits(first: float, factor: float, cap: float, expected: list[float]) -> None:
    assert list(islice(waits(first, factor, cap), 9)) == expected


def test_own_numbers(clock: ManualClock) -> None:
    ask = Question(clock)
    poll_until(ask, at(5), clock, first=1.0, factor=2.0, cap=3.0)
    assert ask.moments == [0, 1, 3, 6, 9]


@pytest.mark.parametrize("attempts", [1, 3])
def test_it_gives_up_after_so_many_attempts_and_does_not_wait_once_more(clock: ManualClock, attempts: int) -> None:
    ask = Question(clock)
    with pytest.raises(RequestFailed) as caught:
        poll_until(ask, never, clock, attempts=attempts)
    assert caught.value.failure == Failure(Reason.POLL, f"not true after {attempts} attempts")
    assert len(ask.moments) == attempts
    assert len(clock.slept) == attempts - 1


def test_by_default_it_asks_sixty_times(clock: ManualClock) -> None:
    ask = Question(clock)
    with pytest.raises(RequestFailed, match="not true after 60 attempts"):
        poll_until(ask, never, clock)
    assert len(ask.moments) == 60


def test_it_gives_up_as_soon_as_the_next_attempt_would_come_too_late(clock: ManualClock) -> None:
    ask = Question(clock)
    with pytest.raises(RequestFailed) as caught:
        poll_until(ask, never, clock, deadline=9.0)
    assert caught.value.failure == Failure(Reason.POLL, "not true within 9 s")
    assert ask.moments == [0, 2, 5]
    assert clock.elapsed == 5


def test_an_attempt_at_the_deadline_is_in_time(clock: ManualClock) -> None:
    assert poll_until(Question(clock), at(4), clock, deadline=9.5) == 4


def test_the_time_of_the_answers_counts(clock: ManualClock) -> None:
    ask = Question(clock, takes=3.0)
    with pytest.raises(RequestFailed, match=r"not true within 9\.5 s"):
        poll_until(ask, never, clock, deadline=9.5)
    assert ask.moments == [0, 5]


def test_a_failed_request_ends_it(clock: ManualClock) -> None:
    failed = RequestFailed(Failure(Reason.RESET, "gone"))

    def ask() -> int:
        raise failed

    with pytest.raises(RequestFailed) as caught:
        poll_until(ask, never, clock)
    assert caught.value is failed


def test_giving_up_raises_the_callers_exception(clock: ManualClock) -> None:
    class Ours(RequestFailed):
        pass

    for options in ({"attempts": 1}, {"deadline": 0.0}):
        with pytest.raises(Ours):
            poll_until(Question(clock), never, clock, failed=Ours, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [{"first": -1.0}, {"factor": 0.5}, {"cap": -1.0}, {"attempts": 0}])
def test_numbers_that_make_no_schedule(clock: ManualClock, numbers: dict[str, float]) -> None:
    ask = Question(clock)
    with pytest.raises(UsageError) as caught:
        poll_until(ask, never, clock, **numbers)  # type: ignore[arg-type]
    assert str(caught.value) == "poll takes first >= 0, factor >= 1, cap >= 0 and attempts >= 1"
    assert ask.moments == []
