"""Where an auth object takes its values from: given in code, an environment variable, a file. Read when needed."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from wireswarm.auth.redaction import SECRETS
from wireswarm.errors import ConfigurationError


class Source(ABC):
    """A value that is read late. `label` is how messages name it; neither it nor `repr()` shows the value.

    Bytes that are not UTF-8 are carried as surrogate escapes, as `os.environ` does, so that a binary secret survives.
    """

    label: str

    @abstractmethod
    def read(self) -> str:
        """The value, which is never empty, except one that was given in code.

        Raises:
            ConfigurationError: there is no value.
        """


class GivenValue(Source):
    """A value from the locustfile itself."""

    def __init__(self, value: str | bytes, label: str, *, secret: bool = True) -> None:
        self.label = label
        self._value = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        if secret and isinstance(self._value, str):
            SECRETS.add(self._value)

    def read(self) -> str:
        """See `Source.read`."""
        # `os.environ.get("TOKEN")` hands us None, whatever the annotation says.
        if not isinstance(self._value, str):
            kind = type(self._value).__name__
            raise ConfigurationError(f"{self.label} is of type {kind}: give a str, or name a variable with from_env()")
        return self._value

    def __repr__(self) -> str:
        return "***"


class CalledValue(Source):
    """What a function returns, such as one decorated with `once_per_swarm`: there is nothing before the test runs."""

    def __init__(self, function: Callable[[], str], label: str) -> None:
        self.label = label
        self._function = function

    def read(self) -> str:
        """See `Source.read`."""
        return GivenValue(self._function(), self.label).read()

    def __repr__(self) -> str:
        return f"{getattr(self._function, '__qualname__', type(self._function).__name__)}()"


class EnvironmentVariable(Source):
    """An environment variable, which must be set and not be empty.

    Args:
        name: the variable's name.
        what: what it holds, for messages: "the bearer token".
        example: an obviously fake value, for messages.
        secret: False for what may be shown, such as a user name.
        strip: take surrounding whitespace away, which a file or a YAML block easily adds.
    """

    def __init__(self, name: str, what: str, *, example: str, secret: bool = True, strip: bool = False) -> None:
        # A value given in place of a name must not be shown as one.
        self._named = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)) is not None
        self.label = name if self._named else "the environment variable"
        self._hint = f"it holds {what}, for example {self.label}={example}"
        self._secret = secret
        self._strip = strip

    def read(self) -> str:
        """See `Source.read`."""
        if not self._named:
            raise ConfigurationError(f"from_env() was given no name of a variable; {self._hint}")
        value = os.environ.get(self.label)
        if value is None:
            raise ConfigurationError(f"{self.label} is not set: {self._hint}")
        if self._strip:
            value = value.strip()
        if not value:
            raise ConfigurationError(f"{self.label} is empty: {self._hint}")
        if self._secret:
            SECRETS.add(value)
        return value

    def __repr__(self) -> str:
        return f"${self.label}"


class TextFile(Source):
    """A file, read once: what happens to it later does not disturb a run."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = str(path)
        # A key given in place of its path must not be shown as one.
        self.label = "the key file" if "-----BEGIN" in self._path else self._path
        self._text: str | None = None

    def read(self) -> str:
        """See `Source.read`."""
        if self._text is None:
            reason: str | None = None
            try:
                self._text = Path(self._path).read_bytes().decode("utf-8", "surrogateescape")
            except (OSError, ValueError) as error:  # ValueError: a NUL in the path
                reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            if self._text is None:
                raise ConfigurationError(f"{self.label} cannot be read: {reason}")
            SECRETS.add(self._text)
        return self._text

    def __repr__(self) -> str:
        return repr(self.label)
