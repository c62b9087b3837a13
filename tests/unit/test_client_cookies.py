"""Clients that keep cookies. No network, and a clock that stands still."""

from __future__ import annotations

from typing import Any

import pytest
from fake_network import Answer
from fake_user import Case, Network, User, fields_of, reply
from manual_clock import ManualClock

from wireswarm.clients.graphql import GraphQLClient
from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.clients.rest import RestClient

OTHER = "http://other.example"


def case_of(*answers: Answer, **settings: Any) -> Case[RestClient]:
    return Case(RestClient, *answers, **{"cookies": True, **settings})


def cookies_of(case: Case[Any] | Network) -> list[str | None]:
    network = case.network if isinstance(case, Case) else case
    return [fields_of(request).get("cookie") for request in network.sent]


def test_off_by_default() -> None:
    case = Case(RestClient, reply(set_cookie="a=1"), reply())
    case.client.get("/")
    case.client.get("/")
    assert cookies_of(case) == [None, None]


def test_what_is_set_is_sent_again() -> None:
    case = case_of(reply(set_cookie=["a=1; Path=/", "b=2; Path=/"]), reply(set_cookie="a=3; Path=/"), reply())
    for _ in range(3):
        case.client.get("/")
    assert cookies_of(case) == [None, "a=1; b=2", "a=3; b=2"]


def test_of_an_answer_that_is_a_failure_too() -> None:
    case = case_of(reply(status=401, set_cookie="a=1"), reply(b"<html>", set_cookie="b=2"), reply())
    case.client.try_request("GET", "/")
    case.client.try_request("GET", "/", expect=dict)
    case.client.get("/")
    assert cookies_of(case)[2] == "a=1; b=2"


def test_paths() -> None:
    case = case_of(reply(set_cookie=["all=1; Path=/", "api=2; Path=/api", "here=3"]), *[reply()] * 3, base_url="/api")
    case.client.get("/orders/{id}", path={"id": 7}, params={"next": "/x/y"})
    case.client.get("/orders/8?page=/1/2")
    case.client.get("/carts")
    case.client.get("http://host:8000/other")
    assert cookies_of(case) == [None, "here=3; api=2; all=1", "api=2; all=1", "all=1"]


def test_secure_ones_are_for_https_alone() -> None:
    case = case_of(reply(set_cookie=["s=1; Secure", "p=2"]), reply(), reply(), base_url="https://host")
    case.client.get("/")
    case.client.get("/")
    case.client.get("http://host/")
    assert cookies_of(case) == [None, "s=1; p=2", "p=2"]


def test_hosts_have_their_own() -> None:
    case = case_of(reply(set_cookie="a=1"), reply(set_cookie="b=2"), reply(), reply())
    for url in ("/", OTHER, "/", OTHER):
        case.client.get(url)
    assert cookies_of(case) == [None, None, "a=1", "b=2"]


def test_they_expire() -> None:
    case = case_of(reply(set_cookie=["short=1; Max-Age=60", "long=2; Max-Age=120"]), *[reply()] * 3)
    case.client.get("/")
    for seconds in (59, 2, 60):
        case.clock.advance(seconds)
        case.client.get("/")
    assert cookies_of(case) == [None, "short=1; long=2", "long=2", None]


def test_an_answer_deletes_them() -> None:
    case = case_of(reply(set_cookie="a=1"), reply(set_cookie="a=; Max-Age=0"), reply())
    for _ in range(3):
        case.client.get("/")
    assert cookies_of(case) == [None, "a=1", None]


@pytest.mark.parametrize("given", ["client", "call"])
def test_a_cookie_that_is_given_goes_before_them(given: str) -> None:
    headers = {"cookie": "mine=1"}
    case = case_of(reply(set_cookie="a=1"), reply(), headers=headers if given == "client" else None)
    for _ in range(2):
        case.client.get("/", **({"headers": headers} if given == "call" else {}))
    assert cookies_of(case) == ["mine=1", "mine=1"]


def test_what_cannot_be_sent_back_is_not_kept() -> None:
    case = case_of(reply(set_cookie=["a=\x01", "b=2"]), reply())
    case.client.get("/")
    case.client.get("/")
    assert cookies_of(case) == [None, "b=2"]


