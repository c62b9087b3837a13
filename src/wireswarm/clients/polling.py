"""Asking again until something is true: how often, how long, and when to give up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from wireswarm.clock import Clock
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.sample import Failure, Reason

T = TypeVar("T")


FIRST: Final = 2.0
FACTOR: Final = 1.5
CAP: Final = 30.0
ATTEMPTS: Final = 60


def waits(first: float, factor: float, cap: float) -> Iterator[float]:
    """The seconds between one request and the next, without end."""
    wait = min(first, cap)
    while True:
        yield wait
        wait = min(wait * factor, cap)


def poll_until(
    ask: Callable[[], T],
    until: Callable[[T], object],
    clock: Clock,
    *,
    failed: type[RequestFailed] = RequestFailed,
    first: float = FIRST,
    factor: float = FACTOR,
    cap: float = CAP,
    attempts: int = ATTEMPTS,
    deadline: float | None = None,
) -> T:
    """Call `ask` until `until` is true of what it returned, and return that.

    Each call is an exchange of its own, measured as such; the waiting between them is nobody's response time.

    Raises:
        RequestFailed: `ask` failed, or the condition did not come true within the attempts or the deadline; in the
            second case a `failed` with reason `poll`.
        UsageError: numbers that make no schedule.
    """
    if first < 0 or factor < 1 or cap < 0 or attempts < 1:
        raise UsageError("poll takes first >= 0, factor >= 1, cap >= 0 and attempts >= 1")
    ends = None if deadline is None else clock.monotonic() + deadline
    schedule = waits(first, factor, cap)
    attempt = 1
    while not until(answer := ask()):
        if attempt == attempts:
            raise failed(Failure(Reason.POLL, f"not true after {attempts} attempts"))
        wait = next(schedule)
        if ends is not None and clock.monotonic() + wait > ends:
            raise failed(Failure(Reason.POLL, f"not true within {deadline:g} s"))
        clock.sleep(wait)
        attempt += 1
    return answer
