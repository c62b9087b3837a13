from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.target.answers import Refusal
from wireswarm.target.settings import FAKE_JWT_SECRET
from wireswarm.target.tokens import LIFETIME, Tokens

NOW = 1_700_000_000.0
OTHER_SECRET = "another-secret-of-at-least-32-bytes-length"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def scope(value: str | bytes | None) -> dict[str, Any]:
    raw = value.encode() if isinstance(value, str) else value
    return {"headers": [(b"host", b"x")] + ([] if raw is None else [(b"authorization", raw)])}


def bearer(secret: str = FAKE_JWT_SECRET, algorithm: str = "HS256", **claims: object) -> str:
    return "Bearer " + jwt.encode(claims, secret, algorithm=algorithm)


def refusal(tokens: Tokens, value: str | bytes | None) -> str:
    with pytest.raises(Refusal) as refused:
        tokens.email_of(scope(value))
    assert refused.value.status == 401
    assert refused.value.headers == [(b"www-authenticate", b"Bearer")]
    return refused.value.text


def test_an_issued_token_is_good_for_48_hours() -> None:
    clock = Clock()
    tokens = Tokens(FAKE_JWT_SECRET, clock)
    value = "Bearer " + tokens.issue("a@example.com", "A")
    claims = jwt.decode(value[7:], FAKE_JWT_SECRET, algorithms=["HS256"], options={"verify_exp": False})
    assert claims == {"sub": "a@example.com", "email": "a@example.com", "name": "A", "iat": NOW, "exp": NOW + 172_800}
    assert tokens.email_of(scope(value)) == "a@example.com"
    clock.now = NOW + LIFETIME - 0.001
    assert tokens.email_of(scope(value)) == "a@example.com"
    clock.now = NOW + LIFETIME
    assert refusal(tokens, value) == "the token has expired"
    # Also once it is no longer remembered.
    assert refusal(tokens, value) == "the token has expired"


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@example.com"}, "a@example.com"),
        ({"sub": "b@example.com"}, "b@example.com"),
        ({"email": "a@example.com", "sub": "b@example.com"}, "a@example.com"),
        ({"email": "", "sub": "b@example.com"}, "b@example.com"),
        ({"email": "a@example.com", "aud": "somebody", "iat": NOW * 2}, "a@example.com"),
    ],
)
def test_whose_token_it_is(claims: dict[str, object], email: str) -> None:
    assert Tokens(FAKE_JWT_SECRET, Clock()).email_of(scope(bearer(exp=NOW + 1, **claims))) == email


def test_the_scheme_is_case_insensitive() -> None:
    value = bearer(email="a@example.com", exp=NOW + 1).replace("Bearer", "bearer")
    assert Tokens(FAKE_JWT_SECRET, Clock()).email_of(scope(value)) == "a@example.com"


NOT_BEARER = "the Authorization header is not 'Bearer' and a token"
MALFORMED = "the token is malformed"
DEEP = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the Authorization header is missing"),
        ("", NOT_BEARER),
        ("Bearer", NOT_BEARER),
        ("Bearer  ", NOT_BEARER),
        ("Basic YTpi", NOT_BEARER),
        ("Bearer nonsense", MALFORMED),
        ("Bearer a.b.c", MALFORMED),
        (b"Bearer \xff.\xfe.\xfd", MALFORMED),
        (f"Bearer {DEEP}.e30.AA", MALFORMED),
        (bearer(email="a@example.com"), MALFORMED),
        (bearer(email="a@example.com", exp="tomorrow"), MALFORMED),
        (bearer(email=7, exp=NOW + 1), MALFORMED),
        (bearer(exp=NOW + 1), MALFORMED),
        (bearer(email="a@example.com", exp=NOW), "the token has expired"),
        (bearer(email="a@example.com", exp=float("nan")), "the token has expired"),
        (bearer(OTHER_SECRET, email="a@example.com", exp=NOW + 1), "the token's signature is wrong"),
        (bearer(OTHER_SECRET, email="a@example.com", exp=NOW), "the token's signature is wrong"),
        (bearer(OTHER_SECRET * 2, "HS512", email="a@example.com", exp=NOW + 1), "the token is not signed with HS256"),
        (bearer("", "none", email="a@example.com", exp=NOW + 1), "the token is not signed with HS256"),
    ],
)
def test_what_is_refused_and_why(value: str | bytes | None, reason: str) -> None:
    assert refusal(Tokens(FAKE_JWT_SECRET, Clock()), value) == reason


def test_an_expiry_beyond_floats() -> None:
    assert Tokens(FAKE_JWT_SECRET, Clock()).email_of(scope(bearer(email="a@example.com", exp=10**400)))


@given(st.binary() | st.binary().map(b"Bearer ".__add__))
def test_nothing_else_is_ever_accepted_or_raised(value: bytes) -> None:
    assert refusal(Tokens(FAKE_JWT_SECRET, Clock()), value)
