"""The requests of a HAR recording that are worth repeating. Source: http://www.softwareishard.com/blog/har-12-spec/."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from wireswarm.scaffold.documents import Finder, read_document, shown

WHAT: Final = "a HAR recording (JSON), as browsers and proxies save one"

_METHODS: Final = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
_STATIC_KINDS: Final = {"stylesheet", "image", "font", "media", "script", "manifest", "texttrack", "ping", "preflight"}
_STATIC_TYPES: Final = ("image/", "font/", "audio/", "video/", "text/css", "application/wasm", "application/font")
_STATIC_ENDINGS: Final = re.compile(
    r".*\.(m?js|css|map|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|otf|eot|mp3|mp4|webm)", re.IGNORECASE
)


@dataclass
class Entry:
    """One request as it was recorded."""

    number: int
    page: str
    start: float
    """Seconds since 1970."""
    end: float
    method: str
    url: SplitResult
    headers: list[tuple[str, str]]
    query: list[tuple[str, str]]
    mime: str
    """Of the request's body."""
    body: Any
    """A JSON document, or text; None for none."""
    fields: list[tuple[str, Any]]
    """Of a form; a value that is no text is an upload: its file's name and type."""
    status: int
    cookies_set: list[tuple[str, str]]
    answer: Any = None
    """The response's JSON."""
    answer_type: str = ""
    segments: list[str] = field(default_factory=list)
    """Of the path, decoded."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, without who asks."""
        return f"{self.url.scheme}://{self.url.netloc.rpartition('@')[2]}".lower()


def read_entries(path: Path, *, keep_static: bool) -> tuple[list[Entry], list[str]]:
    """The requests to the main host, in the order in which they were sent, and what was left out.

    Args:
        path: the recording.
        keep_static: whether scripts, images and the like stay.

    Raises:
        ConfigurationError: it cannot be read, or is no recording with such a request; all that is wrong.
    """
    document = read_document(path, WHAT)
    finder = Finder(path)
    log = document.get("log") if isinstance(document, dict) else None
    given = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(given, list):
        finder.problem("log.entries", "nothing" if given is None else shown(given), f"a list, in {WHAT}")
        finder.check()
    entries = []
    for number, one in enumerate(given or []):
        entry = _entry(number, one, finder)
        if entry is not None:
            entries.append(entry)
    finder.check()
    entries.sort(key=lambda entry: (entry.start, entry.number))
    kept, notes = _worth_repeating(entries, given or [], keep_static=keep_static)
    if not kept:
        found = f"{len(entries)} requests, none of them worth repeating" if entries else "no request"
        finder.problem("log.entries", found, "one that is not for a script, an image and the like at least")
        finder.check()
    return kept, notes


def _worth_repeating(entries: list[Entry], given: list[Any], *, keep_static: bool) -> tuple[list[Entry], list[str]]:
    dropped: Counter[str] = Counter()
    kept = []
    for entry in entries:
        reason = _reason(entry, given[entry.number], keep_static=keep_static)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(entry)
    origins = Counter(entry.origin for entry in kept)
    main = max(origins, key=lambda origin: origins[origin]) if origins else ""
    for origin, count in origins.items():
        if origin != main:
            dropped[f"to another host, {origin}"] += count
    notes = [f"{count} {'request' if count == 1 else 'requests'} left out: {why}" for why, count in dropped.items()]
    return [entry for entry in kept if entry.origin == main], notes


def _reason(entry: Entry, given: Mapping[str, Any], *, keep_static: bool) -> str:
    kind = str(given.get("_resourceType", "")).lower()
    if kind == "websocket" or entry.url.scheme not in {"http", "https"}:
        return "no HTTP"
    if entry.status == 0:
        return "without an answer"
    if entry.method not in _METHODS or kind == "preflight":
        return "browsers' own (OPTIONS and the like)"
    if entry.status >= 500:
        return "failed on the server when recorded (5xx)"
    if entry.body is None and entry.mime and entry.mime not in _FORMS and entry.method in {"POST", "PUT", "PATCH"}:
        return f"a body that is not in the recording, or is binary ({entry.mime})"
    if keep_static:
        return ""
    is_script = "javascript" in entry.answer_type
    is_static = kind in _STATIC_KINDS or is_script or entry.answer_type.startswith(_STATIC_TYPES)
    has_ending = entry.method in {"GET", "HEAD"} and bool(_STATIC_ENDINGS.fullmatch(entry.url.path))
    return "for scripts, styles, images and the like (--static keeps them)" if is_static or has_ending else ""


