"""`wireswarm.net.origin`: what a base URL means, and which ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import ConfigurationError
from wireswarm.net.origin import BaseUrl, Origin, parse_base_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com", BaseUrl(Origin("http", "example.com", 80), "")),
        ("https://example.com", BaseUrl(Origin("https", "example.com", 443), "")),
        ("http://example.com/", BaseUrl(Origin("http", "example.com", 80), "")),
        ("http://example.com:8000", BaseUrl(Origin("http", "example.com", 8000), "")),
        ("https://example.com:80/api/v1/", BaseUrl(Origin("https", "example.com", 80), "/api/v1")),
        ("HTTP://Example.COM/Api", BaseUrl(Origin("http", "example.com", 80), "/Api")),
        ("http://127.0.0.1:8000", BaseUrl(Origin("http", "127.0.0.1", 8000), "")),
        ("http://[::1]:8000/x", BaseUrl(Origin("http", "::1", 8000), "/x")),
        ("http://my_service-1.internal.", BaseUrl(Origin("http", "my_service-1.internal.", 80), "")),
        ("http://bücher.example", BaseUrl(Origin("http", "xn--bcher-kva.example", 80), "")),
        ("http://example.com/a%20b", BaseUrl(Origin("http", "example.com", 80), "/a%20b")),
        ("http://example.com:", BaseUrl(Origin("http", "example.com", 80), "")),
    ],
)
def test_base_urls(url: str, expected: BaseUrl) -> None:
    assert parse_base_url(url) == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "it does not start with http:// or https://"),
        ("example.com", "it does not start with http:// or https://"),
        ("ftp://example.com", "it does not start with http:// or https://"),
        ("http:/example.com", "it does not start with http:// or https://"),
        ("http:example.com", "it does not start with http:// or https://"),
        (" http://example.com", "it does not start with http:// or https://"),
        ("//example.com", "it does not start with http:// or https://"),
        ("http://", "it names no host"),
        ("http:///path", "it names no host"),
        ("http://:80", "it names no host"),
        ("http://example.com:0", "port 0 is none to connect to"),
        ("http://example.com:65536", "Port out of range 0-65535"),
        ("http://example.com:http", "Port could not be cast to integer value as 'http'"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("http://exa mple.com", "the host is not a valid name"),
        ("http://exa%6dple.com", "the host is not a valid name"),
        ("http://example.com\\path", "the host is not a valid name"),
        ("http://a..bücher.example", "the host is not a valid name"),
        ("http://example.com/a b", "it has a space or another character that must be percent-encoded"),
        ("http://example.com/a\nb", "it has a space or another character that must be percent-encoded"),
        ("http://example.com/é", "it has a space or another character that must be percent-encoded"),
        ("http://example.com/\x7f", "it has a space or another character that must be percent-encoded"),
    ],
)
def test_urls_that_are_none(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_base_url(url)
    assert caught.value.problems == (f"--host {url!r}: {why}; expected something like http://127.0.0.1:8000",)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            "http://user:secret@host",
            "a URL with user or password in it would end up in reports; use auth = BasicAuth(...)",
        ),
        ("http://host/?key=secret", "a base URL has no query and no fragment"),
        ("http://host?", "a base URL has no query and no fragment"),
        ("http://host/#secret", "a base URL has no query and no fragment"),
        ("http://host#", "a base URL has no query and no fragment"),
    ],
)
def test_urls_that_may_hold_a_secret_are_not_repeated(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_base_url(url, source="base_url")
    assert caught.value.problems == (f"base_url: {why}; expected something like http://127.0.0.1:8000",)


@given(st.text())
def test_any_text_is_a_base_url_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://host/{text}"):
        try:
            origin, path = parse_base_url(url)
        except ConfigurationError:
            continue
        assert origin.host.isascii()
        assert path == "" or (path.startswith("/") and path.isascii())


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("http", "host", 80), "host"),
        (Origin("http", "host", 443), "host:443"),
        (Origin("https", "host", 443), "host"),
        (Origin("https", "host", 80), "host:80"),
        (Origin("http", "::1", 80), "[::1]"),
        (Origin("http", "::1", 8000), "[::1]:8000"),
    ],
)
def test_the_authority_names_a_port_that_is_not_the_schemes_own(origin: Origin, authority: str) -> None:
    assert origin.authority == authority
    assert str(origin) == f"{origin.scheme}://{authority}"
