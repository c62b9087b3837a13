"""The locustfile of a suite that speaks Socket.IO."""

from __future__ import annotations

from typing import Any

from wireswarm.scaffold.code import Expression, call, docstring, lines, literal
from wireswarm.scaffold.model import Event, Events, Suite, Variable, has_placeholder, is_placeholder
from wireswarm.scaffold.naming import camel
from wireswarm.scaffold.parts import auth_names, finished, head, marks, preamble, user_head


def write_socketfile(suite: Suite, events: Events) -> str:
    """The source of the suite's locustfile."""
    has_rows = any(isinstance(event.data, dict) for event in events.events)
    needed = {"settings"} if suite.variables else set[str]()
    needed |= {"filled"} if suite.variables and any(has_placeholder(event.data) for event in events.events) else set()
    needed |= {"has"} if any(event.keys for event in events.events) else set()
    ours = {"SocketIOClient", "SocketIOUser", *auth_names(suite)}
    ours |= {"RestClient"} if events.session else set()
    ours |= {"DataFile"} if has_rows else set()
    found = [*head(suite), *preamble(suite, needed, locust={"between", "tag", "task"}, ours=ours)]
    found += [*user_head(suite, f"{camel(suite.name)}User", "SocketIOUser"), *_clients(suite, events), ""]
    found += _on_start(events)
    for event in events.events:
        found += ["", *_task(event)]
    return finished(found)


def _clients(suite: Suite, events: Events) -> list[str]:
    namespace = events.namespaces[0]
    client = call(
        "SocketIOClient",
        *([literal(namespace)] if namespace != "/" else []),
        socketio_path=literal(events.path.strip("/")) if events.path else None,
        transports=literal(events.transports) if events.transports != "websocket" else None,
        cookies="True" if suite.cookies else None,
        reconnect="True",
    )
    found = lines(4, "client = ", client)
    if events.session:
        found += lines(4, "http = ", call("RestClient", cookies="True"))
    for event in events.events:
        if isinstance(event.data, dict):
            found += lines(4, f"{event.name}_rows = ", call("DataFile", literal(f"data/{event.name}.jsonl")))
    return found


def _on_start(events: Events) -> list[str]:
    begin = "Begin a session, and connect." if events.session else "Connect."
    found = ["    def on_start(self) -> None:", f'        """{begin}"""']
    if events.session:
        method, path = events.session
        found += lines(8, "", call(f"self.http.{method.lower()}", literal(path)))
    for push in events.pushes:
        sent_at = f"lambda data: data[{_text(push.sent_at)}]"
        unit = literal(push.unit) if push.unit != "s" else None
        space = literal(push.namespace) if push.namespace != events.namespaces[0] else None
        found += lines(8, "", call("self.client.on_push", literal(push.event), sent_at, unit=unit, namespace=space))
    given: list[Expression] = []
    if len(events.namespaces) > 1:
        given.append(literal(list(events.namespaces)))
    auth = literal(_known(events.auth)) if events.auth is not None else None
    return [*found, *lines(8, "", call("self.client.connect", *given, auth=auth))]


def _task(event: Event) -> list[str]:
    title = docstring(event.title, f"Send {event.event}" + (f", and wait for {event.reply}" if event.reply else ""))
    function = "emit_and_wait" if event.reply else "call" if event.acknowledged else "emit"
    is_answered = function != "emit"
    request = call(
        f"self.client.{function}",
        literal(event.event),
        *_data(event),
        reply=literal(event.reply) if event.reply else None,
        check=call("has", *map(literal, event.keys)) if event.keys and is_answered else None,
        timeout=literal(event.timeout) if event.timeout is not None and is_answered else None,
        namespace=literal(event.namespace) if event.namespace_named else None,
    )
    heading = [*marks((event.tag,), 4, weight=event.weight), f"    def {event.name}(self) -> None:", f"        {title}"]
    return [*heading, *lines(8, "", request)]


def _data(event: Event) -> list[Expression]:
    if not event.has_data:
        return []
    if not isinstance(event.data, dict):
        return [literal(_known(event.data))]
    row = f"next(self.{event.name}_rows)"
    return [f"filled({row})" if has_placeholder(event.data) else row]


def _known(value: Any) -> Any:
    """A value for code: `${NAME}` is the variable."""
    if isinstance(value, dict):
        return {key: _known(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_known(held) for held in value]
    return Variable(value[2:-1]) if is_placeholder(value) else value


def _text(key: str) -> str:
    written = literal(key)
    return written if isinstance(written, str) else ""
