"""`catch_response=True`: who judges an answer, and when it is reported."""

from __future__ import annotations

import gc
from typing import Any

import gevent
import pytest
from fake_user import RESET, Case, TaskFailed, reply
from locust.exception import InterruptTaskSet, RescheduleTask, ResponseError, StopUser

from wireswarm.clients.caught import CaughtResponse
from wireswarm.clients.rest import RestClient
from wireswarm.errors import RemoteProtocolError, RequestFailed, UsageError
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response

STATUS_500 = Failure(Reason.STATUS, "status 500")


class Finish:
    """Notes what is reported."""

    def __init__(self) -> None:
        self.reports: list[Failure | None] = []

    def __call__(self, failure: Failure | None) -> None:
        self.reports.append(failure)


def caught(failure: Failure | None = None, response: Response | None = None) -> tuple[CaughtResponse, Finish]:
    finish = Finish()
    return CaughtResponse(response or reply(), failure, finish), finish


class TestJudgement:
    @pytest.mark.parametrize("found", [None, STATUS_500])
    def test_without_a_word_the_clients_own_counts(self, found: Failure | None) -> None:
        response, finish = caught(found)
        with response as answer:
            assert answer.ok == (found is None)
            assert finish.reports == [], "it is not over yet"
        assert finish.reports == [found]

    def test_success_whatever_its_status(self) -> None:
        response, finish = caught(STATUS_500)
        with response as answer:
            answer.success()
            assert answer.ok
        assert finish.reports == [None]

    @pytest.mark.parametrize(
        ("message", "shown"),
        [
            ("too few", "too few"),
            (ValueError("no price"), "no price"),
            ("x" * 300, "x" * 200),
            ("", "it was called a failure"),
        ],
    )
    def test_failure_with_a_message(self, message: object, shown: str) -> None:
        response, finish = caught()
        with response as answer:
            answer.failure(message)
            assert not answer.ok
        assert finish.reports == [Failure(Reason.CHECK, shown)]

    def test_the_last_word_counts(self) -> None:
        response, finish = caught()
        with response as answer:
            answer.failure("wrong")
            answer.success()
        assert finish.reports == [None]

    @pytest.mark.parametrize("word", ["success", "failure"])
    def test_a_word_that_comes_too_late_is_a_mistake(self, word: str) -> None:
        response, finish = caught()
        with response:
            pass
        with pytest.raises(UsageError, match="come too late"):
            response.failure("wrong") if word == "failure" else response.success()
        assert finish.reports == [None]


