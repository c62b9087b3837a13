"""What the target remembers of the batch API: files, and batches that go through their states as time passes.

Nothing runs in the background: a batch's state is a function of the time since it was created. Its results are written
when somebody next asks for anything.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wireswarm.target.batch_lines import Problem, parse_lines, results, skipped

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
"""The states that a batch does not leave."""

_VALIDATED, _DONE = 0.1, 0.9
"""When validating and in_progress are over, in shares of a batch's time."""

_WINDOW = 24 * 3600


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, with its content."""

    id: str
    content: bytes = field(repr=False)
    filename: str
    purpose: str
    created: int

    def show(self) -> dict[str, object]:
        """The file object of the API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created,
            "expires_at": None,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class Files:
    """The files by identifier, in bounded memory: beyond `max_files` or `max_bytes` the oldest ones go."""

    def __init__(self, max_files: int, max_bytes: int) -> None:
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self.size = 0
        """Bytes of all contents."""

    def __len__(self) -> int:
        return len(self._files)

    def add(self, content: bytes, filename: str, purpose: str, now: float) -> StoredFile:
        """Keep a file."""
        file = StoredFile(f"file-{uuid.uuid4().hex[:24]}", content, filename, purpose, int(now))
        self._files[file.id] = file
        self.size += len(content)
        while len(self._files) > 1 and (len(self._files) > self._max_files or self.size > self._max_bytes):
            self.delete(next(iter(self._files)))
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """A file that is there."""
        return self._files.get(file_id)

    def delete(self, file_id: str) -> bool:
        """Forget a file; False where there is none."""
        file = self._files.pop(file_id, None)
        self.size -= len(file.content) if file else 0
        return file is not None

    def newest_first(self) -> Iterator[StoredFile]:
        """All files."""
        return reversed(self._files.values())

    def clear(self) -> None:
        """Forget all."""
        self._files.clear()
        self.size = 0