_FORMS: Final = {"application/x-www-form-urlencoded", "multipart/form-data"}


def _entry(number: int, given: Any, finder: Finder) -> Entry | None:
    place = f"log.entries[{number}]"
    request, response = _dict(_dict(given).get("request")), _dict(_dict(given).get("response"))
    url, method = request.get("url"), request.get("method")
    if not isinstance(url, str) or not isinstance(method, str):
        finder.problem(f"{place}.request", "no method and url", "a request with both")
        return None
    try:
        start = datetime.fromisoformat(str(_dict(given).get("startedDateTime"))).timestamp()
    except ValueError:
        finder.problem(f"{place}.startedDateTime", shown(_dict(given).get("startedDateTime")), "a time as in ISO 8601")
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - is checked when it is read
    except ValueError:
        finder.problem(f"{place}.request.url", "an address that is none", "an address")
        return None
    took = _dict(given).get("time")
    status = response.get("status")
    content = _dict(response.get("content"))
    mime, body, fields = _posted(_dict(request.get("postData")))
    kind = str(content.get("mimeType", "")).partition(";")[0].strip().lower()
    return Entry(
        number=number,
        page=str(_dict(given).get("pageref", "")),
        start=start,
        end=start + (took / 1000 if isinstance(took, int | float) and took > 0 else 0),
        method=method.upper(),
        url=parts,
        headers=list(_pairs(request.get("headers"))),
        query=parse_qsl(parts.query, keep_blank_values=True),
        mime=mime,
        body=body,
        fields=fields,
        status=status if isinstance(status, int) else 0,
        cookies_set=list(_set_cookies(response)),
        answer=_json(_text(content)) if "json" in kind else None,
        answer_type=kind,
        segments=[unquote(segment) for segment in parts.path.split("/")[1:]],
    )


def _posted(data: Mapping[str, Any]) -> tuple[str, Any, list[tuple[str, Any]]]:
    mime = str(data.get("mimeType", "")).partition(";")[0].strip().lower()
    text = data.get("text")
    if mime in _FORMS:
        fields: list[tuple[str, Any]] = []
        for one in data.get("params") or []:
            name, value = str(_dict(one).get("name", "")), _dict(one).get("value", "")
            file = _dict(one).get("fileName")
            kind = str(_dict(one).get("contentType") or "application/octet-stream")
            fields.append((name, (str(file), kind) if file else str(value)))
        if not fields and mime != "multipart/form-data" and isinstance(text, str):
            fields = list(parse_qsl(text, keep_blank_values=True))
        elif fields and mime != "multipart/form-data" and not data.get("text"):
            fields = [(unquote(name), unquote(value) if isinstance(value, str) else value) for name, value in fields]
        return mime, None, fields
    if not isinstance(text, str) or not text or data.get("encoding"):
        return mime, None, []
    document = _json(text) if "json" in mime or text[:1] in "{[" else None
    return mime, text if document is None else document, []


def _text(content: Mapping[str, Any]) -> str:
    text = content.get("text")
    if not isinstance(text, str):
        return ""
    if content.get("encoding") == "base64":
        with suppress(ValueError):
            return b64decode(text).decode("utf-8", "replace")
    return text


def _json(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        return found if isinstance(found, dict | list) else None
    return None


def _set_cookies(response: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in _pairs(response.get("headers")):
        if name.lower() == "set-cookie":
            for line in value.splitlines():
                key, _, rest = line.partition("=")
                yield key.strip(), rest.partition(";")[0].strip()
    yield from _pairs(response.get("cookies"))


def _pairs(given: Any) -> Iterator[tuple[str, str]]:
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("value"), str):
            yield one["name"], one["value"]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
