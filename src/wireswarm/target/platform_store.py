"""What the target remembers of the platform: workspaces with workflows, their executions, and documents."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

FIRST = "ws-first"
"""The workspace that is there from the beginning, so that there is something to read before anything was written."""

_MOST_WORDS = 20
"""Words of a query that are looked for."""
_LOOKED_AT = 1_000
"""Documents of a workspace that a search looks at, the newest."""


@dataclass(slots=True)
class Execution:
    """One run of a workflow."""

    id: str
    started: float


@dataclass(slots=True)
class Workflow:
    """Steps that can be executed."""

    id: str
    name: str
    steps: tuple[str, ...]
    created: float
    executions: dict[str, Execution] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """Something to be found."""

    id: str
    title: str
    content: str

    def fits(self, words: Iterable[str]) -> bool:
        """Whether any of the words, in lower case, is in it."""
        text = f"{self.title} {self.content}".lower()
        return any(word in text for word in words)


@dataclass(slots=True)
class Workspace:
    """What belongs together."""

    id: str
    name: str
    created: float
    workflows: dict[str, Workflow] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)

    def search(self, query: str, limit: int) -> list[Document]:
        """The newest documents with any word of the query in them; all where it has none."""
        words = query.lower().split()[:_MOST_WORDS] or [""]
        newest = islice(reversed(self.documents.values()), _LOOKED_AT)
        return list(islice((document for document in newest if document.fits(words)), limit))


class Shelf(Generic[T]):
    """Puts things of one kind among their siblings, and takes the oldest of all away where there are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order: deque[tuple[dict[str, T], str]] = deque()

    def __len__(self) -> int:
        return len(self._order)

    def put(self, siblings: dict[str, T], key: str, value: T) -> T:
        """Add one to its siblings."""
        siblings[key] = value
        self._order.append((siblings, key))
        if len(self._order) > self._limit:
            others, oldest = self._order.popleft()
            others.pop(oldest, None)
        return value


class Platform:
    """All workspaces, the newest of everything."""

    def __init__(self, limit: int, now: float) -> None:
        """Begin with one workspace.

        Args:
            limit: workspaces, workflows, executions and documents that are kept, each.
            now: Unix seconds.
        """
        self._workspaces: dict[str, Workspace] = {}
        self._shelf = Shelf[Workspace](limit)
        self._workflows = Shelf[Workflow](limit)
        self._executions = Shelf[Execution](limit)
        self._documents = Shelf[Document](limit)
        # Not on the shelf: it stays.
        first = self._first = Workspace(FIRST, "First workspace", now)
        workflow = first.workflows["wf-first"] = Workflow("wf-first", "First workflow", ("validation",), now)
        workflow.executions["ex-first"] = Execution("ex-first", now)
        first.documents["doc-first"] = Document("doc-first", "First steps", "How to begin with a workspace.")

    def __len__(self) -> int:
        return len(self._shelf) + len(self._workflows) + len(self._executions) + len(self._documents)

    def workspaces(self) -> Iterator[Workspace]:
        """All workspaces, the newest first."""
        yield from reversed(self._workspaces.values())
        yield self._first

    def workspace(self, key: str) -> Workspace | None:
        """A workspace that is known."""
        return self._first if key == FIRST else self._workspaces.get(key)

    def add_workspace(self, name: str, now: float) -> Workspace:
        """A new workspace."""
        key = _new("ws")
        return self._shelf.put(self._workspaces, key, Workspace(key, name, now))

    def add_workflow(self, workspace: Workspace, name: str, steps: tuple[str, ...], now: float) -> Workflow:
        """A new workflow in a workspace."""
        key = _new("wf")
        return self._workflows.put(workspace.workflows, key, Workflow(key, name, steps, now))

    def execute(self, workflow: Workflow, now: float) -> Execution:
        """Begin to execute a workflow."""
        key = _new("ex")
        return self._executions.put(workflow.executions, key, Execution(key, now))

    def add_document(self, workspace: Workspace, title: str, content: str) -> Document:
        """A new document in a workspace."""
        key = _new("doc")
        return self._documents.put(workspace.documents, key, Document(key, title, content))


def _new(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:16]}"
