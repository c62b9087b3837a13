"""`.proto` files: the methods of their services, over the paths of `google.api.http`, Connect or Twirp.

Sources: https://cloud.google.com/endpoints/docs/grpc/transcoding, https://connectrpc.com/docs/protocol/,
https://twitchtv.github.io/twirp/docs/spec_v7.html.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from google.protobuf.descriptor import Descriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from wireswarm.errors import ConfigurationError
from wireswarm.protos.compiler import describe
from wireswarm.protos.sources import ProtoFile, collect
from wireswarm.scaffold.http_rules import INCLUDES, Binding, bindings_of
from wireswarm.scaffold.linking import link
from wireswarm.scaffold.messages import sample_field, sample_message
from wireswarm.scaffold.model import Answer, AuthKind, Body, Operation, Suite
from wireswarm.scaffold.naming import slug, snake, unique, words
from wireswarm.thresholds.words import quote

Style: TypeAlias = Literal["http", "connect", "twirp"]
Encoding: TypeAlias = Literal["json", "proto"]
STYLES: Final = get_args(Style)
ENCODINGS: Final = get_args(Encoding)
ROWS: Final = 3
"""Rows of a request's data."""

_PREFIXES: Final = {"connect": "", "twirp": "/twirp"}
_TYPES: Final = {"http": "application/x-protobuf", "connect": "application/proto", "twirp": "application/protobuf"}


class _Way(NamedTuple):
    style: Style
    encoding: Encoding


def read_protos(
    paths: Sequence[Path],
    name: str,
    *,
    include: Sequence[Path] = (),
    style: Style | None = None,
    encoding: Encoding | None = None,
    auth: AuthKind | None = None,
) -> Suite:
    """The suite for the services of some `.proto` files.

    Args:
        paths: the files, or folders of them.
        name: the suite's.
        include: folders to find imports below.
        style: which paths; by default those of `google.api.http` where a method has them, otherwise Connect's.
        encoding: of messages; by default JSON over the paths of `google.api.http`, as gateways speak it, and binary
            over those of Connect and Twirp.
        auth: how users prove who they are.

    Raises:
        ConfigurationError: a file is missing or does not compile, or there is no method to call; with the place.
    """
    files = _files(paths, include)
    described = _described(files)
    requested = [described[file.name] for file in files if file.requested]
    services = [service for file in requested for service in file.services_by_name.values()]
    methods = [method for service in services for method in service.methods]
    where = ", ".join(map(str, paths))
    if not methods:
        raise ConfigurationError(f"{where}: found no service with a method; allowed: a file with services")
    annotated = any(next(bindings_of(method), None) for method in methods)
    way = _way(style, encoding, annotated=annotated, where=where)
    suite = Suite(name, f"{', '.join(service.full_name for service in services)} ({_words(way)})")
    suite.kind = "protobuf" if way.encoding == "proto" else "rest"
    suite.auth = auth or "none"
    suite.content_type = _TYPES[way.style] if way.encoding == "proto" else ""
    suite.headers = {"Connect-Protocol-Version": "1"} if way.style == "connect" else {}
    for method in methods:
        _add(suite, method, way)
    if not suite.tasks:
        reasons = "; ".join(suite.notes)
        raise ConfigurationError(f"{where}: found no method that can be called: {reasons}; allowed: unary methods")
    suite.protos = {file.name: file.text for file in files}
    suite.messages = _expressions(methods, requested)
    suite.proto_roots = tuple(file.name for file in files if file.requested)
    if way.style == "http":
        suite.groups, suite.tasks = link(suite.tasks) if way.encoding == "json" else ([], suite.tasks)
    return suite


def _way(style: Style | None, encoding: Encoding | None, *, annotated: bool, where: str) -> _Way:
    if style == "http" and not annotated:
        found = f"--style http: {where} has no method with the option google.api.http"
        raise ConfigurationError(f"{found}; allowed: --style connect or twirp for it")
    chosen: Style = style or ("http" if annotated else "connect")
    return _Way(chosen, encoding or ("json" if chosen == "http" else "proto"))


