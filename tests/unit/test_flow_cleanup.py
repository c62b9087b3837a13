"""Clean-ups: each is done, in reverse, however the flow ends, and within a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent import GreenletExit
from gevent.event import Event
from locust import User, task
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, StopTest, StopUser
from locust.user.task import DefaultTaskSet

from wireswarm import Flow, RequestFailed, step
from wireswarm.flows.cleanup import Cleanup, Cleanups
from wireswarm.sample import Failure, Reason

FAILED = RequestFailed(Failure(Reason.STATUS, "status 500"))


def raising(error: BaseException) -> Callable[..., object]:
    def fail(*_args: object) -> None:
        raise error

    return fail


def _method(function: Callable[[Any], object]) -> Callable[[Any], object]:
    # Marking it as a step must not mark the function that the test goes on using.
    def method(flow: Any) -> object:
        return function(flow)

    return method


class Walker(User):
    @task
    def nothing(self) -> None: ...


class Walk:
    """A flow of one step that is this function, walked by one user."""

    def __init__(self, function: Callable[[Any], object], **attributes: Any) -> None:
        self.flow = type("OneStep", (Flow,), {"only": step(_method(function)), **attributes})
        self.environment = Environment()
        self.messages: list[str | None] = []
        self.errors: list[BaseException] = []
        self.environment.events.request.add_listener(self._on_request)
        self.environment.events.user_error.add_listener(lambda exception, **_: self.errors.append(exception))
        self.left: BaseException | None = None

    def _on_request(self, exception: Exception | None, **_kwargs: Any) -> None:
        self.messages.append(None if exception is None else str(exception))

    def go(self) -> Walk:
        user = Walker(self.environment)
        user._state = "running"
        try:
            DefaultTaskSet(user).execute_task(self.flow)
        except BaseException as error:
            self.left = error
        return self


def test_a_clean_up_is_called_with_its_arguments_once() -> None:
    calls: list[tuple[Any, ...]] = []

    def remember(*args: Any, **kwargs: Any) -> str:
        calls.append((args, kwargs))
        return "result"

    cleanup = Cleanup(remember, (1,), {"two": 2})

    assert cleanup() == "result"
    assert cleanup() is None
    assert cleanup.done
    assert calls == [((1,), {"two": 2})]


def test_one_that_fails_is_done_all_the_same() -> None:
    cleanup = Cleanup(raising(FAILED), (), {})

    with pytest.raises(RequestFailed):
        cleanup()

    assert cleanup.done
    assert cleanup() is None


@pytest.mark.parametrize("error", [GreenletExit(), gevent.Timeout(1)])
def test_one_that_is_cut_off_is_not_done(error: BaseException) -> None:
    cleanup = Cleanup(raising(error), (), {})

    with pytest.raises(type(error)):
        cleanup()

    assert not cleanup.done


def test_a_clean_up_says_what_it_does() -> None:
    assert "Walk.go" in repr(Cleanup(Walk.go, (), {}))


def test_the_next_one_is_the_last_that_is_not_done() -> None:
    cleanups = Cleanups()
    first, second, third = (cleanups.add(str, (), {}) for _ in range(3))

    second()
    assert cleanups.left == 2
    assert cleanups.next() is third
    assert cleanups.next() is third  # until it is done
    third()
    assert cleanups.next() is first
    first()
    assert cleanups.next() is None
    assert cleanups.left == 0


def test_clean_ups_are_done_in_reverse_after_the_flows_event() -> None:
    done: list[object] = []

    def promise(flow: Any) -> None:
        for number in (1, 2, 3):
            flow.defer(lambda number: done.append((number, len(walk.messages))), number)

    walk = Walk(promise)
    walk.go()

    assert done == [(3, 1), (2, 1), (1, 1)]


@pytest.mark.parametrize("error", [FAILED, AssertionError(), TypeError(), gevent.Timeout(1), InterruptTaskSet()])
def test_clean_ups_are_done_however_the_step_ends(error: BaseException) -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        flow.defer(done.append, "cleaned")
        raise error

    Walk(promise).go()

    assert done == ["cleaned"]


def test_calling_the_handle_does_it_at_once_and_not_again() -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        handle = flow.defer(done.append, "cleaned")
        handle()
        handle()
        done.append("step goes on")

    Walk(promise).go()

    assert done == ["cleaned", "step goes on"]


def test_one_can_be_promised_by_a_clean_up() -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        flow.defer(lambda: flow.defer(done.append, "second"))

    Walk(promise).go()

    assert done == ["second"]


@pytest.mark.parametrize("error", [FAILED, RescheduleTask(), InterruptTaskSet()])
def test_a_request_that_fails_in_one_keeps_the_others_and_is_no_news(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        flow.defer(done.append, "first")
        flow.defer(raising(error))

    walk = Walk(promise).go()

    assert done == ["first"]
    assert walk.messages == [None]  # the flow's steps were right
    assert walk.errors == []
    assert caplog.records == []
    assert isinstance(walk.left, RescheduleTask)


def test_a_bug_in_one_is_reported_and_keeps_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    bug = KeyError("id")

    def promise(flow: Any) -> None:
        flow.defer(done.append, "first")
        flow.defer(raising(bug))

    walk = Walk(promise).go()

    assert done == ["first"]
    assert walk.errors == [bug]
    assert "Traceback" in caplog.text
    assert walk.messages == [None]
    assert isinstance(walk.left, RescheduleTask)


def test_a_limit_of_its_own_that_is_exceeded_keeps_the_others_and_the_user() -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        flow.defer(done.append, "first")
        flow.defer(raising(gevent.Timeout(1)))

    walk = Walk(promise).go()

    assert done == ["first"]
    assert isinstance(walk.left, RescheduleTask)


def test_what_on_start_promised_is_done_where_it_fails_itself() -> None:
    done: list[str] = []

    def on_start(flow: Any) -> None:
        flow.defer(done.append, "cleaned")
        raise FAILED

    Walk(lambda _: None, on_start=on_start).go()

    assert done == ["cleaned"]


def test_what_on_start_promised_is_done_where_the_user_is_stopped_meanwhile() -> None:
    done: list[str] = []

    def on_start(flow: Any) -> None:
        flow.defer(done.append, "cleaned")
        flow.user._state = "stopping"  # what Locust does at the end of a test, while a user is busy

    walk = Walk(lambda _: done.append("step"), on_start=on_start).go()

    assert isinstance(walk.left, StopUser)
    assert done == ["cleaned"]


def test_what_on_start_promised_is_done() -> None:
    done: list[str] = []

    Walk(lambda _: done.append("step"), on_start=lambda flow: flow.defer(done.append, "cleaned")).go()

    assert done == ["step", "cleaned"]


def test_what_takes_too_long_is_left_and_told(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        flow.defer(done.append, "first")
        flow.defer(Event().wait)
        flow.defer(done.append, "third")

    walk = Walk(promise, cleanup_timeout=0.01).go()

    assert done == ["third"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "one_step: 2 clean-ups not done within 0.01 s"
    assert isinstance(walk.left, RescheduleTask)


@pytest.mark.parametrize("error", [StopUser(), StopTest("enough")])
def test_one_that_stops_the_user_does_so_after_the_others(error: Exception) -> None:
    done: list[str] = []

    def promise(flow: Any) -> None:
        flow.defer(done.append, "first")
        flow.defer(raising(error))

    walk = Walk(promise).go()

    assert done == ["first"]
    assert walk.left is error


class Kills:
    """A user killed so many times, each time while it is in its one clean-up."""

    def __init__(self, times: int) -> None:
        self.begun = 0
        self.done: list[str] = []
        self.entered = Event()
        self.walk = Walk(self._promise)
        greenlet = gevent.spawn(self.walk.go)
        for _ in range(times):
            assert self.entered.wait(5)
            self.entered.clear()
            greenlet.kill(block=False)
            gevent.sleep(0)
        self.may_end.set()
        assert greenlet.join(5) is None
        assert greenlet.dead

    def _promise(self, flow: Any) -> None:
        self.may_end = Event()
        flow.defer(self.done.append, "first")
        flow.defer(self._clean)

    def _clean(self) -> None:
        self.begun += 1
        self.entered.set()
        self.may_end.wait()
        self.done.append("second")


def test_one_that_is_cut_off_by_a_kill_is_made_once_more_and_the_user_ends() -> None:
    kills = Kills(1)

    assert kills.begun == 2
    assert kills.done == ["second", "first"]
    assert isinstance(kills.walk.left, GreenletExit)


def test_who_kills_a_second_time_is_in_a_hurry(caplog: pytest.LogCaptureFixture) -> None:
    kills = Kills(2)

    assert kills.begun == 2
    assert kills.done == []
    assert "2 clean-ups not done" in caplog.text
    assert isinstance(kills.walk.left, GreenletExit)
