"""`wireswarm.clients.outcome`."""

from __future__ import annotations

import pytest

from wireswarm.clients.outcome import Outcome
from wireswarm.errors import RequestFailed
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response

RESPONSE = Response(404, b"HTTP/1.1 404 Not Found", b"", True)
FAILURE = Failure(Reason.STATUS, "status 404")


def test_a_success() -> None:
    outcome = Outcome("message", RESPONSE)
    assert outcome.ok
    assert outcome.failure is None
    assert outcome.status == 404
    assert outcome.value() == "message"


def test_a_failure_raises_its_own_exception_when_its_value_is_asked_for() -> None:
    error = RequestFailed(FAILURE, RESPONSE)
    outcome: Outcome[str] = Outcome(None, RESPONSE, error)
    assert not outcome.ok
    assert outcome.failure == FAILURE
    assert outcome.status == 404
    with pytest.raises(RequestFailed) as caught:
        outcome.value()
    assert caught.value is error


def test_a_failure_without_an_answer() -> None:
    assert Outcome(None, None, RequestFailed(FAILURE)).status == 0


def test_a_success_may_have_nothing_to_say() -> None:
    assert Outcome(None, None).value() is None