class TestRedirects:
    def follow(self, *answers: Answer, **settings: Any) -> Case[RestClient]:
        case = case_of(*answers, follow_redirects=True, **settings)
        case.client.get("/login")
        return case

    def test_one_that_is_set_on_the_way_is_sent_on(self) -> None:
        case = self.follow(reply(status=302, location="/home", set_cookie="session=1"), reply())
        assert cookies_of(case) == [None, "session=1"]

    def test_other_hosts_get_theirs_and_no_others(self) -> None:
        case = self.follow(
            reply(status=302, location=f"{OTHER}/a", set_cookie="here=1"),
            reply(status=302, location=f"{OTHER}/b", set_cookie="there=2"),
            reply(status=302, location="http://host:8000/c"),
            reply(),
        )
        assert cookies_of(case) == [None, None, "there=2", "here=1"]

    def test_of_another_port_they_are_the_same_host(self) -> None:
        # RFC 6265, section 8.5: cookies do not know ports.
        case = self.follow(reply(status=302, location="http://host:9000/", set_cookie="a=1"), reply())
        assert cookies_of(case) == [None, "a=1"]

    def test_one_given_by_hand_does_not_go_to_another_origin_and_the_jars_does(self) -> None:
        case = case_of(
            reply(set_cookie="jar=1"),
            reply(status=302, location=f"{OTHER}/a"),
            reply(),
            follow_redirects=True,
        )
        case.client.get(OTHER)
        case.client.get("/", headers={"Cookie": "hand=2"})
        assert cookies_of(case) == [None, "hand=2", "jar=1"]

    def test_from_https_to_http_secure_ones_stay_behind(self) -> None:
        first = reply(status=302, location="http://host/", set_cookie=["s=1; Secure", "p=2"])
        case = self.follow(first, reply(), base_url="https://host")
        assert cookies_of(case) == [None, "p=2"]


class TestWhoShares:
    def test_a_users_clients_share_one_jar(self) -> None:
        network = Network(reply(set_cookie="a=1"), *[reply(b'{"data": {}}')] * 3)

        class OneUser(User):
            rest = RestClient(cookies=True, connect=network)
            graphql = GraphQLClient(cookies=True, connect=network)
            protobuf = ProtobufClient(cookies=True, connect=network)
            without = RestClient(connect=network)

        user = OneUser()
        user.rest.get("/")
        user.graphql.execute("{ a }")
        user.protobuf.get("/")
        user.without.get("/")
        assert cookies_of(network) == [None, "a=1", "a=1", None]

    def test_users_do_not(self) -> None:
        network = Network(reply(set_cookie="a=1"), reply())

        class OneUser(User):
            rest = RestClient(cookies=True, connect=network)

        OneUser().rest.get("/")
        OneUser().rest.get("/")
        assert cookies_of(network) == [None, None]

    def test_nor_do_clients_without_a_user(self) -> None:
        network = Network(reply(set_cookie="a=1"), reply(), reply())
        one, other = (RestClient("http://host", cookies=True, connect=network, clock=ManualClock()) for _ in range(2))
        for client in (one, one, other):
            client.get("/")
        assert cookies_of(network) == [None, "a=1", None]


class TestReading:
    def test_a_cookie_for_a_field_of_ones_own(self) -> None:
        network = Network(reply(set_cookie=["csrf=a=b", "other=1"]))
        client = RestClient("http://host", cookies=True, connect=network, clock=ManualClock())
        assert client.cookie("csrf") is None
        client.get("/form")
        assert (client.cookie("csrf"), client.cookie("csr"), client.cookie("missing")) == ("a=b", None, None)

    def test_only_those_of_the_own_host_that_have_not_expired(self) -> None:
        network = Network(reply(set_cookie=["a=1; Max-Age=10", "b=2; Domain=elsewhere.example"]))
        clock = ManualClock()
        client = RestClient("http://host", cookies=True, connect=network, clock=clock)
        client.get("/")
        assert (client.cookie("a"), client.cookie("b")) == ("1", None)
        clock.sleep(11)
        assert client.cookie("a") is None

    def test_a_new_visitor_has_none(self) -> None:
        network = Network(reply(set_cookie="a=1"), reply())
        client = RestClient("http://host", cookies=True, connect=network, clock=ManualClock())
        client.get("/")
        client.clear_cookies()
        assert client.cookie("a") is None
        client.get("/")
        assert cookies_of(network) == [None, None]

    def test_without_a_jar_there_is_nothing(self) -> None:
        client = RestClient("http://host", connect=Network(reply(set_cookie="a=1")))
        client.get("/")
        client.clear_cookies()
        assert client.cookie("a") is None
