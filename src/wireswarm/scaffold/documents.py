"""JSON, YAML and TOML files, read with errors that say where.

YAML is read as the JSON that it stands for: `no`, `on` and `2024-01-01` are text, and the statuses of responses are
keys that are text as well, as everybody means it who writes an OpenAPI file.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import yaml

from wireswarm.errors import ConfigurationError


class _Loader(yaml.SafeLoader):
    """YAML 1.2's JSON-like types alone."""


_PLAIN: Final = {
    "tag:yaml.org,2002:bool": (r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?[0-9]+\Z", "-+0123456789"),
    "tag:yaml.org,2002:float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", "-+.0123456789"),
    "tag:yaml.org,2002:null": (r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _loader, node: int(node.value))


def read_document(path: Path, what: str) -> Any:
    """What a file holds, in dictionaries with text for keys, lists, text, numbers, booleans and None.

    Args:
        path: the file.
        what: what it should be, for messages: "an OpenAPI file".

    Raises:
        ConfigurationError: it cannot be read, or is not in its format; with line and column.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}; allowed: {what}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}:{line}: is not UTF-8; allowed: {what}") from None
    kind = path.suffix.lower()
    # JSON's files have many names: .har, .openapi, or none.
    if kind not in {".yaml", ".yml", ".toml"} and content.lstrip()[:1] in {"{", "["}:
        kind = ".json"
    try:
        if kind == ".toml":
            return tomllib.loads(content)
        if kind == ".json":
            return json.loads(content, parse_constant=_refuse)
        return _keyed(yaml.load(content, Loader=_Loader))  # noqa: S506 - a SafeLoader
    except json.JSONDecodeError as error:
        place, reason = f"{error.lineno}:{error.colno}", error.msg
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        reason = str(error.problem or error.context)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError) as error:
        place, reason = _place(str(error)), str(error).partition("\n")[0]
    except RecursionError:
        place, reason = "1:1", "it is nested too deeply"
    raise ConfigurationError(
        f"{path}:{place}: found no {kind.lstrip('.').upper()}: {reason}; allowed: {what}"
    ) from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _place(message: str) -> str:
    found = re.search(r"line (\d+), column (\d+)", message)
    return f"{found[1]}:{found[2]}" if found else "1:1"


def _keyed(value: Any) -> Any:
    # Deeper than Python's stack goes, an error; a YAML alias that contains itself as well.
    if isinstance(value, dict):
        return {_key(key): _keyed(held) for key, held in value.items()}
    return [_keyed(item) for item in value] if isinstance(value, list) else value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key) if isinstance(key, bool | int | float | None) else str(key)


class Finder:
    """Collects what is wrong with one document, each problem with the way to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []

    def problem(self, place: str, found: str, allowed: str) -> None:
        """Note one."""
        self.problems.append(f"{self.path}: {place}: found {found}; allowed: {allowed}")

    def check(self) -> None:
        """Raise what was found.

        Raises:
            ConfigurationError: there is a problem; all of them.
        """
        if self.problems:
            raise ConfigurationError(self.problems)


def shown(value: Any) -> str:
    """A value in a message, not longer than it helps."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    written = json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= 60 else f"{written[:57]}..."
