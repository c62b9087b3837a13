"""A bearer token that somebody else issued, RFC 6750, checked for what can be known before the run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self

from wireswarm.auth.base import Auth, Credentials, FixedCredentials
from wireswarm.auth.sources import CalledValue, EnvironmentVariable, GivenValue, Source
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError

# RFC 6750 section 2.1, b64token. Anything else could end the header line.
B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class BearerToken(Auth):
    """One token that every simulated user sends (RFC 6750 section 2.1).

    `check` refuses a token that no server could take: malformed, expired, not yet valid. Its signature is the
    server's to judge.

    Args:
        value: the token without the word `Bearer`, a source of it, or a function that returns it, which is called for
            each user when it starts, such as `lambda: api_key()["key"]` with an `api_key` that is made once per swarm.
        jwt: True where the system takes nothing but JWTs. None looks into what has a JWT's three parts, and takes
            everything else as it is. False never looks, for opaque tokens that happen to have two dots.
        clock: what `exp` and `nbf` are compared with.
    """

    def __init__(
        self, value: str | Source | Callable[[], str], *, jwt: bool | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._source = _source_of(value)
        self._jwt = jwt
        self._clock = clock

    @classmethod
    def from_env(cls, name: str, *, jwt: bool | None = None, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Take the token from the environment variable `name`, without surrounding whitespace.

        It is read by `check` and `for_user`, and must be set and not be empty.
        """
        example = "fake-header.fake-claims.fake-signature" if jwt else "fake-token-0123456789"
        source = EnvironmentVariable(name, "the bearer token", example=example, strip=True)
        return cls(source, jwt=jwt, clock=clock)

    def check(self) -> None:
        """See `Auth.check`. What a function is to return is looked at when it has."""
        if isinstance(self._source, CalledValue):
            return
        token = self._token()
        has_three_parts = token.count(".") == 2
        problems: list[str] = []
        if self._jwt and not has_three_parts:
            problems.append("is not a JWT: it does not have three parts joined by dots")
        elif has_three_parts and self._jwt is not False:
            problems += _jwt_problems(token, self._clock.time(), required=self._jwt is True)
        if problems:
            raise ConfigurationError(f"{self._source.label} {problem}" for problem in problems)

    def for_user(self, user: object) -> Credentials:
        """See `Auth.for_user`."""
        return FixedCredentials("Bearer", self._token())

    def __repr__(self) -> str:
        return f"BearerToken({self._source!r})"

    def _token(self) -> str:
        token = self._source.read()
        if not B64TOKEN.fullmatch(token):
            raise ConfigurationError(f"{self._source.label} is malformed: {malformation(token)}")
        return token


def _source_of(value: str | Source | Callable[[], str]) -> Source:
    if isinstance(value, Source):
        return value
    return CalledValue(value, "the bearer token") if callable(value) else GivenValue(value, "the bearer token")


def malformation(token: str) -> str:
    """Why a text is no bearer token, without quoting it."""
    if not token:
        return "it is empty"
    if token[:7].lower() == "bearer ":
        return "give the token alone, without the word Bearer"
    well_formed = B64TOKEN.match(token)
    position = (well_formed.end() if well_formed else 0) + 1
    if any(character.isspace() for character in token):
        return f"it has whitespace or a line break in it (character {position} of {len(token)} does not belong)"
    return (
        f"character {position} of {len(token)} does not belong; allowed: letters, digits, - . _ ~ + / and = at the end"
    )


def claims_in(token: str) -> dict[str, Any] | None:
    """The claims of a JWT, whoever has signed it; None where it is none."""
    import jwt as pyjwt

    claims: dict[str, Any] | None = None
    with suppress(pyjwt.PyJWTError, ValueError, RecursionError):  # with reasons that can quote the token
        claims = pyjwt.decode(token, options={"verify_signature": False})
    return claims


def _jwt_problems(token: str, now: float, *, required: bool) -> list[str]:
    claims = claims_in(token)
    if claims is None:
        way_out = "" if required else "; if it is not meant to be a JWT, say jwt=False"
        return [f"is malformed: it has the three parts of a JWT, but they do not decode (was it cut off?){way_out}"]
    problems = []
    moments: dict[str, float] = {}
    for name in ("exp", "nbf"):
        if name in claims:
            moment = numeric_date(claims[name])
            if moment is None:
                problems.append(f'is malformed: its claim "{name}" is not a number of seconds (RFC 7519 section 2)')
            else:
                moments[name] = moment
    # RFC 7519 section 4.1.4: not to be accepted on or after exp; section 4.1.5: nor before nbf.
    if "exp" in moments and moments["exp"] <= now:
        problems.append(f"expired at {_utc(moments['exp'])}: get a new token")
    if "nbf" in moments and moments["nbf"] > now:
        problems.append(f"is not valid before {_utc(moments['nbf'])}; it is {_utc(now)} here")
    return problems


def numeric_date(value: object) -> float | None:
    """A claim that is a moment (RFC 7519 section 2), in Unix seconds; None where it is none."""
    # JSON as Python reads it has true, NaN, Infinity and integers beyond any float.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _utc(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"Unix time {seconds:g}"  # beyond the years that have a date
