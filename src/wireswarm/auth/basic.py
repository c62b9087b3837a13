"""HTTP Basic authentication, RFC 7617."""

from __future__ import annotations

import base64
import unicodedata
from typing import Self

from wireswarm.auth.base import Auth, Credentials, FixedCredentials
from wireswarm.auth.redaction import SECRETS
from wireswarm.auth.sources import EnvironmentVariable, GivenValue, Source
from wireswarm.errors import ConfigurationError


class BasicAuth(Auth):
    """A user name and a password, the same for every simulated user (RFC 7617, in UTF-8).

    The user name has no colon, and neither part has control characters (section 2). Either may be empty where it is
    given in code, since systems exist that take an API key as the one and nothing as the other.

    Args:
        username: the user name, or a source of it.
        password: the password, or a source of it.
    """

    def __init__(self, username: str | Source, password: str | Source) -> None:
        self._username = (
            username if isinstance(username, Source) else GivenValue(username, "the user name", secret=False)
        )
        self._password = password if isinstance(password, Source) else GivenValue(password, "the password")

    @classmethod
    def from_env(cls, username: str, password: str) -> Self:
        """Take both from the environment variables of these names, as they are, surrounding spaces included.

        They are read by `check` and `for_user`; both must be set and not be empty.
        """
        return cls(
            EnvironmentVariable(username, "the user name of Basic authentication", example="fake-user", secret=False),
            EnvironmentVariable(password, "the password of Basic authentication", example="fake-password"),
        )

    def check(self) -> None:
        """See `Auth.check`."""
        self._encoded()

    def for_user(self, user: object) -> Credentials:
        """See `Auth.for_user`."""
        return FixedCredentials("Basic", self._encoded())

    def __repr__(self) -> str:
        return f"BasicAuth({self._username!r}, {self._password!r})"

    def _encoded(self) -> str:
        problems: list[str] = []
        parts: list[str] = []
        for source, forbidden in ((self._username, ":"), (self._password, "")):
            try:
                part = source.read()
            except ConfigurationError as error:
                problems += error.problems
                continue
            problems += _problems(part, source.label, forbidden)
            # Section 2.1: a server that names the charset expects Normalization Form C.
            parts.append(unicodedata.normalize("NFC", part))
        if problems:
            raise ConfigurationError(problems)
        encoded = base64.b64encode(":".join(parts).encode()).decode("ascii")
        SECRETS.add(encoded)
        return encoded


def _problems(part: str, label: str, forbidden: str) -> list[str]:
    problems = []
    if forbidden and forbidden in part:
        problems.append(f"{label} has a colon in it, which Basic authentication cannot carry (RFC 7617 section 2)")
    # CTL of RFC 5234 appendix B.1. The usual one is the newline at the end of a file that the value came from.
    if any(character < " " or character == "\x7f" for character in part):
        problems.append(f"{label} has a control character in it, such as a line break (RFC 7617 section 2)")
    if any("\ud800" <= character <= "\udfff" for character in part):
        problems.append(f"{label} is not valid UTF-8")
    return problems