def _words(way: _Way) -> str:
    names = {"http": "google.api.http", "connect": "Connect", "twirp": "Twirp"}
    return f"{names[way.style]}, {'JSON' if way.encoding == 'json' else 'binary'}"


def _roots(include: Sequence[Path]) -> list[Path]:
    """Where imports are looked for: what was named, then where googleapis-common-protos is, then our own."""
    try:
        spec = importlib.util.find_spec("google.api")
    except ModuleNotFoundError:
        spec = None
    installed = [Path(found).parent.parent for found in (spec.submodule_search_locations or ())] if spec else []
    return [*include, *(root for root in installed if (root / "google/api/annotations.proto").is_file()), INCLUDES]


def _files(paths: Sequence[Path], include: Sequence[Path]) -> tuple[ProtoFile, ...]:
    problems = [f"--proto {path}: found no such file or folder" for path in paths if not path.exists()]
    problems += [f"--include {path}: found no such folder" for path in include if not path.is_dir()]
    if problems:
        raise ConfigurationError(problems)
    roots = [root.resolve() for root in _roots(include)]
    return collect([path.resolve() for path in paths], roots)


def _described(files: Sequence[ProtoFile]) -> dict[str, FileDescriptor]:
    """The files by name, compiled, in a pool of their own."""
    compiled = describe({file.name: file.text.encode() for file in files}, {file.name: file.path for file in files})
    pool = DescriptorPool()
    return {file.name: pool.AddSerializedFile(file.SerializeToString()) for file in compiled.file}


def _expressions(methods: Sequence[MethodDescriptor], requested: Sequence[FileDescriptor]) -> dict[str, str]:
    """How the messages of methods are written in Python: by their names, where those are enough."""
    members = Counter(name for file in requested for name in _members(file))
    found = {}
    for kind in (kind for method in methods for kind in (method.input_type, method.output_type)):
        for message in (kind, *(field.message_type for field in kind.fields if field.message_type is not None)):
            name = message.full_name.removeprefix(f"{message.file.package}.")
            is_known = members[name.partition(".")[0]] == 1 and message.file in requested
            found[message.full_name] = f"pb.{name}" if is_known else f'pb["{message.full_name}"]'
    return found


def _members(file: FileDescriptor) -> Iterator[str]:
    yield from (*file.message_types_by_name, *file.enum_types_by_name, *file.services_by_name, *file.extensions_by_name)
    yield from (value.name for enum in file.enum_types_by_name.values() for value in enum.values)


def _add(suite: Suite, method: MethodDescriptor, way: _Way) -> None:
    label = f"{method.containing_service.full_name}.{method.name}"
    if method.client_streaming or method.server_streaming:
        suite.notes.append(f"{label}: left out, it streams; one request with one answer can be sent")
        return
    tags = (slug(method.containing_service.name),)
    names = {operation.name for operation in suite.tasks}
    if way.style != "http":
        path = f"{_PREFIXES[way.style]}/{method.containing_service.full_name}/{method.name}"
        rows = _rows(method.input_type)
        suite.tasks.append(
            Operation(
                name=unique(snake(method.name), names),
                method="POST",
                path=path,
                title=_title(method),
                tags=tags,
                body=_body(rows, method.input_type, way),
                answer=_answer(method.output_type, way),
            )
        )
        return
    found = list(bindings_of(method))
    if not found:
        suite.notes.append(f"{label}: left out, it has no option google.api.http")
    for binding in found:
        names = {operation.name for operation in suite.tasks}
        suite.tasks.append(_bound(method, binding, way, tags, unique(snake(method.name), names)))


