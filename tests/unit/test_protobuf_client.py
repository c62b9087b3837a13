"""`wireswarm.clients`: what a call sends, how its answer is judged, and what is told of it. No network."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from fake_network import Answer, FakeNetwork, answer
from fake_user import RESET, TaskFailed, User
from gevent.event import Event
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from manual_clock import ManualClock

from wireswarm.auth.base import Auth, Credentials
from wireswarm.auth.bearer import BearerToken
from wireswarm.auth.none import NoAuth
from wireswarm.clients.endpoint import Endpoint
from wireswarm.clients.http import CONNECT_TIMEOUT, TIMEOUT, HttpClient
from wireswarm.clients.owner import Trace
from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.clients.site import MAX_ENDPOINTS
from wireswarm.errors import ConfigurationError, RequestFailed, UsageError
from wireswarm.net.origin import Origin
from wireswarm.net.tls import TlsSettings
from wireswarm.sample import Failure, HttpPhases, Reason, Sample
from wireswarm.wire.http1 import Response

HELLO = StringValue(value="hello")
HELLO_BYTES = HELLO.SerializeToString()


class Case:
    """A user with a client, and the network behind it."""

    def __init__(self, *answers: Answer, **options: Any) -> None:
        self.network = network = FakeNetwork(*answers)
        declared = ProtobufClient(**{"connect": network, **options})

        class OneUser(User):
            client = declared

        self.user = OneUser()
        self.client: ProtobufClient = self.user.client
        self.reporter = self.user.reporter


def lines(request: bytes) -> list[bytes]:
    head, _, _ = request.partition(b"\r\n\r\n")
    return head.split(b"\r\n")


class TestWhatIsSent:
    def test_a_message(self) -> None:
        case = Case(answer())
        case.client.post("/orders", HELLO)
        assert case.network.sent == [
            b"POST /orders HTTP/1.1\r\n"
            b"Host: host:8000\r\n"
            b"User-Agent: wireswarm\r\n"
            b"Accept: */*\r\n"
            b"Content-Type: application/x-protobuf\r\n"
            b"Content-Length: 7\r\n"
            b"\r\n" + HELLO_BYTES
        ]

    def test_no_message(self) -> None:
        case = Case(answer())
        case.client.get("/orders")
        assert case.network.sent == [
            b"GET /orders HTTP/1.1\r\nHost: host:8000\r\nUser-Agent: wireswarm\r\nAccept: */*\r\n\r\n"
        ]

    @pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
    @pytest.mark.parametrize("kin", ["", "try_"])
    def test_methods(self, method: str, kin: str) -> None:
        case = Case(answer(), answer())
        call = getattr(case.client, kin + method)
        call("/a", HELLO)
        call("/b")
        assert [(m, lines(r)[0]) for m, r, _, _ in case.network.requests] == [
            (method.upper(), b"%s /a HTTP/1.1" % method.upper().encode()),
            (method.upper(), b"%s /b HTTP/1.1" % method.upper().encode()),
        ]
        assert case.network.sent[0].endswith(b"Content-Length: 7\r\n\r\n" + HELLO_BYTES)
        says_that_there_is_none = b"Content-Length: 0" in lines(case.network.sent[1])
        assert says_that_there_is_none == (method in {"post", "put", "patch"})

    def test_an_empty_message_is_a_body_of_no_bytes(self) -> None:
        case = Case(answer())
        case.client.post("/a", StringValue())
        assert b"Content-Type: application/x-protobuf" in lines(case.network.sent[0])
        assert b"Content-Length: 0" in lines(case.network.sent[0])

    def test_bytes_as_they_are(self) -> None:
        case = Case(answer())
        case.client.post("/a", b"\x00\xffraw")
        assert case.network.sent[0].endswith(b"\r\n\r\n\x00\xffraw")

    def test_path_parameters_are_in_the_path_and_not_in_the_name(self) -> None:
        case = Case(answer(), answer())
        case.client.get("/orders/{id}", path={"id": "a/b"})
        case.client.get("/orders/{id}", path={"id": 7})
        assert [lines(r)[0] for r in case.network.sent] == [
            b"GET /orders/a%2Fb HTTP/1.1",
            b"GET /orders/7 HTTP/1.1",
        ]
        assert case.reporter.names == ["/orders/{id}", "/orders/{id}"]

    @pytest.mark.parametrize(
        ("client", "user", "call", "sent"),
        [
            (None, None, None, b"application/x-protobuf"),
            (None, "application/user", None, b"application/user"),
            ("application/client", "application/user", None, b"application/client"),
            ("application/client", None, "application/call", b"application/call"),
        ],
    )
    def test_the_more_particular_content_type_wins(
        self, client: str | None, user: str | None, call: str | None, sent: bytes
    ) -> None:
        network = FakeNetwork(answer())

        class OneUser(User):
            client_ = ProtobufClient(content_type=client, connect=network)
            content_type = user

        OneUser().client_.post("/a", HELLO, **({"content_type": call} if call else {}))
        types = [line for line in lines(network.sent[0]) if line.startswith(b"Content-Type:")]
        assert types == [b"Content-Type: " + sent]

    def test_a_request_without_body_has_no_content_type(self) -> None:
        case = Case(answer(), content_type="application/x")
        case.client.get("/a", content_type="application/y")
        assert b"Content-Type" not in case.network.sent[0]

    def test_headers_of_the_client_and_of_the_call(self) -> None:
        case = Case(answer(), answer(), headers={"X-Client": "c", "X-Both": "client"})
        case.client.get("/a", headers={"X-Call": "1", "x-both": "call"})
        case.client.get("/a")
        assert lines(case.network.sent[0])[4:] == [b"X-Client: c", b"X-Call: 1", b"x-both: call"]
        assert lines(case.network.sent[1])[4:] == [b"X-Client: c", b"X-Both: client"]

    def test_headers_replace_the_clients_own(self) -> None:
        case = Case(answer(), headers={"user-agent": "mine"})
        case.client.post("/a", HELLO, headers={"host": "other", "ACCEPT": "x/y", "content-type": "z/z"})
        assert lines(case.network.sent[0])[1:] == [
            b"user-agent: mine",
            b"host: other",
            b"ACCEPT: x/y",
            b"content-type: z/z",
            b"Content-Length: 7",
        ]

    def test_calls_with_different_values_of_one_header(self) -> None:
        case = Case(answer(), answer())
        for value in "12":
            case.client.get("/a", headers={"X-Call": value})
        assert [lines(r)[-1] for r in case.network.sent] == [b"X-Call: 1", b"X-Call: 2"]

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            ({"headers": {"X": "a\r\nInjected: b"}}, "has a line break"),
            ({"headers": {"X\r\nInjected": "b"}}, "is not a header name"),
            ({"headers": {"Content-Length": "3"}}, "content-length cannot be given"),
            ({"content_type": "a\r\nInjected: b"}, "has a line break"),
            ({"path": {"id": 1}}, "takes no parameters"),
        ],
    )
    def test_a_call_that_cannot_mean_anything_sends_nothing(self, call: dict[str, Any], error: str) -> None:
        case = Case(answer())
        with pytest.raises(UsageError, match=error):
            case.client.post("/a", HELLO, **call)
        assert case.network.requests == []
        assert case.reporter.reports == []
        assert case.reporter.abandonments == 0

    def test_headers_of_a_client_cannot_be_changed_behind_its_back(self) -> None:
        with pytest.raises(TypeError):
            Case().client.headers["X"] = "y"  # type: ignore[index]

    def test_endpoints_of_paths_with_ids_in_them_do_not_fill_the_memory(self) -> None:
        def endpoints() -> int:
            return sum(isinstance(thing, Endpoint) for thing in gc.get_objects())

        count = MAX_ENDPOINTS + 100
        case = Case(*[answer()] * count)
        before = endpoints()
        for number in range(count):
            case.client.get(f"/orders/{number}", name="/orders/{id}")
        assert endpoints() - before <= MAX_ENDPOINTS
        assert case.network.sent[-1].startswith(b"GET /orders/%d " % (count - 1))


class TestJudgement:
    def test_with_expect_the_answer_is_a_message(self) -> None:
        case = Case(answer(HELLO_BYTES))
        assert case.client.get("/a", expect=StringValue) == HELLO

    def test_without_expect_the_answer_is_the_response(self) -> None:
        response = answer(b"whatever")
        assert Case(response).client.get("/a") is response

    @pytest.mark.parametrize(
        ("status", "accepts", "ok"),
        [
            (200, None, True),
            (299, None, True),
            (300, None, False),
            (404, None, False),
            (404, 404, True),
            (200, 404, False),
            (404, (200, 404), True),
            (404, [200, 404], True),
            (404, {200, 404}, True),
            (500, range(200, 500), False),
        ],
    )
    def test_statuses(self, status: int, accepts: Any, ok: bool) -> None:
        case = Case(answer(status=status))
        outcome = case.client.try_get("/a", status=accepts)
        assert outcome.ok == ok
        assert outcome.failure == (None if ok else Failure(Reason.STATUS, f"status {status}"))

    def test_calls_that_accept_different_statuses(self) -> None:
        case = Case(*[answer(status=404)] * 4)
        found = [case.client.try_get("/a", **options).ok for options in ({}, {"status": 404}, {"status": 200}, {})]
        assert found == [False, True, False, False]

    def test_a_body_that_is_something_else(self) -> None:
        case = Case(answer(b"<html>"))
        with pytest.raises(TaskFailed, match=r"^the answer is not a google\.protobuf\.StringValue$"):
            case.client.get("/a", expect=StringValue)
        assert case.reporter.failures == [Failure(Reason.DECODE, "the answer is not a google.protobuf.StringValue")]

    @pytest.mark.parametrize(
        ("verdict", "message"),
        [
            (True, None),
            (None, None),
            (0, None),
            ("", None),
            (False, "check failed"),
            ("too few dishes", "check failed: too few dishes"),
            ("x" * 300, "check failed: " + "x" * 200),
        ],
    )
    def test_what_a_check_returns(self, verdict: Any, message: str | None) -> None:
        seen = []

        def check(message: StringValue) -> Any:
            seen.append(message)
            return verdict

        outcome = Case(answer(HELLO_BYTES)).client.try_get("/a", expect=StringValue, check=check)
        assert outcome.failure == (None if message is None else Failure(Reason.CHECK, message))
        assert seen == [HELLO]

    @pytest.mark.parametrize(
        ("raised", "message"),
        [
            (AssertionError(), "check failed"),
            (AssertionError("no dishes\nassert 0 == 1"), "check failed: no dishes"),
            (KeyError("id 4711"), "check failed: it raised KeyError"),
        ],
    )
    def test_what_a_check_raises(self, raised: Exception, message: str) -> None:
        def check(answer: object) -> None:
            raise raised

        case = Case(answer())
        assert case.client.try_get("/a", check=check).failure == Failure(Reason.CHECK, message)
        assert len(case.reporter.reports) == 1

    @pytest.mark.parametrize(("max_time", "ok"), [(0.0049, False), (0.005, True), (1, True)])
    def test_max_time(self, max_time: float, ok: bool) -> None:
        failure = Case(answer()).client.try_get("/a", max_time=max_time).failure
        assert failure == (None if ok else Failure(Reason.LATE, "slower than 0.0049 s"))

    def test_the_first_thing_that_is_wrong_is_the_failure(self) -> None:
        asked = []

        def check(message: StringValue) -> str:
            asked.append(message)
            return "never right"

        strict: dict[str, Any] = {"expect": StringValue, "check": check, "max_time": 0.001}
        case = Case(answer(b"<html>", 500), answer(b"<html>"), answer(HELLO_BYTES), answer(HELLO_BYTES))
        for _ in range(3):
            assert not case.client.try_get("/a", **strict).ok
        case.client.try_get("/a", expect=StringValue, max_time=0.001)
        reasons = [failure and failure.reason for failure in case.reporter.failures]
        assert reasons == [Reason.STATUS, Reason.DECODE, Reason.CHECK, Reason.LATE]
        assert len(asked) == 1

    def test_a_failed_exchange_has_nothing_to_judge(self) -> None:
        def check(message: object) -> None:
            pytest.fail("there was no answer")

        case = Case(RequestFailed(RESET))
        with pytest.raises(TaskFailed) as caught:
            case.client.get("/a", expect=StringValue, check=check, max_time=0.0)
        assert caught.value.failure == RESET
        assert caught.value.response is None


class TestOutcomes:
    def test_a_success(self) -> None:
        response = answer(HELLO_BYTES)
        outcome = Case(response).client.try_post("/a", HELLO, expect=StringValue)
        assert outcome.ok
        assert outcome.message == outcome.value() == HELLO
        assert outcome.response is response

    def test_a_failure_with_an_answer(self) -> None:
        response = answer(status=503)
        outcome = Case(response).client.try_post("/a", HELLO, expect=StringValue)
        assert outcome.message is None
        assert outcome.response is response
        assert outcome.failure == Failure(Reason.STATUS, "status 503")
        with pytest.raises(TaskFailed):
            outcome.value()

    def test_a_failure_without_an_answer(self) -> None:
        outcome = Case(RequestFailed(RESET)).client.try_get("/a")
        assert (outcome.response, outcome.failure) == (None, RESET)

    def test_a_mistake_of_the_caller_is_raised_all_the_same(self) -> None:
        with pytest.raises(UsageError):
            Case().client.try_get("no slash")


class TestReports:
    def test_a_success(self) -> None:
        response = answer(b"12345")
        case = Case(response)
        case.client.post("/orders/{id}?key={key}", HELLO, path={"id": 7, "key": "secret"})
        sample = Sample(
            type="POST",
            name="/orders/{id}?key={key}",
            sent=1_000,
            done=5_001_000,
            read=6_001_000,
            request_bytes=7,
            response_bytes=5,
            status=200,
            phases=HttpPhases(0, 0, 0, 4_000_000, 1_000_000),
        )
        assert case.reporter.reports == [(sample, response, None, "http://host:8000/orders/7")]

    def test_a_failure_with_an_answer(self) -> None:
        response = answer(b"12345", 500)
        case = Case(response)
        with pytest.raises(TaskFailed) as caught:
            case.client.get("/a")
        sample, reported, error, _ = case.reporter.reports[0]
        assert (sample.status, sample.response_bytes, sample.failure) == (500, 5, Failure(Reason.STATUS, "status 500"))
        assert reported is response
        assert error is caught.value
        assert caught.value.response is response

    def test_a_failure_without_an_answer(self) -> None:
        case = Case(RequestFailed(RESET))
        case.client.try_post("/a", HELLO)
        sample, response, error, _ = case.reporter.reports[0]
        assert sample == Sample("POST", "/a", 1_000, 5_001_000, 6_001_000, 7, 0, 0, RESET)
        assert response is None
        assert type(error) is TaskFailed

    def test_the_callers_own_name(self) -> None:
        case = Case(answer(), answer())
        case.client.get("/a", name="the first")
        case.client.get("/a")
        assert case.reporter.names == ["the first", "/a"]

    def test_moments_are_those_of_the_exchange_whatever_its_check_does_with_the_connection(self) -> None:
        case = Case(answer(), answer())
        case.client.get("/outer", check=lambda _: case.client.get("/inner") and None)
        inner, outer = (sample for sample, _, _, _ in case.reporter.reports)
        assert (outer.name, outer.sent, outer.done, outer.read) == ("/outer", 1_000, 5_001_000, 6_001_000)
        assert inner.sent > outer.read
        assert len(case.network.connections) == 1

    @pytest.mark.parametrize("ending", [gevent.GreenletExit(), gevent.Timeout(), KeyboardInterrupt()])
    def test_an_exchange_that_is_ended_from_outside_is_abandoned(self, ending: BaseException) -> None:
        case = Case(ending, answer())
        with pytest.raises(type(ending)) as caught:
            case.client.get("/a")
        assert caught.value is ending
        assert case.reporter.reports == []
        assert case.reporter.abandonments == 1
        case.client.get("/a")
        assert len(case.network.connections) == 2, "what is left of that connection must not be used"

    def test_a_check_that_is_ended_from_outside_abandons_its_exchange(self) -> None:
        def check(message: object) -> None:
            raise gevent.GreenletExit

        case = Case(answer(), answer())
        with pytest.raises(gevent.GreenletExit):
            case.client.get("/a", check=check)
        assert (case.reporter.reports, case.reporter.abandonments) == ([], 1)
        case.client.get("/a")
        assert len(case.network.connections) == 1, "the connection itself is as good as new"

    def test_an_expectation_that_is_none_abandons_the_exchange(self) -> None:
        case = Case(answer())
        with pytest.raises(UsageError, match="expect= is a type of protobuf message"):
            case.client.get("/a", expect=str)  # type: ignore[type-var]
        assert case.reporter.abandonments == 1

    def test_a_failure_is_gone_as_soon_as_it_is_dealt_with(self) -> None:
        case = Case(answer(status=500), answer(status=500))
        gc.disable()
        try:
            with pytest.raises(TaskFailed):
                case.client.get("/a")
            case.client.try_get("/a")
            left = [weakref.ref(error) for _, _, error, _ in case.reporter.reports if error is not None]
            case.reporter.reports.clear()
            assert [ref() for ref in left] == [None, None], "a cycle keeps it, and the answer, for the next collection"
        finally:
            gc.enable()

    def test_a_client_without_user_reports_to_nobody(self) -> None:
        network = FakeNetwork(answer(HELLO_BYTES), answer(status=500), gevent.GreenletExit())
        client = ProtobufClient("http://host/api", connect=network)
        assert client.get("/a", expect=StringValue) == HELLO
        with pytest.raises(RequestFailed) as caught:
            client.get("/a")
        assert type(caught.value) is RequestFailed
        with pytest.raises(gevent.GreenletExit):
            client.get("/a")
        assert lines(network.sent[0])[0] == b"GET /api/a HTTP/1.1"


class TestTrace:
    def test_it_has_the_exchange_in_full(self) -> None:
        traces: list[Trace] = []
        response = answer(HELLO_BYTES)
        case = Case(response)
        case.client.trace = traces.append
        case.client.post("/a?b=c", HELLO, expect=StringValue)
        sample = case.reporter.reports[0][0]
        assert traces == [Trace(sample, "http://host:8000/a", case.network.sent[0], HELLO, response, HELLO)]

    def test_of_a_failure(self) -> None:
        traces: list[Trace] = []
        case = Case(RequestFailed(RESET))
        case.client.trace = traces.append
        case.client.try_get("/a")
        assert traces[0].sample.failure == RESET
        assert (traces[0].response, traces[0].answer) == (None, None)

    def test_it_comes_from_the_user(self) -> None:
        traces: list[Trace] = []

        class Traced(User):
            client = ProtobufClient(connect=FakeNetwork(answer()))
            trace = staticmethod(traces.append)

        Traced().client.get("/a")
        assert len(traces) == 1


class TestConnections:
    def test_one_is_used_for_one_request_after_the_other(self) -> None:
        case = Case(answer(), RequestFailed(RESET), answer())
        for _ in range(3):
            case.client.try_get("/a")
        assert [c.exchanges for c in case.network.connections] == [3]

    def test_greenlets_that_use_a_client_at_the_same_time_have_one_each(self) -> None:
        go = Event()

        def later() -> Response:
            go.wait()
            return answer()

        case = Case(later, later, answer())
        greenlets = [gevent.spawn(case.client.get, "/a") for _ in range(2)]
        gevent.idle()
        go.set()
        gevent.joinall(greenlets, raise_error=True)
        case.client.get("/a")
        assert sorted(c.exchanges for c in case.network.connections) == [1, 2]

    def test_closing_closes_all_that_are_idle_and_the_client_can_be_used_again(self) -> None:
        case = Case(answer(), answer())
        case.client.get("/a")
        case.client.close()
        case.client.close()
        case.client.get("/a")
        assert [c.closed for c in case.network.connections] == [1, 0]

    def test_one_that_was_in_use_when_the_client_was_closed_is_closed_when_it_comes_back(self) -> None:
        go = Event()

        def later() -> Response:
            go.wait()
            return answer()

        case = Case(later)
        greenlet = gevent.spawn(case.client.get, "/a")
        gevent.idle()
        case.client.close()
        assert case.network.connections[0].closed == 0, "its greenlet waits on it"
        go.set()
        greenlet.get()
        assert case.network.connections[0].closed == 1

    def test_where_it_goes_and_how(self) -> None:
        case = Case(answer(), timing="program", insecure=True, ca_file=Path("/ca.pem"))
        case.client.get("/a")
        connection = case.network.connections[0]
        assert connection.origin == Origin("http", "host", 8000)
        assert connection.clock.name == "program"
        assert connection.tls == TlsSettings(insecure=True, ca_file="/ca.pem")

    @pytest.mark.parametrize(
        ("client", "call", "expected"),
        [
            ({}, {}, (20.0, 2.0)),
            ({"timeout": 7.0, "connect_timeout": 3.0}, {}, (7.0, 3.0)),
            ({"timeout": 7.0}, {"timeout": 1.5}, (1.5, 2.0)),
        ],
    )
    def test_the_more_particular_timeout_wins(
        self, client: dict[str, Any], call: dict[str, Any], expected: tuple[float, float]
    ) -> None:
        case = Case(answer(), **client)
        case.client.get("/a", **call)
        assert case.network.requests[0][2:] == expected

    def test_timeouts_without_a_user(self) -> None:
        network = FakeNetwork(answer())
        ProtobufClient("http://host", connect=network).get("/a")
        assert network.requests[0][2:] == (TIMEOUT, CONNECT_TIMEOUT)


class TestDeclarations:
    def test_on_the_class_it_is_the_declaration(self) -> None:
        declared = ProtobufClient()

        class OneUser(User):
            client = declared

        assert OneUser.client is declared

    def test_each_user_has_one_client(self) -> None:
        class OneUser(User):
            client = ProtobufClient()

        one, other = OneUser(), OneUser()
        assert one.client is one.client
        assert one.client is not other.client
        assert vars(one)["client"] is one.client

    def test_users_share_no_connection(self) -> None:
        network = FakeNetwork(answer(), answer())

        class OneUser(User):
            client = ProtobufClient(connect=network)

        for user in (OneUser(), OneUser()):
            user.client.get("/a")
        assert [c.exchanges for c in network.connections] == [1, 1]

    def test_several_clients(self) -> None:
        network = FakeNetwork(answer(), answer(), answer(), answer())

        class OneUser(User):
            client = ProtobufClient(connect=network)
            api = ProtobufClient("/api/v1", connect=network)
            login = ProtobufClient("https://login.example/x/", connect=network)

        user = OneUser()
        for client in (user.client, user.api, user.login, user.api):
            client.get("/a")
        assert [lines(r)[:2] for r in network.sent] == [
            [b"GET /a HTTP/1.1", b"Host: host:8000"],
            [b"GET /api/v1/a HTTP/1.1", b"Host: host:8000"],
            [b"GET /x/a HTTP/1.1", b"Host: login.example"],
            [b"GET /api/v1/a HTTP/1.1", b"Host: host:8000"],
        ]

    def test_users_of_different_hosts(self) -> None:
        network = FakeNetwork(answer(), answer())

        class OneUser(User):
            client = ProtobufClient("/api", connect=network)

        class OtherUser(OneUser):
            host = "http://other/base/"

        for user in (OneUser(), OtherUser()):
            user.client.get("/a")
        assert [lines(r)[:2] for r in network.sent] == [
            [b"GET /api/a HTTP/1.1", b"Host: host:8000"],
            [b"GET /base/api/a HTTP/1.1", b"Host: other"],
        ]

    def test_one_client_of_two_names_is_one_client(self) -> None:
        class OneUser(User):
            client = ProtobufClient()
            api = client

        user = OneUser()
        assert user.api is user.client
        assert user.api is user.client

    def test_a_client_that_is_declared_later(self) -> None:
        class OneUser(User):
            client: ProtobufClient

        OneUser.client = ProtobufClient()
        user = OneUser()
        assert user.client is user.client

    def test_what_the_declaration_leaves_open_comes_from_the_user(self) -> None:
        network = FakeNetwork(answer(), answer())

        class OneUser(User):
            timing = "program"
            insecure = True
            ca_file = "/user.pem"
            timeout = 1.0
            connect_timeout = 0.5
            client = ProtobufClient(connect=network)
            own = ProtobufClient(connect=network, timing="kernel", insecure=False, ca_file="/own.pem")

        user = OneUser()
        user.client.get("/a")
        user.own.get("/a")
        assert [c.tls for c in network.connections] == [TlsSettings(True, "/user.pem"), TlsSettings(False, "/own.pem")]
        assert network.connections[0].clock.name == "program"
        assert network.requests[0][2:] == (1.0, 0.5)

    def test_a_user_without_host(self) -> None:
        class OneUser(User):
            host = None
            client = ProtobufClient()
            absolute = ProtobufClient("http://host")

        user = OneUser()
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="there is no host to send requests to: pass --host"):
                user.client  # noqa: B018 - made when it is first used
        assert user.absolute is not OneUser.absolute

    def test_a_base_url_that_is_none(self) -> None:
        with pytest.raises(ConfigurationError, match=r"^base_url 'ftp://x': it does not start with"):
            ProtobufClient("ftp://x").get("/a")

    def test_a_client_without_user_and_base_url(self) -> None:
        with pytest.raises(ConfigurationError, match="there is no host"):
            ProtobufClient().get("/a")

    def test_a_ca_file_that_is_none_is_told_before_anything_is_sent(self, tmp_path: Path) -> None:
        network = FakeNetwork()
        for path, why in ((tmp_path / "none.pem", "No such file or directory"), (Path(__file__), "it has no PEM cert")):
            client = ProtobufClient("https://host", ca_file=path, connect=network)
            with pytest.raises(ConfigurationError, match=f"^ca_file '{path}': {why}"):
                client.get("/a")
        assert network.connections == []

    def test_a_timing_that_is_none(self) -> None:
        with pytest.raises(UsageError, match="timing is 'kernel' or 'program'"):
            ProtobufClient("http://host", timing="kernal").get("/a")  # type: ignore[arg-type]

    def test_every_kind_of_client_says_what_its_bodies_are(self) -> None:
        with pytest.raises(TypeError, match="abstract"):
            HttpClient()  # type: ignore[abstract]


class TestAuthorization:
    class PerUser(Auth):
        """Credentials that name their user and count how often they were asked for."""

        def check(self) -> None: ...

        def for_user(self, user: object) -> Credentials:
            class Counted:
                calls = 0

                def header(self) -> bytes:
                    self.calls += 1
                    return b"Authorization: %s %d\r\n" % (type(user).__name__.encode(), self.calls)

            return Counted()

    @pytest.fixture
    def network(self) -> FakeNetwork:
        return FakeNetwork(answer(), answer())

    def sent(self, client: ProtobufClient, network: FakeNetwork, **call: Any) -> list[bytes]:
        for _ in range(2):
            client.get("/a", **call)
        return [line for request in network.sent for line in lines(request) if line.lower().startswith(b"auth")]

    def test_the_users(self, network: FakeNetwork) -> None:
        class OneUser(User):
            auth = self.PerUser()
            client = ProtobufClient(connect=network)

        assert self.sent(OneUser().client, network) == [b"Authorization: OneUser 1", b"Authorization: OneUser 2"]

    def test_the_clients_own(self, network: FakeNetwork) -> None:
        class OneUser(User):
            auth = self.PerUser()
            client = ProtobufClient(auth=BearerToken("abc"), connect=network)

        assert self.sent(OneUser().client, network) == [b"Authorization: Bearer abc"] * 2

    def test_none_at_all(self, network: FakeNetwork) -> None:
        class OneUser(User):
            client = ProtobufClient(connect=network)

        assert self.sent(OneUser().client, network) == []

    def test_none_by_choice(self, network: FakeNetwork) -> None:
        class OneUser(User):
            auth = self.PerUser()
            client = ProtobufClient(auth=NoAuth(), connect=network)

        assert self.sent(OneUser().client, network) == []

    @pytest.mark.parametrize(
        ("auth", "expected"), [(None, b"Authorization: Heir 1"), (BearerToken("abc"), b"Authorization: Bearer abc")]
    )
    def test_a_subclass_inherits_client_and_auth_and_may_have_another(
        self, network: FakeNetwork, auth: Auth | None, expected: bytes
    ) -> None:
        class OneUser(User):
            auth: Auth | None = self.PerUser()
            client = ProtobufClient(connect=network)

        heir = type("Heir", (OneUser,), {"auth": auth} if auth else {})()
        assert self.sent(heir.client, network)[0] == expected

    def test_an_authorization_that_the_call_brings_is_the_only_one(self, network: FakeNetwork) -> None:
        class OneUser(User):
            auth = self.PerUser()
            client = ProtobufClient(connect=network)

        found = self.sent(OneUser().client, network, headers={"authorization": "wrong"})
        assert found == [b"authorization: wrong"] * 2

    def test_an_authorization_among_the_clients_headers_is_the_only_one(self, network: FakeNetwork) -> None:
        class OneUser(User):
            auth = self.PerUser()
            client = ProtobufClient(headers={"AUTHORIZATION": "mine"}, connect=network)

        assert self.sent(OneUser().client, network) == [b"AUTHORIZATION: mine"] * 2

    def test_a_client_without_user(self) -> None:
        network = FakeNetwork(answer())
        ProtobufClient("http://host", auth=BearerToken("abc"), connect=network).get("/a")
        assert b"Authorization: Bearer abc" in lines(network.sent[0])


class TestPolling:
    def poll(self, clock: ManualClock, *answers: Answer, **options: Any) -> tuple[Case, Callable[[], Any]]:
        case = Case(*answers, clock=clock)
        return case, lambda: case.client.poll(
            "/orders/{id}", path={"id": 7}, expect=Int32Value, until=lambda m: m.value == 3, **options
        )

    def numbers(self) -> Iterator[Response]:
        return (answer(Int32Value(value=n).SerializeToString()) for n in (1, 2, 3))

    def test_it_gets_until_the_answer_is_right(self, clock: ManualClock) -> None:
        case, poll = self.poll(clock, *self.numbers())
        assert poll() == Int32Value(value=3)
        assert clock.slept == [2.0, 3.0]
        assert [lines(r)[0] for r in case.network.sent] == [b"GET /orders/7 HTTP/1.1"] * 3
        assert case.reporter.names == ["/orders/{id}"] * 3

    def test_it_gives_up_as_the_users_task_does(self, clock: ManualClock) -> None:
        case, poll = self.poll(clock, *self.numbers(), attempts=2, first=1.0, factor=1.0, cap=9.0, deadline=99.0)
        with pytest.raises(TaskFailed) as caught:
            poll()
        assert caught.value.failure == Failure(Reason.POLL, "not true after 2 attempts")
        assert clock.slept == [1.0]
        assert case.reporter.failures == [None, None]

    def test_a_request_that_fails_ends_it(self, clock: ManualClock) -> None:
        _, poll = self.poll(clock, next(self.numbers()), answer(status=500), *self.numbers())
        with pytest.raises(TaskFailed, match="status 500"):
            poll()

    def test_its_options_are_those_of_each_request(self, clock: ManualClock) -> None:
        case, poll = self.poll(clock, *self.numbers(), name="poll", timeout=1.0, headers={"X": "y"})
        poll()
        assert case.reporter.names == ["poll"] * 3
        assert {timeout for _, _, timeout, _ in case.network.requests} == {1.0}
        assert [lines(r)[-1] for r in case.network.sent] == [b"X: y"] * 3
