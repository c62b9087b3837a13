"""Redirects: which request follows, and what may go along."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError
from wireswarm.wire.http1 import request_line
from wireswarm.wire.redirects import REDIRECTS, Redirect, follow

HERE = "https://shop.example/cart/view?id=1"


def _to(location: str, url: str = HERE) -> Redirect:
    following = follow("GET", url, 302, location)
    assert following is not None
    return following


@pytest.mark.parametrize(
    ("status", "method", "next_method", "keep_body"),
    [
        # RFC 9110, 15.4.2 and 15.4.3: by custom, a POST becomes a GET, and nothing else does.
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (301, "GET", "GET", True),
        (302, "HEAD", "HEAD", True),
        (301, "PUT", "PUT", True),
        (302, "DELETE", "DELETE", True),
        (302, "PATCH", "PATCH", True),
        # 15.4.4: to be retrieved.
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "DELETE", "GET", False),
        (303, "HEAD", "HEAD", True),
        (303, "GET", "GET", True),
        # 15.4.8 and 15.4.9: the same again.
        (307, "POST", "POST", True),
        (308, "POST", "POST", True),
        (307, "GET", "GET", True),
        (308, "DELETE", "DELETE", True),
    ],
)
def test_method_and_body(status: int, method: str, next_method: str, keep_body: bool) -> None:
    assert follow(method, HERE, status, "/next") == Redirect(
        next_method, keep_body, "https", "shop.example", 443, "/next", cross_origin=False
    )


@pytest.mark.parametrize("status", [200, 201, 204, 300, 304, 305, 306, 309, 404, 500])
def test_other_statuses_lead_nowhere(status: int) -> None:
    assert status not in REDIRECTS
    assert follow("GET", HERE, status, "/next") is None


@pytest.mark.parametrize("status", sorted(REDIRECTS))
@pytest.mark.parametrize("location", [None, "", " \t"])
def test_without_a_location_the_answer_is_the_last(status: int, location: str | None) -> None:
    assert follow("POST", HERE, status, location) is None


@pytest.mark.parametrize(
    ("reference", "absolute"),
    [
        # RFC 3986, 5.4.1 and 5.4.2, without the fragments, which are not sent.
        ("g:h", None),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
    ],
)
def test_the_examples_of_rfc_3986(reference: str, absolute: str | None) -> None:
    if absolute is None:
        with pytest.raises(RemoteProtocolError, match="neither http nor https"):
            _to(reference, "http://a/b/c/d;p?q")
    else:
        assert _to(reference, "http://a/b/c/d;p?q").url == absolute


@pytest.mark.parametrize(
    ("location", "cross_origin", "url"),
    [
        ("/login", False, "https://shop.example/login"),
        ("https://shop.example/login", False, "https://shop.example/login"),
        ("https://shop.example:443/login", False, "https://shop.example/login"),
        ("https://shop.example:/login", False, "https://shop.example/login"),
        ("HTTPS://SHOP.EXAMPLE/Login", False, "https://shop.example/Login"),
        ("//shop.example", False, "https://shop.example/"),
        ("https://shop.example?a=b", False, "https://shop.example/?a=b"),
        ("  /login \t", False, "https://shop.example/login"),
        ("https://shop.example:8443/login", True, "https://shop.example:8443/login"),
        ("https://shop.example:80/", True, "https://shop.example:80/"),
        ("http://shop.example/login", True, "http://shop.example/login"),
        ("http://shop.example:443/", True, "http://shop.example:443/"),
        ("https://login.shop.example/", True, "https://login.shop.example/"),
        ("https://example/", True, "https://example/"),
        ("https://shop.example./", True, "https://shop.example./"),
        ("//evil.example/shop.example", True, "https://evil.example/shop.example"),
        ("http://127.0.0.1:8000/x", True, "http://127.0.0.1:8000/x"),
        ("http://[::1]:8000/x", True, "http://[::1]:8000/x"),
        ("http://[2001:DB8::A]", True, "http://[2001:db8::a]/"),
        ("http://X1.example:1/", True, "http://x1.example:1/"),
        ("http://a:65535/", True, "http://a:65535/"),
    ],
)
def test_another_scheme_host_or_port_is_another_origin(location: str, cross_origin: bool, url: str) -> None:
    following = _to(location)
    assert (following.cross_origin, following.url) == (cross_origin, url)


def test_the_parts_are_what_a_connection_needs() -> None:
    assert _to("http://[2001:DB8::A]:8000/a?b#c")[2:] == ("http", "2001:db8::a", 8000, "/a?b", True)
    assert follow("GET", "http://[::1]:8000/", 301, "/x") == Redirect("GET", True, "http", "::1", 8000, "/x", False)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/a b", "/a%20b"),
        ("/a%20b%2Fc", "/a%20b%2Fc"),
        ("/100%", "/100%"),
        # UTF-8 as it comes through a header.
        ("/caf\u00c3\u00a9?q=\u00c3\u00a9", "/caf%C3%A9?q=%C3%A9"),
        ('/a"<>\\^`{|}', "/a%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("/\\evil.example/", "/%5Cevil.example/"),
        ("/a;b=c,d/~e/(f)!*'@:$&+[g]", "/a;b=c,d/~e/(f)!*'@:$&+[g]"),
    ],
)
def test_what_a_url_may_not_contain_is_escaped(location: str, target: str) -> None:
    assert _to(location).target == target


@pytest.mark.parametrize(
    "location",
    [
        "javascript:alert(1)",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "data:text/html,x",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "mailto:someone@shop.example",
        "shop.example:8000/x",
        "ws://shop.example/",
    ],
)
def test_other_schemes_are_refused(location: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        _to(location)
    assert str(caught.value) == "the answer redirects to a URL that is neither http nor https"


@pytest.mark.parametrize(
    "location",
    ["https://user@shop.example/", "https://u:fake-secret@shop.example/", "//@shop.example/", "http://a@b@c/"],
)
def test_a_user_or_password_is_refused_and_not_shown(location: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        _to(location)
    assert str(caught.value) == "the answer redirects to a URL with a user or password in it"


@pytest.mark.parametrize(
    "location",
    [
        "http://",
        "http:///x",
        "http://:80/",
        "http:/x",
        "http://a:0/",
        "http://a:65536/",
        "http://a:999999/",
        "http://a:b/",
        "http://a:80:80/",
        "http://[::1/",
        "http://::1/",
        "http://[::1]x/",
        "http://[evil.example]/",
        "http://[::1%25eth0]/",
        "http://a b/",
        "http://caf\u00c3\u00a9.example/",
        "http://a%2eb/",
        "http://a\\b/",
        "/a\r\nX-Injected: 1",
        "/a\tb",
        "/a\x00",
        "java\nscript:alert(1)",
        "/\u20ac",
        "//[",
    ],
)
def test_what_is_no_url_is_refused(location: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        _to(location)
    assert str(caught.value) == "the answer's Location is not a URL"


PIECES = st.lists(
    st.sampled_from(["http", "https", ":", "/", "//", "..", "?", "#", "@", "[", "]", "::1", "a.b", "%", "é", " "])
)


@given(location=st.text() | PIECES.map("".join), url=st.sampled_from([HERE, "http://[::1]:8000/a/b;c?d", "http://h"]))
def test_any_location_gives_a_request_or_that_error(location: str, url: str) -> None:
    try:
        following = follow("POST", url, 307, location)
    except RemoteProtocolError:
        return
    if following is None:
        assert not location.strip(" \t")
        return
    request_line("POST", following.target)
    parts = urlsplit(following.url)
    assert parts.scheme in {"http", "https"}
    assert re.fullmatch(r"[0-9a-z._~:-]+", following.host)
    assert (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]) == (following.host, following.port)
    here = urlsplit(url)
    same = (parts.scheme, parts.netloc) == (here.scheme, here.netloc)
    assert following.cross_origin is not same


@given(st.from_regex(r"(\.\./|\./|[a-c]/){0,6}[a-c]?(\?[a-c/.]*)?", fullmatch=True))
def test_relative_references_are_resolved_as_the_standard_library_does(reference: str) -> None:
    following = follow("GET", "http://h.example/a/b/c?d", 302, reference)
    assert (following is None) == (not reference)
    if following is not None:
        joined = urlsplit(urljoin("http://h.example/a/b/c?d", reference))
        assert following.target == joined.path + (f"?{joined.query}" if joined.query else "")
