"""What every kind of authentication offers: a declaration on a User class, and one simulated user's credentials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol


class Credentials(Protocol):
    """One simulated user's credentials, made by `Auth.for_user`."""

    def header(self) -> bytes:
        r"""The complete field line, `b"Authorization: Bearer xyz\r\n"` (RFC 9110 section 11.6.2), or nothing.

        Called once per request: hot path (`bench/http_throughput.py`). It hands out bytes that are ready, after at
        most a comparison of times. Ask for it anew for every request, as it changes when a token is renewed.
        """


class Auth(ABC):
    """How the users of a class prove who they are. Declared once on the class: `auth = BearerToken.from_env("T")`.

    Making one never raises and reads nothing from outside, so that a locustfile can always be imported; `check` and
    `for_user` read the environment and files. `repr()` and exceptions never show a secret, and every secret that is
    read is known to `wireswarm.auth.redact` from then on.
    """

    @abstractmethod
    def check(self) -> None:
        """Find what is wrong with the credentials before any load is sent. Can be called any number of times.

        Raises:
            ConfigurationError: with every problem found: a variable that is not set, a token that is malformed or has
                expired, a key that cannot be read.
        """

    @abstractmethod
    def for_user(self, user: object) -> Credentials:
        """The credentials of one simulated user.

        Only what would make an invalid header is looked at again here. A token that expires during the run shows as
        the 401 of the system under test, which is a result, and not as a failure of the generator.

        Args:
            user: the Locust user, handed to what depends on it, such as the claims of a minted token.

        Raises:
            ConfigurationError: there are no usable credentials; `check` would have said so.
        """


class FixedCredentials:
    """Credentials that stay the same for the whole run."""

    __slots__ = ("_line",)

    def __init__(self, scheme: str, value: str) -> None:
        self._line = field_line(scheme, value)

    def header(self) -> bytes:
        """See `Credentials.header`."""
        return self._line

    def __repr__(self) -> str:
        return "FixedCredentials(***)"


def field_line(scheme: str, value: str) -> bytes:
    """The `Authorization` field line for a scheme and its credentials, both of which are ASCII by now."""
    return f"Authorization: {scheme} {value}\r\n".encode("ascii")
