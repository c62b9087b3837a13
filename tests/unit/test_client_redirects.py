"""Clients that follow redirects: what is sent on, what is not, and what is told of it. No network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from fake_network import Answer
from fake_user import RESET, Case, TaskFailed, body_of, fields_of, first_line, reply
from google.protobuf.wrappers_pb2 import StringValue

from wireswarm.auth.bearer import BearerToken
from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.clients.rest import RestClient
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.net.guard import GUARD
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response

OTHER = "http://other.example"
TOO_MANY = Failure(Reason.REDIRECT, "more redirects than are followed")


@pytest.fixture
def allow_only() -> Iterator[Callable[..., None]]:
    """Allows these hosts and no others, in this test."""
    yield lambda *hosts: GUARD.allow_only(hosts)
    GUARD.allow_only(())


def case_of(*answers: Answer, **settings: Any) -> Case[RestClient]:
    return Case(RestClient, *answers, **{"follow_redirects": True, **settings})


def to(location: str, status: int = 302, **fields: str | list[str]) -> Response:
    return reply(b"moved", status, location=location, **fields)


def lines_of(case: Case[Any]) -> list[str]:
    return [first_line(request) for request in case.network.sent]


class TestWhetherToFollow:
    @pytest.mark.parametrize(
        ("client", "call", "follows"),
        [
            (False, {}, False),
            (True, {}, True),
            (0, {}, False),
            (1, {}, True),
            (False, {"follow_redirects": True}, True),
            (False, {"follow_redirects": 1}, True),
            (True, {"follow_redirects": False}, False),
            (True, {"follow_redirects": 0}, False),
        ],
    )
    def test_by_client_and_call(self, client: bool | int, call: dict[str, Any], follows: bool) -> None:
        case = case_of(to("/there"), reply(b"x"), follow_redirects=client)
        outcome = case.client.try_request("GET", "/a", **call)
        assert lines_of(case) == ["GET /a", "GET /there"][: 1 + follows]
        assert outcome.failure == (None if follows else Failure(Reason.STATUS, "status 302"))

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects(self, status: int) -> None:
        last = reply(b"x")
        case = case_of(to("/there", status), last)
        assert case.client.get("/a") is last

    @pytest.mark.parametrize("status", [201, 300, 304, 305])
    def test_what_is_none(self, status: int) -> None:
        case = case_of(to("/there", status))
        assert case.client.try_request("GET", "/a").status == status
        assert lines_of(case) == ["GET /a"]

    @pytest.mark.parametrize("response", [reply(status=302), reply(status=302, location="")])
    def test_one_that_leads_nowhere_is_a_status(self, response: Response) -> None:
        case = case_of(response)
        assert case.client.try_request("GET", "/a").failure == Failure(Reason.STATUS, "status 302")
        assert len(case.reporter.reports) == 1

    @pytest.mark.parametrize("client", [True, False])
    @pytest.mark.parametrize("status", [302, (200, 302)])
    def test_one_that_the_caller_accepts_is_the_answer(self, status: Any, client: bool) -> None:
        response = to("/there")
        case = case_of(response, follow_redirects=client)
        assert case.client.get("/a", status=status) is response
        assert case.reporter.failures == [None]

    def test_the_status_that_the_caller_wants_is_that_of_the_last_answer(self) -> None:
        case = case_of(to("/there"), reply(status=404), to("/there"), reply(status=200))
        assert case.client.try_request("GET", "/a", status=404).ok
        assert case.client.try_request("GET", "/a", status=404).failure == Failure(Reason.STATUS, "status 200")

    def test_an_exchange_that_failed_leads_nowhere(self) -> None:
        case = case_of(RequestFailed(RESET))
        assert case.client.try_request("GET", "/a").failure == RESET

    def test_fewer_than_none_is_a_mistake(self) -> None:
        case = case_of(follow_redirects=-1)
        with pytest.raises(UsageError, match="follow_redirects=-1"):
            case.client.get("/a")
        assert case.network.sent == []


class TestWhereTo:
    @pytest.mark.parametrize(
        ("location", "origin", "line"),
        [
            ("there", "http://host:8000", "GET /api/cart/there"),
            ("../there?b=2", "http://host:8000", "GET /api/there?b=2"),
            ("/there", "http://host:8000", "GET /there"),
            ("?page=2", "http://host:8000", "GET /api/cart/view?page=2"),
            ("#top", "http://host:8000", "GET /api/cart/view?id=1"),
            ("//other.example/x", OTHER, "GET /x"),
            ("http://other.example:8080/x#top", "http://other.example:8080", "GET /x"),
            ("https://other.example", "https://other.example", "GET /"),
            ("/a{b}%7Bc%7D", "http://host:8000", "GET /a%7Bb%7D%7Bc%7D"),
            ("/caf\u00c3\u00a9", "http://host:8000", "GET /caf%C3%A9"),
        ],
    )
    def test_locations(self, location: str, origin: str, line: str) -> None:
        case = case_of(to(location), reply(b"x"), base_url="/api")
        case.client.get("/cart/view", params={"id": 1})
        assert (case.network.origins[1], lines_of(case)[1]) == (origin, line)
        assert fields_of(case.network.sent[1])["host"] == origin.partition("://")[2]

    def test_braces_are_no_parameters(self) -> None:
        case = case_of(to("next"), reply(b"x"), base_url="/{tenant}")
        case.client.get("/a")
        assert lines_of(case) == ["GET /{tenant}/a", "GET /%7Btenant%7D/next"]

    def test_one_after_the_other(self) -> None:
        case = case_of(to("/b/"), to("c"), to(f"{OTHER}/d/"), to("e"), reply(b"x"))
        case.client.get("/a")
        assert lines_of(case) == ["GET /a", "GET /b/", "GET /b/c", "GET /d/", "GET /d/e"]
        assert case.network.origins == ["http://host:8000"] * 3 + [OTHER] * 2
        assert [connection.exchanges for connection in case.network.connections] == [3, 2]

    @pytest.mark.parametrize(
        ("location", "message"),
        [
            ("http://other.example:99999/", "the answer's Location is not a URL"),
            ("ftp://other.example/x", "the answer redirects to a URL that is neither http nor https"),
            ("javascript:alert(1)", "the answer redirects to a URL that is neither http nor https"),
            ("http://u:p@other.example/", "the answer redirects to a URL with a user or password in it"),
        ],
    )
    def test_a_location_that_is_none(self, location: str, message: str) -> None:
        response = to(location)
        case = case_of(response)
        with pytest.raises(TaskFailed) as caught:
            case.client.get("/a")
        assert caught.value.failure == Failure(Reason.REDIRECT, message)
        assert caught.value.response is response
        assert case.reporter.failures == [caught.value.failure]


class TestHowOften:
    def test_a_loop_ends(self) -> None:
        case = case_of(*[to("/a")] * 20)
        with pytest.raises(TaskFailed) as caught:
            case.client.get("/a")
        assert caught.value.failure == TOO_MANY
        assert len(case.network.sent) == 11
        assert case.reporter.failures == [None] * 10 + [TOO_MANY]

    def test_so_many_and_no_more(self) -> None:
        for hops, ok in ((2, True), (1, False)):
            case = case_of(to("/b"), to("/c"), reply(b"x"), follow_redirects=hops)
            assert case.client.try_request("GET", "/a").ok == ok
            assert len(case.network.sent) == hops + 1


class TestTheBody:
    @pytest.mark.parametrize(
        ("method", "status", "repeated"),
        [
            ("POST", 301, None),
            ("POST", 302, None),
            ("POST", 303, None),
            ("PUT", 303, None),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
            ("PUT", 302, "PUT"),
            ("DELETE", 307, "DELETE"),
        ],
    )
    def test_is_repeated_or_becomes_a_get(self, method: str, status: int, repeated: str | None) -> None:
        case = case_of(to("/there", status), reply(b"x"))
        headers = {"content-language": "de", "Content-MD5": "kept", "X-Trace": "1"}
        case.client.request(method, "/a", json={"a": 1}, headers=headers)
        second = case.network.sent[1]
        fields = fields_of(second)
        assert first_line(second) == f"{repeated or 'GET'} /there"
        assert fields["x-trace"] == "1"
        assert body_of(second) == (b'{"a":1}' if repeated else b"")
        about_the_body = {"content-type", "content-length", "content-language"} & fields.keys()
        assert about_the_body == ({"content-type", "content-length", "content-language"} if repeated else set())

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_head_stays_head(self, status: int) -> None:
        case = case_of(to("/there", status), reply())
        case.client.head("/a")
        assert lines_of(case) == ["HEAD /a", "HEAD /there"]

    def test_one_that_is_gone_stays_gone(self) -> None:
        case = case_of(to("/b", 303), to("/c", 307), reply(b"x"))
        case.client.post("/a", json={"a": 1}, headers={"Content-Type": "text/x-json"})
        assert lines_of(case) == ["POST /a", "GET /b", "GET /c"]
        assert [body_of(request) for request in case.network.sent] == [b'{"a":1}', b"", b""]
        assert all("content-type" not in fields_of(request) for request in case.network.sent[1:])

    def test_an_upload_with_its_boundary(self) -> None:
        case = case_of(to(f"{OTHER}/b", 307), reply(b"x"))
        case.client.post("/a", files={"f": b"x"})
        first, second = case.network.sent
        assert fields_of(first)["content-type"] == fields_of(second)["content-type"]
        assert body_of(first) == body_of(second) != b""

    @pytest.mark.parametrize("location", ["/b", f"{OTHER}/b"])
    def test_a_compressed_one_as_it_was(self, location: str) -> None:
        case = case_of(to(location, 308), reply(b"x"))
        case.client.post("/a", json={"a": 1}, content_encoding="gzip")
        first, second = case.network.sent
        assert fields_of(second)["content-encoding"] == "gzip"
        assert body_of(first) == body_of(second)

    def test_of_protobuf(self) -> None:
        message = StringValue(value="hello")
        case = Case(ProtobufClient, to("/b", 307), reply(message.SerializeToString()), follow_redirects=True)
        assert case.client.post("/a", message, expect=StringValue) == message
        assert body_of(case.network.sent[1]) == message.SerializeToString()


class TestWhatGoesAlong:
    SETTINGS: dict[str, Any] = {  # noqa: RUF012 - nobody changes it
        "auth": BearerToken("abc"),
        "headers": {"X-Api-Key": "key", "Accept": "text/plain", "User-Agent": "mine", "Cookie": "c=1"},
        "accept_encoding": "gzip",
    }

    def test_to_the_same_origin_everything(self) -> None:
        case = case_of(to("/b"), reply(b"x"), **self.SETTINGS)
        case.client.get("/a", headers={"X-Call": "1", "accept": "*/*"})
        first, second = (fields_of(request) for request in case.network.sent)
        assert first == second
        assert second["authorization"] == "Bearer abc"
        assert (second["x-call"], second["accept"], second["cookie"]) == ("1", "*/*", "c=1")

    @pytest.mark.parametrize(
        "elsewhere", [OTHER, "https://host:8000", "http://host", "http://host:8001", "http://sub.host:8000"]
    )
    def test_to_another_origin_nothing_that_may_be_a_credential(self, elsewhere: str) -> None:
        case = case_of(to(f"{elsewhere}/b"), reply(b"x"), **self.SETTINGS)
        case.client.get("/a", headers={"X-Call": "1", "Authorization": "mine"})
        assert fields_of(case.network.sent[1]) == {
            "host": elsewhere.partition("://")[2],
            "user-agent": "mine",
            "accept": "text/plain",
            "accept-encoding": "gzip",
        }

    def test_nor_to_the_one_after_that(self) -> None:
        case = case_of(to(f"{OTHER}/b"), to("/c"), reply(b"x"), **self.SETTINGS)
        case.client.get("/a", headers={"X-Call": "1"})
        assert fields_of(case.network.sent[2]) == fields_of(case.network.sent[1])

    def test_back_at_its_own_origin_the_client_is_who_it_is(self) -> None:
        case = case_of(to(f"{OTHER}/b"), to("http://HOST:8000/c"), reply(b"x"), **self.SETTINGS)
        case.client.get("/a", headers={"X-Call": "1"})
        back = fields_of(case.network.sent[2])
        assert back["authorization"] == "Bearer abc"
        assert not {"x-call", "x-api-key"} & back.keys()

    def test_an_authorization_of_the_call_is_the_only_one_on_every_hop(self) -> None:
        case = case_of(to("/b"), to("/c"), reply(b"x"), **self.SETTINGS)
        case.client.get("/a", headers={"authorization": "mine"})
        assert [fields_of(request)["authorization"] for request in case.network.sent] == ["mine"] * 3

    @pytest.mark.parametrize("given", ["client", "call"])
    def test_a_host_field_is_for_its_own_origin(self, given: str) -> None:
        headers = {"Host": "shop.example"}
        case = case_of(to("/b"), to(f"{OTHER}/c"), reply(b"x"), headers=headers if given == "client" else {})
        case.client.get("/a", **({"headers": headers} if given == "call" else {}))
        hosts = [fields_of(request)["host"] for request in case.network.sent]
        assert hosts == ["shop.example", "shop.example", "other.example"]

    def test_from_another_origin_home(self) -> None:
        case = case_of(to("http://host:8000/b"), reply(b"x"), **self.SETTINGS)
        case.client.get(f"{OTHER}/a")
        first, second = (fields_of(request) for request in case.network.sent)
        assert "authorization" not in first
        assert second["authorization"] == "Bearer abc"

    def test_timeouts(self) -> None:
        case = case_of(to("/b"), reply(b"x"))
        case.client.get("/a", timeout=1.5)
        assert [timeout for _, _, timeout, _ in case.network.requests] == [1.5, 1.5]


class TestWhatIsTold:
    def test_each_hop_is_an_exchange_of_its_own(self) -> None:
        last = reply(b"done")
        case = case_of(to("/b?secret=1", 303), to(f"{OTHER}/c"), last)
        case.client.post("/orders/{id}", path={"id": 7}, json={"a": 1})
        assert [sample[:2] for sample in case.reporter.samples] == [
            ("POST", "/orders/{id}"),
            ("GET", "/orders/{id} (redirect)"),
            ("GET", "/orders/{id} (redirect)"),
        ]
        assert case.reporter.urls == ["http://host:8000/orders/7", "http://host:8000/b", f"{OTHER}/c"]
        assert [sample.status for sample in case.reporter.samples] == [303, 302, 200]
        assert case.reporter.failures == [None, None, None]
        assert [(s.request_bytes, s.response_bytes) for s in case.reporter.samples] == [(7, 5), (0, 5), (0, 4)]
        starts = [sample.sent for sample in case.reporter.samples]
        assert starts == sorted(set(starts))

    def test_under_the_callers_own_name(self) -> None:
        case = case_of(to("/b"), reply(b"x"))
        case.client.get("/a", name="log in")
        assert case.reporter.names == ["log in", "log in (redirect)"]

    def test_the_last_answer_is_judged_and_no_other(self) -> None:
        seen: list[Any] = []
        case = case_of(to("/b"), reply(b'{"n": 1}'))
        value = case.client.get("/a", expect=dict, check=seen.append, max_time=0.005)
        assert value == {"n": 1}
        assert seen == [{"n": 1}]

    @pytest.mark.parametrize(
        ("last", "reason"),
        [(reply(status=500), Reason.STATUS), (reply(b"<html>"), Reason.DECODE), (RequestFailed(RESET), Reason.RESET)],
    )
    def test_a_hop_that_fails(self, last: Answer, reason: Reason) -> None:
        case = case_of(to("/b"), last)
        failure = case.client.try_request("GET", "/a", expect=dict).failure
        assert failure is not None
        assert failure.reason is reason
        assert case.reporter.failures == [None, failure]

    def test_a_hop_that_is_ended_from_outside_is_abandoned(self) -> None:
        case = case_of(to("/b"), gevent.GreenletExit())
        with pytest.raises(gevent.GreenletExit):
            case.client.get("/a")
        assert case.reporter.failures == [None]
        assert case.reporter.abandonments == 1

    def test_traces(self) -> None:
        traces: list[Any] = []
        case = case_of(to("/b", 303), reply(b"{}"))
        case.client.trace = traces.append
        case.client.post("/a", json=1, expect=dict)
        assert [trace.request for trace in traces] == case.network.sent
        assert [trace.message is None for trace in traces] == [False, True]
        assert [trace.answer for trace in traces] == [None, {}]

    def test_with_catch_response_the_last_one_is_caught(self) -> None:
        case = case_of(to("/b"), reply(b"x"))
        with case.client.get("/a", catch_response=True) as answer:
            assert case.reporter.names == ["/a"]
            answer.failure("wrong")
        assert case.reporter.names == ["/a", "/a (redirect)"]
        assert case.reporter.failures == [None, Failure(Reason.CHECK, "wrong")]


class TestGuard:
    @pytest.mark.parametrize("path", ["/a", "http://host:8000/a"])
    def test_a_host_that_is_not_allowed_gets_no_byte(self, path: str, allow_only: Callable[..., None]) -> None:
        allow_only("host")
        response = to(f"{OTHER}/b")
        case = case_of(response)
        with pytest.raises(TaskFailed) as caught:
            case.client.get(path)
        assert caught.value.failure == Failure(Reason.FORBIDDEN, "host is not allowed")
        assert caught.value.response is response
        assert case.network.origins == ["http://host:8000"]
        assert case.reporter.failures == [caught.value.failure], "that of the request that was led astray"
        assert len(case.reporter.refusals) == 1

    def test_every_hop_is_looked_at(self, allow_only: Callable[..., None]) -> None:
        allow_only("host", "other.example")
        case = case_of(to(f"{OTHER}/b"), to("http://third.example/c"))
        assert case.client.try_request("GET", "/a").failure == Failure(Reason.FORBIDDEN, "host is not allowed")
        assert case.network.origins == ["http://host:8000", OTHER]
        assert [failure and failure.reason for failure in case.reporter.failures] == [None, Reason.FORBIDDEN]
        assert "third.example" in case.reporter.refusals[0].problems[0]

    def test_where_no_hop_is_left_nobody_is_refused(self, allow_only: Callable[..., None]) -> None:
        allow_only("host")
        case = case_of(to("/b"), to(f"{OTHER}/c"), follow_redirects=1)
        assert case.client.try_request("GET", "/a").failure == TOO_MANY
        assert case.reporter.refusals == []
