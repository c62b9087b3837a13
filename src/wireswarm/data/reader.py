"""Rows by their numbers, out of a file that was checked."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from wireswarm.data.columns import Row
from wireswarm.data.formats import ROW_ERRORS, Format, explain, peek
from wireswarm.data.index import RowIndex, counted_lines, line_at, lines_of
from wireswarm.errors import ConfigurationError

_BUFFER: Final = 256 * 1024


class RowReader:
    """Reads one file for one process; opened at the first row. Hot path (`bench/feeders.py`).

    Rows in any order need an index of every row, and each is read for itself. Rows in the file's order need only marks:
    the reader goes on where it is, or goes to the nearest mark before a row and reads on from there.
    """

    def __init__(self, index: RowIndex, form: Format, *, in_order: bool) -> None:
        self.index = index
        self._form = form
        self._file: BinaryIO | None = None
        self._rows: Iterator[Row | None] = iter(())
        self._next = -1
        self._pid = 0
        self.read: Callable[[int], Row] = self._read_on if in_order else self._read_at
        """The row of that number, from 0 on; raises ConfigurationError where the file has changed since."""

    def close(self) -> None:
        """Close the file. It is opened again for the next row."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._next = -1

    def line(self, row: int) -> int:
        """In which line of the file a row begins, for messages: the file is read for it."""
        index, told = self.index, [0]
        with index.path.open("rb") as file:
            start = index.offsets[row // index.stride]
            rows = self._form.rows(counted_lines(file, start, told))
            left, offset = row % index.stride, start
            while left >= 0:
                offset = told[0] or start
                left -= next(rows) is not None
        return line_at(index.path, offset)

    def all(self) -> Iterator[Row]:
        """Every row, in order, through a file of its own."""
        with self.index.path.open("rb", _BUFFER) as file:
            file.seek(self.index.offsets[0])
            yield from (row for row in self._form.rows(lines_of(file)) if row is not None)

    def _read_at(self, row: int) -> Row:
        index = self.index
        start = index.offsets[row]
        content = os.pread(self._opened().fileno(), index.end_of(row) - start, start)
        try:
            return self._form.parse(content)
        except ROW_ERRORS as error:
            raise self._changed(error) from None

    def _read_on(self, row: int) -> Row:
        try:
            if row != self._next or self._pid != os.getpid():
                self._go_to(row)
            self._next = -1
            found = peek(self._rows)
        except ROW_ERRORS as error:
            raise self._changed(error) from None
        self._next = row + 1
        return found

    def _go_to(self, row: int) -> None:
        file, stride = self._opened(), self.index.stride
        ahead = row - self._next
        if not (self._next >= 0 and 0 < ahead < stride):
            file.seek(self.index.offsets[row // stride])
            self._rows = self._form.rows(lines_of(file))
            ahead = row % stride
        for _ in range(ahead):
            peek(self._rows)

    def _opened(self) -> BinaryIO:
        # A worker that was forked has a place of its own in the file.
        file = self._file
        if file is None or self._pid != os.getpid():
            self._pid, self._next = os.getpid(), -1
            try:
                file = self._file = self.index.path.open("rb", _BUFFER)
            except OSError as error:
                raise ConfigurationError(f"{self.index.path}: cannot be read any more: {error.strerror}") from None
            weakref.finalize(self, file.close)
            self.index.check_unchanged(os.fstat(file.fileno()))
        return file

    def _changed(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(f"{self.index.path}: {explain(error)}; the file has changed since it was checked")
