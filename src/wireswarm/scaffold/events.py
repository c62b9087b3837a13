"""Event lists: what a user of Socket.IO sends and gets, in a short file of our own format; see `docs/new.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from wireswarm.clients.sio_settings import take_transports
from wireswarm.durations import parse_duration
from wireswarm.errors import ConfigurationError
from wireswarm.scaffold.documents import Finder, read_document, shown
from wireswarm.scaffold.model import AuthKind, Event, Events, Push, Suite
from wireswarm.scaffold.naming import snake, unique
from wireswarm.thresholds.words import did_you_mean
from wireswarm.wire.socketio import RESERVED

WHAT: Final = "a list of Socket.IO events, in YAML, TOML or JSON"

_TOP: Final = ("host", "path", "transports", "namespace", "session", "auth", "events")
_EVENT: Final = ("emit", "on", "data", "ack", "reply", "namespace", "title", "weight", "timeout", "sent_at", "unit")
_UNITS: Final = ("s", "ms", "us", "ns")
_SESSION: Final = re.compile(r"(GET|POST|PUT) (/\S*)\Z")
_EVENTS_ALLOWED: Final = (
    "a list of tables, each with emit or on: [{emit: ping, reply: pong}, {on: price, sent_at: time}]"
)


def read_events(path: Path, name: str, *, auth: AuthKind | None = None) -> Suite:
    """The suite for a list of events.

    Args:
        path: the file.
        name: the suite's.
        auth: what the HTTP requests of a connection carry. What Socket.IO itself calls auth is in the file.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong; all that is.
    """
    document = read_document(path, WHAT)
    finder = Finder(path)
    if not isinstance(document, dict):
        finder.problem("the document", shown(document), f"a table with {', '.join(_TOP)}")
        finder.check()
    _known(document, _TOP, "the document", finder)
    reader = _Reader(document, finder)
    events = reader.read()
    finder.check()
    suite = Suite(name, f"{path.name} (Socket.IO)", kind="socketio", events=events, auth=auth or "none")
    suite.cookies = events.session is not None
    suite.host = str(document.get("host", suite.host))
    return suite


def _known(table: Mapping[str, Any], keys: tuple[str, ...], place: str, finder: Finder) -> None:
    for key in table:
        if key not in keys:
            finder.problem(place, f"an unknown key {shown(key)}{did_you_mean(key, keys)}", ", ".join(keys))


class _Reader:
    def __init__(self, document: Mapping[str, Any], finder: Finder) -> None:
        self._document = document
        self._finder = finder
        self._names: set[str] = set()

    def read(self) -> Events:
        document = self._document
        namespace = self._namespace(document, "namespace", "/")
        given = document.get("events")
        if not isinstance(given, list) or not given:
            found = shown(given) if "events" in document else "nothing"
            self._finder.problem("events", found if given != [] else "an empty list", _EVENTS_ALLOWED)
            given = []
        events, pushes = list[Event](), list[Push]()
        for number, entry in enumerate(given, 1):
            place = f"events[{number}]"
            if not isinstance(entry, dict):
                self._finder.problem(place, shown(entry), "a table such as {emit: ping, reply: pong}")
                continue
            _known(entry, _EVENT, place, self._finder)
            space = self._namespace(entry, f"{place}.namespace", namespace)
            if "on" in entry and "emit" not in entry:
                pushes.append(self._push(entry, place, space))
            else:
                events.append(replace(self._event(entry, place, space), namespace_named=space != namespace))
        if given and not events:
            self._finder.problem("events", "nothing that is sent", "one event with emit at least")
        return Events(
            events,
            pushes,
            tuple(dict.fromkeys([namespace, *(e.namespace for e in events), *(p.namespace for p in pushes)])),
            self._auth(),
            self._session(),
            self._transports(),
            self._path(),
        )

    def _event(self, entry: Mapping[str, Any], place: str, namespace: str) -> Event:
        event = self._text(entry, "emit", place)
        if event in RESERVED:
            self._finder.problem(f"{place}.emit", shown(event), "a name that Socket.IO does not use itself")
        reply = self._text(entry, "reply", place) if "reply" in entry else ""
        answer = entry.get("ack", False)
        if reply and answer is not False:
            self._finder.problem(place, "both ack and reply", "one of them")
        name = unique(snake(event, "event"), self._names)
        self._names.add(name)
        weight = entry.get("weight", 1)
        if not isinstance(weight, int) or isinstance(weight, bool) or weight < 1:
            self._finder.problem(f"{place}.weight", shown(weight), "a whole number from 1")
            weight = 1
        # `ack: true` is any acknowledgement; a table is what one looks like.
        keys = tuple(answer) if isinstance(answer, dict) else ()
        sample = {} if isinstance(answer, bool) else answer
        title = entry.get("title")
        return Event(
            name=name,
            event=event,
            title=title if isinstance(title, str) else "",
            namespace=namespace,
            data=entry.get("data"),
            has_data="data" in entry,
            acknowledged=answer is not False,
            keys=keys,
            reply=reply,
            sample=sample,
            weight=weight,
            timeout=self._seconds(entry, place),
        )

    def _push(self, entry: Mapping[str, Any], place: str, namespace: str) -> Push:
        sent_at, unit = entry.get("sent_at"), entry.get("unit", "s")
        if not isinstance(sent_at, str) or not sent_at:
            found = shown(sent_at) if "sent_at" in entry else "nothing"
            allowed = "the key of the time of its sending in its data; events without one are counted anyway"
            self._finder.problem(f"{place}.sent_at", found, allowed)
        if unit not in _UNITS:
            self._finder.problem(f"{place}.unit", shown(unit), ", ".join(_UNITS))
        return Push(namespace, self._text(entry, "on", place), str(sent_at), str(unit))

    def _text(self, entry: Mapping[str, Any], key: str, place: str) -> str:
        value = entry.get(key)
        if isinstance(value, str) and value:
            return value
        found = shown(value) if key in entry else "nothing"
        self._finder.problem(f"{place}.{key}", found, "the name of an event")
        return key

    def _seconds(self, entry: Mapping[str, Any], place: str) -> float | None:
        value = entry.get("timeout")
        if value is None:
            return None
        try:
            seconds = float(value) if isinstance(value, int | float) else parse_duration(str(value))
        except ValueError:
            seconds = 0.0
        if not seconds > 0:
            self._finder.problem(f"{place}.timeout", shown(value), 'seconds, or a duration such as "5s"')
        return seconds

    def _namespace(self, table: Mapping[str, Any], place: str, otherwise: str) -> str:
        value = table.get("namespace", otherwise)
        if isinstance(value, str) and value.startswith("/") and "," not in value:
            return value
        self._finder.problem(place, shown(value), "a namespace, which begins with / and has no comma")
        return otherwise

    def _auth(self) -> Mapping[str, Any] | None:
        value = self._document.get("auth")
        if value is None or isinstance(value, dict):
            return value
        self._finder.problem("auth", shown(value), "a table, such as {token: ${APP_TOKEN}}")
        return None

    def _session(self) -> tuple[str, str] | None:
        value = self._document.get("session")
        if value is None:
            return None
        match = _SESSION.match(value) if isinstance(value, str) else None
        if match is None:
            self._finder.problem("session", shown(value), 'a request that sets a cookie, such as "POST /login"')
            return None
        return match[1], match[2]

    def _transports(self) -> str:
        value = self._document.get("transports", "websocket")
        try:
            return ",".join(take_transports(value if isinstance(value, str) else [str(one) for one in value]))
        except (ConfigurationError, TypeError):
            allowed = "websocket, polling, or polling,websocket for an upgrade"
            self._finder.problem("transports", shown(value), allowed)
            return "websocket"

    def _path(self) -> str:
        value = self._document.get("path", "")
        if isinstance(value, str) and (not value or value.startswith("/")):
            return value
        self._finder.problem("path", shown(value), "a path, such as /socket.io")
        return ""
