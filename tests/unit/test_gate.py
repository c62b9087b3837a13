from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event
from locust import SequentialTaskSet, TaskSet, User, constant, task
from locust.env import Environment
from locust.exception import RescheduleTask, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING, DefaultTaskSet

from wireswarm.flows import Flow, step
from wireswarm.plugin.gate import park, set_gate


class Someone(User):
    abstract = True
    wait_time = constant(0)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._state = LOCUST_STATE_RUNNING


class Book:
    """A gate that writes down who passes, between what the tasks write."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.environment = Environment()

    def enter(self, user: User) -> None:
        assert isinstance(user, Someone)
        self.entries.append("enter")

    def leave(self) -> None:
        self.entries.append("leave")

    def execute(self, what: Any) -> None:
        DefaultTaskSet(Someone(self.environment)).execute_task(what)


@pytest.fixture
def book() -> Book:
    book = Book()
    set_gate(book.environment, book)
    return book


def test_a_task_passes_the_gate(book: Book) -> None:
    book.execute(lambda user: book.entries.append("task"))
    assert book.entries == ["enter", "task", "leave"]


def test_a_task_that_fails_leaves_all_the_same(book: Book) -> None:
    with pytest.raises(ZeroDivisionError):
        book.execute(lambda user: 1 / 0)
    assert book.entries == ["enter", "leave"]


def test_without_a_gate_tasks_are_done(book: Book) -> None:
    set_gate(book.environment, None)
    book.execute(lambda user: book.entries.append("task"))
    assert book.entries == ["task"]


def test_a_gate_is_of_one_environment(book: Book) -> None:
    DefaultTaskSet(Someone(Environment())).execute_task(lambda user: book.entries.append("task"))
    assert book.entries == ["task"]


def test_a_gate_can_be_set_often_and_is_passed_once(book: Book) -> None:
    for _ in range(3):
        set_gate(book.environment, book)
    book.execute(lambda user: None)
    assert book.entries == ["enter", "leave"]


def test_of_a_task_set_the_tasks_inside_count(book: Book) -> None:
    class Inner(TaskSet):
        @task
        def only(self) -> None:
            book.entries.append("inner")
            self.interrupt()

    class Outer(SequentialTaskSet):
        tasks = [Inner]  # noqa: RUF012 - as Locust has it

        def on_start(self) -> None:
            book.entries.append("start")

        @task
        def last(self) -> None:
            book.entries.append("outer")
            self.interrupt(reschedule=False)

    with pytest.raises(RescheduleTask):
        book.execute(Outer)
    assert book.entries == ["start", "enter", "inner", "leave", "enter", "outer", "leave"]


def test_a_flow_counts_as_a_whole(book: Book) -> None:
    class Walk(Flow[Someone]):
        def on_start(self) -> None:
            book.entries.append("start")

        @step
        def first(self) -> None:
            self.defer(book.entries.append, "clean-up")

        @step
        def second(self) -> None:
            book.entries.append("second")

        def on_stop(self) -> None:
            book.entries.append("stop")

    with pytest.raises(RescheduleTask):
        book.execute(Walk)
    assert book.entries == ["enter", "start", "second", "clean-up", "stop", "leave"]


def test_a_flow_in_a_task_set_counts_as_one(book: Book) -> None:
    class Walk(Flow[Someone]):
        @step
        def first(self) -> None: ...

    class Outer(SequentialTaskSet):
        tasks = [Walk]  # noqa: RUF012 - as Locust has it

        @task
        def leave(self) -> None:
            self.interrupt(reschedule=False)

    with pytest.raises(RescheduleTask):
        book.execute(Outer)
    assert book.entries == ["enter", "leave"] * 2


def test_a_user_that_is_not_admitted_does_nothing_and_can_be_stopped_at_once() -> None:
    environment = Environment()
    at_the_gate = Event()

    class Closed:
        def enter(self, user: User) -> None:
            at_the_gate.set()
            park(user, Event())

        def leave(self) -> None:
            raise AssertionError("it never entered")

    class Waiting(User):
        wait_time = constant(0)
        done: list[str] = []  # noqa: RUF012 - of all its instances

        def on_stop(self) -> None:
            self.done.append("stop")

        @task
        def never(self) -> None:
            self.done.append("task")

    set_gate(environment, Closed())
    user = Waiting(environment)
    greenlet = user.start(gevent.pool.Group())
    at_the_gate.wait()
    assert user._state == LOCUST_STATE_WAITING
    user.stop(force=False)
    greenlet.join(timeout=5)  # where the stop does not wait for it
    assert greenlet.dead
    assert Waiting.done == ["stop"]


def test_a_parked_user_goes_on_when_it_may() -> None:
    user, may = Someone(Environment()), Event()
    parked = gevent.spawn(park, user, may)
    gevent.sleep(0)
    assert user._state == LOCUST_STATE_WAITING
    may.set()
    parked.get()
    assert user._state == LOCUST_STATE_RUNNING


def test_a_parked_user_that_is_stopped_as_it_may_go_on_does_not() -> None:
    user, may = Someone(Environment()), Event()
    parked = gevent.spawn(park, user, may)
    gevent.sleep(0)
    may.set()
    user._state = LOCUST_STATE_STOPPING
    with pytest.raises(StopUser):
        parked.get()
