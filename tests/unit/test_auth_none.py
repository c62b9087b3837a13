"""Credentials that are none."""

from __future__ import annotations

from wireswarm.auth import NoAuth


def test_it_adds_no_header_and_has_no_problem() -> None:
    auth = NoAuth()
    auth.check()
    assert auth.for_user(object()).header() == b""
    assert repr(auth) == "NoAuth()"
