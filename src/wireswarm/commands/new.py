"""`wireswarm new`: the files of a suite of one's own."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

import click

from wireswarm.errors import ConfigurationError
from wireswarm.scaffold.events import read_events
from wireswarm.scaffold.example import read_example
from wireswarm.scaffold.har import read_har
from wireswarm.scaffold.model import AuthKind, Suite
from wireswarm.scaffold.naming import RESERVED, snake
from wireswarm.scaffold.openapi import read_openapi
from wireswarm.scaffold.project import files_of, needed, write_files
from wireswarm.scaffold.protobuf import ENCODINGS, STYLES, Encoding, Style, read_protos

SOURCES: Final = ("example", "proto", "openapi", "socketio", "har")
AUTHS: Final = ("none", "bearer", "basic")

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}\Z")
_FILE: Final = click.Path(path_type=Path)


class _Source(NamedTuple):
    proto: Sequence[Path]
    openapi: Path | None
    socketio: Path | None
    har: Path | None

    @property
    def given(self) -> list[str]:
        """The options that name a source."""
        return [f"--{name}" for name, value in self._asdict().items() if value]


@click.command()
@click.argument("name")
@click.option("--proto", type=_FILE, multiple=True, help="A .proto file or a folder of them; repeatable.")
@click.option("-I", "--include", type=_FILE, multiple=True, help="A folder to find their imports below; repeatable.")
@click.option("--openapi", type=_FILE, help="An OpenAPI 3.0 or 3.1 document, JSON or YAML.")
@click.option("--socketio", type=_FILE, help="A list of Socket.IO events, YAML, TOML or JSON; see docs/new.md.")
@click.option("--har", type=_FILE, help="A recording, as browsers save it.")
@click.option("-H", "--host", help="What to test, where --host is not given later. Default: as the source says.")
@click.option("--auth", type=click.Choice(AUTHS), help="How users prove who they are. Default: as the source says.")
@click.option("--style", type=click.Choice(STYLES), help="Of --proto: which paths. Default: http, or connect.")
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of --proto. Default: json for http, proto for others.")
@click.option("--static", is_flag=True, help="Of --har: keep scripts, styles, images and the like.")
@click.option("--dir", "folder", type=_FILE, help="The folder to write into. Default: NAME.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
def new(
    name: str,
    proto: Sequence[Path],
    include: Sequence[Path],
    openapi: Path | None,
    socketio: Path | None,
    har: Path | None,
    host: str | None,
    auth: AuthKind | None,
    style: Style | None,
    encoding: Encoding | None,
    static: bool,
    folder: Path | None,
    force: bool,
) -> None:
    """Write a suite of your own, NAME: locustfile, profiles, data, and a test of them.

    It is made from one of --proto, --openapi, --socketio and --har; on a terminal it asks which. Without any of them it
    is a small example that runs against the reference target. What is there is not replaced.
    """
    source = _Source(proto, openapi, socketio, har)
    if not source.given and sys.stdin.isatty():
        source, host, auth = _ask(host, auth)
    options = {"--include": bool(include), "--style": style, "--encoding": encoding}
    _check(name, source, host, {option for option, value in options.items() if value}, static=static)
    suite = _read(_module(name), source, auth, include=include, style=style, encoding=encoding, static=static)
    suite.host = (host or suite.host).rstrip("/")
    where = folder or Path(name)
    files = files_of(suite)
    write_files(where, files, force=force)
    _tell(suite, where, files, is_example=not source.given)


def _check(name: str, source: _Source, host: str | None, for_protos: set[str], *, static: bool) -> None:
    problems = []
    if not _NAME.match(name):
        allowed = "a letter, then letters, digits, - and _, 40 at most"
        problems.append(f"NAME: found {name!r}; allowed: {allowed}")
    if len(source.given) > 1:
        problems.append(f"found {' and '.join(source.given)}; allowed: one of them")
    if not source.proto:
        problems += [f"{option}: found without --proto; allowed: with it" for option in sorted(for_protos)]
    if static and source.har is None:
        problems.append("--static: found without --har; allowed: with it")
    if host is not None and not _is_address(host):
        problems.append(f"--host: found {host!r}; allowed: an address such as http://127.0.0.1:8000")
    if problems:
        raise ConfigurationError(problems)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_plain = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        return is_plain and parts.scheme in {"http", "https"}
    except ValueError:
        return False


def _module(name: str) -> str:
    """The name as that of a Python module that hides no other."""
    plain = snake(name, "suite")
    taken = {*sys.stdlib_module_names, *RESERVED, "locust", "wireswarm", "pytest", "google"}
    return f"{plain}_suite" if plain in taken else plain


def _read(
    name: str,
    source: _Source,
    auth: AuthKind | None,
    *,
    include: Sequence[Path],
    style: Style | None,
    encoding: Encoding | None,
    static: bool,
) -> Suite:
    if source.proto:
        return read_protos(source.proto, name, include=include, style=style, encoding=encoding, auth=auth)
    if source.openapi is not None:
        return read_openapi(source.openapi, name, auth=auth)
    if source.socketio is not None:
        return read_events(source.socketio, name, auth=auth)
    if source.har is not None:
        return read_har(source.har, name, auth=auth, keep_static=static)
    return read_example(name, auth=auth)


def _ask(host: str | None, auth: AuthKind | None) -> tuple[_Source, str | None, AuthKind | None]:
    """Ask for what flags say otherwise."""
    kind = click.prompt("Made from", type=click.Choice(SOURCES), default="example")
    found: dict[str, Any] = {"proto": (), "openapi": None, "socketio": None, "har": None}
    if kind != "example":
        path = click.prompt("Which file", type=click.Path(path_type=Path))
        found[kind] = (path,) if kind == "proto" else path
    host = host or click.prompt("What to test (empty: as the source says)", default="", show_default=False) or None
    if auth is None:
        choices = {"source": None, "none": "none", "bearer": "bearer", "basic": "basic"}
        choice = click.prompt("Credentials, or as the source says", type=click.Choice(list(choices)), default="source")
        auth = cast("AuthKind | None", choices[choice])
    return _Source(**found), host, auth


def _tell(suite: Suite, folder: Path, files: Mapping[str, str], *, is_example: bool) -> None:
    for name in files:
        click.echo(f"wrote {folder / name}")
    for note in suite.notes:
        click.echo(f"note: {note}")
    if is_example:
        click.echo("An example, as there was no --proto, --openapi, --socketio or --har; `wireswarm target` serves it.")
    for name, told in needed(suite):
        click.echo(f"export {name}=...  # {told}")
    locustfile = shlex.quote(str(folder / f"{suite.name}.py"))
    click.echo("Next:")
    click.echo(f"  wireswarm try {locustfile} --host {suite.host}")
    click.echo(f"  wireswarm run {locustfile} smoke --host {suite.host}")
    click.echo(f"  pytest {shlex.quote(str(folder))}")
