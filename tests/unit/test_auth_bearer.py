"""Bearer tokens that come from outside."""

from __future__ import annotations

import base64
import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import ManualClock

from wireswarm.auth import BearerToken, redact
from wireswarm.clock import SYSTEM_CLOCK
from wireswarm.errors import ConfigurationError

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC, where the manual clock stands


def encode(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def token_with(claims: Any, header: Any = None) -> str:
    return f"{encode(header or {'alg': 'HS256', 'typ': 'JWT'})}.{encode(claims)}.{encode(b'fake-signature')}"


def problems_of(auth: BearerToken) -> tuple[str, ...]:
    try:
        auth.check()
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("token", ["fake-token", "mF_9.B5f-4.1JqM", "fake~token+/0123==", "a"])
def test_a_well_formed_token_is_sent_as_it_is(token: str) -> None:
    # The second is the example of RFC 6750 section 2.1, whose two dots make it look like a JWT.
    auth = BearerToken(token, jwt=False)
    auth.check()
    assert auth.for_user(None).header() == f"Authorization: Bearer {token}\r\n".encode()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "it is empty"),
        ("Bearer fake-token", "give the token alone, without the word Bearer"),
        ("bearer fake-token", "give the token alone, without the word Bearer"),
        ("fake token", "it has whitespace or a line break in it (character 5 of 10 does not belong)"),
        ("fake-token\r\nX-Injected: 1", "it has whitespace or a line break in it (character 11 of 25 does not belong)"),
        ("fake-token\n", "it has whitespace or a line break in it (character 11 of 11 does not belong)"),
        ("fake=token", "character 6 of 10 does not belong; allowed: letters, digits, - . _ ~ + / and = at the end"),
        ('"fake-token"', "character 1 of 12 does not belong; allowed: letters, digits, - . _ ~ + / and = at the end"),
        ("fäke", "character 2 of 4 does not belong; allowed: letters, digits, - . _ ~ + / and = at the end"),
        ("==", "character 1 of 2 does not belong; allowed: letters, digits, - . _ ~ + / and = at the end"),
    ],
)
def test_a_malformed_token_never_becomes_a_header(token: str, reason: str) -> None:
    auth = BearerToken(token)
    assert problems_of(auth) == (f"the bearer token is malformed: {reason}",)
    with pytest.raises(ConfigurationError, match="the bearer token is malformed"):
        auth.for_user(None)


@given(st.text())
def test_whatever_the_token_the_header_is_one_line(token: str) -> None:
    try:
        line = BearerToken(token, jwt=False).for_user(None).header()
    except ConfigurationError:
        return
    assert line == b"Authorization: Bearer " + token.encode("ascii") + b"\r\n"
    assert not set(b" \r\n\t\0") & set(token.encode())


def test_the_environment_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_USER_TOKEN", raising=False)
    auth = BearerToken.from_env("TEST_USER_TOKEN")
    hint = "TEST_USER_TOKEN is not set: it holds the bearer token, for example TEST_USER_TOKEN=fake-token-0123456789"
    assert problems_of(auth) == (hint,)
    with pytest.raises(ConfigurationError, match="TEST_USER_TOKEN is not set"):
        auth.for_user(None)
    monkeypatch.setenv("TEST_USER_TOKEN", "  fake-env-token\n")
    auth.check()
    auth.check()
    assert auth.for_user(None).header() == b"Authorization: Bearer fake-env-token\r\n"
    assert repr(auth) == "BearerToken($TEST_USER_TOKEN)"
    monkeypatch.setenv("TEST_USER_TOKEN", "fake-env token")
    assert problems_of(auth)[0].startswith("TEST_USER_TOKEN is malformed: it has whitespace")
    monkeypatch.setenv("TEST_USER_TOKEN", " ")
    assert problems_of(auth)[0].startswith("TEST_USER_TOKEN is empty: ")


def test_the_example_for_an_unset_jwt_has_three_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_USER_TOKEN", raising=False)
    (problem,) = problems_of(BearerToken.from_env("TEST_USER_TOKEN", jwt=True))
    assert problem.endswith("for example TEST_USER_TOKEN=fake-header.fake-claims.fake-signature")


def test_a_token_ends_at_the_second_of_exp(clock: ManualClock) -> None:
    # RFC 7519 section 4.1.4: not to be accepted "on or after" exp.
    auth = BearerToken(token_with({"exp": NOW + 10}), clock=clock)
    clock.advance(9.999)
    auth.check()
    clock.advance(0.001)
    assert problems_of(auth) == ("the bearer token expired at 2023-11-14 22:13:30 UTC: get a new token",)
    assert auth.for_user(None).header().startswith(b"Authorization: Bearer eyJ")


