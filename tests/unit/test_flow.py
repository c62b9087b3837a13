from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

import gevent
import pytest
from gevent import GreenletExit
from gevent.event import Event
from locust import User, between, tag, task
from locust.env import Environment
from locust.exception import RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, DefaultTaskSet
from manual_clock import ManualClock

from wireswarm.errors import RequestFailed, UsageError
from wireswarm.flows import Flow, step
from wireswarm.sample import Failure, Reason
from wireswarm.users import TaskRequestFailed

REFUSED = Failure(Reason.REFUSED, "connection refused")


class Walker(User):
    """A user with nothing to do of its own."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._state = LOCUST_STATE_RUNNING

    def context(self) -> dict[str, Any]:
        return {"user": "walker"}


class Trail:
    """An environment, and everything that flows have left in it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.errors: list[tuple[Any, BaseException]] = []
        self.environment = Environment()
        self.environment.events.request.add_listener(lambda **event: self.events.append(event))
        self.environment.events.user_error.add_listener(
            lambda user_instance, exception, tb: self.errors.append((user_instance, exception))
        )

    def walk(self, flow: type[Flow[Any]], *, leaves_with: type[BaseException] = RescheduleTask) -> None:
        """Walk a flow as a user does, once."""
        with pytest.raises(leaves_with):
            DefaultTaskSet(Walker(self.environment)).execute_task(flow)

    def walking(self, flow: type[Flow[Any]]) -> gevent.Greenlet[..., Any]:
        """The same in a greenlet, so that it can be killed."""
        return gevent.spawn(DefaultTaskSet(Walker(self.environment)).execute_task, flow)

    @property
    def message(self) -> str | None:
        """What the one event that there is has failed with."""
        (event,) = self.events
        return None if event["exception"] is None else str(event["exception"])


@pytest.fixture
def trail() -> Trail:
    return Trail()


def test_steps_run_in_order_and_make_one_event_of_their_time_without_thinking(trail: Trail, clock: ManualClock) -> None:
    class TakeAWalk(Flow[Walker]):
        think_time = 5
        clock: ClassVar[Any] = None

        @step
        def first(self) -> None:
            trail.done.append("first")
            self.clock.advance(1)

        @step
        def second(self) -> None:
            trail.done.append("second")
            self.clock.advance(2)

        def no_step(self) -> None:
            trail.done.append("never")

        @step
        def third(self) -> None:
            trail.done.append("third")
            self.clock.advance(4)

    TakeAWalk.clock = clock
    began = clock.time()
    trail.walk(TakeAWalk)
    assert trail.done == ["first", "second", "third"]
    assert clock.slept == [5, 5], "between the steps, not before and after them"
    (event,) = trail.events
    assert (event["request_type"], event["name"]) == ("FLOW", "take_a_walk")
    assert event["response_time"] == 7000
    assert event["start_time"] == began
    assert event["exception"] is None
    steps = [("first", 1_000_000_000, False), ("second", 2_000_000_000, False), ("third", 4_000_000_000, False)]
    assert event["context"] == {"user": "walker", "steps": steps}
    assert event["sample"].done - event["sample"].sent == 7_000_000_000
    assert not trail.errors


def test_think_time_can_be_a_function_of_locust(trail: Trail) -> None:
    class Pensive(Flow[Walker]):
        think_time = between(2, 3)
        clock = ManualClock()

        @step
        def first(self) -> None: ...

        @step
        def second(self) -> None: ...

    trail.walk(Pensive)
    (seconds,) = Pensive.clock.slept
    assert 2 <= seconds <= 3


def test_a_flow_that_fails_while_it_thinks_says_before_which_step(trail: Trail, clock: ManualClock) -> None:
    class Confused(Flow[Walker]):
        think_time = "long"

        @step
        def first(self) -> None: ...

        @step
        def second(self) -> None: ...

    trail.walk(Confused)
    assert trail.message == "step second: TypeError"


