"""OpenAPI 3.0 and 3.1 documents.

Source: https://spec.openapis.org/oas/v3.1.1.html and https://spec.openapis.org/oas/v3.0.4.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from wireswarm.errors import ConfigurationError
from wireswarm.scaffold.documents import Finder, read_document, shown
from wireswarm.scaffold.linking import link
from wireswarm.scaffold.model import Answer, AuthKind, Body, Expected, FilePart, Operation, Suite, Variable
from wireswarm.scaffold.naming import parameter, slug, snake, unique, words
from wireswarm.scaffold.schemas import Schemas, keys_of

WHAT: Final = "an OpenAPI 3.0 or 3.1 document, in JSON or YAML"
ROWS: Final = 3
"""Rows of a request's data that are made up, where nobody has written down an example."""

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_PARAMETER: Final = re.compile(r"\{([^{}/]+)\}")
_FORM: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_SENT_BY_THE_CLIENT: Final = {"accept", "content-type", "authorization"}
"""Header parameters that OpenAPI itself says to ignore."""


def read_openapi(path: Path, name: str, *, auth: AuthKind | None = None) -> Suite:
    """The suite for what a document describes.

    Args:
        path: the document.
        name: the suite's.
        auth: how users prove who they are, where it is not what the document says.

    Raises:
        ConfigurationError: it cannot be read, or is no OpenAPI document; with every problem that was found.
    """
    document = read_document(path, WHAT)
    finder = Finder(path)
    _check(document, finder)
    suite = _Reader(document, finder, name, auth).read()
    finder.problems = list(dict.fromkeys(finder.problems))
    finder.check()
    if not any(suite.operations):
        reasons = "".join(f"; {note}" for note in suite.notes)
        raise ConfigurationError(f"{path}: paths: found no request that can be made{reasons}; allowed: one at least")
    suite.groups, suite.tasks = link(suite.tasks)
    return suite


def _check(document: Any, finder: Finder) -> None:
    if not isinstance(document, dict):
        finder.problem("the document", shown(document), WHAT)
        finder.check()
    if "swagger" in document:
        finder.problem("swagger", shown(document["swagger"]), "openapi: 3.0 or 3.1; convert the document first")
    elif not re.match(r"3\.[0-2](\.|$)", str(document.get("openapi", ""))):
        found = shown(document["openapi"]) if "openapi" in document else "nothing"
        finder.problem("openapi", found, 'a version such as "3.1.0" or "3.0.4"')
    if not isinstance(document.get("paths"), dict):
        found = shown(document["paths"]) if "paths" in document else "nothing"
        finder.problem("paths", found, "a table of paths")
    finder.check()


