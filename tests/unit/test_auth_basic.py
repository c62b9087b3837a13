"""Basic authentication."""

from __future__ import annotations

import base64
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.auth import BasicAuth, redact
from wireswarm.errors import ConfigurationError

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


def test_the_examples_of_the_rfc() -> None:
    # RFC 7617 sections 2 and 2.1.
    aladdin = BasicAuth("Aladdin", "open sesame").for_user(None)
    assert aladdin.header() == b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
    assert BasicAuth("test", "123£").for_user(None).header() == b"Authorization: Basic dGVzdDoxMjPCow==\r\n"


@given(username=PRINTABLE.filter(lambda text: ":" not in text), password=PRINTABLE)
def test_a_server_reads_back_what_was_given(username: str, password: str) -> None:
    auth = BasicAuth(username, password)
    auth.check()
    line = auth.for_user(None).header()
    scheme, _, encoded = line.removeprefix(b"Authorization: ").removesuffix(b"\r\n").partition(b" ")
    read_name, _, read_password = base64.b64decode(encoded, validate=True).decode().partition(":")
    normal = BasicAuth(read_name, read_password).for_user(None).header()
    assert (scheme, normal) == (b"Basic", line)


def test_parts_are_sent_in_normalization_form_c() -> None:
    composed, decomposed = "caf\u00e9-fake", "cafe\u0301-fake"
    assert BasicAuth("u", decomposed).for_user(None).header() == BasicAuth("u", composed).for_user(None).header()


def test_both_come_from_the_environment_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASIC_AUTH_USERNAME", raising=False)
    monkeypatch.delenv("BASIC_AUTH_PASSWORD", raising=False)
    auth = BasicAuth.from_env("BASIC_AUTH_USERNAME", "BASIC_AUTH_PASSWORD")
    for act in (auth.check, lambda: auth.for_user(None)):
        with pytest.raises(ConfigurationError) as caught:
            act()
        assert [problem.split(":")[0] for problem in caught.value.problems] == [
            "BASIC_AUTH_USERNAME is not set",
            "BASIC_AUTH_PASSWORD is not set",
        ]
    monkeypatch.setenv("BASIC_AUTH_USERNAME", "fake-admin")
    monkeypatch.setenv("BASIC_AUTH_PASSWORD", " fake password ")
    auth.check()
    expected = base64.b64encode(b"fake-admin: fake password ")
    assert auth.for_user(None).header() == b"Authorization: Basic " + expected + b"\r\n"
    assert repr(auth) == "BasicAuth($BASIC_AUTH_USERNAME, $BASIC_AUTH_PASSWORD)"


@pytest.mark.parametrize(
    ("username", "password", "problems"),
    [
        ("fa:ke", "fake-password", ["the user name has a colon in it"]),
        ("fake", "fake-pass:word", []),
        ("fake\r\nX-Injected: 1", "fake-password", ["the user name has a colon", "the user name has a control char"]),
        ("fake", "fake-password\n", ["the password has a control character in it, such as a line break"]),
        ("fake\x7f", "fake-pass\0word", ["the user name has a control", "the password has a control"]),
        ("fake", "fake-password\udcff", ["the password is not valid UTF-8"]),
        ("", "", []),
    ],
)
def test_what_the_rfc_forbids_is_refused(username: str, password: str, problems: list[str]) -> None:
    auth = BasicAuth(username, password)
    found: tuple[str, ...] = ()
    try:
        auth.check()
    except ConfigurationError as error:
        found = error.problems
    assert len(found) == len(problems)
    for text, beginning in zip(found, problems, strict=True):
        assert text.startswith(beginning)
    if problems:
        with pytest.raises(ConfigurationError):
            auth.for_user(None)


def test_the_password_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_PASSWORD", "fake-hush-hush\t")
    for auth in (BasicAuth("fake:name", "fake-hush-hush\t"), BasicAuth.from_env("FAKE_PASSWORD", "FAKE_PASSWORD")):
        with pytest.raises(ConfigurationError) as caught:
            auth.check()
        shown = "".join([*traceback.format_exception(caught.value), repr(caught.value), repr(auth), str(auth)])
        assert "fake-hush-hush" not in shown
        assert "control character" in shown


def test_the_encoded_pair_is_redacted_too() -> None:
    line = BasicAuth("fake-user", "fake-password-in-base64").for_user(None).header().decode()
    encoded = line.split()[-1]
    assert encoded not in redact(f"the pair {encoded} was sent")
