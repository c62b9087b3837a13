"""A sample as Locust's request event: what Locust, and whatever works with it, gets to see."""

from __future__ import annotations

from typing import Any

from locust.env import Environment

from wireswarm import RequestFailed, Response, Sample
from wireswarm.events import fire_request
from wireswarm.sample import Failure, HttpPhases, Reason

SAMPLE = Sample("POST", "/orders/{id}", 1_700_000_000_000_000_000, 1_700_000_000_012_345_678, 0, 10, 20, 201)


def test_the_event_has_locusts_keywords_and_the_sample() -> None:
    events: list[dict[str, Any]] = []
    response, context = Response(201, b"", b"", True), {"user": 1}

    fire_request(lambda **event: events.append(event), context, SAMPLE, response, None, "http://a/orders/1")

    assert events == [
        {
            "request_type": "POST",
            "name": "/orders/{id}",
            "response_time": 12.345678,
            "response_length": 20,
            "response": response,
            "context": context,
            "exception": None,
            "start_time": 1_700_000_000.0,
            "url": "http://a/orders/1",
            "sample": SAMPLE,
        }
    ]


def test_the_phases_are_in_a_copy_of_the_context_where_the_users_own_keys_win() -> None:
    contexts: list[dict[str, Any]] = []
    phases = HttpPhases(1, 2, 3, 4, 5)
    for own in ({"user": 1}, {"phases": "mine"}):
        given = dict(own)
        fire_request(
            lambda **event: contexts.append(event["context"]), own, SAMPLE._replace(phases=phases), None, None, None
        )
        assert own == given
    assert contexts == [{"user": 1, "phases": phases}, {"phases": "mine"}]


def test_locusts_statistics_count_it_and_its_failure() -> None:
    environment = Environment()
    environment.create_local_runner()
    failure = Failure(Reason.STATUS, "status 404")
    for error in (None, RequestFailed(failure), RequestFailed(failure)):
        fire_request(environment.events.request.fire, {}, SAMPLE, None, error, None)

    entry = environment.stats.get("/orders/{id}", "POST")
    assert (entry.num_requests, entry.num_failures) == (3, 2)
    (counted,) = environment.stats.errors.values()  # equal failures are one row
    assert (repr(counted.error), counted.occurrences) == ("status 404", 2)
