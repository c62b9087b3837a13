"""What the target remembers of Lorax's sessions, and the files that they can load, in bounded memory."""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass, field

from wireswarm.target.listeners import Client
from wireswarm.target.recent import Recent

PROJECTS = {
    "1000Genomes": ("1kg_chr20.trees.tsz", "1kg_chr22.trees.tsz"),
    "HeliconiusButterflies": ("heliconius.trees", "melpomene.trees"),
    "SimulatedTrees": ("small.csv", "medium.trees", "large.trees"),
}
"""The files that there are without an upload."""

UPLOADS = "Uploads"
"""The project of a session's own files."""

MAX_UPLOADS = 100
"""Names of uploaded files that a session keeps; the oldest goes."""

_TREE = 1024
"""Bytes of one tree's layout; a quarter when sparse."""


class Trees:
    """A file's content, made up from its name: always the same, and nothing is kept of it."""

    def __init__(self, project: str, file: str) -> None:
        self._name = f"{project}/{file}"
        digits = random.Random(self._name)  # noqa: S311 - repeatable is what is wanted
        self.count = digits.randrange(20, 200)
        """Trees in it."""
        self.length = self.count * digits.randrange(1_000, 10_000)
        """Positions that they cover."""

    def config(self, project: str, file: str) -> dict[str, object]:
        """What a client learns when it is loaded."""
        step = self.length // self.count
        return {
            "filename": file,
            "project": project,
            "genome_length": self.length,
            "num_trees": self.count,
            "intervals": [index * step for index in range(self.count)],
            "initial_position": [0, min(self.length, 10 * step)],
        }

    def layout(self, indices: list[int], sparse: bool) -> bytes:
        """The layout of these trees, one after the other, of one size each."""
        size = _TREE // 4 if sparse else _TREE
        return b"".join(hashlib.shake_128(f"{self._name}:{index}".encode()).digest(size) for index in indices)


@dataclass(slots=True)
class Session:
    """One browser, as its cookie tells."""

    sid: str
    file: tuple[str, str] | None = None
    """Project and name of what was loaded last."""
    uploads: list[str] = field(default_factory=list)
    client: Client | None = None
    """Its one socket."""

    def upload(self, filename: str) -> None:
        """Remember an uploaded file, by its name alone."""
        if filename in self.uploads:
            self.uploads.remove(filename)
        self.uploads.append(filename)
        del self.uploads[:-MAX_UPLOADS]

    def has(self, project: str, file: str) -> bool:
        """Whether it could load that file."""
        return file in (self.uploads if project == UPLOADS else PROJECTS.get(project, ()))


class Sessions:
    """The sessions by identifier. Beyond `limit` the one that was idle for longest is forgotten."""

    def __init__(self, limit: int) -> None:
        self._sessions: Recent[str, Session] = Recent(limit)

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, sid: object) -> Session | None:
        """A session that is known."""
        return self._sessions.get(sid) if isinstance(sid, str) else None

    def create(self) -> Session:
        """A new one."""
        session = Session(str(uuid.uuid4()))
        self._sessions.put(session.sid, session)
        return session

    def reset(self) -> None:
        """Forget all."""
        self._sessions.clear()