class Batch:
    """One batch: what was asked for, and when what became of it."""

    __slots__ = ("_cancelled", "_total", "created", "errors", "failed", "id", "output", "request", "seconds", "settled")

    def __init__(
        self, request: Mapping[str, Any], total: int, problems: list[Problem], now: float, time: float
    ) -> None:
        self.id = f"batch_{uuid.uuid4().hex[:24]}"
        self.request = request
        """`input_file_id`, `endpoint`, `completion_window` and `metadata`, as they came."""
        self.created = now
        self.seconds = time
        """How long it takes."""
        self.errors = problems
        self.failed = 0
        """Requests that have failed."""
        self.output: tuple[str | None, str | None] = (None, None)
        """The identifiers of output file and error file."""
        self.settled = False
        """Whether its results are written."""
        self._total = total
        self._cancelled: float | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it."""
        return self._cancelled is not None

    @property
    def ends(self) -> float:
        """When it will have ended, Unix seconds."""
        if self.errors:
            return self._at(_VALIDATED)
        return self._at(1.0) if self._cancelled is None else self._cancelled + self.seconds * _VALIDATED

    def status(self, now: float) -> str:
        """The state that it is in. It has not ended before its results are written."""
        if self.errors:
            return "failed" if now >= self.ends else "validating"
        if self._cancelled is not None:
            return "cancelled" if self.settled else "cancelling"
        if self.settled:
            return "completed"
        if now < self._at(_VALIDATED):
            return "validating"
        return "in_progress" if now < self._at(_DONE) else "finalizing"

    def cancel(self, now: float) -> bool:
        """Begin to cancel it; False where it has ended or is being cancelled already."""
        if self.errors or self._cancelled is not None or now >= self.ends:
            return False
        self._cancelled = now
        return True

    def done(self, now: float) -> int:
        """How many of its requests are done."""
        if self.errors:
            return 0
        worked = min(now, self._stopped) - self._at(_VALIDATED)
        whole = self.seconds * (_DONE - _VALIDATED)
        return self._total if worked >= whole else max(0, int(self._total * worked / whole))

    def show(self, now: float) -> dict[str, object]:
        """The batch object of the API."""
        status = self.status(now)
        done = self.done(now)
        moments = {
            "in_progress_at": None if self.errors or self._stopped < self._at(_VALIDATED) else self._at(_VALIDATED),
            "finalizing_at": None if self.errors or self._stopped < self._at(_DONE) else self._at(_DONE),
            "completed_at": self.ends if status == "completed" else None,
            "failed_at": self.ends if status == "failed" else None,
            "cancelling_at": self._cancelled,
            "cancelled_at": self.ends if status == "cancelled" else None,
            "expired_at": None,
        }
        problems = [{**problem._asdict(), "param": None} for problem in self.errors]
        return {
            "id": self.id,
            "object": "batch",
            **self.request,
            "status": status,
            "errors": {"object": "list", "data": problems} if problems and status == "failed" else None,
            "output_file_id": self.output[0],
            "error_file_id": self.output[1],
            "created_at": int(self.created),
            "expires_at": int(self.created) + _WINDOW,
            **{name: int(when) if when is not None and when <= now else None for name, when in moments.items()},
            "request_counts": {"total": self._total, "completed": done - self.failed, "failed": self.failed},
        }

    @property
    def _stopped(self) -> float:
        return self.ends if self._cancelled is None else self._cancelled

    def _at(self, share: float) -> float:
        return self.created + self.seconds * share


class Batches:
    """The batches by identifier, the newest `limit` of them; and the files that become of them."""

    def __init__(self, files: Files, limit: int, time: float, failing: float) -> None:
        """Begin without any.

        Args:
            files: where input files are found, and results are put.
            limit: batches that are kept.
            time: seconds that a batch takes.
            failing: share of the requests that fail.
        """
        self._files = files
        self._limit = limit
        self._time = time
        self._failing = failing
        self._batches: OrderedDict[str, Batch] = OrderedDict()
        # All batches take the same time, and so does cancelling them: each of the two is in the order of its ends.
        self._working: deque[Batch] = deque()
        self._cancelling: deque[Batch] = deque()

    def __len__(self) -> int:
        return len(self._batches)

    def create(self, request: Mapping[str, Any], file: StoredFile, now: float) -> Batch:
        """Begin a batch of the requests of a file."""
        lines, problems = parse_lines(file.content, request["endpoint"])
        batch = Batch(request, len(lines), problems, now, self._time)
        self._batches[batch.id] = batch
        self._working.append(batch)
        if len(self._batches) > self._limit:
            self._batches.popitem(last=False)[1].settled = True
        while self._working[0].settled:
            self._working.popleft()
        return batch

    def find(self, batch_id: str) -> Batch | None:
        """A batch that is known."""
        return self._batches.get(batch_id)

    def cancel(self, batch: Batch, now: float) -> bool:
        """Begin to cancel a batch; False where it cannot be cancelled any more."""
        if not batch.cancel(now):
            return False
        self._working.remove(batch)
        self._cancelling.append(batch)
        return True

    def newest_first(self) -> Iterator[Batch]:
        """All batches."""
        return reversed(self._batches.values())

    def settle(self, now: float) -> None:
        """Write the results of those that have ended in the meantime."""
        for queue in (self._cancelling, self._working):
            while queue and (queue[0].settled or queue[0].ends <= now):
                batch = queue.popleft()
                if not batch.settled:
                    self._write(batch, now)

    def clear(self) -> None:
        """Forget all."""
        self._batches.clear()
        self._working.clear()
        self._cancelling.clear()

    def _write(self, batch: Batch, now: float) -> None:
        batch.settled = True
        if batch.errors:
            return
        file = self._files.get(batch.request["input_file_id"])
        if file is None:
            if not batch.cancelled:
                batch.errors = [
                    Problem("file_not_found", "The input file was deleted before the batch was done.", None)
                ]
            return
        lines, _ = parse_lines(file.content, batch.request["endpoint"])
        done = batch.done(now)
        output, errors = results(batch.id, lines[:done], self._failing, int(batch.ends))
        batch.failed = len(errors)
        errors += skipped(batch.id, lines[done:])
        batch.output = self._keep(batch, "output", output, now), self._keep(batch, "error", errors, now)

    def _keep(self, batch: Batch, kind: str, lines: Sequence[bytes], now: float) -> str | None:
        if not lines:
            return None
        return self._files.add(b"".join(lines), f"{batch.id}_{kind}.jsonl", "batch_output", now).id
