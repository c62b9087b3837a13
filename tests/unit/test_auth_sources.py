"""Values from code, the environment and files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wireswarm.auth.redaction import redact
from wireswarm.auth.sources import EnvironmentVariable, GivenValue, TextFile
from wireswarm.errors import ConfigurationError


def variable(name: str = "WIRESWARM_TEST_VALUE", **options: Any) -> EnvironmentVariable:
    return EnvironmentVariable(name, "the test's value", example="fake-example", **options)


def test_a_given_value_is_known_to_the_redaction_at_once() -> None:
    source = GivenValue("fake-given-value", "the value")
    assert redact("it is fake-given-value!") == "it is ***!"
    assert source.read() == "fake-given-value"
    assert repr(source) == "***"


def test_what_is_no_secret_is_not_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_TEST_VALUE", "public-user-from-env")
    assert variable(secret=False).read() == "public-user-from-env"
    assert GivenValue("public-user-name", "the user name", secret=False).read() == "public-user-name"
    assert redact("public-user-name, public-user-from-env") == "public-user-name, public-user-from-env"


def test_bytes_that_are_not_utf8_survive() -> None:
    value = b"fake\xff\x00secret"
    assert GivenValue(value, "the key").read().encode("utf-8", "surrogateescape") == value


def test_none_in_place_of_a_value_is_reported_when_it_is_read() -> None:
    missing: Any = os.environ.get("WIRESWARM_TEST_UNSET")
    source = GivenValue(missing, "the bearer token")
    with pytest.raises(ConfigurationError) as caught:
        source.read()
    assert caught.value.problems == (
        "the bearer token is of type NoneType: give a str, or name a variable with from_env()",
    )


def test_an_unset_variable_is_named_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIRESWARM_TEST_VALUE", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        variable().read()
    assert caught.value.problems == (
        "WIRESWARM_TEST_VALUE is not set: it holds the test's value, for example WIRESWARM_TEST_VALUE=fake-example",
    )


@pytest.mark.parametrize(("value", "strip"), [("", False), (" \n", True)])
def test_an_empty_variable_is_not_a_value(monkeypatch: pytest.MonkeyPatch, value: str, strip: bool) -> None:
    monkeypatch.setenv("WIRESWARM_TEST_VALUE", value)
    with pytest.raises(ConfigurationError, match=r"^WIRESWARM_TEST_VALUE is empty: .* for example "):
        variable(strip=strip).read()


def test_the_variable_is_read_at_every_read_and_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIRESWARM_TEST_VALUE", raising=False)
    source = variable()
    monkeypatch.setenv("WIRESWARM_TEST_VALUE", " fake-env-value\n")
    assert source.read() == " fake-env-value\n"
    assert redact("<fake-env-value>") == "<***>"
    monkeypatch.setenv("WIRESWARM_TEST_VALUE", "fake-other-value")
    assert source.read() == "fake-other-value"
    assert repr(source) == "$WIRESWARM_TEST_VALUE"


def test_surrounding_whitespace_is_stripped_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_TEST_VALUE", "\t fake value \r\n")
    assert variable(strip=True).read() == "fake value"


@pytest.mark.parametrize("value", ["eyJmYWtlIjoxfQ.eyJmYWtlIjoxfQ.c2ln", "fake-token!", "", "a=b"])
def test_a_value_in_place_of_a_variables_name_is_not_shown(value: str) -> None:
    source = variable(value)
    with pytest.raises(ConfigurationError) as caught:
        source.read()
    assert str(caught.value).startswith("from_env() was given no name of a variable; it holds the test's value")
    assert not value or value not in f"{caught.value} {source!r}"


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "fake-key.pem"
    source = TextFile(path)
    path.write_bytes(b"fake-file-content\xff")
    assert source.read() == "fake-file-content\udcff"
    path.write_bytes(b"fake-later-content")
    assert source.read() == "fake-file-content\udcff"
    path.unlink()
    assert source.read() == "fake-file-content\udcff"
    assert "***" in redact("fake-file-content\udcff")
    assert repr(source) == repr(str(path))


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    source = TextFile(missing)
    with pytest.raises(ConfigurationError) as caught:
        source.read()
    assert caught.value.problems == (f"{missing} cannot be read: No such file or directory",)
    assert caught.value.__context__ is None
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        TextFile(tmp_path).read()
    with pytest.raises(ConfigurationError, match="cannot be read: embedded null byte"):
        TextFile("fake\0path").read()
    missing.write_text("fake-file-that-came-later")
    assert source.read() == "fake-file-that-came-later"


def test_a_key_in_place_of_its_path_is_not_shown() -> None:
    source = TextFile("-----BEGIN PRIVATE KEY-----\nZmFrZS1rZXk=\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ConfigurationError) as caught:
        source.read()
    assert "ZmFrZS1rZXk" not in f"{caught.value} {source!r}"
    assert str(caught.value).startswith("the key file cannot be read: ")
