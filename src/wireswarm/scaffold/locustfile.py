"""The locustfile of a suite that speaks HTTP: JSON, forms and uploads, or protobuf."""

from __future__ import annotations

from typing import Any, Final

from wireswarm.scaffold.code import Expression, call, docstring, lines, literal
from wireswarm.scaffold.model import Body, Group, Operation, Suite, Take, Taken, Variable, has_placeholder
from wireswarm.scaffold.naming import camel
from wireswarm.scaffold.parts import auth_names, finished, head, marks, named, preamble, user_head

_CALLS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def write_locustfile(suite: Suite) -> str:
    """The source of the suite's locustfile."""
    user = f"{camel(suite.name)}User"
    writer = _Writer(suite, user)
    body = writer.user()
    ours = {writer.base, *auth_names(suite)} | ({"Flow", "step"} if suite.groups else set())
    ours |= {"DataFile"} if any(operation.body for operation in suite.operations) else set()
    ours |= {writer.client} if writer.declares_client else set()
    locust = {"between", "task"} | ({"tag"} if any(operation.tags for operation in suite.operations) else set())
    return finished([*head(suite), *preamble(suite, writer.needed, locust=locust, ours=ours), *body])


class _Writer:
    def __init__(self, suite: Suite, user: str) -> None:
        self._suite = suite
        self._user = user
        self.needed: set[str] = {"settings"} if suite.variables else set()
        is_binary = suite.kind == "protobuf"
        self.base = "ProtobufUser" if is_binary else "RestUser"
        self.client = "ProtobufClient" if is_binary else "RestClient"
        self.declares_client = bool(suite.headers or suite.cookies)

    def user(self) -> list[str]:
        suite = self._suite
        found = user_head(suite, self._user, self.base)
        if self.declares_client:
            headers = literal(suite.headers) if suite.headers else None
            client = call(self.client, cookies="True" if suite.cookies else None, headers=headers)
            found += lines(4, "client = ", client)
        for operation in suite.tasks:
            found += self._rows(operation, 4)
        for group in suite.groups:
            found += ["", *self._flow(group)]
        for operation in suite.tasks:
            title = docstring(operation.title, f"{operation.method} {operation.path}")
            found += ["", *marks(operation.tags, 4), f"    def {operation.name}(self) -> None:", f"        {title}"]
            found += self._request(operation, "self.client")
        return found

    def _rows(self, operation: Operation, indent: int) -> list[str]:
        body = operation.body
        if body is None:
            return []
        message = self._message(body.message) if body.message else None
        data = call("DataFile", literal(f"data/{data_name(self._suite, operation)}"), message=message)
        return lines(indent, f"{operation.name}_rows = ", data)

    def _flow(self, group: Group) -> list[str]:
        found = [
            *marks(group.tags, 4),
            f'    class {group.name}(Flow["{self._user}"]):',
            f"        {docstring(group.title, named(self._suite))}",
            "",
        ]
        if group.think is not None:
            found += [f"        think_time = between({literal(group.think[0])}, {literal(group.think[1])})"]
        rows = [line for operation in group.operations for line in self._rows(operation, 8)]
        found += rows
        if rows or group.think is not None:
            found.append("")
        steps = [operation for operation in group.operations if not operation.cleans_up]
        cleanups = [operation for operation in group.operations if operation.cleans_up]
        for operation in [*steps, *cleanups]:
            title = docstring(operation.title, f"{operation.method} {operation.path}")
            found += [] if operation.cleans_up else ["        @step"]
            found += [f"        def {operation.name}(self) -> None:", f"            {title}"]
            found += [*self._request(operation, "self.user.client", indent=12), *self._cleanups(group, operation), ""]
        return found[:-1]

    def _cleanups(self, group: Group, operation: Operation) -> list[str]:
        """The clean-ups of what a step has created: those that follow it."""
        position = next(i for i, one in enumerate(group.operations) if one is operation)
        found = []
        for following in group.operations[position + 1 :]:
            if not following.cleans_up or operation.cleans_up:
                break
            found.append(f"            self.defer(self.{following.name})")
        return found

    def _request(self, operation: Operation, client: str, indent: int = 8) -> list[str]:
        is_named = operation.method in _CALLS
        function = f"{client}.{operation.method.lower()}" if is_named else f"{client}.request"
        arguments: list[Expression] = [] if is_named else [literal(operation.method)]
        arguments.append(literal(operation.path))
        body = operation.body
        if body is not None and body.kind == "message":
            arguments.append(f"self.{operation.name}_rows.as_message({self._message(body.message)})")
        request = call(
            function,
            *arguments,
            path=_table(operation.path_values),
            params=_query(operation.params),
            headers=_table(operation.headers),
            **self._sent(operation, body),
            status=self._status(operation.answer.status),
            expect=self._expected(operation),
            check=self._check(operation),
        )
        found = lines(indent, "answer = " if operation.takes else "", request)
        for take in operation.takes:
            found += lines(indent, f"self.{take.name} = ", "answer" + "".join(f"[{flat_key(k)}]" for k in take.way))
        return found

    def _sent(self, operation: Operation, body: Body | None) -> dict[str, Expression]:
        if body is None or body.kind == "message":
            return {}
        row: str = f"next(self.{operation.name}_rows)"
        if has_placeholder(body.rows):
            self.needed.add("filled")
            row = f"filled({row})"
        if not body.whole:
            row += '["body"]'
        kind = {"content_type": literal(body.content_type)} if body.content_type else {}
        if body.kind == "json":
            return {"json": _with(row, body.set), **kind}
        if body.kind == "raw":
            return {"data": row, **kind}
        found: dict[str, Expression] = {"data": row}
        if body.files:
            found["files"] = literal(
                {file.field: (file.filename, file.content, file.content_type) for file in body.files}
            )
        return found

    def _status(self, status: tuple[int, ...]) -> Expression | None:
        if not status:
            return None
        return str(status[0]) if len(status) == 1 else "{" + ", ".join(map(str, status)) + "}"

    def _expected(self, operation: Operation) -> Expression | None:
        if self._suite.kind == "protobuf":
            return self._message(operation.answer.message) if operation.answer.message else None
        return operation.answer.expect or None

    def _check(self, operation: Operation) -> Expression | None:
        answer = operation.answer
        if self._suite.kind == "protobuf" or not answer.expect:
            return None
        deep = [take.way for take in operation.takes if len(take.way) > 1]
        keys = list(dict.fromkeys([*(way[0] for way in map(_way, operation.takes) if len(way) == 1), *answer.keys]))
        if answer.message and not operation.takes:
            self.needed.add("holds")
            return call("holds", self._message(answer.message))
        if not keys and not deep:
            return None
        self.needed.add("has")
        return call("has", *(literal(one) for one in [*keys, *deep]))

    def _message(self, name: str) -> str:
        self.needed.add("pb")
        return self._suite.messages[name]


def data_name(suite: Suite, operation: Operation) -> str:
    """The name of the data file of a request, below `data/`: one of its own."""
    same = [one for one in suite.operations if one.body is not None and one.name == operation.name]
    number = next((i for i, one in enumerate(same) if one is operation), 0)
    return f"{operation.name}{f'_{number + 1}' if number else ''}.jsonl"


def flat_key(key: str | int) -> str:
    """A key in square brackets."""
    found = literal(key)
    return found if isinstance(found, str) else ""


def _way(take: Take) -> tuple[str | int, ...]:
    return take.way


def _table(values: dict[str, Any]) -> Expression | None:
    return literal(values) if values else None


def _query(values: dict[str, Any]) -> Expression | None:
    """Query parameters; of several types all as text, so that type checkers see one."""
    plain = [value for value in values.values() if not isinstance(value, Taken | Variable | list)]
    if len({type(value) for value in plain}) > 1:
        values = {key: _as_text(value) for key, value in values.items()}
    return _table(values)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _with(row: str, changed: dict[str, Any]) -> Expression:
    if not changed:
        return row
    written = literal(changed)
    assert not isinstance(written, str)  # noqa: S101 - of a dictionary
    return type(written)(written.head, (("**", row), *written.items), written.tail)
