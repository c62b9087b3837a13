"""What every source of a suite is read into, and every file of it is written from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

AuthKind: TypeAlias = Literal["none", "bearer", "basic"]
BodyKind: TypeAlias = Literal["json", "form", "multipart", "message", "raw"]
Expected: TypeAlias = Literal["", "dict", "list", "object"]


@dataclass(frozen=True)
class Taken:
    """A value that a flow has taken from an earlier answer."""

    name: str
    """The flow's attribute."""


@dataclass(frozen=True)
class Variable:
    """A value that is in no file, but in the environment."""

    name: str


@dataclass(frozen=True)
class Take:
    """What a flow keeps of an answer."""

    name: str
    """The flow's attribute."""
    way: tuple[str | int, ...]
    """Keys and positions that lead to it in the answer's JSON."""


@dataclass(frozen=True)
class FilePart:
    """An upload in a multipart form."""

    field: str
    filename: str
    content: bytes
    content_type: str


@dataclass
class Body:
    """What a request carries: rows of a data file, in turn."""

    kind: BodyKind
    rows: list[dict[str, Any]]
    """For `raw` and documents that are no objects, with the body itself under the key `body`."""
    content_type: str = ""
    """Where it is another one than the kind's own."""
    message: str = ""
    """The full name of the protobuf message that each row is."""
    whole: bool = True
    """False where a row holds the body under the key `body`."""
    set: dict[str, Any] = field(default_factory=dict)
    """Keys that are replaced in each row, by values that are known when the flow is under way."""
    files: list[FilePart] = field(default_factory=list)


@dataclass
class Answer:
    """What a right answer is."""

    status: tuple[int, ...] = ()
    """None for any 2xx."""
    expect: Expected = ""
    """The JSON that it has to be."""
    keys: tuple[str, ...] = ()
    """What has to be in it."""
    message: str = ""
    """The full name of the protobuf message that it is, in binary or, with `expect`, in JSON."""
    sample: Any = None
    """One, as JSON; for the stub."""
    content_type: str = "application/json"


@dataclass
class Operation:
    """One request."""

    name: str
    """Of the method in Python."""
    method: str
    path: str
    """A template."""
    title: str
    tags: tuple[str, ...] = ()
    path_values: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    body: Body | None = None
    answer: Answer = field(default_factory=Answer)
    takes: list[Take] = field(default_factory=list)
    cleans_up: bool = False
    """Whether it is done when the flow ends, however that ends, and not as a step."""


@dataclass
class Group:
    """Requests in order: a flow."""

    name: str
    """Of the class in Python."""
    title: str
    operations: list[Operation]
    think: tuple[float, float] | None = None
    """Seconds between steps, least and most."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of all its requests."""
        return tuple(dict.fromkeys(tag for operation in self.operations for tag in operation.tags))


@dataclass(frozen=True)
class Event:
    """One event that a user of Socket.IO sends."""

    name: str
    """Of the method in Python."""
    event: str
    title: str
    namespace: str
    data: Any = None
    has_data: bool = False
    acknowledged: bool = False
    keys: tuple[str, ...] = ()
    """What has to be in the acknowledgement, or in the answering event."""
    reply: str = ""
    """The event that answers it."""
    sample: Any = None
    """An acknowledgement, or the data of the answering event; for the stub."""
    weight: int = 1
    timeout: float | None = None
    namespace_named: bool = False
    """Whether its namespace is another one than the client's."""

    @property
    def tag(self) -> str:
        """The tag of its task."""
        return self.name.replace("_", "-")


class Push(NamedTuple):
    """An event that the server sends by itself, with the time of its sending in it."""

    namespace: str
    event: str
    sent_at: str
    """The key of that time in its data."""
    unit: str


@dataclass
class Events:
    """What a user of Socket.IO does."""

    events: list[Event]
    pushes: list[Push] = field(default_factory=list)
    namespaces: tuple[str, ...] = ("/",)
    auth: Mapping[str, Any] | None = None
    session: tuple[str, str] | None = None
    """Method and path of the request that begins a session, whose cookie the socket needs."""
    transports: str = "websocket"
    path: str = ""


@dataclass
class Suite:
    """Everything that is known of the suite to write."""

    name: str
    """In snake case."""
    source: str
    """What it was made from, in words."""
    kind: Literal["rest", "protobuf", "socketio"] = "rest"
    host: str = "http://localhost:8000"
    groups: list[Group] = field(default_factory=list)
    tasks: list[Operation] = field(default_factory=list)
    events: Events | None = None
    auth: AuthKind = "none"
    headers: dict[str, Any] = field(default_factory=dict)
    """Sent with every request."""
    content_type: str = ""
    cookies: bool = False
    wait: tuple[float, float] = (1, 3)
    """Seconds between tasks, least and most."""
    protos: dict[str, str] = field(default_factory=dict)
    """The `.proto` files by their names below `proto/`."""
    messages: dict[str, str] = field(default_factory=dict)
    """How protobuf messages are written in Python, by full name."""
    proto_roots: tuple[str, ...] = ()
    """Those of them that were asked for."""
    notes: list[str] = field(default_factory=list)
    """What was left out, and why."""

    @property
    def operations(self) -> Iterator[Operation]:
        """All requests."""
        for group in self.groups:
            yield from group.operations
        yield from self.tasks

    @property
    def variable(self) -> str:
        """How its own environment variables begin."""
        return self.name.upper()

    @property
    def credentials(self) -> list[str]:
        """The environment variables of `auth`."""
        names = {"bearer": ["TOKEN"], "basic": ["USER", "PASSWORD"], "none": []}[self.auth]
        return [f"{self.variable}_{name}" for name in names]

    @property
    def variables(self) -> list[str]:
        """The environment variables that requests need beside those, in order."""
        held: list[Any] = [self.headers, *(vars(operation) for operation in self.operations)]
        if self.events is not None:
            held += [self.events.auth, *(event.data for event in self.events.events)]
        return sorted({name for name in _variables(held) if name not in self.credentials})


_PLACEHOLDER: Final = re.compile(r"\$\{[A-Z_][A-Z0-9_]*\}")
PLACEHOLDER: Final = "${%s}"
"""How a row of a data file says that a value is in an environment variable."""


def is_placeholder(value: Any) -> bool:
    """Whether a value says that it is in an environment variable."""
    return isinstance(value, str) and _PLACEHOLDER.fullmatch(value) is not None


def has_placeholder(value: Any) -> bool:
    """Whether there is one in a value."""
    if isinstance(value, Mapping):
        return any(map(has_placeholder, value.values()))
    return any(map(has_placeholder, value)) if isinstance(value, list) else is_placeholder(value)


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, Variable):
        yield value.name
    elif isinstance(value, str):
        if is_placeholder(value):
            yield value[2:-1]
    elif isinstance(value, Mapping):
        for held in value.values():
            yield from _variables(held)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _variables(held)
    elif isinstance(value, Body):
        yield from _variables([value.rows, value.set])
