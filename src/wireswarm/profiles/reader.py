"""Finding, reading and choosing from a profile file, with every mistake in it reported at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wireswarm.errors import ConfigurationError
from wireswarm.profiles.inheriting import contradictions, resolve
from wireswarm.profiles.keys import KEYS, Key
from wireswarm.profiles.model import Profile, ProfileFile
from wireswarm.profiles.thresholds import located
from wireswarm.profiles.toml import read_toml
from wireswarm.profiles.values import Mistakes, describe, did_you_mean, dotted
from wireswarm.thresholds import Threshold, check_series

_TABLES = ("defaults", "thresholds", "watch", "profiles")
_TABLES_ALLOWED = "[defaults], [thresholds], [watch], [profiles.NAME]"
_NOT_DEFAULTS = ("description", "extends", "thresholds", "watch")
_DEFAULTS = {name: key for name, key in KEYS.items() if name not in _NOT_DEFAULTS}
_PROFILES_ALLOWED = "[profiles.NAME]"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NAME_ALLOWED = 'a name of letters (a to z), digits, "-" and "_"'


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
        What it says. A file without profiles is right as long as none is asked for; see `select`.

    Raises:
        ConfigurationError: The file cannot be read, is not UTF-8 or not TOML, or says what it may not. There is one
            problem for each mistake, with the file, the key, what was found and what is allowed.
    """
    document = read_toml(path, "a profile file")
    problems = _unknown_tables(document, _TABLES, _TABLES_ALLOWED)
    common: dict[str, Any] = {}
    for name in ("thresholds", "watch"):
        if name in document:
            _read_setting(path, (name,), document[name], KEYS[name], common, problems)
    defaults = Profile(name="defaults")
    if "defaults" in document:
        defaults = _read_profile(path, ("defaults",), document["defaults"], _DEFAULTS, problems)
    profiles: dict[str, Profile] = {}
    tables = document.get("profiles", {})
    if isinstance(tables, dict):
        for name, table in tables.items():
            way = ("profiles", name)
            if not _NAME.fullmatch(name):
                problems.append(f"{dotted(*way)}: found a name that is not allowed; allowed: {_NAME_ALLOWED}")
            profiles[name] = _read_profile(path, way, table, KEYS, problems)
    else:
        problems.append(f"profiles: found {describe(tables)}; allowed: tables called {_PROFILES_ALLOWED}")
    profile_file = ProfileFile(path, MappingProxyType(resolve(defaults, profiles, problems)), defaults, **common)
    if not problems:
        problems = _unwatched(profile_file)
    if problems:
        raise ConfigurationError(f"{path}: {problem}" for problem in problems)
    return profile_file


def read_thresholds_file(path: Path) -> tuple[Threshold, ...]:
    """Read and check a file with a `[thresholds]` table and nothing else.

    Raises:
        ConfigurationError: as for a profile file.
    """
    document = read_toml(path, "a file with a [thresholds] table")
    problems = _unknown_tables(document, ("thresholds",), "[thresholds]")
    found: dict[str, Any] = {}
    _read_setting(path, ("thresholds",), document.get("thresholds", {}), KEYS["thresholds"], found, problems)
    if not problems and not found["thresholds"]:
        problems.append("thresholds: found none; allowed: one or more")
    if problems:
        raise ConfigurationError(f"{path}: {problem}" for problem in problems)
    thresholds: tuple[Threshold, ...] = found["thresholds"]
    return thresholds


def select(profile_file: ProfileFile, name: str) -> Profile:
    """Choose a profile by its name.

    Raises:
        ConfigurationError: There is no such profile. The problem lists those there are, and the nearest match.
    """
    profiles = profile_file.profiles
    if name in profiles:
        return profiles[name]
    allowed = ", ".join(profiles) or f"nothing, because the file has no {_PROFILES_ALLOWED} table"
    found = f"found no such profile{did_you_mean(name, profiles)}"
    raise ConfigurationError(f"{profile_file.path}: {dotted('profiles', name)}: {found}; allowed: {allowed}")


def _unknown_tables(document: Mapping[str, object], known: tuple[str, ...], allowed: str) -> list[str]:
    return [
        f"{dotted(name)}: found an unknown table or key{did_you_mean(name, known)}; allowed: {allowed}"
        for name in document
        if name not in known
    ]


def _read_profile(
    path: Path, way: tuple[str, ...], table: object, keys: Mapping[str, Key], problems: list[str]
) -> Profile:
    """Check one table of settings and append what is wrong with it to `problems`."""
    if not isinstance(table, dict):
        problems.append(f"{dotted(*way)}: found {describe(table)}; allowed: a table of {', '.join(keys)}")
        return Profile(name=way[-1])
    # Any, because the table of keys and the fields of Profile are held together by a test and not by their types.
    settings: dict[str, Any] = {}
    for setting, value in table.items():
        if setting in keys:
            _read_setting(path, (*way, setting), value, keys[setting], settings, problems)
            continue
        # The value is not shown: a key that does not belong here may hold a credential.
        found = f"an unknown key{did_you_mean(setting, keys)}"
        problems.append(f"{dotted(*way, setting)}: found {found}; allowed: {', '.join(keys)}")
    profile = Profile(name=way[-1], **settings)
    problems += contradictions(way, profile)
    return profile


def _read_setting(
    path: Path, way: tuple[str, ...], value: object, key: Key, settings: dict[str, Any], problems: list[str]
) -> None:
    """Put one checked value into `settings`, or what is wrong with it into `problems`."""
    name = way[-1]
    try:
        settings[name] = key.parse(value)
    except Mistakes as mistakes:
        problems += [
            f"{dotted(*way, *mistake.way)}: found {mistake.found}; allowed: {mistake.allowed}"
            for mistake in mistakes.found
        ]
    except ValueError as error:
        problems.append(f"{dotted(*way)}: found {error}; allowed: {key.allowed}")
    else:
        if name == "thresholds":
            settings[name] = located(settings[name], f"{path}: {dotted(*way)}")


def _unwatched(profile_file: ProfileFile) -> list[str]:
    """Thresholds on series that nobody watches, in any of the runs that the file describes."""
    runs: list[Profile | None] = list(profile_file.profiles.values())
    problems: list[str] = []
    for profile in runs or [None]:
        units = {name: watch.unit for name, watch in profile_file.watch_of(profile).items()}
        problems += check_series(profile_file.thresholds_of(profile), units)
    return [problem.removeprefix(f"{profile_file.path}: ") for problem in dict.fromkeys(problems)]
