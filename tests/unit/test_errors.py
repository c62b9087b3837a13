"""Exceptions whose type says who is at fault."""

from __future__ import annotations

import pytest

from wireswarm import ConfigurationError, RemoteProtocolError, RequestFailed, Response, UsageError, WireswarmError
from wireswarm.sample import Failure, Reason


@pytest.mark.parametrize("kind", [ConfigurationError, RemoteProtocolError, RequestFailed, UsageError])
def test_all_have_one_base(kind: type[Exception]) -> None:
    assert issubclass(kind, WireswarmError)


def test_a_configuration_error_has_all_problems() -> None:
    assert ConfigurationError("one").problems == ("one",)
    several = ConfigurationError(problem for problem in ("one", "two"))
    assert several.problems == ("one", "two")
    assert str(several) == "one\ntwo"


def test_equal_failed_requests_are_shown_alike() -> None:
    response = Response(404, b"", b"id 4711", True)
    error = RequestFailed(Failure(Reason.STATUS, "status 404"), response)

    assert str(error) == repr(error) == "status 404"
    assert error.response is response
    assert error.failure.reason == "status"
