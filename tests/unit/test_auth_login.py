"""Tokens that users log in for."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from manual_clock import ManualClock

from wireswarm.auth import SECRETS, LoginToken, redact
from wireswarm.errors import ConfigurationError, RequestFailed, UsageError
from wireswarm.sample import Failure, Reason

SECRET = "fake-secret-for-tests-0123456789abcdef"


class Somebody:
    """A user, and how often they have logged in."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self.logins = 0
        self._answer = answer

    def log_in(self) -> Any:
        self.logins += 1
        return self._answer(self.logins)


def auth(clock: ManualClock, **options: Any) -> LoginToken:
    return LoginToken(Somebody.log_in, clock=clock, **options)


def jwt_for(clock: ManualClock, seconds: float, skew: float = 0, **claims: Any) -> str:
    now = int(clock.time() + skew)
    return jwt.encode({"iat": now, "exp": now + seconds, **claims}, SECRET)


def test_the_first_header_logs_in_and_the_clients_of_a_user_share_the_token(clock: ManualClock) -> None:
    user, other, login = Somebody(lambda n: f"opaque-{n}"), Somebody(lambda n: f"other-{n}"), auth(clock)
    clients = [login.for_user(user), login.for_user(user)]
    assert user.logins == 0
    for client in clients:
        assert client.header() == b"Authorization: Bearer opaque-1\r\n"
    assert login.for_user(other).header() == b"Authorization: Bearer other-1\r\n"
    clock.advance(10**9)
    assert clients[0].header() == b"Authorization: Bearer opaque-1\r\n"
    assert (user.logins, other.logins) == (1, 1)


@pytest.mark.parametrize("skew", [0, -100, 100])
def test_a_jwt_is_replaced_before_it_ends_whatever_the_servers_clock_says(skew: float, clock: ManualClock) -> None:
    user = Somebody(lambda n: jwt_for(clock, 300, skew, number=n))
    header = auth(clock).for_user(user).header
    first = header()
    clock.advance(269)
    assert header() == first
    clock.advance(1)
    assert header() != first
    assert user.logins == 2


def test_a_jwt_without_its_beginning(clock: ManualClock) -> None:
    user = Somebody(lambda _: jwt.encode({"exp": clock.time() + 100}, SECRET))
    header = auth(clock, refresh_before=10).for_user(user).header
    header()
    clock.advance(89)
    header()
    assert user.logins == 1
    clock.advance(1)
    header()
    assert user.logins == 2


def test_a_token_that_is_good_for_a_moment_is_used_for_half_of_it(clock: ManualClock) -> None:
    user = Somebody(lambda _: jwt_for(clock, 10))
    header = auth(clock).for_user(user).header
    for _ in range(5):
        header()
        clock.advance(1)
    assert user.logins == 1
    header()
    assert user.logins == 2


def test_an_opaque_token_has_the_lifetime_that_is_given(clock: ManualClock) -> None:
    user = Somebody(lambda n: f"opaque-{n}")
    header = auth(clock, lifetime=100, refresh_before=10).for_user(user).header
    header()
    clock.advance(89)
    assert header() == b"Authorization: Bearer opaque-1\r\n"
    clock.advance(1)
    assert header() == b"Authorization: Bearer opaque-2\r\n"


def test_somebody_can_be_logged_in_at_once_and_anew(clock: ManualClock) -> None:
    user, login = Somebody(lambda n: f"opaque-{n}"), auth(clock)
    header = login.for_user(user).header
    login.renew(user)
    assert (header(), user.logins) == (b"Authorization: Bearer opaque-1\r\n", 1)
    login.renew(user)
    assert (header(), user.logins) == (b"Authorization: Bearer opaque-2\r\n", 2)


def test_a_login_that_fails_fails_the_call_and_the_next_call_tries_again(clock: ManualClock) -> None:
    def answer(number: int) -> str:
        if number == 1:
            raise RequestFailed(Failure(Reason.STATUS, "status 500"))
        return "good-token"

    user = Somebody(answer)
    header = auth(clock).for_user(user).header
    with pytest.raises(RequestFailed):
        header()
    assert header() == b"Authorization: Bearer good-token\r\n"


def test_a_login_with_the_client_that_needs_the_token_is_told(clock: ManualClock) -> None:
    user, login = Somebody(lambda _: login.for_user(user).header()), auth(clock)
    with pytest.raises(UsageError, match="auth=NoAuth"):
        login.renew(user)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "returned a NoneType"), ("", "it is empty"), ("Bearer x", "without the word"), ("a\r\nb: c", "line break")],
)
def test_what_is_no_token(answer: Any, said: str, clock: ManualClock) -> None:
    user = Somebody(lambda _: answer)
    with pytest.raises(UsageError, match=said) as refused:
        auth(clock).for_user(user).header()
    assert "Somebody.log_in" in str(refused.value)


def test_tokens_are_not_shown(clock: ManualClock) -> None:
    SECRETS.clear()
    token, login = "opaque.token-0123456789", auth(clock)
    user = Somebody(lambda number: token if number == 1 else jwt_for(clock, 60))
    credentials = login.for_user(user)
    credentials.header()
    assert redact(f"got {token}") == "got ***"
    for shown in (repr(login), repr(credentials)):
        assert token not in shown
    login.renew(user)
    assert len(SECRETS) == 1


def test_users_are_forgotten(clock: ManualClock) -> None:
    login = auth(clock)
    user = Somebody(lambda n: f"opaque-{n}")
    login.for_user(user).header()
    gone = weakref.ref(user)
    del user
    gc.collect()
    assert gone() is None
    assert not login._sessions


def test_a_client_without_a_user(clock: ManualClock) -> None:
    login = LoginToken(lambda user: f"for-{user}", clock=clock)
    assert login.for_user(None).header() == b"Authorization: Bearer for-None\r\n"


def test_wrong_options_are_told_together(clock: ManualClock) -> None:
    auth(clock).check()
    with pytest.raises(ConfigurationError) as refused:
        LoginToken("token", lifetime=0, refresh_before=-1).check()  # type: ignore[arg-type]
    assert [problem.partition(" is ")[0] for problem in refused.value.problems] == [
        "LoginToken: login",
        "LoginToken: lifetime",
        "LoginToken: refresh_before",
    ]
