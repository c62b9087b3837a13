"""`RestClient`: bodies, expectations, absolute URLs. No network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest
from fake_network import Answer
from fake_user import RESET, Case, TaskFailed, body_of, fields_of, first_line, reply

from wireswarm.auth.bearer import BearerToken
from wireswarm.clients import rest
from wireswarm.clients.rest import RestClient
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.net.guard import GUARD
from wireswarm.sample import Failure, Reason


@pytest.fixture
def allow_only() -> Iterator[Callable[..., None]]:
    """Allows these hosts and no others, in this test."""
    yield lambda *hosts: GUARD.allow_only(hosts)
    GUARD.allow_only(())


METHODS = ["get", "head", "options", "post", "put", "patch", "delete"]


def case_of(*answers: Answer, **settings: Any) -> Case[RestClient]:
    return Case(RestClient, *answers, **settings)


def sent_by(**call: Any) -> bytes:
    case = case_of(reply())
    case.client.post("/a", **call)
    return case.network.sent[0]


class TestMethods:
    @pytest.mark.parametrize("method", METHODS)
    def test_each(self, method: str) -> None:
        response = reply(b"{}")
        case = case_of(response)
        assert getattr(case.client, method)("/a") is response
        assert [(m, first_line(r)) for m, r, _, _ in case.network.requests] == [
            (method.upper(), f"{method.upper()} /a")
        ]
        says_that_there_is_no_body = fields_of(case.network.sent[0]).get("content-length") == "0"
        assert says_that_there_is_no_body == (method in {"post", "put", "patch"})

    @pytest.mark.parametrize("method", [method for method in METHODS if method != "head"])
    def test_each_with_an_expectation(self, method: str) -> None:
        assert getattr(case_of(reply(b'{"a": 1}')).client, method)("/a", expect=dict) == {"a": 1}

    def test_any(self) -> None:
        case = case_of(reply(b"{}"))
        assert case.client.request("PROPFIND", "/a", expect=dict) == {}
        assert first_line(case.network.sent[0]) == "PROPFIND /a"

    def test_try_request(self) -> None:
        case = case_of(reply(b"[1]"), reply(status=500), RequestFailed(RESET), reply())
        assert case.client.try_request("GET", "/a", expect=list).value() == [1]
        assert case.client.try_request("POST", "/a", json=1).failure == Failure(Reason.STATUS, "status 500")
        assert case.client.try_request("GET", "/a").failure == RESET
        assert case.client.try_request("GET", "/a").ok


class TestBodies:
    def test_json(self) -> None:
        request = sent_by(json={"sku": "Ä1", "n": [1, None]})
        assert body_of(request) == '{"sku":"Ä1","n":[1,null]}'.encode()
        assert fields_of(request)["content-type"] == "application/json"
        assert fields_of(request)["content-length"] == "26"

    @pytest.mark.parametrize(
        ("value", "body"), [(None, b"null"), (False, b"false"), (0, b"0"), ("", b'""'), ({}, b"{}")]
    )
    def test_json_that_is_nothing_to_python(self, value: object, body: bytes) -> None:
        request = sent_by(json=value)
        assert body_of(request) == body
        assert fields_of(request)["content-type"] == "application/json"

    @pytest.mark.parametrize("call", [{}, {"data": None}, {"files": None}, {"data": None, "files": {}}])
    def test_none(self, call: dict[str, Any]) -> None:
        request = sent_by(**call)
        assert body_of(request) == b""
        assert "content-type" not in fields_of(request)
        assert fields_of(request)["content-length"] == "0"

    def test_a_form(self) -> None:
        request = sent_by(data={"a": "ä b", "n": [1, 2], "left": None})
        assert body_of(request) == b"a=%C3%A4+b&n=1&n=2"
        assert fields_of(request)["content-type"] == "application/x-www-form-urlencoded"

    def test_an_empty_form_is_one(self) -> None:
        request = sent_by(data={})
        assert fields_of(request)["content-type"] == "application/x-www-form-urlencoded"
        assert fields_of(request)["content-length"] == "0"

    @pytest.mark.parametrize(("data", "body"), [(b"\x00\xff", b"\x00\xff"), ("ä", b"\xc3\xa4"), ("", b"")])
    def test_one_that_is_ready(self, data: Any, body: bytes) -> None:
        request = sent_by(data=data)
        assert body_of(request) == body
        assert fields_of(request)["content-type"] == "application/json", "the client's, as of every body"

    def test_an_upload(self) -> None:
        request = sent_by(data={"title": "ä"}, files={"photo": ("a.png", b"\x89PNG\r\n--")})
        head = b"Content-Type: " + fields_of(request)["content-type"].encode()
        title, photo = message_from_bytes(head + b"\r\n\r\n" + body_of(request)).get_payload()  # type: ignore[misc]
        assert title["Content-Disposition"] == 'form-data; name="title"'  # type: ignore[index]
        assert photo["Content-Disposition"] == 'form-data; name="photo"; filename="a.png"'  # type: ignore[index]
        assert photo["Content-Type"] == "image/png"  # type: ignore[index]
        assert photo.get_payload(decode=True) == b"\x89PNG\r\n--"  # type: ignore[union-attr]

    def test_uploads_have_one_boundary_so_that_their_head_is_prepared_once(self) -> None:
        assert len({fields_of(sent_by(files={"a": b"x"}))["content-type"] for _ in range(3)}) == 1

    def test_a_file_with_the_boundary_in_it_has_another(self) -> None:
        content = b"--" + rest._BOUNDARY.encode()
        request = sent_by(files={"a": content})
        boundary = fields_of(request)["content-type"].partition("boundary=")[2]
        assert boundary != rest._BOUNDARY
        assert body_of(request).count(b"--" + boundary.encode()) == 2
        assert content in body_of(request)

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            ({"json": 1, "data": {"a": 1}}, "has one body"),
            ({"json": None, "data": b""}, "has one body"),
            ({"json": 1, "files": {"a": b"x"}}, "has one body"),
            ({"files": {"a": b"x"}, "data": b"raw"}, "as names and values"),
            ({"files": {"a": b"x"}, "data": "raw"}, "as names and values"),
            ({"data": "\ud800"}, "not valid Unicode"),
            ({"data": 7}, "a mapping or a list of pairs"),
            ({"json": object()}, "JSON body"),
        ],
    )
    def test_a_body_that_cannot_be_sent(self, call: dict[str, Any], error: str) -> None:
        case = case_of()
        with pytest.raises(UsageError, match=error):
            case.client.post("/a", **call)
        with pytest.raises(UsageError, match=error):
            case.client.try_request("POST", "/a", **call)
        assert (case.network.sent, case.reporter.reports, case.reporter.abandonments) == ([], [], 0)


class TestContentTypes:
    def sent(self, settings: dict[str, Any], **call: Any) -> str:
        case = case_of(reply(), **settings)
        case.client.post("/a", **call)
        return fields_of(case.network.sent[0])["content-type"]

    def test_a_dialect_of_json_is_for_json(self) -> None:
        settings = {"content_type": "application/vnd.api+json"}
        assert self.sent(settings, json={}) == "application/vnd.api+json"
        assert self.sent(settings, data=b"{}") == "application/vnd.api+json"

    @pytest.mark.parametrize(
        "settings",
        [{"content_type": "application/vnd.api+json"}, {"headers": {"content-type": "application/json"}}, {}],
    )
    def test_forms_and_uploads_are_what_they_are(self, settings: dict[str, Any]) -> None:
        assert self.sent(settings, data={"a": 1}) == "application/x-www-form-urlencoded"
        assert self.sent(settings, files={"a": b""}).startswith("multipart/form-data; boundary=")

    def test_the_calls_own(self) -> None:
        assert self.sent({}, json={}, content_type="text/x-json") == "text/x-json"
        assert self.sent({}, data=b"a,b", headers={"Content-Type": "text/csv"}) == "text/csv"


class TestOptions:
    def test_params_beside_path_parameters_are_in_no_name_and_no_url(self) -> None:
        case = case_of(reply(), reply())
        for number in (7, 8):
            case.client.get("/orders/{id}?v=2", path={"id": number}, params={"key": "secret", "tag": ["a", "b c"]})
        assert [first_line(request) for request in case.network.sent] == [
            "GET /orders/7?v=2&key=secret&tag=a&tag=b+c",
            "GET /orders/8?v=2&key=secret&tag=a&tag=b+c",
        ]
        assert case.reporter.names == ["/orders/{id}?v=2"] * 2
        assert case.reporter.urls == ["http://host:8000/orders/7", "http://host:8000/orders/8"]

    def test_headers_of_the_call_replace_the_clients(self) -> None:
        case = case_of(reply(), reply(), headers={"X-Version": "1", "X-Client": "c"})
        case.client.get("/a", headers={"x-version": "2"})
        case.client.get("/a")
        first, second = (fields_of(request) for request in case.network.sent)
        assert (first["x-version"], first["x-client"], second["x-version"]) == ("2", "c", "1")

    @pytest.mark.parametrize("call", [{"timout": 3}, {"verify": False}, {"json": {}, "allow_redirects": False}])
    def test_one_that_there_is_not_is_told(self, call: dict[str, Any]) -> None:
        case = case_of()
        name = next(name for name in call if name != "json")
        with pytest.raises(UsageError, match=f"a call has no option {name}; it takes .*timeout"):
            case.client.post("/a", **call)
        assert case.network.sent == []


class TestExpectations:
    @pytest.mark.parametrize(
        ("expect", "body", "value"),
        [
            (dict, b'{"a": 1}', {"a": 1}),
            (list, b"[]", []),
            (str, b'"x"', "x"),
            (int, b"1", 1),
            (float, b"1.5", 1.5),
            (bool, b"true", True),
            (object, b"null", None),
            (object, b"[1]", [1]),
        ],
    )
    def test_met(self, expect: Any, body: bytes, value: object) -> None:
        assert case_of(reply(body)).client.get("/a", expect=expect) == value

    @pytest.mark.parametrize(
        ("expect", "body", "message"),
        [
            (dict, b"[]", "the answer is JSON, but not a dict"),
            (list, b"{}", "the answer is JSON, but not a list"),
            (dict, b"null", "the answer is JSON, but not a dict"),
            (dict, b"<html>", "the answer is not JSON"),
            (dict, b"", "the answer has no body, where JSON was expected"),
            (object, b"", "the answer has no body, where JSON was expected"),
        ],
    )
    @pytest.mark.parametrize("status", [200, 204])
    def test_not_met(self, expect: Any, body: bytes, message: str, status: int) -> None:
        response = reply(body, status)
        case = case_of(response)
        with pytest.raises(TaskFailed) as caught:
            case.client.post("/a", expect=expect)
        assert caught.value.failure == Failure(Reason.DECODE, message)
        assert caught.value.response is response

    def test_without_one_an_answer_without_body_is_fine(self) -> None:
        response = reply(status=204)
        assert case_of(response).client.delete("/a") is response

    @pytest.mark.parametrize("expect", [list[int], tuple, "dict", type(None)])
    def test_one_that_json_cannot_meet(self, expect: Any) -> None:
        case = case_of()
        for call in (case.client.get, lambda *a, **k: case.client.try_request("GET", *a, **k)):
            with pytest.raises(UsageError, match="expect= is dict"):
                call("/a", expect=expect)
        assert case.network.sent == []

    def test_head_has_nothing_to_expect(self) -> None:
        case = case_of()
        with pytest.raises(UsageError, match="HEAD has no body"):
            case.client.request("HEAD", "/a", expect=dict)
        assert case.network.sent == []

    def test_a_check_sees_the_value(self) -> None:
        case = case_of(reply(b'{"n": 3}'), reply(b'{"n": 3}'))
        assert case.client.get("/a", expect=dict, check=lambda value: value["n"] == 3) == {"n": 3}
        failure = case.client.try_request("GET", "/a", check=lambda response: response.json()["n"] < 3).failure
        assert failure == Failure(Reason.CHECK, "check failed")


class TestAbsoluteUrls:
    URL = "http://other.example/x"

    def settings(self) -> dict[str, Any]:
        return {
            "auth": BearerToken("abc"),
            "headers": {"X-Api-Key": "key", "User-Agent": "mine"},
            "base_url": "http://host:8000/api",
        }

    def test_go_where_they_say(self) -> None:
        case = case_of(reply(), reply(), reply())
        case.client.get(self.URL)
        case.client.post(
            "https://Other.example:8443/{id}?a={a}#part", path={"id": 7, "a": "x"}, params={"b": 1}, json=1
        )
        case.client.get("/own")
        assert case.network.origins == ["http://other.example", "https://other.example:8443", "http://host:8000"]
        assert [first_line(request) for request in case.network.sent] == ["GET /x", "POST /7?a=x&b=1", "GET /own"]
        assert fields_of(case.network.sent[1])["host"] == "other.example:8443"
        assert case.reporter.names == ["http://other.example/x", "https://other.example:8443/{id}", "/own"]
        assert case.reporter.urls == [
            "http://other.example/x",
            "https://other.example:8443/7",
            "http://host:8000/own",
        ]

    def test_without_credentials_and_headers_of_the_client(self) -> None:
        case = case_of(reply(), reply(), **self.settings())
        case.client.get(self.URL)
        case.client.get("/x")
        foreign, own = (fields_of(request) for request in case.network.sent)
        assert foreign == {"host": "other.example", "user-agent": "mine", "accept": "*/*"}
        assert own["authorization"] == "Bearer abc"
        assert own["x-api-key"] == "key"

    @pytest.mark.parametrize(
        "other", ["https://host:8000/x", "http://host/x", "http://host:8001/x", "http://host2:8000/x"]
    )
    def test_what_is_another_origin(self, other: str) -> None:
        case = case_of(reply(), **self.settings())
        case.client.get(other)
        assert not {"authorization", "x-api-key"} & fields_of(case.network.sent[0]).keys()

    def test_of_the_own_origin_they_are_like_a_path_from_its_root(self) -> None:
        case = case_of(reply(), **self.settings())
        case.client.get("HTTP://HOST:8000/x?a=1")
        assert first_line(case.network.sent[0]) == "GET /x?a=1"
        assert fields_of(case.network.sent[0])["authorization"] == "Bearer abc"
        assert fields_of(case.network.sent[0])["x-api-key"] == "key"

    def test_what_the_call_brings_is_meant_for_them(self) -> None:
        case = case_of(reply(), **self.settings())
        case.client.get(self.URL, headers={"Authorization": "theirs"}, name="other")
        assert fields_of(case.network.sent[0])["authorization"] == "theirs"
        assert case.reporter.names == ["other"]

    def test_users_of_different_hosts_do_not_share_what_is_their_own(self) -> None:
        case = case_of(*[reply()] * 4, auth=BearerToken("abc"), headers={"X-Api-Key": "key"})
        other = type(case.user)()
        other.host = "http://other.example"
        for client in (case.client, other.client, case.client):
            client.get(self.URL)
        case.client.get("http://host:8000/x")
        sent = [{"authorization", "x-api-key"} & fields_of(request).keys() for request in case.network.sent]
        assert [len(secrets) for secrets in sent] == [0, 2, 0, 2]

    def test_their_connections_are_kept(self) -> None:
        case = case_of(*[reply()] * 4)
        for _ in range(2):
            case.client.get(self.URL)
            case.client.get("/own")
        assert [connection.exchanges for connection in case.network.connections] == [2, 2]

    @pytest.mark.parametrize("url", ["ftp://other.example/x", "x", "", "http://user:pw@other.example/"])
    def test_what_is_neither_path_nor_url(self, url: str) -> None:
        case = case_of()
        with pytest.raises(UsageError):
            case.client.get(url)
        assert (case.network.sent, case.reporter.reports) == ([], [])


class TestGuard:
    URL = "http://other.example/x"

    def test_a_host_that_is_not_allowed_gets_no_byte(self, allow_only: Callable[..., None]) -> None:
        allow_only("host:8000")
        traces: list[Any] = []
        case = case_of(reply())
        case.client.trace = traces.append
        with pytest.raises(TaskFailed, match=r"^host is not allowed$") as caught:
            case.client.post(self.URL, json={"a": 1})
        assert caught.value.failure == Failure(Reason.FORBIDDEN, "host is not allowed")
        assert case.network.connections == []
        [sample] = case.reporter.samples
        assert sample[:2] == ("POST", self.URL)
        assert sample.sent == sample.done == sample.read > 0
        assert (sample.request_bytes, sample.response_bytes, sample.status) == (0, 0, 0)
        assert case.reporter.urls == [self.URL]
        assert traces[0].request == b""
        assert [error.problems for error in case.reporter.refusals] == [
            ("other.example is not one of the allowed hosts: host:8000; nothing was sent to it",)
        ]

    def test_nor_do_its_cookies_or_redirects_matter(self, allow_only: Callable[..., None]) -> None:
        allow_only("host")
        case = case_of(cookies=True, follow_redirects=True, accept_encoding="gzip")
        assert case.client.try_request("GET", self.URL).failure == Failure(Reason.FORBIDDEN, "host is not allowed")
        assert (case.network.sent, case.reporter.abandonments) == ([], 0)

    def test_with_catch_response(self, allow_only: Callable[..., None]) -> None:
        allow_only("host")
        case = case_of()
        with case.client.get(self.URL, catch_response=True) as answer:
            assert answer.status_code == 0
        assert [failure and failure.reason for failure in case.reporter.failures] == [Reason.FORBIDDEN]

    def test_allowed_ones_are(self, allow_only: Callable[..., None]) -> None:
        allow_only("host", "*.example")
        case = case_of(reply(), reply())
        case.client.get(self.URL)
        case.client.get("/x")
        assert len(case.network.sent) == 2
        assert case.reporter.refusals == []

    def test_one_that_was_refused_can_be_allowed_later(self, allow_only: Callable[..., None]) -> None:
        allow_only("host")
        case = case_of(reply())
        assert not case.client.try_request("GET", self.URL).ok
        allow_only()
        assert case.client.try_request("GET", self.URL).ok

    def test_without_a_user_it_is_raised_all_the_same(self, allow_only: Callable[..., None]) -> None:
        allow_only("host")
        case = case_of()
        client = RestClient("http://host", connect=case.network)
        with pytest.raises(RequestFailed) as caught:
            client.get(self.URL)
        assert caught.value.failure.reason is Reason.FORBIDDEN


class TestPoll:
    def test_it_asks_until_it_is_true_and_waits_longer_each_time(self) -> None:
        case = case_of(*(reply(b'{"n": %d}' % number) for number in range(4)))
        answer = case.client.poll("/a/{id}", path={"id": 7}, expect=dict, until=lambda a: a["n"] == 3, name="a")
        assert answer == {"n": 3}
        assert case.clock.slept == [2, 3, 4.5]
        assert case.reporter.names == ["a"] * 4

    def test_it_ends_with_its_attempts(self) -> None:
        case = case_of(*(reply(b"[]") for _ in range(3)))
        with pytest.raises(TaskFailed) as caught:
            case.client.poll("/a", expect=list, until=bool, first=0.1, attempts=3)
        assert caught.value.failure == Failure(Reason.POLL, "not true after 3 attempts")

    def test_a_failed_request_ends_it(self) -> None:
        case = case_of(reply(b"{}"), reply(status=500))
        with pytest.raises(TaskFailed) as caught:
            case.client.poll("/a", expect=dict, until=bool)
        assert caught.value.failure.reason is Reason.STATUS
