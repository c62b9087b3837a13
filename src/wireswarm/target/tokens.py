"""The target's JWTs: issued by its login, and checked on every other call."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
from starlette.types import Scope

from wireswarm.target.answers import Refusal, header
from wireswarm.target.recent import Recent

LIFETIME = 48 * 3600
"""Seconds for which an issued token is good."""

_KEPT = 50_000
"""Verified tokens that are remembered, some 0.5 KB each."""


class Tokens:
    """Issues and checks HS256 tokens whose `email` claim (`sub` where that is missing) says whose they are.

    A token that was verified once is remembered until it expires: signatures are the dearest part of most requests.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._verified: Recent[bytes, tuple[str, float]] = Recent(_KEPT)

    def issue(self, email: str, name: str) -> str:
        """A new token for the account of `email`, good for 48 hours."""
        now = int(self._clock())
        claims = {"sub": email, "email": email, "name": name, "iat": now, "exp": now + LIFETIME}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def email_of(self, scope: Scope) -> str:
        """The account that a request's `Authorization: Bearer` header speaks for.

        Raises:
            Refusal: 401, the header is missing or not of that form, or its token is malformed, expired or not signed
                with our secret.
        """
        value = header(scope, b"authorization")
        if value is None:
            raise _unauthorized("the Authorization header is missing")
        known = self._verified.get(value)
        email, expiry = known or self._verify(value)
        # Not `expiry <= now`, which would let NaN through.
        if not expiry > self._clock():
            self._verified.discard(value)
            raise _unauthorized("the token has expired")
        if known is None:
            self._verified.put(value, (email, expiry))
        return email

    def _verify(self, value: bytes) -> tuple[str, float]:
        scheme, _, token = value.partition(b" ")
        # RFC 9110, section 11.1: the scheme's name is case-insensitive.
        if scheme.lower() != b"bearer" or not token.strip():
            raise _unauthorized("the Authorization header is not 'Bearer' and a token")
        try:
            claims = jwt.decode(
                token.strip(),
                self._secret,
                algorithms=["HS256"],
                # The expiry is checked by our caller, on the clock that was given. A client whose clock is ahead is
                # let in, and an audience is nothing that the real system looks at.
                options={"require": ["exp"], "verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except jwt.InvalidSignatureError:
            raise _unauthorized("the token's signature is wrong") from None
        except jwt.InvalidAlgorithmError:
            raise _unauthorized("the token is not signed with HS256") from None
        except (jwt.InvalidTokenError, RecursionError):
            # RecursionError: a token whose header is JSON nested a thousand deep.
            raise _unauthorized("the token is malformed") from None
        email = claims.get("email") or claims.get("sub")
        expiry = claims["exp"]
        if not isinstance(email, str) or not email or not isinstance(expiry, int | float):
            raise _unauthorized("the token is malformed")
        return email, expiry


def _unauthorized(text: str) -> Refusal:
    # RFC 9110, section 15.5.2: a 401 says how to authenticate.
    return Refusal(401, text, [(b"www-authenticate", b"Bearer")])