def flow_whose_step(does: Callable[[Flow[Any]], object], trail: Trail) -> type[Flow[Any]]:
    """A flow of three steps, the second of which does that."""

    class Checkout(Flow[Walker]):
        @step
        def look(self) -> None:
            self.defer(trail.done.append, "clean-up")

        @step
        def pay(self) -> None:
            does(self)

        @step
        def leave(self) -> None:
            trail.done.append("left")

    return Checkout


def raising(error: BaseException) -> Callable[[object], None]:
    """Something that raises it."""

    def do(_: object) -> None:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RequestFailed(REFUSED), "step pay: connection refused"),
        (TaskRequestFailed(REFUSED), "step pay: connection refused"),
        (AssertionError("no receipt\nbut a long explanation"), "step pay: no receipt"),
        (AssertionError(), "step pay: assertion failed"),
        (AssertionError("x" * 300), "step pay: " + "x" * 200),
        (gevent.Timeout(2), "step pay: timed out after 2 seconds"),
    ],
)
def test_a_step_that_fails_ends_the_flow_and_not_the_clean_ups(
    error: BaseException, message: str, trail: Trail
) -> None:
    trail.walk(flow_whose_step(raising(error), trail))
    assert trail.done == ["clean-up"]
    assert trail.message == message
    failed = trail.events[0]["exception"]
    assert isinstance(failed, RequestFailed)
    assert failed.failure.reason is Reason.FLOW
    assert not trail.errors, "a failure is no mistake of the test's"


