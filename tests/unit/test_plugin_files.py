"""The check of the limit on open files, with limits that are given."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from locust import HttpUser, User

from wireswarm import ProtobufUser, RestClient, SocketIOUser
from wireswarm.plugin import files
from wireswarm.plugin.files import MARGIN, Limit, file_problems


class OneSocket(SocketIOUser):
    pass


class TwoSockets(ProtobufUser):
    other = RestClient("/other")


class Stock(HttpUser):
    pass


class Own(User):
    pass


def options(users: int | None, **others: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"num_users": users, "processes": None, "master": False, "worker": False} | others)


def limit(files: int | None) -> Limit:
    return Limit(files, files)


def test_a_limit_that_is_just_enough_is_no_problem() -> None:
    assert file_problems(options(1000), [OneSocket], limit(1000 + MARGIN)) == []


def test_one_file_less_is_told_with_what_was_found_and_what_is_allowed() -> None:
    assert file_problems(options(1000), [OneSocket], limit(999 + MARGIN)) == [
        "--users 1000: 1,000 users in one process need 1,100 open files, and 1,099 are allowed here; "
        "allowed: up to 999 users, more --processes, or a higher hard limit (ulimit -Hn, LimitNOFILE=)"
    ]


def test_every_client_of_a_user_has_a_connection() -> None:
    assert file_problems(options(1000), [TwoSockets], limit(2000 + MARGIN)) == []
    (problem,) = file_problems(options(1000), [TwoSockets], limit(1999 + MARGIN))
    assert "need 2,100 open files" in problem
    assert "up to 999 users" in problem


def test_processes_share_the_users() -> None:
    assert file_problems(options(1001, processes=4), [OneSocket], limit(251 + MARGIN)) == []
    (problem,) = file_problems(options(1001, processes=4), [OneSocket], limit(250 + MARGIN))
    assert "251 users in each of 4 processes need 351 open files" in problem
    assert "up to 1,000 users" in problem


def test_as_many_processes_as_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "cpu_count", lambda: 2)
    assert file_problems(options(1000, processes=-1), [OneSocket], limit(500 + MARGIN)) == []
    assert file_problems(options(1000, processes=-1), [OneSocket], limit(499 + MARGIN))


@pytest.mark.parametrize("role", ["master", "worker"])
def test_a_master_has_no_users_and_a_worker_does_not_know_how_many(role: str) -> None:
    assert file_problems(options(1000, **{role: True}), [OneSocket], limit(10)) == []


def test_no_limit_and_no_number_of_users_are_no_problem() -> None:
    assert file_problems(options(10**9), [OneSocket], limit(None)) == []
    assert file_problems(options(None), [OneSocket], limit(10)) == []


def test_weights_and_fixed_counts_are_looked_at() -> None:
    class Light(OneSocket):
        weight = 3

    class Heavy(TwoSockets):
        weight = 1

    class Few(TwoSockets):
        fixed_count = 10

    # 10 × 2, and of the other 990 a quarter with two: 990 × 5 / 4, rounded up.
    needed = 20 + 1238 + MARGIN
    assert file_problems(options(1000), [Light, Heavy, Few], limit(needed)) == []
    assert file_problems(options(1000), [Light, Heavy, Few], limit(needed - 1))


def test_stock_users_have_one_connection_and_those_with_a_client_of_their_own_none_that_is_known() -> None:
    assert file_problems(options(1000), [Stock], limit(999 + MARGIN))
    assert file_problems(options(1000), [Own], limit(10)) == []


def test_a_limit_below_the_margin_allows_no_user() -> None:
    (problem,) = file_problems(options(1), [OneSocket], limit(50))
    assert "up to 0 users" in problem


class FakeResource:
    RLIMIT_NOFILE = 7
    RLIM_INFINITY = -1

    def __init__(self, soft: int, hard: int, error: type[Exception] | None = None) -> None:
        self.limits = soft, hard
        self.error = error

    def getrlimit(self, _what: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, what: int, limits: tuple[int, int]) -> None:
        assert what == self.RLIMIT_NOFILE
        if self.error is not None:
            raise self.error
        self.limits = limits


@pytest.fixture
def resource(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeResource:
    fake = FakeResource(*request.param)
    monkeypatch.setitem(files.sys.modules, "resource", fake)
    return fake


@pytest.mark.parametrize("resource", [(1024, 20000)], indirect=True)
def test_the_soft_limit_is_raised_to_the_hard_one(resource: FakeResource) -> None:
    files.raise_file_limit()
    assert resource.limits == (20000, 20000)
    assert files.file_limit() == Limit(20000, 20000)


@pytest.mark.parametrize("resource", [(256, -1, ValueError), (256, 4096, OSError)], indirect=True)
def test_a_limit_that_cannot_be_raised_stays(resource: FakeResource) -> None:
    files.raise_file_limit()
    assert files.file_limit().soft == 256


@pytest.mark.parametrize("resource", [(-1, -1)], indirect=True)
def test_infinity_is_no_limit(resource: FakeResource) -> None:
    assert files.file_limit() == Limit(None, None)
