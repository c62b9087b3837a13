"""HAR recordings: what a browser asked for becomes flows, a page each, with the times in between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from wireswarm.scaffold.har_entries import Entry, read_entries
from wireswarm.scaffold.har_secrets import Secrets
from wireswarm.scaffold.model import (
    Answer,
    AuthKind,
    Body,
    Expected,
    FilePart,
    Group,
    Operation,
    Suite,
    Take,
    Taken,
    Variable,
)
from wireswarm.scaffold.naming import camel, parameter, singular, slug, snake, unique, words
from wireswarm.scaffold.schemas import is_secret_name

_LONGEST_PAUSE: Final = 30.0
"""Seconds. Whoever paused longer while recording was away."""
_SHORTEST_PAUSE: Final = 0.05
_ID_WORDS: Final = {"id", "uuid", "guid", "key", "slug", "code", "number", "ref", "reference", "handle", "sku"}
_LOOKS_LIKE_ID: Final = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{12,}|(?=\D*\d)[\w-]{16,}", re.IGNORECASE
)
_TELLING: Final = 5
"""A value with so many characters is the same one wherever it is; of a shorter one the names have to fit too."""
_TRACING: Final = (
    "x-request-id",
    "x-correlation-id",
    "x-b3-",
    "x-datadog-",
    "x-amzn-trace",
    "x-forwarded-",
    "x-client-data",
)

Way = tuple[str | int, ...]


def read_har(path: Path, name: str, *, auth: AuthKind | None = None, keep_static: bool = False) -> Suite:
    """The suite for a recording.

    Args:
        path: the recording.
        name: the suite's.
        auth: how users prove who they are, where it is not what the recording shows.
        keep_static: whether scripts, images and the like stay.

    Raises:
        ConfigurationError: it cannot be read, or has no request that can be repeated.
    """
    entries, notes = read_entries(path, keep_static=keep_static)
    return _Reader(entries, notes, path, name, auth).read()


class _Reader:
    def __init__(self, entries: list[Entry], notes: list[str], path: Path, name: str, auth: AuthKind | None) -> None:
        self._entries = entries
        self._suite = Suite(name, f"{path.name} (HAR)", host=entries[0].origin, notes=notes)
        self._secrets = Secrets(entries, self._suite.variable)
        self._operations: list[Operation] = []
        self._auth = auth
        self._names: dict[tuple[int, Way], str] = {}
        self._needs: dict[int, set[int]] = {}
        """By the position of a request, the earlier ones that it takes values from."""

    def read(self) -> Suite:
        suite = self._suite
        self._authorize()
        self._headers()
        for position, entry in enumerate(self._entries):
            self._operations.append(self._operation(position, entry))
        for positions in self._pages():
            suite.groups.append(self._group(positions))
        suite.wait = self._wait()
        return suite

    # Who asks

    def _authorize(self) -> None:
        suite = self._suite
        values = [v for entry in self._entries for n, v in entry.headers if n.lower() == "authorization"]
        kind = values[0].partition(" ")[0].lower() if values else ""
        if self._auth is not None:
            suite.auth = self._auth
        elif kind in {"bearer", "basic"}:
            suite.auth = "bearer" if kind == "bearer" else "basic"
        elif values:
            suite.headers["Authorization"] = Variable(f"{suite.variable}_AUTHORIZATION")
        was_set: set[str] = set()
        for entry in self._entries:
            for name, value in entry.headers:
                if name.lower() != "cookie":
                    continue
                suite.cookies = True
                brought = {pair.partition("=")[0].strip() for pair in value.split(";")} - was_set
                if any(is_secret_name(one) or "sess" in one.lower() for one in brought):
                    suite.headers["Cookie"] = Variable(f"{suite.variable}_COOKIE")
            was_set |= {name for name, _ in entry.cookies_set}
        suite.cookies = suite.cookies or bool(was_set)
        if "Cookie" in suite.headers:
            suite.notes.append(
                f"the recording began with the cookie of a session: {suite.variable}_COOKIE has to hold such a field"
            )

    def _headers(self) -> None:
        """Header fields of one's own: those that always had the same value, and those with a secret."""
        found: dict[str, Counter[str]] = {}
        for entry in self._entries:
            for name, value in entry.headers:
                lower = name.lower()
                is_ours = lower.startswith("x-") or is_secret_name(name)
                if is_ours and lower not in {"cookie", "authorization"} and not lower.startswith(_TRACING):
                    found.setdefault(lower, Counter())[value] += 1
        for name, values in found.items():
            variable = next((v for value in values if (v := self._secrets.variable(name, value))), None)
            if variable is not None:
                self._suite.headers[_titled(name)] = variable
            elif len(values) == 1:
                self._suite.headers[_titled(name)] = next(iter(values))

    # What is asked

    def _operation(self, position: int, entry: Entry) -> Operation:
        path, values = self._path(position, entry)
        operation = Operation(
            name=snake(f"{entry.method} {re.sub(r'{.*?}', '', path)}"),
            method=entry.method,
            path=path,
            title=f"{entry.method} {path}",
            tags=(slug((words(re.sub(r"{.*?}", "", path)) or ["root"])[0]),),
            path_values=values,
            params=self._params(position, entry),
            body=self._body(position, entry),
        )
        kinds: dict[type, Expected] = {dict: "dict", list: "list"}
        is_read = entry.answer is not None and entry.method != "HEAD" and 200 <= entry.status < 300
        operation.answer = Answer(
            status=() if 200 <= entry.status < 300 or entry.status == 304 else (entry.status,),
            expect=kinds[type(entry.answer)] if is_read else "",
            sample=_shape(entry.answer) if entry.answer is not None else None,
            content_type=entry.answer_type or "text/plain",
        )
        if entry.status >= 400:
            self._suite.notes.append(f"{operation.title} was answered with {entry.status}, which is expected now")
        return operation

    def _path(self, position: int, entry: Entry) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {}
        parts = []
        for i, segment in enumerate(entry.segments):
            before = entry.segments[i - 1] if i else ""
            thing = singular((words(before) or ["value"])[-1])
            secret = self._secrets.variable("path", segment) if segment else None
            taken = None if secret else self._taken(position, segment, before, "id")
            if secret is None and taken is None and not (segment and _LOOKS_LIKE_ID.fullmatch(segment)):
                parts.append(segment.replace("{", "{{").replace("}", "}}").replace("/", "%2F"))
                continue
            name = unique(parameter(f"{thing}_id"), values)
            plain = int(segment) if segment.isdecimal() and str(int(segment)) == segment else segment
            values[name] = secret or taken or plain
            parts.append(f"{{{name}}}")
        return "/" + "/".join(parts), values

    def _params(self, position: int, entry: Entry) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in entry.query:
            given = self._secrets.variable(name, value) or self._taken(position, value, "", name) or value
            key = self._secrets.hidden(name)
            if key in found:
                held = found[key]
                found[key] = [*held, given] if isinstance(held, list) else [held, given]
            else:
                found[key] = given
        return found

    def _body(self, position: int, entry: Entry) -> Body | None:
        if entry.fields:
            files = [
                FilePart(name, f"upload{i}{Path(value[0]).suffix[:8]}", b"A file of a load test.\n", value[1])
                for i, (name, value) in enumerate(entry.fields, 1)
                if not isinstance(value, str)
            ]
            row = self._secrets.row({name: value for name, value in entry.fields if isinstance(value, str)})
            kind = "multipart" if entry.mime == "multipart/form-data" else "form"
            return Body("multipart" if kind == "multipart" else "form", [row], files=files)
        if entry.body is None:
            return None
        if isinstance(entry.body, str):
            hidden = self._secrets.hidden(entry.body)
            if hidden != entry.body:
                path = self._secrets.hidden(entry.url.path)
                self._suite.notes.append(f"{entry.method} {path}: a secret in its body is redacted")
            return Body("raw", [{"body": hidden}], entry.mime or "text/plain", whole=False)
        kind = "" if entry.mime == "application/json" else entry.mime
        if isinstance(entry.body, list):
            return Body("json", [{"body": self._secrets.row(entry.body)}], kind, whole=False)
        body = Body("json", [self._secrets.row(entry.body)], kind)
        for key, value in entry.body.items():
            is_id = isinstance(value, str | int) and not isinstance(value, bool) and set(words(key)[-1:]) & _ID_WORDS
            taken = self._taken(position, str(value), "", key) if is_id and not is_secret_name(key) else None
            if taken is not None:
                body.set[key] = taken
        return body

    # What comes from an earlier answer

    def _taken(self, position: int, value: str, before: str, name: str) -> Taken | None:
        """The value, where an earlier answer has it: the first one that does.

        Args:
            position: of the request that needs it.
            value: as text.
            before: the segment in front of it, in a path.
            name: what it is called, elsewhere.
        """
        if not value:
            return None
        for earlier, entry in enumerate(self._entries[:position]):
            if self._operations[earlier].answer.expect == "":
                continue
            for way, held in _scalars(entry.answer):
                if str(held) == value and _fits(value, way, entry, before, name):
                    return self._take(position, earlier, _first_of_list(entry.answer, way), before, name)
        return None

    def _take(self, position: int, earlier: int, way: Way, before: str, name: str) -> Taken:
        self._needs.setdefault(position, set()).add(earlier)
        key = earlier, way
        if key not in self._names:
            thing = f"{singular(words(before)[-1])}_id" if words(before) else name
            self._names[key] = unique(snake(thing, "id"), set(self._names.values()))
            self._operations[earlier].takes.append(Take(self._names[key], way))
        return Taken(self._names[key])

    # What belongs together

    def _pages(self) -> Iterator[list[int]]:
        """The positions of each page's requests; pages that take values from each other are one."""
        group_of: dict[int, int] = {}
        pages: dict[str, int] = {}
        for position, entry in enumerate(self._entries):
            group_of[position] = pages.setdefault(entry.page, len(pages))
        for position, earlier in self._needs.items():
            for one in earlier:
                kept, gone = sorted((group_of[one], group_of[position]))
                group_of = {p: kept if g == gone else g for p, g in group_of.items()}
        for group in dict.fromkeys(group_of.values()):
            yield [position for position in group_of if group_of[position] == group]

    def _group(self, positions: list[int]) -> Group:
        operations = [self._operations[position] for position in positions]
        names: set[str] = set()
        for operation in operations:
            operation.name = unique(operation.name, names)
            names.add(operation.name)
        first = re.sub(r"{.*?}", "", operations[0].path)
        taken = {group.name for group in self._suite.groups}
        entries = [self._entries[position] for position in positions]
        return Group(
            unique(f"{camel(first, 'Home')}Page", taken),
            f"What {operations[0].path} asks for",
            operations,
            _think(entries),
        )

    def _wait(self) -> tuple[float, float]:
        """Seconds between pages, as they were."""
        gaps = [
            min(after.start - before.end, _LONGEST_PAUSE)
            for before, after in zip(self._entries, self._entries[1:], strict=False)
            if before.page != after.page and after.start > before.end
        ]
        return _between(gaps) or (1, 3)


