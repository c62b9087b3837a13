"""Tokens that are minted here."""

from __future__ import annotations

import itertools
import traceback
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import ManualClock

from wireswarm.auth import SECRETS, BearerJWT, redact
from wireswarm.auth.minted import JWTOptions
from wireswarm.errors import ConfigurationError, UsageError

SECRET = "fake-secret-for-tests-0123456789abcdef"
NOW = 1_700_000_000  # where the manual clock stands
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def token_of(line: bytes) -> str:
    assert line.startswith(b"Authorization: Bearer ")
    assert line.endswith(b"\r\n")
    return line[len(b"Authorization: Bearer ") : -2].decode("ascii")


def claims_of(line: bytes, key: Any = SECRET, algorithm: str = "HS256") -> dict[str, Any]:
    """The claims, with the signature verified and, as the clock is the test's, no times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the verifying side, about a short secret
        claims: dict[str, Any] = jwt.decode(
            token_of(line), key, algorithms=[algorithm], options={"verify_exp": False, "verify_iat": False}
        )
    return claims


def problems_of(auth: BearerJWT) -> tuple[str, ...]:
    try:
        auth.check()
    except ConfigurationError as error:
        return error.problems
    return ()


def shown_by(auth: BearerJWT) -> str:
    """Everything that is shown of an auth object whose check fails."""
    with pytest.raises(ConfigurationError) as caught:
        auth.check()
    assert caught.value.__context__ is None  # whose text could have the key in it
    return "".join([*traceback.format_exception(caught.value), repr(caught.value), repr(auth), str(auth)])


def user(name: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(name=name)


def test_a_server_with_the_secret_accepts_the_token(clock: ManualClock) -> None:
    auth = BearerJWT(SECRET, claims={"sub": "user-1", "roles": ["eater"]}, lifetime=100, refresh_before=10, clock=clock)
    auth.check()
    line = auth.for_user(None).header()
    assert claims_of(line) == {"sub": "user-1", "roles": ["eater"], "iat": NOW, "exp": NOW + 100}
    assert jwt.get_unverified_header(token_of(line)) == {"alg": "HS256", "typ": "JWT"}


def test_times_are_whole_seconds_of_now(clock: ManualClock) -> None:
    clock.advance(0.9)
    claims = claims_of(BearerJWT(SECRET, lifetime=100, clock=clock).for_user(None).header())
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 100)
    assert {type(value) for value in claims.values()} == {int}


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("ES256", P256), ("EdDSA", ED25519)])
def test_a_key_file_signs_for_its_public_key(clock: ManualClock, tmp_path: Path, algorithm: Any, key: Any) -> None:
    path = tmp_path / "test-key.pem"
    path.write_text(pem(key))
    auth = BearerJWT.from_key_file(
        path, algorithm=algorithm, claims={"sub": "user-1"}, headers={"kid": "test-key-1"}, clock=clock
    )
    auth.check()
    line = auth.for_user(None).header()
    assert claims_of(line, key.public_key(), algorithm)["sub"] == "user-1"
    assert jwt.get_unverified_header(token_of(line)) == {"alg": algorithm, "typ": "JWT", "kid": "test-key-1"}
    assert repr(auth) == f"BearerJWT({str(path)!r}, algorithm={algorithm!r}, lifetime=3600)"


def test_a_key_file_is_read_once(clock: ManualClock, tmp_path: Path) -> None:
    path = tmp_path / "test-key.pem"
    path.write_text(pem(P256))
    auth = BearerJWT.from_key_file(path, algorithm="ES256", clock=clock)
    auth.check()
    path.unlink()
    auth.check()
    assert claims_of(auth.for_user(None).header(), P256.public_key(), "ES256")["iat"] == NOW


def test_the_secret_comes_from_the_environment_as_it_is(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_JWT_SECRET", raising=False)
    auth = BearerJWT.from_env("TEST_JWT_SECRET", clock=clock)
    assert problems_of(auth) == (
        "TEST_JWT_SECRET is not set: it holds the secret that tokens are signed with, "
        "for example TEST_JWT_SECRET=fake-secret-for-tests-0123456789abcdef",
    )
    with pytest.raises(ConfigurationError, match="TEST_JWT_SECRET is not set"):
        auth.for_user(None)
    for secret in ("fake-short-secret", "fake-other-secret\n"):
        monkeypatch.setenv("TEST_JWT_SECRET", secret)
        auth.check()
        auth.check()
        assert claims_of(auth.for_user(None).header(), secret)["iat"] == NOW
    assert repr(auth) == "BearerJWT($TEST_JWT_SECRET, algorithm='HS256', lifetime=3600)"


def test_a_private_key_comes_from_the_environment(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_JWT_KEY", raising=False)
    auth = BearerJWT.from_env("TEST_JWT_KEY", algorithm="EdDSA", clock=clock)
    assert problems_of(auth) == (
        "TEST_JWT_KEY is not set: it holds the private key that tokens are signed with, in PEM, "
        'for example TEST_JWT_KEY="$(cat test-key.pem)"',
    )
    monkeypatch.setenv("TEST_JWT_KEY", pem(ED25519).replace("\n", "\\n"))
    auth.check()
    assert claims_of(auth.for_user(None).header(), ED25519.public_key(), "EdDSA")["iat"] == NOW


def test_a_binary_secret_signs(clock: ManualClock) -> None:
    secret = b"\xff\x00fake" * 8
    assert claims_of(BearerJWT(secret, clock=clock).for_user(None).header(), secret)["iat"] == NOW


def test_the_token_is_renewed_at_the_second_it_is_due(clock: ManualClock) -> None:
    credentials = BearerJWT(SECRET, lifetime=100, refresh_before=10, clock=clock).for_user(None)
    first = credentials.header()
    clock.advance(89.999)
    assert credentials.header() is first
    clock.advance(0.001)
    second = credentials.header()
    assert claims_of(second) == {"iat": NOW + 90, "exp": NOW + 190}
    clock.advance(89.999)
    assert credentials.header() is second
    clock.advance(1000)
    assert claims_of(credentials.header())["iat"] == NOW + 1179


@given(
    lifetime=st.integers(1, 10_000),
    share=st.floats(0, 1, exclude_max=True),
    begin=st.floats(0, 4e9),
    steps=st.lists(st.floats(0, 20_000), max_size=10),
)
def test_a_token_in_use_has_always_more_than_refresh_before_to_go(
    lifetime: int, share: float, begin: float, steps: list[float]
) -> None:
    clock = ManualClock(begin)
    refresh_before = min(int(lifetime * share), lifetime - 1)
    credentials = BearerJWT(SECRET, lifetime=lifetime, refresh_before=refresh_before, clock=clock).for_user(None)
    for step in steps:
        clock.advance(step)
        line = credentials.header()
        claims = claims_of(line)
        assert claims["exp"] - claims["iat"] == lifetime
        assert claims["iat"] <= clock.time() < claims["exp"] - refresh_before
        assert credentials.header() is line  # a new token is never due at once


def test_every_user_has_claims_and_times_of_its_own(clock: ManualClock) -> None:
    auth = BearerJWT(SECRET, claims=lambda user: {"sub": user.name}, lifetime=100, refresh_before=10, clock=clock)
    auth.check()
    ada = auth.for_user(user("ada"))
    clock.advance(50)
    bob = auth.for_user(user("bob"))
    clock.advance(40)
    assert claims_of(ada.header()) == {"sub": "ada", "iat": NOW + 90, "exp": NOW + 190}
    assert claims_of(bob.header()) == {"sub": "bob", "iat": NOW + 50, "exp": NOW + 150}


def test_claims_are_made_anew_for_every_token_and_for_no_request(clock: ManualClock) -> None:
    numbers = itertools.count()
    auth = BearerJWT(SECRET, claims=lambda _: {"jti": str(next(numbers))}, lifetime=100, refresh_before=10, clock=clock)
    auth.check()
    credentials = auth.for_user(None)
    assert [claims_of(credentials.header())["jti"] for _ in range(3)] == ["0", "0", "0"]
    clock.advance(90)
    assert [claims_of(credentials.header())["jti"] for _ in range(3)] == ["1", "1", "1"]


def test_the_callers_claims_and_headers_are_left_alone(clock: ManualClock) -> None:
    claims, headers = {"sub": "user-1"}, {"kid": "test-key-1"}
    BearerJWT(SECRET, claims=claims, headers=headers, clock=clock).for_user(None).header()
    assert (claims, headers) == ({"sub": "user-1"}, {"kid": "test-key-1"})


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"lifetime": 60, "refresh_before": 60}, ["BearerJWT: refresh_before is 60; allowed: less than lifetime, 60"]),
        ({"lifetime": 60, "refresh_before": 59}, []),
        ({"lifetime": 1, "refresh_before": 0}, []),
        ({"lifetime": 0, "refresh_before": 0}, ["BearerJWT: refresh_before is 0; allowed: less than lifetime, 0"]),
        (
            {"lifetime": 60.5, "refresh_before": -1},
            [
                "BearerJWT: lifetime is 60.5; allowed: whole seconds",
                "BearerJWT: refresh_before is -1; allowed: whole seconds",
            ],
        ),
        (
            {"algorithm": "none", "lifetime": 60, "headers": ["kid"]},
            [
                "BearerJWT: refresh_before is 60; allowed: less than lifetime, 60",
                "BearerJWT: headers is of type list; allowed: a dict",
                "BearerJWT: algorithm is 'none'; allowed: HS256, RS256, ES256, EdDSA",
            ],
        ),
        ({"lifetime": True}, ["BearerJWT: lifetime is True; allowed: whole seconds"]),
        ({"algorithm": "none"}, ["BearerJWT: algorithm is 'none'; allowed: HS256, RS256, ES256, EdDSA"]),
        (
            {"headers": {"alg": "none"}},
            ["BearerJWT: headers has alg or b64 in it; the algorithm is set by algorithm="],
        ),
        ({"headers": ["kid"]}, ["BearerJWT: headers is of type list; allowed: a dict"]),
        (
            {"headers": {"kid": 1}},
            ["BearerJWT: claims and headers do not make a token: Key ID header parameter must be a string"],
        ),
        (
            {"claims": {"exp": NOW}},
            ["BearerJWT: claims has iat or exp in it; both are set from the time and lifetime="],
        ),
        ({"claims": ["sub"]}, ["BearerJWT: claims is of type list; allowed: a dict, or a function to one"]),
        (
            {"claims": {"sub": {1}}},
            ["BearerJWT: claims and headers do not make a token: Object of type set is not JSON serializable"],
        ),
        (
            {"algorithm": "RS256"},
            [
                "the signing key holds no private key in PEM format: RS256 signs with an RSA private key of 2048 bits "
                "or more (RFC 7518 section 3.3), unencrypted, in PEM"
            ],
        ),
    ],
)
def test_what_cannot_work_is_found_before_the_load(options: JWTOptions, problems: list[str]) -> None:
    auth = BearerJWT(SECRET, **options)
    assert list(problems_of(auth)) == problems
    if problems:
        with pytest.raises((ConfigurationError, UsageError)):
            auth.for_user(None)


def test_a_key_file_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test-key.pem"
    path.write_text(pem(P256))
    assert problems_of(BearerJWT.from_key_file(path, algorithm="RS256")) == (
        f"{path} holds an EC key on the curve secp256r1: RS256 signs with an RSA private key of 2048 bits or more "
        "(RFC 7518 section 3.3), unencrypted, in PEM",
    )
    assert problems_of(BearerJWT.from_key_file(path)) == (
        f"{path}: HS256 signs with a shared secret; with a key file: RS256, ES256, EdDSA",
    )
    missing = tmp_path / "missing.pem"
    assert problems_of(BearerJWT.from_key_file(missing, algorithm="ES256")) == (
        f"{missing} cannot be read: No such file or directory",
    )


@pytest.mark.parametrize("made", [None, {"iat": 1}, {"sub": b"fake"}])
def test_claims_made_for_a_user_that_cannot_be_sent_are_the_locustfiles_fault(made: Any) -> None:
    auth = BearerJWT(SECRET, claims=lambda _: made)
    auth.check()
    with pytest.raises(UsageError, match=r"^BearerJWT: claims ") as caught:
        auth.for_user(None)
    assert caught.value.__context__ is None


def test_an_exception_of_the_claims_function_is_passed_on() -> None:
    def claims(user: Any) -> Mapping[str, Any]:
        return {"sub": user.email}

    with pytest.raises(AttributeError, match="email"):
        BearerJWT(SECRET, claims=claims).for_user(object())


def test_the_secret_and_the_token_show_nowhere(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    key = pem(P256)
    monkeypatch.setenv("FAKE_KEY", key)
    for auth in (BearerJWT(key, algorithm="RS256"), BearerJWT.from_env("FAKE_KEY", algorithm="RS256")):
        shown = shown_by(auth)
        assert "RS256 signs with an RSA private key" in shown
        assert key.splitlines()[1] not in shown
    shown = shown_by(BearerJWT("fake-hush-hush", claims={"sub": {1}}, clock=clock))
    assert "not JSON serializable" in shown
    assert "fake-hush-hush" not in shown
    # PyJWT's reasons name types; of what they can come to hold nothing is shown unredacted.
    shown = shown_by(BearerJWT("fake_hush_hush", claims={"sub": type("fake_hush_hush", (), {})()}, clock=clock))
    assert "Object of type *** is not JSON serializable" in shown
    assert "fake_hush_hush" not in shown
    credentials = BearerJWT("fake-hush-hush", claims={"sub": "user-1"}, clock=clock).for_user(None)
    token = token_of(credentials.header())
    assert repr(credentials) == str(credentials) == "MintedCredentials(***)"
    assert redact(f"<fake-hush-hush {token}>") == "<*** ***>"


def test_minted_tokens_are_not_collected(clock: ManualClock) -> None:
    credentials = BearerJWT(SECRET, lifetime=100, refresh_before=10, clock=clock).for_user(None)
    known = len(SECRETS)
    for _ in range(50):
        clock.advance(90)
        assert redact(token_of(credentials.header())) == "***"
    assert len(SECRETS) == known
