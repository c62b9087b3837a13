"""Tokens that every simulated user logs in for, and logs in for again before they end."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from wireswarm.auth.base import Auth, Credentials, field_line
from wireswarm.auth.bearer import B64TOKEN, claims_in, malformation, numeric_date
from wireswarm.auth.redaction import SECRETS
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, UsageError


class LoginToken(Auth):
    """A bearer token that each user gets from the system under test: `auth = LoginToken(lambda user: user.log_in())`.

    The login is called with the user when the first header is needed, and again shortly before the token ends, which
    a JWT's `exp` tells, or `lifetime`. It is a request like any other, made by a client with `NoAuth`; where it fails,
    so does the call that needed the token. All clients of a user share the token.

    Args:
        login: makes the request with the user that is given, and returns the token, without the word `Bearer`.
        lifetime: seconds that a token without `exp` is good for; for the whole run by default.
        refresh_before: seconds before its end at which a token is replaced; half of its life, where that is less.
        clock: what `exp` is compared with.
    """

    def __init__(
        self,
        login: Callable[[Any], str],
        *,
        lifetime: float | None = None,
        refresh_before: float = 30.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._login = login
        self._lifetime = math.inf if lifetime is None else lifetime
        self._refresh_before = refresh_before
        self._clock = clock
        # Weak at both ends: users come and go.
        self._sessions: weakref.WeakKeyDictionary[object, _Session] = weakref.WeakKeyDictionary()

    def check(self) -> None:
        """See `Auth.check`. Nobody logs in before the test."""
        problems = []
        if not callable(self._login):
            problems.append(f"LoginToken: login is of type {type(self._login).__name__}; allowed: a function")
        if not self._lifetime > 0:
            problems.append(f"LoginToken: lifetime is {self._lifetime!r}; allowed: seconds, more than 0")
        if not self._refresh_before >= 0:
            problems.append(f"LoginToken: refresh_before is {self._refresh_before!r}; allowed: seconds, 0 or more")
        if problems:
            raise ConfigurationError(problems)

    def for_user(self, user: object) -> Credentials:
        """See `Auth.for_user`. Nobody logs in yet."""
        return self._session(user)

    def renew(self, user: object) -> None:
        """Log a user in now, such as in `on_start` or as a step of a flow; else the first header does.

        Raises:
            RequestFailed: the login failed, if that is what it raises.
            UsageError: what it returned is no token.
        """
        self._session(user).renew()

    def __repr__(self) -> str:
        return f"LoginToken({getattr(self._login, '__qualname__', type(self._login).__name__)})"

    def _session(self, user: object) -> _Session:
        if user is None:  # a client without a user has a session of its own
            return _Session(self._new_token, lambda: None, self._clock)
        session = self._sessions.get(user)
        if session is None:
            session = self._sessions[user] = _Session(self._new_token, weakref.ref(user), self._clock)
        return session

    def _new_token(self, user: object) -> tuple[bytes, float]:
        token = self._login(user)
        if not isinstance(token, str):
            raise UsageError(f"the login of {self!r} returned a {type(token).__name__}; allowed: the token as text")
        if not B64TOKEN.fullmatch(token):
            raise UsageError(f"the token that {self!r} got is malformed: {malformation(token)}")
        claims = claims_in(token) if token.count(".") == 2 else None
        if claims is None:
            SECRETS.add(token)  # a JWT is recognised by its shape
        now = self._clock.time()
        left = self._seconds_left(claims or {}, now)
        return field_line("Bearer", token), now + left - min(self._refresh_before, left / 2)

    def _seconds_left(self, claims: Mapping[str, Any], now: float) -> float:
        ends = numeric_date(claims.get("exp"))
        if ends is None:
            return self._lifetime
        # From its own beginning, where it tells that: the server's clock may not be ours.
        issued = numeric_date(claims.get("iat"))
        return ends - (now if issued is None else issued)


class _Session:
    """One user's token, and when the next one is due."""

    __slots__ = ("__weakref__", "_due", "_line", "_logging_in", "_login", "_time", "_user")

    def __init__(
        self, login: Callable[[object], tuple[bytes, float]], user: Callable[[], object], clock: Clock
    ) -> None:
        self._login = login
        self._user = user
        self._time = clock.time
        self._line = b""
        self._due = -math.inf
        self._logging_in = False

    def header(self) -> bytes:
        """See `Credentials.header`."""
        if self._time() >= self._due:
            self.renew()
        return self._line

    def renew(self) -> None:
        """Log in."""
        if self._logging_in:
            raise UsageError(
                "the login needs the token that it is to get: make it with a client that has auth=NoAuth()"
            )
        self._logging_in = True
        try:
            self._line, self._due = self._login(self._user())
        finally:
            self._logging_in = False

    def __repr__(self) -> str:
        return "_Session(***)"