def test_a_bug_in_a_step_is_told_as_locust_tells_those_of_tasks(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    bug = TypeError("a bug")
    trail.walk(flow_whose_step(raising(bug), trail))
    assert trail.done == ["clean-up"]
    assert trail.message == "step pay: TypeError"
    ((flow, error),) = trail.errors
    assert isinstance(flow, Flow)
    assert error is bug
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("a bug\nTraceback")


def test_a_bug_leaves_the_flow_where_the_environment_wants_exceptions(trail: Trail) -> None:
    trail.environment.catch_exceptions = False
    trail.walk(flow_whose_step(raising(TypeError("a bug")), trail), leaves_with=TypeError)
    assert trail.done == ["clean-up"]
    assert trail.message == "step pay: TypeError"
    assert len(trail.errors) == 1, "told by Locust, not twice"


def test_no_flow_is_walked_twice_on_the_same_instance(trail: Trail) -> None:
    walked: list[Flow[Any]] = []

    def fail_then_stop(flow: Flow[Any]) -> None:
        walked.append(flow)
        if len(walked) == 3:
            raise StopUser
        raise TypeError("a bug")

    class Buggy(Walker):
        tasks = [flow_whose_step(fail_then_stop, trail)]  # noqa: RUF012 - as Locust has it

    with pytest.raises(StopUser):
        DefaultTaskSet(Buggy(trail.environment)).run()
    assert len(set(walked)) == 3
    assert len(trail.errors) == 2


@pytest.mark.parametrize(
    ("leave", "leaves_with"),
    [
        (lambda flow: flow.interrupt(), RescheduleTaskImmediately),
        (lambda flow: flow.interrupt(reschedule=False), RescheduleTask),
        (raising(RescheduleTask()), RescheduleTask),
        (raising(RescheduleTaskImmediately()), RescheduleTaskImmediately),
    ],
)
def test_a_step_can_leave_the_flow_early(
    leave: Callable[[Any], object], leaves_with: type[Exception], trail: Trail
) -> None:
    trail.walk(flow_whose_step(leave, trail), leaves_with=leaves_with)
    assert trail.done == ["clean-up"]
    assert trail.message is None


@pytest.mark.parametrize("stop", [StopUser(), StopTest("enough")])
def test_a_flow_that_is_stopped_cleans_up_and_is_no_event(stop: Exception, trail: Trail) -> None:
    trail.walk(flow_whose_step(raising(stop), trail), leaves_with=type(stop))
    assert trail.done == ["clean-up"]
    assert not trail.events


def test_a_flow_whose_user_is_killed_cleans_up_and_is_no_event(trail: Trail) -> None:
    reached = Event()

    def wait_for_ever(_: object) -> None:
        reached.set()
        Event().wait()

    walking = trail.walking(flow_whose_step(wait_for_ever, trail))
    reached.wait()
    walking.kill()
    assert isinstance(walking.value, GreenletExit)
    assert trail.done == ["clean-up"]
    assert not trail.events


def test_a_listener_that_stops_the_user_does_not_keep_the_flow_from_its_clean_ups(trail: Trail) -> None:
    @trail.environment.events.request.add_listener
    def stop(**_: object) -> None:
        raise StopUser

    trail.walk(flow_whose_step(raising(RequestFailed(REFUSED)), trail), leaves_with=StopUser)
    assert trail.done == ["clean-up"]


def test_a_clean_up_that_is_cut_off_in_a_step_is_done_at_the_end(trail: Trail) -> None:
    reached, go_on = Event(), Event()

    def clean_up() -> None:
        trail.done.append("begun")
        reached.set()
        go_on.wait()
        trail.done.append("done")

    class Early(Flow[Walker]):
        @step
        def promise(self) -> None:
            self.defer(clean_up)()

    walking = trail.walking(Early)
    reached.wait()
    reached.clear()
    walking.kill(block=False)
    reached.wait()
    go_on.set()
    walking.join()
    assert trail.done == ["begun", "begun", "done"]


def test_a_stopping_user_begins_no_flow(trail: Trail) -> None:
    class Stopping(Walker):
        tasks = [flow_whose_step(lambda flow: None, trail)]  # noqa: RUF012 - as Locust has it

    user = Stopping(trail.environment)
    user._state = LOCUST_STATE_STOPPING
    with pytest.raises(StopUser):
        DefaultTaskSet(user).run()
    assert not trail.done


def test_a_flow_knows_its_user(trail: Trail) -> None:
    class Curious(Flow[Walker]):
        @step
        def ask(self) -> None:
            trail.done.append(type(self.user).__name__)

    trail.walk(Curious)
    assert trail.done == ["Walker"]


def test_a_flow_without_steps_is_a_mistake_of_the_test(trail: Trail) -> None:
    class Empty(Flow[Walker]):
        pass

    trail.walk(Empty)
    assert trail.message == "step (none): UsageError"
    assert "Empty has no method marked with @step" in str(trail.errors[0][1])


def test_flows_do_not_share_their_tags() -> None:
    @tag("one")
    class One(Flow[Walker]):
        @step
        def first(self) -> None: ...

    @tag("two")
    class Two(Flow[Walker]):
        @step
        def first(self) -> None: ...

    @tag("more")
    class More(One):
        pass

    class Plain(More):
        pass

    assert [tags_of(flow) for flow in (One, Two, More, Plain)] == [{"one"}, {"two"}, {"one", "more"}, {"one", "more"}]


def tags_of(flow: type[Flow[Any]]) -> set[str]:
    (only,) = flow.tasks
    return set(getattr(only, "locust_tag_set", ()))


def test_the_methods_of_a_flow_are_no_tasks() -> None:
    with pytest.raises(UsageError, match=r"Mixed has the task second: .* marked with @step, not with @task"):

        class Mixed(Flow[Walker]):
            @step
            def first(self) -> None: ...

            @task
            def second(self) -> None: ...

    with pytest.raises(UsageError, match="Listed has the task print"):

        class Listed(Flow[Walker]):
            tasks = [print]  # noqa: RUF012 - as Locust has it


@pytest.mark.parametrize(
    ("name", "shown"),
    [("FullFlow", "full_flow"), ("HTTPCheck", "http_check"), ("Order2Pay", "order2_pay"), ("checkout", "checkout")],
)
def test_the_events_name_is_the_classes_in_snake_case(name: str, shown: str) -> None:
    flow = type(name, (Flow,), {})
    assert flow.flow_name == shown
    (only,) = flow.tasks
    assert only.__name__ == shown, "as --show-task-ratio has it"


def test_the_events_name_can_be_set(trail: Trail) -> None:
    class Named(Flow[Walker]):
        flow_name = "an order"

        @step
        def first(self) -> None: ...

    trail.walk(Named)
    assert trail.events[0]["name"] == "an order"
