"""Which hosts may be hit."""

from __future__ import annotations

import pytest

from wireswarm import ConfigurationError
from wireswarm.net.guard import HostGuard
from wireswarm.net.origin import Origin


def guard(*hosts: str) -> HostGuard:
    made = HostGuard()
    made.allow_only(hosts)
    return made


@pytest.mark.parametrize(
    ("allowed", "host", "port"),
    [
        ([], "anything.example", 80),
        (["staging.example.com"], "staging.example.com", 443),
        (["STAGING.example.com "], "Staging.Example.com", 443),
        (["127.0.0.1:8000"], "127.0.0.1", 8000),
        (["*.staging.example.com"], "api.staging.example.com", 443),
        (["other", "127.0.0.1"], "127.0.0.1", 9),
        (["[::1]:8000"], "::1", 8000),
        (["::1"], "::1", 8000),
    ],
)
def test_allowed(allowed: list[str], host: str, port: int) -> None:
    guard(*allowed).check(Origin("http", host, port))


@pytest.mark.parametrize(
    ("allowed", "host", "port"),
    [
        (["staging.example.com"], "example.com", 443),
        (["staging.example.com"], "staging.example.com.evil.example", 443),
        (["127.0.0.1:8000"], "127.0.0.1", 8001),
        (["*.staging.example.com"], "staging.example.com", 443),
        (["[::1]:8000"], "::1", 80),
    ],
)
def test_refused(allowed: list[str], host: str, port: int) -> None:
    with pytest.raises(ConfigurationError, match="is not one of the allowed hosts") as caught:
        guard(*allowed).check(Origin("http", host, port))

    assert allowed[0] in str(caught.value)
