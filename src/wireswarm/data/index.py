"""Where the rows of a file begin, found by one pass that checks every row.

A file that is read in order keeps a mark every so many rows: half a megabyte whatever its size. One that is read at
random keeps 8 bytes a row.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from wireswarm.data.columns import Row
from wireswarm.data.formats import MAX_LINE, ROW_ERRORS, Format, explain
from wireswarm.errors import ConfigurationError

MAX_MARKS: Final = 65_536
_BUFFER: Final = 1024 * 1024
_MARK: Final = b"\xef\xbb\xbf"
_TICK_ROWS: Final = 8192
"""Rows between two calls of `tick`: about ten milliseconds."""

Tick = Callable[[int, float], None]
"""Told how many rows have been checked, and which share of the file that is."""


class Fingerprint(NamedTuple):
    """By which two copies of a file are the same."""

    rows: int
    size: int
    digest: str
    """Of its bytes."""


@dataclass(frozen=True, slots=True)
class RowIndex:
    """What is known of a file that was found right."""

    path: Path
    rows: int
    size: int
    modified_ns: int
    digest: str
    offsets: array[int]
    """Where every `stride`-th row begins, the first one first, in bytes."""
    stride: int

    @property
    def fingerprint(self) -> Fingerprint:
        """For the comparison with another process's copy."""
        return Fingerprint(self.rows, self.size, self.digest)

    def end_of(self, row: int) -> int:
        """Where the row has ended at the latest; of an index with every row in it."""
        return self.offsets[row + 1] if row + 1 < self.rows else self.size

    def check_unchanged(self, status: os.stat_result) -> None:
        """Whether the file is still the one that was checked.

        Raises:
            ConfigurationError: it is not.
        """
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified_ns):
            raise ConfigurationError(
                f"{self.path}: found another file than the one that was checked; allowed: no change while a test runs"
            )


class Marks:
    """Offsets of rows: of every one, or of every so many that there are never more than `MAX_MARKS`."""

    def __init__(self, *, every_row: bool) -> None:
        self.offsets = array("Q")
        self.stride = 1
        self.due = 0
        """The row whose offset is wanted next."""
        self._limit = 0 if every_row else MAX_MARKS

    def add(self, offset: int) -> None:
        """Note where the row that is due begins."""
        if self._limit and len(self.offsets) == self._limit:
            self.offsets = self.offsets[::2]
            self.stride *= 2
        if self.due % self.stride == 0:
            self.offsets.append(offset)
        self.due += self.stride - self.due % self.stride


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file from where it is. Nothing is read ahead that `tell` would not know of."""
    return iter(partial(file.readline, MAX_LINE), b"")


def counted_lines(file: BinaryIO, offset: int, told: list[int]) -> Iterator[bytes]:
    """The lines of a file from an offset on; `told` has the offset behind the last one that was taken."""
    file.seek(offset)
    told[:] = [offset]
    for line in lines_of(file):
        told[0] += len(line)
        yield line


class _Hash:
    """The digest of a file's bytes, which follows whoever reads the file; they are in the page cache then."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.blake2b(digest_size=16)

    def follow(self, offset: int) -> None:
        """Take in the bytes up to there."""
        while (missing := offset - self._file.tell()) > 0 and (block := self._file.read(min(missing, _BUFFER))):
            self._hash.update(block)

    def digest(self) -> str:
        """The digest so far."""
        return self._hash.hexdigest()


def scan(
    path: Path, form: Format, *, every_row: bool, tick: Tick, check: Callable[[Row], None] | None = None
) -> RowIndex:
    """Read a file once, from its beginning to its end.

    Args:
        path: the file. Messages name it as it is given here.
        form: its format, which knows the header from then on.
        every_row: whether to remember where every row begins.
        tick: is told how far it is.
        check: looks at every row as well; raises ValueError, in words.

    Raises:
        ConfigurationError: the file cannot be read, has no rows or has a wrong one; with the line of the first one.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe, which would never end
            raise ValueError("it is no regular file")
        with path.open("rb", _BUFFER) as file, path.open("rb", buffering=0) as again:
            return _Scan(path, form, file, cast("BinaryIO", again), Marks(every_row=every_row)).run(tick, check)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: found no such file; allowed: a data file, in CSV or JSONL") from None
    except (OSError, ValueError) as error:  # a ValueError for a name with a null byte
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(
            f"{path}: found a file that cannot be read ({reason}); allowed: a data file, in CSV or JSONL"
        ) from error


class _Scan:
    def __init__(self, path: Path, form: Format, file: BinaryIO, again: BinaryIO, marks: Marks) -> None:
        self._path = path
        self._form = form
        self._file = file
        self._hash = _Hash(again)
        self._marks = marks
        self._rows = 0

    def run(self, tick: Tick, check: Callable[[Row], None] | None) -> RowIndex:
        file, form, marks = self._file, self._form, self._marks
        status = os.fstat(file.fileno())
        file.seek(len(_MARK) if file.read(len(_MARK)) == _MARK else 0)
        try:
            form.begin(lines_of(file))
        except ROW_ERRORS as error:
            raise ConfigurationError(f"{self._path}: line 1: {explain(error)}") from None
        begin = file.tell()
        try:
            self._look(tick, check, status.st_size)
        except ROW_ERRORS as error:
            raise ConfigurationError(f"{self._path}: line {self._line(begin)}: {explain(error)}") from None
        if not self._rows:
            raise ConfigurationError(f"{self._path}: found no rows; allowed: one or more")
        tick(self._rows, 1.0)
        self._hash.follow(status.st_size)
        return RowIndex(
            self._path,
            self._rows,
            status.st_size,
            status.st_mtime_ns,
            self._hash.digest(),
            marks.offsets,
            marks.stride,
        )

    def _look(self, tick: Tick, check: Callable[[Row], None] | None, size: int) -> None:
        # Hot path (bench/feeders.py).
        file, marks, rows = self._file, self._marks, 0
        tell, lines = file.tell, lines_of(file)
        offset = tell()
        found: Iterator[Any] = self._form.looks(lines) if check is None else self._form.rows(lines)
        try:
            for row in found:
                if not row and row != {}:
                    if rows == marks.due:
                        offset = tell()
                    continue
                if check is not None:
                    check(row)
                if rows == marks.due:
                    marks.add(offset)
                rows += 1
                if rows == marks.due:
                    offset = tell()
                if not rows % _TICK_ROWS:
                    self._hash.follow(tell())
                    tick(rows, tell() / max(size, 1))
        finally:
            self._rows = rows

    def _line(self, begin: int) -> int:
        """The line of the row after those that were right."""
        marks, told = self._marks, [0]
        known = len(marks.offsets)
        # The last mark is that of a row that was right.
        start, row = (marks.offsets[-1], (known - 1) * marks.stride) if known else (begin, 0)
        found = self._form.looks(counted_lines(self._file, start, told))
        offset = start
        try:
            while row <= self._rows:
                offset = told[0] or start
                row += bool(next(found, True))
        except ROW_ERRORS:
            pass
        return line_at(self._path, offset)


def line_at(path: Path, offset: int) -> int:
    """The number of the line that begins at an offset."""
    number = 1
    with path.open("rb") as file:
        while offset > 0 and (block := file.read(min(_BUFFER, offset))):
            number += block.count(b"\n")
            offset -= len(block)
    return number
