"""The turn of the event loop between two tasks: needed once per request, not twice."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from fake_network import FakeNetwork, answer
from locust import TaskSet, User, constant, task
from locust.env import Environment

from wireswarm import ProtobufClient, ProtobufUser, RequestFailed
from wireswarm.plugin.turns import skip_empty_waits
from wireswarm.sample import Failure, Reason

RESET = Failure(Reason.RESET, "connection reset by the server")


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    sleeps: list[float] = []
    monkeypatch.setattr(TaskSet, "_sleep", lambda _self, seconds: sleeps.append(seconds))
    skip_empty_waits.cache_clear()
    skip_empty_waits()
    yield sleeps
    skip_empty_waits.cache_clear()


def waits_of(user: User) -> None:
    tasks = TaskSet(user)
    tasks._user = user
    tasks.wait()


def our_user(seconds: float, *answers: object) -> ProtobufUser:
    class Someone(ProtobufUser):
        host = "http://host"
        wait_time = constant(seconds)
        client = ProtobufClient(connect=FakeNetwork(*answers))

    return Someone(Environment())


def test_a_user_that_has_waited_for_an_answer_goes_on_at_once(slept: list[float]) -> None:
    user = our_user(0, answer(), answer())
    for _ in range(2):
        user.client.get("/")
        waits_of(user)
    assert slept == []


def test_a_task_without_a_request_gives_the_others_their_turn(slept: list[float]) -> None:
    user = our_user(0, answer())
    waits_of(user)
    user.client.get("/")
    waits_of(user)
    waits_of(user)
    assert slept == [0, 0]


def test_a_request_without_an_answer_may_not_have_waited(slept: list[float]) -> None:
    user = our_user(0, RequestFailed(RESET))
    user.client.try_get("/")
    waits_of(user)
    assert slept == [0]


def test_any_longer_wait_is_a_wait(slept: list[float]) -> None:
    user = our_user(0.5, answer())
    user.client.get("/")
    waits_of(user)
    assert slept == [0.5]


def test_other_users_sleep_as_ever(slept: list[float]) -> None:
    class Stock(User):
        wait_time = constant(0)

        @task
        def nothing(self) -> None:
            gevent.sleep(0)

    waits_of(Stock(Environment()))
    assert slept == [0]
