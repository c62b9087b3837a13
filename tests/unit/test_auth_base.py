"""Credentials that stay the same, and the header line."""

from __future__ import annotations

import pytest

from wireswarm.auth.base import Auth, FixedCredentials, field_line


def test_the_line_is_complete() -> None:
    assert field_line("Bearer", "fake-token") == b"Authorization: Bearer fake-token\r\n"


def test_fixed_credentials_hand_out_one_ready_object() -> None:
    credentials = FixedCredentials("Basic", "ZmFrZTpmYWtl")
    assert credentials.header() == b"Authorization: Basic ZmFrZTpmYWtl\r\n"
    assert credentials.header() is credentials.header()


def test_fixed_credentials_do_not_show_themselves() -> None:
    credentials = FixedCredentials("Bearer", "fake-token-shown-nowhere")
    assert "shown-nowhere" not in repr(credentials)
    assert "shown-nowhere" not in str(credentials)


def test_an_auth_without_its_two_methods_cannot_be_made() -> None:
    class Half(Auth):
        def check(self) -> None: ...

    with pytest.raises(TypeError, match="for_user"):
        Half()  # type: ignore[abstract]