def _bound(method: MethodDescriptor, binding: Binding, way: _Way, tags: tuple[str, ...], name: str) -> Operation:
    """A method over a path of its own. What the path does not say is in the body or, without one, in the query."""
    input_type = method.input_type
    in_path = {segment.field for segment in binding.segments}
    operation = Operation(name=name, method=binding.verb, path=binding.path, title=_title(method), tags=tags)
    samples = _rows(input_type)
    for segment in binding.segments:
        value = _held(samples[0], segment.field) if segment.is_whole else None
        operation.path_values[segment.name] = value if isinstance(value, str | int) and value != "" else "1"
    rest = [_without(row, in_path) for row in samples]
    if binding.body == "*":
        operation.body = _body(_distinct(rest if way.encoding == "json" else samples), input_type, way)
    elif binding.body:
        field = _field(input_type, binding, method)
        operation.body = _field_body(samples, field, way)
        rest = [_without(row, {binding.body}) for row in rest]
    if binding.body != "*":
        operation.params = dict(_query(rest[0]))
    operation.answer = _answer(method.output_type, way, binding.response_body)
    return operation


def _title(method: MethodDescriptor) -> str:
    return " ".join(words(method.name))


def _field(input_type: Descriptor, binding: Binding, method: MethodDescriptor) -> Any:
    field = input_type.fields_by_name.get(binding.body)
    if field is None:
        allowed = ", ".join(["*", *(one.name for one in input_type.fields)])
        place = f"{method.containing_service.file.name}: {method.full_name}: google.api.http: body"
        raise ConfigurationError(f"{place}: found {quote(binding.body)}; allowed: {allowed}")
    return field


def _field_body(samples: list[dict[str, Any]], field: Any, way: _Way) -> Body | None:
    if field.message_type is not None and not field.is_repeated:
        rows = [row.get(field.name, {}) for row in samples]
        if all(isinstance(row, dict) for row in rows):
            return _body(_distinct(rows), field.message_type, way)
    if way.encoding == "proto":
        return None
    return Body("json", _distinct([{"body": row.get(field.name)} for row in samples]), whole=False)


def _body(rows: list[dict[str, Any]], kind: Descriptor, way: _Way) -> Body:
    return Body("message" if way.encoding == "proto" else "json", rows, message=kind.full_name)


def _answer(kind: Descriptor, way: _Way, response_body: str = "") -> Answer:
    content_type = _TYPES[way.style] if way.encoding == "proto" else "application/json"
    if response_body:
        field = kind.fields_by_name.get(response_body)
        sample = {} if field is None else sample_field(field)
        return Answer(expect="object" if way.encoding == "json" else "", sample=sample, content_type=content_type)
    if way.encoding == "proto":
        return Answer(message=kind.full_name, content_type=content_type)
    return Answer(
        expect="dict", message=kind.full_name, sample=sample_message(kind, json_names=True), content_type=content_type
    )


def _rows(kind: Descriptor) -> list[dict[str, Any]]:
    rows = [sample_message(kind, number) for number in range(1, ROWS + 1)]
    for row in rows:  # what was made up has to be what the type allows
        ParseDict(row, GetMessageClass(kind)())
    return _distinct(rows)


def _distinct(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for number, row in enumerate(rows) if row not in rows[:number]]


def _held(row: Any, way: str) -> Any:
    for name in way.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _without(row: dict[str, Any], ways: set[str]) -> dict[str, Any]:
    """A row without what stands elsewhere; a field of a message in it is `outer.inner`."""
    found = {}
    for name, value in row.items():
        if name in ways:
            continue
        inner = {way.removeprefix(f"{name}.") for way in ways if way.startswith(f"{name}.")}
        found[name] = _without(value, inner) if inner and isinstance(value, dict) else value
    return found


def _query(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Fields as query parameters: those of messages as `outer.inner`, lists of messages not at all."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _query(value, f"{prefix}{name}.")
        elif not (isinstance(value, list) and any(isinstance(item, dict | list) for item in value)):
            yield f"{prefix}{name}", value
