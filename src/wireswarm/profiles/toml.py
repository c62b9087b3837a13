"""Reading a TOML file, and saying where it is none."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from wireswarm.errors import ConfigurationError

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_toml(path: Path, wanted: str) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: The file. Messages name it as it is given here.
        wanted: What kind of file it is to be, such as "a profile file".

    Raises:
        ConfigurationError: The file cannot be read, is not UTF-8 or not TOML.
    """
    return _parse(path, _read_text(path, wanted))


def _read_text(path: Path, wanted: str) -> str:
    """The file's text, without the byte order mark that some editors put before it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: found no such file; allowed: {wanted}, in TOML") from error
    except (OSError, ValueError) as error:  # a ValueError for a name with a null byte
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(
            f"{path}: found a file that cannot be read ({reason}); allowed: {wanted}, in TOML"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{error.object[error.start]:02x}"
        raise ConfigurationError(f"{path}: line {line}: found {found}; allowed: text in UTF-8") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    """The TOML document in the text."""
    try:
        return tomllib.loads(text)
    except ValueError as error:
        # A TOMLDecodeError mostly, but tomllib lets int()'s own error through for a number of thousands of digits.
        where, what = _locate(str(error), text)
        raise ConfigurationError(f"{path}: {where}found a syntax error: {what}; allowed: TOML") from error
    except RecursionError as error:
        raise ConfigurationError(f"{path}: found values nested too deeply; allowed: TOML") from error


def _locate(message: str, text: str) -> tuple[str, str]:
    """Split the parser's message into "line 3, column 7: " and what is wrong there."""
    position = _POSITION.search(message)
    if position is None:
        return "", message
    line, column = position.groups()
    if line is None:  # the end of the document, which the parser does not count out
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return f"line {line}, column {column}: ", message[: position.start()]
