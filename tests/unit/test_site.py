"""Prepared endpoints, and absolute URLs taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from wireswarm.clients.endpoint import Endpoint
from wireswarm.clients.options import CallOptions
from wireswarm.clients.site import Site, split_url
from wireswarm.errors import UsageError
from wireswarm.net.origin import BaseUrl, Origin

SHOP = BaseUrl(Origin("https", "shop.example", 443), "/api")


def prepare(site: Site, options: CallOptions | None = None, **changes: Any) -> Endpoint:
    arguments: dict[str, Any] = {
        "method": "POST",
        "template": "/orders",
        "content_type": "application/json",
        "accept_encoding": None,
        "headers": {},
    }
    return site.endpoint(**arguments | changes, options=options or {})


def sent(endpoint: Endpoint) -> dict[str, str]:
    return {name.lower(): value for name, value in endpoint.fields.values()}


class TestFields:
    def test_its_own(self) -> None:
        assert prepare(Site(SHOP)).prepare(None) == (
            b"POST /api/orders HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: wireswarm\r\nAccept: */*\r\n"
            b"Content-Type: application/json\r\n",
            "https://shop.example/api/orders",
        )

    def test_accept_encoding(self) -> None:
        assert sent(prepare(Site(SHOP), accept_encoding="gzip, br"))["accept-encoding"] == "gzip, br"
        assert "accept-encoding" not in sent(prepare(Site(SHOP)))

    def test_what_the_body_is_in(self) -> None:
        options: CallOptions = {"content_type": "text/csv", "content_encoding": "gzip"}
        fields = sent(prepare(Site(SHOP), options))
        assert (fields["content-type"], fields["content-encoding"]) == ("text/csv", "gzip")
        without_body = sent(prepare(Site(SHOP), options, content_type=None))
        assert not {"content-type", "content-encoding"} & without_body.keys()

    def test_what_the_call_says_of_its_body_goes_before_the_clients_headers(self) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "mine"}
        fields = sent(prepare(Site(SHOP), {"content_type": "multipart/form-data; boundary=b"}, headers=headers))
        assert (fields["content-type"], fields["user-agent"]) == ("multipart/form-data; boundary=b", "mine")

    def test_another_origin_gets_nothing_that_may_be_a_credential(self) -> None:
        headers = {"X-Api-Key": "secret", "Authorization": "secret", "Cookie": "secret", "user-agent": "mine"}
        foreign, own = Site(SHOP, is_own=False), Site(SHOP)
        assert sent(prepare(foreign, headers=headers)) == {
            "host": "shop.example",
            "user-agent": "mine",
            "accept": "*/*",
            "content-type": "application/json",
        }
        assert not prepare(foreign, headers=headers).is_authorized
        assert sent(prepare(own, headers=headers))["x-api-key"] == "secret"


class TestPreparing:
    @pytest.mark.parametrize(
        ("one", "same"),
        [
            ({}, {}),
            ({"status": 404}, {"status": 404}),
            ({"status": [200, 404]}, {"status": {404, 200}}),
            ({"headers": {"X-Id": "1"}}, {"headers": {"x-id": "2"}}),
            ({"timeout": 1.0, "params": {"a": 1}}, {"timeout": 2.0}),
        ],
    )
    def test_equal_calls_share_one_endpoint(self, one: Any, same: Any) -> None:
        site = Site(SHOP)
        assert prepare(site, one) is prepare(site, same)

    @pytest.mark.parametrize(
        "other",
        [
            {"name": "order"},
            {"status": 201},
            {"status": (200, 201)},
            {"content_type": "text/csv"},
            {"content_encoding": "gzip"},
            {"headers": {"X-Id": "1"}},
        ],
    )
    def test_calls_that_differ_do_not(self, other: Any) -> None:
        site = Site(SHOP)
        assert prepare(site) is not prepare(site, other)
        assert prepare(site, {"timeout": 1.0, **other}) is not prepare(site, {"timeout": 1.0})

    @pytest.mark.parametrize("other", [{"method": "PUT"}, {"template": "/other"}, {"content_type": None}])
    def test_nor_do_other_endpoints(self, other: Any) -> None:
        site = Site(SHOP)
        assert prepare(site) is not prepare(site, **other)

    def test_what_the_call_brings_is_left_to_it(self) -> None:
        endpoint = prepare(Site(SHOP), {"headers": {"HOST": "x", "Authorization": "y"}})
        assert "host" not in endpoint.fields
        assert endpoint.is_authorized


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "origin", "target"),
        [
            ("http://other.example/x", "http://other.example", "/x"),
            ("https://other.example:8443/x?a=1&b={b}", "https://other.example:8443", "/x?a=1&b={b}"),
            ("HTTPS://OTHER.example:443/X", "https://other.example", "/X"),
            ("http://other.example", "http://other.example", "/"),
            ("http://other.example?a=1", "http://other.example", "/?a=1"),
            ("http://other.example/x#part?no", "http://other.example", "/x"),
            ("http://other.example#part", "http://other.example", "/"),
            ("http://[::1]:8000/{id}", "http://[::1]:8000", "/{id}"),
            ("http://other.example//x", "http://other.example", "//x"),
            ("http://other.example/?u=http://third.example/", "http://other.example", "/?u=http://third.example/"),
        ],
    )
    def test_taken_apart(self, url: str, origin: str, target: str) -> None:
        found, path = split_url(url)
        assert (str(found), path) == (origin, target)

    @pytest.mark.parametrize(
        ("url", "error"),
        [
            ("ftp://other.example/x", "does not start with http:// or https://"),
            ("http:///x", "names no host"),
            ("http://other.example:0/", "port 0"),
            ("http://other.example:port/", "the URL 'http://other.example:port'"),
            ("http://{host}/x", "not a valid name"),
            (" http://other.example/x", "does not start with"),
            ("orders?u=http://other.example/x", "a path that starts with /, or an absolute URL"),
        ],
    )
    def test_what_is_none(self, url: str, error: str) -> None:
        with pytest.raises(UsageError, match=error):
            split_url(url)

    @pytest.mark.parametrize(
        "url",
        ["http://user:secret@other.example/x", "ftp://secret@other.example", "http://good.example\\@evil.example"],
    )
    def test_a_password_is_refused_and_not_repeated(self, url: str) -> None:
        with pytest.raises(UsageError, match="user or password") as caught:
            split_url(url)
        assert "secret" not in str(caught.value)
