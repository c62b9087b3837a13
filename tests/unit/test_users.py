"""Our users: their clients, an `on_start` that is tried again, and failed requests that only end a task."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from fake_network import FakeNetwork, answer
from gevent import GreenletExit
from gevent.event import Event
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import RescheduleTask, StopTest, StopUser
from manual_clock import ManualClock

from wireswarm import ConfigurationError, GraphQLUser, ProtobufClient, ProtobufUser, RequestFailed, RestUser, WireUser
from wireswarm.sample import Failure, HttpPhases, Reason
from wireswarm.users import HOST_REFUSED, EventReporter, TaskRequestFailed

HOST = "http://host:8000"
FAILED = TaskRequestFailed(Failure(Reason.REFUSED, "connection refused"))


def run(user: User) -> None:
    """Run a user to its end."""
    gevent.spawn(user.run).get(timeout=5)


def user_of(network: FakeNetwork, *steps: Callable[[Any], object], environment: Environment | None = None) -> WireUser:
    """A user that does these one after the other, as tasks, and then stops."""
    left = list(steps)

    def next_step(user: Any) -> None:
        if not left:
            raise StopUser
        left.pop(0)(user)

    client = ProtobufClient(connect=network)
    cls = type("OneUser", (WireUser,), {"host": HOST, "client": client, "tasks": [next_step]})
    return cls(environment or Environment())


class TestClients:
    def test_a_class_lists_the_clients_that_it_declares(self) -> None:
        own, inherited, hidden = ProtobufClient("http://a"), ProtobufClient("http://b"), ProtobufClient("http://c")

        class Base(WireUser):
            one = inherited
            two = hidden

        class Heir(Base):
            two = None  # type: ignore[assignment]
            three = own

        assert list(Heir.clients()) == [own, inherited]
        assert list(Base.clients()) == [inherited, hidden]

    def test_users_have_clients_of_their_own(self) -> None:
        class Two(ProtobufUser):
            host = HOST

        environment = Environment()
        first, second = Two(environment), Two(environment)

        assert first.client is first.client
        assert first.client is not second.client

    @pytest.mark.parametrize("base", [ProtobufUser, RestUser, GraphQLUser])
    def test_each_kind_of_user_has_a_client_and_is_itself_not_run(self, base: Any) -> None:
        assert base.abstract
        assert list(base.clients()) == [base.client]

    @pytest.mark.parametrize(
        ("host", "message"),
        [(None, "there is no host to send requests to"), ("ftp://a", "does not start with http://")],
    )
    def test_without_a_host_the_test_stops(self, host: str | None, message: str) -> None:
        cls = type("Homeless", (ProtobufUser,), {"host": host})

        with pytest.raises(StopTest, match=message):
            cls(Environment())

    def test_without_clients_no_host_is_needed(self) -> None:
        assert type("NoClient", (WireUser,), {})(Environment()).host is None

    def test_there_is_nothing_to_prepare_by_default(self) -> None:
        assert ProtobufUser.prepare() is None  # type: ignore[func-returns-value]


class TestRequests:
    def test_a_request_is_an_event_with_the_users_context(self) -> None:
        events: list[dict[str, Any]] = []
        environment = Environment()
        environment.events.request.add_listener(lambda **event: events.append(event))

        class Someone(ProtobufUser):
            host = HOST
            client = ProtobufClient(connect=FakeNetwork(answer(b"abc")))

            def context(self) -> dict[str, Any]:
                return {"who": "me"}

        Someone(environment).client.get("/x")

        (event,) = events
        assert (event["request_type"], event["name"], event["response_time"]) == ("GET", "/x", 5.0)
        phases = HttpPhases(dns=0, connect=0, tls=0, first_byte=4_000_000, download=1_000_000)
        assert event["context"] == {"who": "me", "phases": phases}
        assert (event["url"], event["exception"]) == (f"{HOST}/x", None)

    def test_a_failed_request_ends_the_task_without_a_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        environment = Environment()
        events, errors, done = [], [], []
        environment.events.request.add_listener(lambda exception, **_: events.append(repr(exception)))
        environment.events.user_error.add_listener(lambda **error: errors.append(error))

        def first(user: Any) -> None:
            user.client.get("/x")
            done.append("after the failed request")

        user = user_of(
            FakeNetwork(answer(status=500)), first, lambda _: done.append("next task"), environment=environment
        )
        run(user)

        assert len(events) == 1
        assert "500" in events[0]
        assert done == ["next task"]
        assert errors == []
        assert caplog.records == []

    def test_its_exception_is_a_failed_request_and_one_that_steers_locust(self) -> None:
        assert issubclass(TaskRequestFailed, RequestFailed)
        assert issubclass(TaskRequestFailed, RescheduleTask)

    def test_an_exchange_that_is_cut_off_is_counted(self) -> None:
        environment = Environment()

        def cut_off(user: Any) -> None:
            for _ in range(2):
                with pytest.raises(GreenletExit):
                    user.client.get("/x")

        run(user_of(FakeNetwork(GreenletExit(), GreenletExit()), cut_off, environment=environment))

        assert vars(environment)["wireswarm_abandoned"] == 2

    def test_a_refused_host_is_told_to_the_environment(self) -> None:
        environment, told = Environment(), []
        reporter = EventReporter(user_of(FakeNetwork(), environment=environment))

        reporter.refused(ConfigurationError("a is not allowed"))  # nobody listens
        vars(environment)[HOST_REFUSED] = told.append
        reporter.refused(ConfigurationError("b is not allowed"))

        assert told == ["b is not allowed"]


class TestEnd:
    def started(self, *, kill: bool) -> FakeNetwork:
        network, waiting = FakeNetwork(answer()), Event()

        def wait(_user: object) -> None:
            waiting.set()
            Event().wait()

        steps = [lambda u: u.client.get("/x"), *([wait] if kill else [])]
        greenlet = user_of(network, *steps).start(Group())
        if kill:
            assert waiting.wait(5)
            assert network.connections[0].closed == 0
            greenlet.kill(timeout=5)
        greenlet.join(5)
        gevent.sleep(0)  # links are called in the next round of the loop
        assert greenlet.dead
        return network

    @pytest.mark.parametrize("kill", [False, True])
    def test_connections_are_closed_when_the_user_ends(self, kill: bool) -> None:
        (connection,) = self.started(kill=kill).connections

        assert connection.closed == 1


class Starter(WireUser):
    """A user whose `on_start` fails so many times."""

    failures = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.tries = 0
        self.tasks_done = 0

    def on_start(self) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise FAILED

    @task
    def once(self) -> None:
        self.tasks_done += 1
        raise StopUser


def starter(clock: ManualClock, failures: int) -> Starter:
    cls = type("Waiter", (Starter,), {"clock": clock, "failures": failures})
    user: Starter = cls(Environment())
    return user


class TestOnStart:
    def test_it_is_tried_until_it_works(self, clock: ManualClock) -> None:
        user = starter(clock, 3)
        run(user)

        assert user.tries == 4
        assert user.tasks_done == 1
        assert user._state == "running"
        assert vars(user.environment)["wireswarm_start_retries"] == 3

    def test_waits_grow_to_half_a_minute(self, clock: ManualClock) -> None:
        run(starter(clock, 8))

        for slept, longest in zip(clock.slept, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
            assert longest / 2 <= slept <= longest

    def test_users_do_not_come_back_in_step(self) -> None:
        first = set()
        for _ in range(5):
            clock = ManualClock()
            run(starter(clock, 1))
            first.add(clock.slept[0])

        assert len(first) > 1

    def test_while_it_waits_locust_can_stop_it_at_once(self, clock: ManualClock) -> None:
        user = starter(clock, 2)
        states: list[str | None] = []
        sleep = clock.sleep

        def noted_sleep(seconds: float) -> None:
            states.append(user._state)
            sleep(seconds)

        clock.sleep = noted_sleep  # type: ignore[method-assign]
        run(user)

        assert states == ["waiting", "waiting"]

    def test_who_is_stopped_while_it_waits_neither_tries_again_nor_works(self, clock: ManualClock) -> None:
        user = starter(clock, 5)

        def stop(_seconds: float) -> None:
            user._state = "stopping"

        clock.sleep = stop  # type: ignore[method-assign]
        run(user)

        assert (user.tries, user.tasks_done) == (1, 0)

    def test_who_is_stopped_while_it_tries_does_not_wait(self, clock: ManualClock) -> None:
        user = starter(clock, 0)

        def fail(self: Starter) -> None:
            self._state = "stopping"
            raise FAILED

        type(user).on_start = fail  # type: ignore[method-assign]
        run(user)

        assert clock.slept == []
        assert user.tasks_done == 0

    def test_the_inner_on_start_is_not_tried_by_itself(self, clock: ManualClock) -> None:
        calls: list[str] = []

        class Heir(Starter):
            failures = 1

            def on_start(self) -> None:
                calls.append("outer")
                super().on_start()

        Heir.clock = clock
        user = Heir(Environment())
        run(user)

        assert calls == ["outer", "outer"]
        assert user.tries == 2

    def test_a_bug_in_it_ends_the_user(self, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
        user = starter(clock, 0)

        def fail(_self: Starter) -> None:
            raise TypeError("bug")

        type(user).on_start = fail  # type: ignore[method-assign]
        with pytest.raises(TypeError):
            user.run()

        assert clock.slept == []
        assert "bug" in caplog.text

    def test_only_the_first_second_fourth_retry_is_logged(
        self, clock: ManualClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        run(starter(clock, 9))

        messages = [record.getMessage() for record in caplog.records]
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4
        assert messages[0].startswith("Waiter.on_start: connection refused; users try again")
        assert [message.split("(")[1] for message in messages] == [f"{n} times so far)" for n in (1, 2, 4, 8)]

    def test_a_user_without_one_is_left_alone(self) -> None:
        assert "on_start" not in vars(user_of(FakeNetwork()))
