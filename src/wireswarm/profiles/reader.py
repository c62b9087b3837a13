"""Finding, reading and choosing from a profile file, with every mistake in it reported at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wireswarm.errors import ConfigurationError
from wireswarm.profiles.keys import KEYS
from wireswarm.profiles.model import Profile, ProfileFile
from wireswarm.profiles.values import describe, did_you_mean, dotted

_TABLES = ("profiles",)
_TABLES_ALLOWED = "[profiles.NAME]"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NAME_ALLOWED = 'a name of letters (a to z), digits, "-" and "_"'
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def find_profile_file(locustfile: Path) -> Path | None:
    """Look for the profile file that belongs to a locustfile: `chater.toml` beside `chater.py`.

    Args:
        locustfile: Path of the locustfile; the `.py` may be missing, as on Locust's command line.

    Returns:
        The path of the profile file, or None when there is none.
    """
    if not locustfile.name:  # `.` or `/`, which have no name to replace
        return None
    candidate = locustfile.with_name(locustfile.name.removesuffix(".py") + ".toml")
    return candidate if candidate.is_file() else None


def read_profile_file(path: Path) -> ProfileFile:
    """Read and check a profile file.

    Args:
        path: The file. Messages name it as it is given here.

    Returns:
        The file's profiles. A file without any is right as long as none is asked for; see `select`.

    Raises:
        ConfigurationError: The file cannot be read, is not UTF-8 or not TOML, or says what it may not. There is one
            problem for each mistake, with the file, the key, what was found and what is allowed.
    """
    document = _parse(path, _read_text(path))
    problems = [
        f"{dotted(name)}: found an unknown table or key{did_you_mean(name, _TABLES)}; allowed: {_TABLES_ALLOWED}"
        for name in document
        if name not in _TABLES
    ]
    profiles: dict[str, Profile] = {}
    tables = document.get("profiles", {})
    if isinstance(tables, dict):
        for name, table in tables.items():
            profiles[name] = _read_profile(name, table, problems)
    else:
        problems.append(f"profiles: found {describe(tables)}; allowed: tables called {_TABLES_ALLOWED}")
    if problems:
        raise ConfigurationError(f"{path}: {problem}" for problem in problems)
    return ProfileFile(path, MappingProxyType(profiles))


def select(profile_file: ProfileFile, name: str) -> Profile:
    """Choose a profile by its name.

    Raises:
        ConfigurationError: There is no such profile. The problem lists those there are, and the nearest match.
    """
    profiles = profile_file.profiles
    if name in profiles:
        return profiles[name]
    allowed = ", ".join(profiles) or f"nothing, because the file has no {_TABLES_ALLOWED} table"
    found = f"found no such profile{did_you_mean(name, profiles)}"
    raise ConfigurationError(f"{profile_file.path}: {dotted('profiles', name)}: {found}; allowed: {allowed}")


def _read_profile(name: str, table: object, problems: list[str]) -> Profile:
    """Check one `[profiles.NAME]` table and append what is wrong with it to `problems`."""
    key = dotted("profiles", name)
    if not _NAME.fullmatch(name):
        problems.append(f"{key}: found a name that is not allowed; allowed: {_NAME_ALLOWED}")
    if not isinstance(table, dict):
        problems.append(f"{key}: found {describe(table)}; allowed: a table of {', '.join(KEYS)}")
        return Profile(name=name)
    # Any, because the table of keys and the fields of Profile are held together by a test and not by their types.
    settings: dict[str, Any] = {}
    for setting, value in table.items():
        key = dotted("profiles", name, setting)
        if setting not in KEYS:
            # The value is not shown: a key that does not belong here may hold a credential.
            found = f"an unknown key{did_you_mean(setting, KEYS)}"
            problems.append(f"{key}: found {found}; allowed: {', '.join(KEYS)}")
            continue
        try:
            settings[setting] = KEYS[setting].parse(value)
        except ValueError as error:
            problems.append(f"{key}: found {error}; allowed: {KEYS[setting].allowed}")
    return Profile(name=name, **settings)


def _read_text(path: Path) -> str:
    """The file's text, without the byte order mark that some editors put before it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: found no such file; allowed: a profile file, in TOML") from error
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        raise ConfigurationError(f"{path}: found {found}; allowed: a profile file, in TOML") from error
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