class _Reader:
    def __init__(self, document: Mapping[str, Any], finder: Finder, name: str, auth: AuthKind | None) -> None:
        self._document = document
        self._finder = finder
        self._schemas = Schemas(document, finder)
        title = _dict(document.get("info")).get("title")
        self._suite = Suite(name, f"{title} (OpenAPI)" if isinstance(title, str) and title.strip() else "OpenAPI")
        self._auth = auth
        self._query_key: dict[str, Variable] = {}

    def read(self) -> Suite:
        suite = self._suite
        suite.host = self._host() or suite.host
        self._secure()
        for path, found in self._document["paths"].items():
            if not isinstance(path, str) or not path.startswith("/"):
                self._finder.problem("paths", shown(path), "paths that begin with /")
                continue
            item, place = self._schemas.resolve(found, f"paths.{path}")
            for method in _METHODS:
                if method in item:
                    operation, where = self._schemas.resolve(item[method], f"{place}.{method}")
                    self._add(method.upper(), path, operation, item, where)
        return suite

    def _host(self) -> str | None:
        servers = self._document.get("servers")
        server = servers[0] if isinstance(servers, list) and servers else {}
        url = _dict(server).get("url")
        if not isinstance(url, str):
            return None
        variables = {key: _dict(held).get("default", key) for key, held in _dict(server.get("variables")).items()}
        url = _PARAMETER.sub(lambda match: str(variables.get(match[1], match[1])), url)
        url = urljoin(Suite("", "").host, url).rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            self._finder.problem("servers.0.url", shown(url), "an address that begins with http:// or https://")
        return url

    def _secure(self) -> None:
        """Take the first way of proving who one is that the document names."""
        suite = self._suite
        if self._auth is not None:
            suite.auth = self._auth
            return
        schemes = _dict(_dict(self._document.get("components")).get("securitySchemes"))
        for wanted in self._wanted():
            if wanted not in schemes:
                continue
            scheme, place = self._schemas.resolve(schemes[wanted], f"components.securitySchemes.{wanted}")
            kind, form = scheme.get("type"), str(scheme.get("scheme", "")).lower()
            if kind in {"oauth2", "openIdConnect"} or (kind == "http" and form == "bearer"):
                suite.auth = "bearer"
            elif kind == "http" and form == "basic":
                suite.auth = "basic"
            elif kind == "apiKey" and isinstance(scheme.get("name"), str):
                self._take_key(str(scheme["name"]), scheme.get("in"))
            else:
                suite.notes.append(f"{place}: {form or kind} is left to you: it is none of bearer, basic, apiKey")

    def _take_key(self, key: str, place: object) -> None:
        variable = Variable(f"{self._suite.variable}_{snake(key, 'key').upper()}")
        if place == "header":
            self._suite.headers[key] = variable
        elif place == "query":
            self._query_key[key] = variable
        else:
            self._suite.notes.append(f"the API key {key} in a cookie is left to you")

    def _wanted(self) -> list[str]:
        """The names of the schemes that requests ask for; of alternatives the first."""
        found: list[str] = []
        operations = [o for item in self._document["paths"].values() for o in _dict(item).values()]
        for holder in [self._document, *operations]:
            requirements = _dict(holder).get("security")
            if isinstance(requirements, list) and requirements and {} not in requirements:
                found += _dict(requirements[0])
        return list(dict.fromkeys(found))

    def _add(self, method: str, path: str, found: Mapping[str, Any], item: Mapping[str, Any], place: str) -> None:
        suite, label = self._suite, f"{method} {path}"
        if found.get("deprecated") is True:
            suite.notes.append(f"{label}: left out, it is deprecated")
            return
        body, reason = self._body(found, place)
        if reason:
            suite.notes.append(f"{label}: left out, {reason}")
            return
        taken = {operation.name for operation in suite.tasks}
        named = found.get("operationId")
        name = unique(snake(named if isinstance(named, str) else f"{method} {_PARAMETER.sub('', path)}"), taken)
        title = next((found[k] for k in ("summary", "description") if isinstance(found.get(k), str)), "")
        tags = [slug(tag) for tag in _list(found.get("tags")) if isinstance(tag, str)]
        operation = Operation(
            name=name,
            method=method,
            path=_PARAMETER.sub(lambda match: f"{{{parameter(match[1])}}}", path),
            title=title or label,
            tags=tuple(tags) or (slug((words(_PARAMETER.sub("", path)) or ["root"])[0]),),
            params=dict(self._query_key),
            body=body,
            answer=self._answer(method, found, place),
        )
        for given in self._parameters(found, item, place):
            self._take(operation, given)
        for match in _PARAMETER.finditer(path):
            if parameter(match[1]) not in operation.path_values:
                self._finder.problem(
                    place, f"no parameter {shown(match[1])}, which is in the path", "a parameter in: path for each"
                )
        suite.tasks.append(operation)

    def _parameters(
        self, found: Mapping[str, Any], item: Mapping[str, Any], place: str
    ) -> Iterator[tuple[dict[str, Any], str]]:
        """The parameters of a request; its own go before those of its path."""
        chosen: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}
        for holder, where in ((item, place.rpartition(".")[0]), (found, place)):
            for number, given in enumerate(_list(holder.get("parameters"))):
                one, at = self._schemas.resolve(given, f"{where}.parameters.{number}")
                name, kind = one.get("name"), one.get("in")
                if not isinstance(name, str) or kind not in {"path", "query", "header", "cookie"}:
                    if one:
                        allowed = "a name, and in: path, query, header or cookie"
                        self._finder.problem(at, f"name {shown(name)} and in {shown(kind)}", allowed)
                    continue
                chosen[name, str(kind)] = one, at
        yield from chosen.values()

    def _take(self, operation: Operation, found: tuple[dict[str, Any], str]) -> None:
        given, place = found
        name, kind, required = given["name"], given["in"], given.get("required") is True
        examples = self._examples(given, place)
        schema = given.get("schema", {})
        if kind != "path" and not required and not examples and not self._schemas.has_example(schema, place):
            return
        value = examples[0] if examples else self._schemas.sample(schema, f"{place}.schema", name)
        if kind == "path":
            path_name = parameter(name)
            if f"{{{path_name}}}" in operation.path:
                plain = value if isinstance(value, str | int) and not isinstance(value, bool) else _joined(value)
                operation.path_values[path_name] = plain if plain != "" else "sample"
        elif kind == "query" and name not in operation.params:
            operation.params.update(_query(name, value, given))
        elif kind == "header" and name.lower() not in _SENT_BY_THE_CLIENT and name not in self._suite.headers:
            operation.headers[name] = _joined(value)
        elif kind == "cookie" and required:
            self._suite.notes.append(f"{operation.method} {operation.path}: the cookie {name} is left to you")

    def _examples(self, holder: Mapping[str, Any], place: str) -> list[Any]:
        if "example" in holder:
            return [holder["example"]]
        found = []
        for key, given in _dict(holder.get("examples")).items():
            example, _ = self._schemas.resolve(given, f"{place}.examples.{key}")
            found += [example["value"]] if "value" in example else []
        return found

    def _body(self, operation: Mapping[str, Any], place: str) -> tuple[Body | None, str]:
        """The request's body, or why it cannot be made."""
        if "requestBody" not in operation:
            return None, ""
        found, place = self._schemas.resolve(operation["requestBody"], f"{place}.requestBody")
        content = _dict(found.get("content"))
        kinds = {kind.partition(";")[0].strip().lower(): (kind, media) for kind, media in content.items()}
        chosen = next((kind for kind in kinds if _is_json(kind)), None)
        chosen = chosen or next((kind for kind in (_FORM, _MULTIPART) if kind in kinds), None)
        chosen = chosen or next((k for k in kinds if k.startswith("text/") or k.endswith("octet-stream")), None)
        if chosen is None:
            optional = found.get("required") is not True
            return None, "" if optional or not content else f"its body is {', '.join(content)}"
        key, media = kinds[chosen]
        where = f"{place}.content.{key}"
        media, where = self._schemas.resolve(media, where)
        schema = media.get("schema", {})
        rows = self._examples(media, where)
        if not rows:
            numbers = [1] if self._schemas.has_example(schema, where) else range(1, ROWS + 1)
            samples = [self._schemas.sample(schema, f"{where}.schema", "value", number) for number in numbers]
            rows = [row for i, row in enumerate(samples) if row not in samples[:i]]
        if _is_json(chosen):
            whole = all(isinstance(row, dict) for row in rows)
            kind = "" if chosen == "application/json" else chosen
            return Body("json", rows if whole else [{"body": row} for row in rows], kind, whole=whole), ""
        if chosen == _FORM:
            return Body("form", [_form(row) for row in rows if isinstance(row, dict)] or [{}]), ""
        if chosen == _MULTIPART:
            return self._multipart(schema, rows, where), ""
        return Body("raw", [{"body": str(row)} for row in rows], chosen, whole=False), ""

    def _multipart(self, schema: Any, rows: list[Any], place: str) -> Body:
        whole = self._schemas.merged(schema, place)
        files = []
        for name, given in _dict(whole.get("properties")).items():
            inner = self._schemas.merged(given, f"{place}.schema.properties.{name}")
            if self._schemas.type_of(inner) == "array":
                inner = self._schemas.merged(inner.get("items", {}), f"{place}.schema.properties.{name}.items")
            if inner.get("format") == "binary" or "contentMediaType" in inner:
                kind = str(inner.get("contentMediaType", "text/plain"))
                files.append(FilePart(name, f"{snake(name, 'upload')}.txt", b"A file of a load test.\n", kind))
        names = {file.field for file in files}
        fields = [_form({k: v for k, v in row.items() if k not in names}) for row in rows if isinstance(row, dict)]
        distinct = [row for i, row in enumerate(fields) if row not in fields[:i]]
        return Body("multipart", distinct or [{}], files=files)

    def _answer(self, method: str, operation: Mapping[str, Any], place: str) -> Answer:
        given = _dict(operation.get("responses"))
        statuses = [status for status in given if re.fullmatch(r"2\d\d|2XX", status, re.IGNORECASE)]
        if not statuses:
            redirects = tuple(int(status) for status in given if re.fullmatch(r"3\d\d", status))
            return Answer(redirects)
        exact = tuple(sorted(int(status) for status in statuses if status.isdecimal()))
        found = [self._schemas.resolve(given[status], f"{place}.responses.{status}") for status in statuses]
        status = exact if len(exact) == len(statuses) else ()
        answers = [self._content(response, where) for response, where in found]
        first = answers[0]
        expect = "" if method == "HEAD" or any(one.expect != first.expect for one in answers) else first.expect
        keys = first.keys if expect == "dict" and len(answers) == 1 else ()
        return Answer(status, expect, keys, sample=first.sample, content_type=first.content_type)

    def _content(self, response: Mapping[str, Any], place: str) -> Answer:
        content = _dict(response.get("content"))
        key = next((kind for kind in content if _is_json(kind.partition(";")[0].strip().lower())), None)
        if key is None:
            return Answer(content_type=next(iter(content), ""))
        media, where = self._schemas.resolve(content[key], f"{place}.content.{key}")
        if "schema" not in media:
            return Answer(expect="object", sample={}, content_type=key)
        whole = self._schemas.merged(media["schema"], f"{where}.schema")
        examples = self._examples(media, where)
        sample = self._schemas.sample(media["schema"], f"{where}.schema", "value", sent=False)
        sample = examples[0] if examples and isinstance(examples[0], type(sample)) else sample
        kind = self._schemas.type_of(whole)
        expect: Expected = "dict" if kind == "object" else "list" if kind == "array" else "object"
        return Answer((), expect, keys_of(whole) if expect == "dict" else (), sample=sample, content_type=key)


def _is_json(kind: str) -> bool:
    return kind in {"application/json", "text/json", "*/*", "application/*"} or kind.endswith("+json")


def _query(name: str, value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"{name}[{key}]": _joined(held) for key, held in value.items()}
    if isinstance(value, list):
        # By default each item is a parameter of its own.
        return (
            {name: [_plain(item) for item in value]} if given.get("explode", True) is True else {name: _joined(value)}
        )
    return {name: value}


def _form(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in row.items()}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else _joined(value)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_joined, value))
    if isinstance(value, dict):
        return ",".join(f"{key},{_joined(held)}" for key, held in value.items())
    return json.dumps(value) if isinstance(value, bool) else "" if value is None else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