class TestABlockThatRaises:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (AssertionError("no price\nassert 0"), "no price"),
            (AssertionError(), "assertion failed"),
            (KeyError("id 4711"), "KeyError while the answer was looked at"),
            (RemoteProtocolError("the answer is not JSON"), "RemoteProtocolError while the answer was looked at"),
            (ResponseError("no price of 4711"), "ResponseError while the answer was looked at"),
        ],
    )
    def test_is_a_failure_and_the_exception_goes_on(self, error: Exception, message: str) -> None:
        response, finish = caught()
        response.success()
        with pytest.raises(type(error)) as raised, response:
            raise error
        assert raised.value is error
        assert finish.reports == [Failure(Reason.CHECK, message)]

    def test_what_was_wrong_before_is_the_reason(self) -> None:
        response, finish = caught(STATUS_500)
        with pytest.raises(KeyError), response:
            raise KeyError
        judged, finish_judged = caught()
        judged.failure("wrong")
        with pytest.raises(AssertionError), judged:
            raise AssertionError("what follows")
        assert finish.reports + finish_judged.reports == [STATUS_500, Failure(Reason.CHECK, "wrong")]

    @pytest.mark.parametrize("found", [None, STATUS_500])
    @pytest.mark.parametrize(
        "steering",
        [
            StopUser(),
            RescheduleTask(),
            InterruptTaskSet(),
            type("Ours", (InterruptTaskSet,), {})(),
            RequestFailed(RESET),  # of another request, which was reported
            gevent.GreenletExit(),
            gevent.Timeout(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_says_nothing_of_the_answer_is_not_its_failure(
        self, steering: BaseException, found: Failure | None
    ) -> None:
        response, finish = caught(found)
        with pytest.raises(type(steering)), response:
            raise steering
        assert finish.reports == [found]


class TestWithoutABlock:
    def test_it_is_reported_when_it_is_dropped(self) -> None:
        response, finish = caught(STATUS_500)
        assert finish.reports == []
        del response
        gc.collect()
        assert finish.reports == [STATUS_500]

    def test_what_was_said_of_it_counts(self) -> None:
        response, finish = caught()
        response.failure("wrong")
        del response
        gc.collect()
        assert finish.reports == [Failure(Reason.CHECK, "wrong")]

    def test_it_is_reported_once(self) -> None:
        response, finish = caught()
        with response:
            pass
        with response:
            pass
        del response
        gc.collect()
        assert finish.reports == [None]


class TestTheAnswer:
    def test_its_parts(self) -> None:
        response, _ = caught(response=reply('{"a": "ä"}'.encode(), 201, x_part="1"))
        assert response.status_code == 201
        assert response.headers["X-Part"] == "1"
        assert response.content == b'{"a": "\xc3\xa4"}'
        assert response.text == '{"a": "ä"}'
        assert response.json() == {"a": "ä"}

    def test_where_there_was_none(self) -> None:
        response = CaughtResponse(None, RESET, Finish())
        assert (response.status_code, response.content, response.text, dict(response.headers)) == (0, b"", "", {})
        assert not response.ok
        with pytest.raises(RemoteProtocolError):
            response.json()


class TestOfAClient:
    @pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
    def test_the_sample_has_the_last_word(self, method: str) -> None:
        case = Case(RestClient, reply(b"x", 500), reply(b"x", 200))
        call = getattr(case.client, method)
        with call("/a", catch_response=True) as answer:
            assert case.reporter.reports == []
            answer.success()
        with call("/a", catch_response=True) as answer:
            answer.failure("too few")
        assert [m for m, _, _, _ in case.network.requests] == [method.upper()] * 2
        assert case.reporter.failures == [None, Failure(Reason.CHECK, "too few")]
        assert [sample.status for sample in case.reporter.samples] == [500, 200]

    def test_request(self) -> None:
        case = Case(RestClient, reply(status=204))
        with case.client.request("LOCK", "/a", catch_response=True) as answer:
            assert answer.status_code == 204
        assert case.reporter.samples[0].type == "LOCK"

    def test_a_failure_does_not_end_the_task(self) -> None:
        case = Case(RestClient, RequestFailed(RESET), reply(status=500))
        for status in (0, 500):
            with case.client.get("/a", catch_response=True) as answer:
                assert answer.status_code == status
        assert case.reporter.failures == [RESET, STATUS_500]
        assert [type(error) for _, _, error, _ in case.reporter.reports] == [TaskFailed, TaskFailed]

    def test_what_takes_its_time_in_the_block_is_no_response_time(self) -> None:
        case = Case(RestClient, reply(), reply())
        with case.client.get("/outer", catch_response=True):
            case.client.get("/inner")
        inner, outer = case.reporter.samples
        assert (outer.name, outer.service_ns) == ("/outer", 5_000_000)
        assert inner.sent > outer.read

    def test_the_options_judge_first(self) -> None:
        case = Case(RestClient, reply(b"[]"), reply(b"{}"), reply(b"{}"))
        calls: list[dict[str, Any]] = [{"expect": dict}, {"max_time": 0.001}, {"status": 404}]
        for options in calls:
            with case.client.get("/a", catch_response=True, **options) as answer:
                assert not answer.ok
        reasons = [failure and failure.reason for failure in case.reporter.failures]
        assert reasons == [Reason.DECODE, Reason.LATE, Reason.STATUS]

    def test_one_that_is_not_used_is_reported(self) -> None:
        case = Case(RestClient, reply(status=500))
        case.client.get("/a", catch_response=True)
        gc.collect()
        assert case.reporter.failures == [STATUS_500]

    def test_a_trace_tells_of_the_last_word(self) -> None:
        traces: list[Any] = []
        case = Case(RestClient, reply(b"{}"))
        case.client.trace = traces.append
        with case.client.get("/a", catch_response=True) as answer:
            answer.failure("wrong")
        assert traces[0].sample.failure == Failure(Reason.CHECK, "wrong")
        assert traces[0].answer is None
