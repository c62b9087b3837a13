"""`attach`: what it refuses, whom it leaves out, and that once is enough."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import pytest
from gevent.pool import Group
from locust import User, tag, task
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from wireswarm import BearerToken, ConfigurationError, Flow, ProtobufUser, attach


class Reader(User):
    @tag("read")
    @task
    def read(self) -> None: ...


class Writer(User):
    @tag("write")
    @task
    def write(self) -> None: ...


def environment_of(*classes: type[User], **settings: Any) -> Environment:
    environment = Environment(user_classes=list(classes), **settings)
    environment.create_local_runner()
    return environment


def test_without_a_runner_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has no runner; create one first"):
        attach(Environment())


def test_it_hooks_in_once() -> None:
    environment = environment_of(Reader)
    events = vars(environment.events).values()
    before = sum(len(event._handlers) for event in events)

    attach(environment)
    once = sum(len(event._handlers) for event in events)
    stop = environment.runner.stop  # type: ignore[union-attr]
    attach(environment)

    assert once > before
    assert sum(len(event._handlers) for event in events) == once
    assert environment.runner.stop is stop  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "settings",
    [
        {"tags": ["read"]},
        {"exclude_tags": ["write"]},
        {"parsed_options": Namespace(tags=["read"], exclude_tags=None, stop_timeout=0)},
        {"parsed_options": Namespace(tags=None, exclude_tags=["write"], stop_timeout=0)},
        {"tags": ["read"], "parsed_options": Namespace(tags=["write"], exclude_tags=None, stop_timeout=0)},
    ],
)
def test_a_class_that_the_tags_empty_is_left_out(settings: Any) -> None:
    environment = environment_of(Reader, Writer, **settings)

    attach(environment)

    assert environment.user_classes == [Reader]
    assert [task.__name__ for task in Writer.tasks] == ["write"]  # the class itself is as it was


def test_it_is_left_out_of_the_web_uis_pickers_as_well() -> None:
    environment = environment_of(
        Reader,
        Writer,
        tags=["read"],
        available_user_classes={"Reader": Reader, "Writer": Writer},
        available_user_tasks={"Reader": Reader.tasks, "Writer": Writer.tasks},
    )

    attach(environment)

    assert environment.available_user_classes == {"Reader": Reader}
    assert list(environment.available_user_tasks or ()) == ["Reader"]


def test_tags_that_leave_nobody_are_refused() -> None:
    environment = environment_of(Reader, Writer, tags=["delete"])

    with pytest.raises(ConfigurationError, match="leave no user class with a task"):
        attach(environment)

    assert environment.user_classes == [Reader, Writer]


def test_an_empty_list_of_tags_leaves_nobody_as_in_locust() -> None:
    with pytest.raises(ConfigurationError, match="leave no user class with a task"):
        attach(environment_of(Reader, tags=[]))


def test_what_is_wrong_with_the_classes_is_told_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)

    class Empty(Flow[Any]): ...

    class Wrong(ProtobufUser):
        auth = BearerToken.from_env("NO_SUCH_TOKEN")
        tasks = [Empty]  # noqa: RUF012 - as Locust has them

        @classmethod
        def prepare(cls) -> None:
            raise ConfigurationError("no photo")

    environment = environment_of(Wrong)

    with pytest.raises(ConfigurationError) as caught:
        attach(environment)

    problems = caught.value.problems
    assert len(problems) == 3
    assert "Empty has no method marked with @step" in problems[0]
    assert problems[1] == "no photo"
    assert "NO_SUCH_TOKEN" in problems[2]


def test_after_a_refusal_it_can_be_tried_again() -> None:
    class Late(ProtobufUser):
        ready = False

        @task
        def nothing(self) -> None: ...

        @classmethod
        def prepare(cls) -> None:
            if not cls.ready:
                raise ConfigurationError("not yet")

    environment = environment_of(Late)
    with pytest.raises(ConfigurationError):
        attach(environment)
    Late.ready = True

    attach(environment)


def test_classes_that_do_not_run_are_not_prepared() -> None:
    class Unused(ProtobufUser):
        @tag("write")
        @task
        def nothing(self) -> None: ...

        @classmethod
        def prepare(cls) -> None:
            raise ConfigurationError("no photo")

    attach(environment_of(Reader, Unused, tags=["read"]))


class FakeWorker(WorkerRunner):
    """A worker without a connection."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        environment.runner = self
        self.greenlet = Group()
        self.custom_messages: dict[str, tuple[Callable[..., None], bool]] = {}


def test_a_worker_is_told_whom_to_start_by_its_master() -> None:
    environment = Environment(user_classes=[Reader, Writer], tags=["read"])
    runner = FakeWorker(environment)

    attach(environment)

    assert environment.user_classes == [Reader, Writer]
    assert {"wireswarm-iterations-grant", "wireswarm-drain"} <= set(runner.custom_messages)


def test_a_run_of_an_attached_environment_obeys_iterations_and_stops_by_itself() -> None:
    done: list[int] = []

    class Worker(User):
        @task
        def work(self) -> None:
            done.append(1)

    options = Namespace(iterations=5, headless=True, stop_timeout=1, tags=None, exclude_tags=None, allowed_hosts="")
    environment = environment_of(Worker, parsed_options=options)
    runner = environment.runner
    assert isinstance(runner, LocalRunner)
    attach(environment)

    runner.start(2, spawn_rate=2)
    assert runner.greenlet.join(timeout=10)

    assert len(done) == 5
    assert runner.state == "stopped"
