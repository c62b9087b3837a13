"""The file of `--samples`: its name on each worker, and how bytes get into it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Final

SUFFIXES: Final = (".jsonl", ".jsonl.gz")

_LEVEL: Final = 1  # the fastest


def worker_path(path: Path, index: int | None) -> Path:
    """One worker's file: `out.jsonl.gz` is `out-w3.jsonl.gz` on worker 3, and itself where there are no workers."""
    if index is None:
        return path
    suffix = next((suffix for suffix in reversed(SUFFIXES) if path.name.endswith(suffix)), "")
    return path.with_name(f"{path.name.removesuffix(suffix)}-w{index}{suffix}")


def problems_of(text: str) -> list[str]:
    """What speaks against writing to a file of that name; nothing is created."""
    path = Path(text)
    if not path.name.endswith(SUFFIXES) or path.name in SUFFIXES:
        return [f"--samples: found {text!r}; allowed: a file name that ends in {' or '.join(SUFFIXES)}"]
    if path.is_dir():
        return [f"--samples: {text} is a directory"]
    existing = path if path.exists() else next(parent for parent in path.absolute().parents if parent.exists())
    if existing is not path and not existing.is_dir():
        return [f"--samples: {existing} is not a directory"]
    if not os.access(existing, os.W_OK):
        return [f"--samples: {existing} cannot be written to"]
    return []


class SampleFile:
    """A file of samples, with the folders on the way to it.

    Args:
        path: compressed where its name ends in `.gz`.
        append: whether to keep what it has. A compressed file gets another member, which is read as its continuation.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = path.open("ab" if append else "wb")
        self._compressed = (
            gzip.GzipFile(fileobj=self._raw, mode="wb", compresslevel=_LEVEL, filename="", mtime=0)
            if path.suffix == ".gz"
            else None
        )

    def write(self, data: bytes) -> None:
        """Append. What is not compressed can be read at once."""
        if self._compressed is not None:
            self._compressed.write(data)
        else:
            self._raw.write(data)
            self._raw.flush()

    def close(self) -> None:
        """Write out what is buffered; nothing can be written after that."""
        try:
            if self._compressed is not None:
                self._compressed.close()
        finally:
            self._raw.close()