def test_a_token_begins_at_the_second_of_nbf(clock: ManualClock) -> None:
    auth = BearerToken(token_with({"nbf": NOW + 10}), clock=clock)
    assert problems_of(auth) == (
        "the bearer token is not valid before 2023-11-14 22:13:30 UTC; it is 2023-11-14 22:13:20 UTC here",
    )
    clock.advance(10)
    auth.check()


def test_all_problems_of_a_token_are_told(clock: ManualClock) -> None:
    auth = BearerToken(token_with({"exp": NOW - 1, "nbf": 1e300}), clock=clock)
    assert problems_of(auth) == (
        "the bearer token expired at 2023-11-14 22:13:19 UTC: get a new token",
        "the bearer token is not valid before Unix time 1e+300; it is 2023-11-14 22:13:20 UTC here",
    )


@pytest.mark.parametrize("claims", [{}, {"exp": NOW + 0.5, "nbf": NOW - 0.5}, {"exp": NOW * 1000}])
def test_a_valid_jwt_passes(clock: ManualClock, claims: dict[str, float]) -> None:
    assert problems_of(BearerToken(token_with(claims), jwt=True, clock=clock)) == ()


@pytest.mark.parametrize(
    "exp", ["1700000010", True, None, [], float("nan"), float("inf"), 10**400], ids=lambda value: str(value)[:10]
)
def test_an_expiry_that_is_no_number_is_malformed(clock: ManualClock, exp: object) -> None:
    assert problems_of(BearerToken(token_with({"exp": exp}), clock=clock)) == (
        'the bearer token is malformed: its claim "exp" is not a number of seconds (RFC 7519 section 2)',
    )


@pytest.mark.parametrize(
    "token",
    [
        "fake.fake.fake",
        f"{encode({'alg': 'HS256'})}.{encode({'exp': NOW})[:9]}.fake",
        token_with({"sub": "fake"}).replace(".", ".A", 1),
        token_with(["no", "object"]),
        token_with({}, header=b"no json"),
        token_with(b"\xff\xfe"),
        token_with(b"[" * 200_000),
        "..",
        "a..",
    ],
    ids=lambda token: token[:12],
)
def test_three_parts_that_do_not_decode_are_malformed(token: str, clock: ManualClock) -> None:
    (problem,) = problems_of(BearerToken(token, clock=clock))
    assert problem == (
        "the bearer token is malformed: it has the three parts of a JWT, but they do not decode (was it cut off?)"
        "; if it is not meant to be a JWT, say jwt=False"
    )
    (problem,) = problems_of(BearerToken(token, jwt=True, clock=clock))
    assert problem.endswith("do not decode (was it cut off?)")
    assert problems_of(BearerToken(token, jwt=False, clock=clock)) == ()


def test_a_jwt_can_be_required() -> None:
    assert problems_of(BearerToken("fake-opaque-token")) == ()
    assert problems_of(BearerToken("fake-opaque-token", jwt=True)) == (
        "the bearer token is not a JWT: it does not have three parts joined by dots",
    )


def test_by_default_it_is_the_machines_time_that_counts() -> None:
    now = SYSTEM_CLOCK.time()
    assert problems_of(BearerToken(token_with({"exp": now + 3600, "nbf": now - 3600}))) == ()
    assert "expired" in problems_of(BearerToken(token_with({"exp": now - 3600})))[0]


@pytest.mark.parametrize(
    "token",
    [
        "fake-hush-hush token",
        "fake-hush-hush.fake-hush-hush.fake-hush-hush",
        token_with(b"fake-hush-hush"),
        token_with({"exp": "fake-hush-hush"}),
        token_with({"exp": 1, "sub": "fake-hush-hush"}),
    ],
)
def test_the_token_shows_nowhere(token: str) -> None:
    auth = BearerToken(token)
    with pytest.raises(ConfigurationError) as caught:
        auth.check()
    shown = "".join([*traceback.format_exception(caught.value), repr(caught.value), repr(auth), str(auth)])
    assert caught.value.__context__ is None
    assert "the bearer token " in shown
    for part in ("fake-hush-hush", *token.split(".")):
        assert part not in shown
    assert redact(f"<{token}>") == "<***>"


def test_a_token_from_a_function_is_asked_for_when_a_user_starts() -> None:
    asked: list[int] = []

    def token() -> str:
        asked.append(1)
        return "made-when-it-is-needed"

    auth = BearerToken(token)
    auth.check()
    assert asked == [], "there is none before the test runs"
    assert auth.for_user(None).header() == b"Authorization: Bearer made-when-it-is-needed\r\n"
    assert "made-when" not in redact("it was made-when-it-is-needed")
    assert "made-when" not in repr(auth)


@pytest.mark.parametrize("value", ["two words", "", None])
def test_a_function_that_returns_no_token(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="the bearer token"):
        BearerToken(lambda: value).for_user(None)