def _think(entries: list[Entry]) -> tuple[float, float] | None:
    gaps = []
    end = entries[0].end
    for entry in entries[1:]:
        gaps.append(min(max(0.0, entry.start - end), _LONGEST_PAUSE))
        end = max(end, entry.end)
    return _between(gaps)


def _between(gaps: list[float]) -> tuple[float, float] | None:
    """The middle half of pauses."""
    if not gaps:
        return None
    low, _, high = quantiles(gaps, n=4, method="inclusive") if len(gaps) > 1 else (gaps[0], gaps[0], gaps[0])
    if high < _SHORTEST_PAUSE:
        return None
    return round(low, 1), max(round(high, 1), 0.1)


def _scalars(value: Any, way: Way = ()) -> Iterator[tuple[Way, str | int]]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _scalars(held, (*way, str(key)))
    elif isinstance(value, list):
        for position, held in enumerate(value):
            yield from _scalars(held, (*way, position))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield way, value


def _fits(value: str, way: Way, entry: Entry, before: str, name: str) -> bool:
    """Whether a value in an answer is the one that is meant, and not by chance the same."""
    key = words(next((str(step) for step in reversed(way) if isinstance(step, str)), ""))
    if is_secret_name("_".join(key)) or not (set(key[-1:]) & _ID_WORDS or _LOOKS_LIKE_ID.fullmatch(value)):
        return False
    if len(value) >= _TELLING and not (value.isalpha() and len(value) < 2 * _TELLING):
        return True
    thing = words(before)[-1:] or words(name)[:-1][-1:]
    if not thing or not key:
        return False
    about = [words(segment)[-1:] for segment in entry.segments if segment]
    is_its_own = key[-1] in _ID_WORDS and len(key) == 1 and thing[0] in (about[-1] if about else [])
    return is_its_own or key[:-1][-1:] == [singular(thing[0])]


def _first_of_list(answer: Any, way: Way) -> Way:
    """The way to the first of a list, whichever was chosen when it was recorded: there may be fewer now."""
    first = tuple(0 if isinstance(step, int) else step for step in way)
    value = answer
    for step in first:
        if isinstance(value, dict) and step not in value:
            return way
        value = value[step]
    return first if isinstance(value, str | int) else way


def _shape(value: Any) -> Any:
    """An answer as the stub gives it: its form, without what was in it."""
    if isinstance(value, dict):
        return {key: _shape(held) for key, held in value.items() if not is_secret_name(key)}
    if isinstance(value, list):
        return [_shape(held) for held in value[:1]]
    if isinstance(value, str):
        return "text"
    return 1 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _titled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
