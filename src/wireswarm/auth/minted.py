"""JWTs that are minted here, one per simulated user, and renewed before they end."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from wireswarm.auth.algorithms import ALGORITHMS, Algorithm
from wireswarm.auth.base import Auth, Credentials, field_line
from wireswarm.auth.redaction import redact
from wireswarm.auth.sources import EnvironmentVariable, GivenValue, Source, TextFile
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from wireswarm.auth.keys import SigningKey

Claims = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]
"""A token's claims, or what makes them from the Locust user, called for every token anew."""


class JWTOptions(TypedDict, total=False):
    """The options of `BearerJWT`, which describes them."""

    algorithm: Algorithm
    claims: Claims
    lifetime: int
    refresh_before: int
    headers: Mapping[str, Any] | None
    clock: Clock


class BearerJWT(Auth):
    """Tokens signed here with the tested system's own key, so that every simulated user can be somebody else.

    `iat` and `exp` (RFC 7519 section 4.1) are set; they are whole seconds, as many servers read nothing else.

    Minted tokens are not kept in the redaction's register, which would grow with every renewal: they are recognised
    there by their shape.

    Args:
        key: for HS256 the shared secret, used exactly as it is; for the others a private key, unencrypted, in PEM.
        algorithm: how to sign. The key must fit: RSA of 2048 bits or more for RS256, EC on P-256 for ES256, Ed25519
            or Ed448 for EdDSA.
        claims: the claims besides `iat` and `exp`; as a function it is called with the Locust user at every minting.
        lifetime: seconds from `iat` to `exp`, whole.
        refresh_before: seconds before `exp` at which a new token is minted, whole and less than `lifetime`. It should
            exceed the difference of the clocks and the longest request.
        headers: further fields of the JOSE header, such as `{"kid": "test-key"}`.
        clock: the source of the time.
    """

    def __init__(
        self,
        key: str | bytes | Source,
        *,
        algorithm: Algorithm = "HS256",
        claims: Claims | None = None,
        lifetime: int = 3600,
        refresh_before: int = 60,
        headers: Mapping[str, Any] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._source = key if isinstance(key, Source) else GivenValue(key, "the signing key")
        self._algorithm: Algorithm = algorithm
        self._claims: Claims = {} if claims is None else claims
        self._lifetime = lifetime
        self._refresh_before = refresh_before
        self._headers = {} if headers is None else headers
        self._clock = clock
        self._loaded: tuple[str, SigningKey] | None = None

    @classmethod
    def from_env(cls, name: str, **options: Unpack[JWTOptions]) -> Self:
        """Take the secret or the PEM text from the environment variable `name`; `options` as for the class.

        It is read by `check` and `for_user`, and must be set and not be empty. A secret is used exactly as it is,
        surrounding whitespace included.
        """
        if options.get("algorithm", "HS256") == "HS256":
            what, example = "the secret that tokens are signed with", "fake-secret-for-tests-0123456789abcdef"
        else:
            what, example = "the private key that tokens are signed with, in PEM", '"$(cat test-key.pem)"'
        return cls(EnvironmentVariable(name, what, example=example), **options)

    @classmethod
    def from_key_file(cls, path: str | os.PathLike[str], **options: Unpack[JWTOptions]) -> Self:
        """Take the private key from a PEM file; `options` as for the class, `algorithm` among them.

        The file is read once, by `check` or `for_user`. HS256 takes no key file: a line break at a file's end would
        or would not be part of the secret.
        """
        return cls(TextFile(path), **options)

    def check(self) -> None:
        """See `Auth.check`. A token is minted to see that key, claims and headers make one."""
        problems = self._option_problems()
        try:
            key = self._key()
            if not problems:
                self._token(key, {} if callable(self._claims) else self._claims, math.floor(self._clock.time()))
        except ConfigurationError as error:
            problems += error.problems
        except UsageError as error:
            problems.append(str(error))
        if problems:
            raise ConfigurationError(problems)

    def for_user(self, user: object) -> Credentials:
        """See `Auth.for_user`. The first token is minted at once.

        Raises:
            ConfigurationError: as `check`.
            UsageError: the claims made for this user are not what a token can hold. Later renewals raise it too.
        """
        problems = self._option_problems()
        if problems:
            raise ConfigurationError(problems)
        key = self._key()

        def mint() -> tuple[bytes, float]:
            claims = self._claims(user) if callable(self._claims) else self._claims
            issued = math.floor(self._clock.time())
            token = self._token(key, claims, issued)
            return field_line("Bearer", token), issued + self._lifetime - self._refresh_before

        return MintedCredentials(mint, self._clock)

    def __repr__(self) -> str:
        return f"BearerJWT({self._source!r}, algorithm={self._algorithm!r}, lifetime={self._lifetime!r})"

    def _option_problems(self) -> list[str]:
        # Whole seconds also see to it that a new token, whose `iat` is rounded down, is never due for renewal at once.
        times = {"lifetime": self._lifetime, "refresh_before": self._refresh_before}
        wrong = [name for name, value in times.items() if type(value) is not int or value < 0]
        problems = [f"BearerJWT: {name} is {times[name]!r}; allowed: whole seconds" for name in wrong]
        if not wrong and self._refresh_before >= self._lifetime:
            problems.append(
                f"BearerJWT: refresh_before is {self._refresh_before}; allowed: less than lifetime, {self._lifetime}"
            )
        if not isinstance(self._headers, Mapping):
            problems.append(f"BearerJWT: headers is of type {type(self._headers).__name__}; allowed: a dict")
        elif not {"alg", "b64"}.isdisjoint(self._headers):
            problems.append("BearerJWT: headers has alg or b64 in it; the algorithm is set by algorithm=")
        return problems

    def _key(self) -> SigningKey:
        if self._algorithm not in ALGORITHMS:
            raise ConfigurationError(f"BearerJWT: algorithm is {self._algorithm!r}; allowed: {', '.join(ALGORITHMS)}")
        if self._algorithm == "HS256" and isinstance(self._source, TextFile):
            others = ", ".join(name for name in ALGORITHMS if name != "HS256")
            raise ConfigurationError(
                f"{self._source.label}: HS256 signs with a shared secret; with a key file: {others}"
            )
        from wireswarm.auth.keys import signing_key

        text = self._source.read()
        # Parsing an RSA key takes longer than signing with it, and there is a call for every user.
        if self._loaded is None or self._loaded[0] != text:
            self._loaded = text, signing_key(text, self._algorithm, self._source.label)
        return self._loaded[1]

    def _token(self, key: SigningKey, claims: Mapping[str, Any], issued: int) -> str:
        import jwt as pyjwt

        if not isinstance(claims, Mapping):
            raise UsageError(
                f"BearerJWT: claims is of type {type(claims).__name__}; allowed: a dict, or a function to one"
            )
        if not {"iat", "exp"}.isdisjoint(claims):
            raise UsageError("BearerJWT: claims has iat or exp in it; both are set from the time and lifetime=")
        try:
            return pyjwt.encode(
                {**claims, "iat": issued, "exp": issued + self._lifetime},
                key,
                algorithm=self._algorithm,
                headers=dict(self._headers),
            )
        except (TypeError, ValueError, pyjwt.PyJWTError) as error:
            reason = redact(str(error))
        raise UsageError(f"BearerJWT: claims and headers do not make a token: {reason}")


class MintedCredentials:
    """One simulated user's token, and when to mint the next.

    Args:
        mint: makes a new field line, and the moment of `clock` from which the next one is due.
        clock: the source of the time.
    """

    __slots__ = ("_line", "_mint", "_refresh_at", "_time")

    def __init__(self, mint: Callable[[], tuple[bytes, float]], clock: Clock) -> None:
        self._mint = mint
        self._time = clock.time
        self._line, self._refresh_at = mint()

    def header(self) -> bytes:
        """See `Credentials.header`."""
        if self._time() >= self._refresh_at:
            self._line, self._refresh_at = self._mint()
        return self._line

    def __repr__(self) -> str:
        return "MintedCredentials(***)"
