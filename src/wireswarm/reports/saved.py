"""A summary as a file, and back.

Tools may rely on `schema`, `verdict`, `validity`, `total.count`, `total.failures`, `abandoned`, `requests[]` and
`thresholds[]` of the JSON document.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from wireswarm.errors import ConfigurationError
from wireswarm.reports.summary import SCHEMA, Summary

ALLOWED: Final = f"a summary that --summary has written ({SCHEMA})"


class _Header(msgspec.Struct):
    """What every version of the format begins with."""

    schema: str


def write_summary(summary: Summary, path: Path) -> None:
    """Save a summary as JSON.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    write_file(path, encode(summary))


def encode(summary: Summary) -> bytes:
    """The summary as one line of JSON."""
    return msgspec.json.encode(summary) + b"\n"


def read_summary(path: Path) -> Summary:
    """Read a summary that was saved.

    Raises:
        ConfigurationError: the file cannot be read, or is no summary of this version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: found no such file; allowed: {ALLOWED}") from error
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        raise ConfigurationError(f"{path}: found {found}; allowed: {ALLOWED}") from error
    return decode(content, str(path))


def decode(content: bytes, name: str) -> Summary:
    """The summary in a JSON document; `name` is what messages call it.

    Raises:
        ConfigurationError: it is none, or none of this version.
    """
    try:
        schema = msgspec.json.decode(content, type=_Header).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{name}: found what is no summary ({error}); allowed: {ALLOWED}") from error
    if schema != SCHEMA:
        raise ConfigurationError(f"{name}: schema: found {schema[:60]!r}; allowed: {SCHEMA}")
    try:
        return msgspec.json.decode(content, type=Summary)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{name}: found a damaged summary ({error}); allowed: {ALLOWED}") from error


def summary_schema() -> dict[str, Any]:
    """The JSON Schema of a saved summary."""
    schema = msgspec.json.schema(Summary)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"]["Summary"]["properties"]["schema"] = {"const": SCHEMA}
    return schema


def write_file(path: Path, content: bytes) -> None:
    """Write a report whole or not at all, with its folder.

    Raises:
        ConfigurationError: it cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a device or a pipe, which cannot be replaced
            path.write_bytes(content)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp's files are for their owner alone; reports are as readable as other files.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        found = f"a file that cannot be written ({error.strerror})"
        raise ConfigurationError(
            f"{path}: found {found}; allowed: a file in a folder that can be written to"
        ) from error
