"""Credentials in Locust's tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import locust.html
import pytest
from locust.env import Environment
from locust.html import get_html_report
from locust.runners import Runner, WorkerRunner

from wireswarm.auth.redaction import SECRETS
from wireswarm.errors import RequestFailed
from wireswarm.plugin.redacting import _redact_tables, install_redaction
from wireswarm.sample import Failure, Reason

SECRET = "obviously-fake-secret-of-the-tables"


@pytest.fixture
def environment() -> Iterator[Environment]:
    SECRETS.add(SECRET)
    made = Environment()
    made.create_local_runner()
    install_redaction(made)
    yield made
    made.runner.quit()  # type: ignore[union-attr]


def fire(environment: Environment, name: str, error: object = None) -> None:
    environment.events.request.fire(
        request_type="GET", name=name, response_time=1.0, response_length=0, exception=error, context={}
    )


def test_a_failure_is_counted_once_without_its_secret(environment: Environment) -> None:
    for _ in range(2):
        fire(environment, "/x", ValueError(f"{SECRET} was refused"))
        fire(environment, "/x", f"{SECRET} was refused")

    errors = environment.stats.errors.values()
    assert {(error.error, error.occurrences) for error in errors} == {
        ("ValueError('*** was refused')", 2),
        ("*** was refused", 2),
    }
    assert environment.stats.total.num_failures == 4


def test_a_failure_without_a_secret_is_what_it_was(environment: Environment) -> None:
    error = RequestFailed(Failure(Reason.STATUS, "status 500"))
    fire(environment, "/x", error)

    (entry,) = environment.stats.errors.values()
    assert entry.error is error
    assert entry.to_name() == "GET /x: status 500"


def test_a_query_in_a_name_makes_one_entry(environment: Environment) -> None:
    for number in range(3):
        fire(environment, f"/x?token=abcd{number}", "no")
    fire(environment, "/x?page=2")

    assert {entry.name: entry.num_requests for entry in environment.stats.entries.values()} == {
        "/x?token=***": 3,
        "/x?page=2": 1,
    }
    assert {(error.name, error.occurrences) for error in environment.stats.errors.values()} == {("/x?token=***", 3)}


def test_an_exception(environment: Environment) -> None:
    error = ValueError(f"{SECRET} was refused")
    environment.events.user_error.fire(user_instance=None, exception=error, tb=None)

    (row,) = environment.runner.exceptions.values()  # type: ignore[union-attr]
    assert row["msg"] == "*** was refused"
    assert SECRET in str(error), "it is its owner's"


def test_a_worker_does_not_tell_its_master(environment: Environment) -> None:
    told: list[Any] = []

    def on_user_error(user_instance: object, exception: BaseException, tb: object) -> None:
        told.append((str(exception), tb))

    class Worker(WorkerRunner):
        def __init__(self) -> None: ...
        def __del__(self) -> None: ...

    on_user_error.__module__ = Runner.__module__
    of_a_locustfile: list[str] = []
    environment = Environment()
    environment.runner = Worker()
    environment.events.user_error.add_listener(on_user_error)
    environment.events.user_error.add_listener(lambda exception, **_: of_a_locustfile.append(str(exception)))
    install_redaction(environment)

    environment.events.user_error.fire(user_instance=None, exception=ValueError(f"{SECRET}!"), tb=None)

    assert told == [("***!", None)]
    assert of_a_locustfile == [f"{SECRET}!"]


def test_the_host_in_the_html_report(environment: Environment) -> None:
    environment.host = "http://somebody:fake-password@127.0.0.1:8000"

    report = get_html_report(environment)

    assert "fake-password" not in report
    assert "http://***@127.0.0.1:8000" in report


def test_once_is_enough(environment: Environment) -> None:
    before = Runner.log_exception, locust.html.render_template_from
    install_redaction(environment)
    assert (Runner.log_exception, locust.html.render_template_from) == before
    assert _redact_tables.cache_info().misses == 1
