"""Rows out of lines: CSV as the standard library reads it, and JSON Lines.

A format gets the lines of a file as bytes and gives rows; it knows nothing of files, so that one that is scanned from
its beginning and one that is read in pieces are read by the same code.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import orjson

from wireswarm.data.columns import Columns, Row
from wireswarm.thresholds.words import quote

MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line that are read at once. A longer line is none of a data file; its pieces are no rows."""
MAX_FIELD: Final = 1024 * 1024
"""Characters of a CSV field. A quote that is never closed would swallow the rest of the file otherwise."""


class Format(Protocol):
    """A kind of data file. What is no row raises one of `ROW_ERRORS`."""

    name: str

    def begin(self, lines: Iterator[bytes]) -> None:
        """Read what stands before the rows, from the first line of the file on."""

    def rows(self, lines: Iterable[bytes]) -> Iterator[Row | None]:
        """The rows of these lines, which begin where a row begins; None for a line with nothing on it.

        The lines of a row are taken when the row is.
        """

    def looks(self, lines: Iterable[bytes]) -> Iterator[object]:
        """The same for who only wants to know that they are right: something true for a row."""

    def parse(self, content: bytes) -> Row:
        """One row, which may have blank lines around it."""


ROW_ERRORS: Final = (ValueError, csv.Error)
"""What parsing a row raises; `explain` says what that means."""


def explain(error: Exception) -> str:
    """One of `ROW_ERRORS` in words: what was found, and what is allowed."""
    match error:
        case csv.Error():
            return f"found a syntax error: {error}; allowed: CSV with doubled quotes inside quotes"
        case UnicodeDecodeError():
            return f"found the byte 0x{error.object[error.start]:02x}; allowed: text in UTF-8"
        case orjson.JSONDecodeError():
            where = f" in column {error.colno}" if error.lineno == 1 else ""
            return f"found what is not JSON{where}: {error.msg}; allowed: a JSON object"
    return str(error)


class CsvFormat:
    """Values with commas between them, or another delimiter, below a line of column names (RFC 4180)."""

    name = "CSV"

    def __init__(self, delimiter: str, columns: Columns) -> None:
        self._delimiter = delimiter
        self._columns = columns
        self.header: list[str] = []

    def begin(self, lines: Iterator[bytes]) -> None:
        """See `Format.begin`."""
        csv.field_size_limit(MAX_FIELD)
        first = next((row for row in self._reader(lines) if row), None)
        if first is None:
            raise ValueError("found no line of column names; allowed: a first line such as id,name")
        empty = [number for number, name in enumerate(first, 1) if not name.strip()]
        if empty:
            raise ValueError(f"found no name for column {empty[0]}; allowed: a name for each")
        twice = sorted({name for name in first if first.count(name) > 1})
        if twice:
            raise ValueError(f"found column {', '.join(map(quote, twice))} more than once; allowed: different names")
        self._columns.check_header(first)
        self.header = first

    def rows(self, lines: Iterable[bytes]) -> Iterator[Row | None]:
        """See `Format.rows`. Hot path (`bench/feeders.py`)."""
        header, width = self.header, len(self.header)
        convert = self._columns.convert if self._columns else None
        for values in self._reader(lines):
            if len(values) != width:
                if not values:
                    yield None
                    continue
                raise self._wrong_width(len(values))
            row = dict(zip(header, values))  # noqa: B905 - their lengths are the same
            if convert is not None:
                convert(row)
            yield row

    def looks(self, lines: Iterable[bytes]) -> Iterator[object]:
        """See `Format.looks`. Hot path (`bench/feeders.py`)."""
        if self._columns:
            yield from self.rows(lines)
            return
        width = len(self.header)
        for values in self._reader(lines):
            if len(values) != width and values:
                raise self._wrong_width(len(values))
            yield values

    def parse(self, content: bytes) -> Row:
        """See `Format.parse`. Hot path (`bench/feeders.py`)."""
        values = next(self._reader((content.strip(b"\r\n"),)), [])
        if len(values) != len(self.header):
            raise self._wrong_width(len(values))
        row: Row = dict(zip(self.header, values))  # noqa: B905 - their lengths are the same
        if self._columns:
            self._columns.convert(row)
        return row

    def _wrong_width(self, found: int) -> ValueError:
        return ValueError(f"found {found} values; allowed: {len(self.header)}, one for each column")

    def _reader(self, lines: Iterable[bytes]) -> Iterator[list[str]]:
        return csv.reader(map(bytes.decode, lines), delimiter=self._delimiter, strict=True)


class JsonLinesFormat:
    """A JSON object on each line."""

    name = "JSONL"

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def begin(self, lines: Iterator[bytes]) -> None:
        """See `Format.begin`: there is nothing."""

    def rows(self, lines: Iterable[bytes]) -> Iterator[Row | None]:
        """See `Format.rows`. Hot path (`bench/feeders.py`)."""
        parse = self.parse
        for line in lines:
            yield None if line.isspace() else parse(line)

    def looks(self, lines: Iterable[bytes]) -> Iterator[object]:
        """See `Format.looks`."""
        parse = self.parse
        for line in lines:
            yield not line.isspace() and (parse(line) or True)

    def parse(self, content: bytes) -> Row:
        """See `Format.parse`. Hot path (`bench/feeders.py`)."""
        row = orjson.loads(content)
        if type(row) is not dict:
            raise ValueError(f"found JSON that is {_article(row)}; allowed: a JSON object")
        if self._columns:
            self._columns.check(row)
        return row


def _article(value: object) -> str:
    names = {list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


FORMATS: Final = ("csv", "jsonl")
"""What `format` may be."""
SUFFIXES: Final = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""What a file is by its name."""


def make_format(name: str, delimiter: str, columns: Columns) -> Format:
    """The format of that name."""
    return CsvFormat(delimiter, columns) if name == "csv" else JsonLinesFormat(columns)


def peek(rows: Iterator[Row | None]) -> Row:
    """The first row that is one.

    Raises:
        ValueError: there is none, or it is wrong.
    """
    for row in rows:
        if row is not None:
            return row
    raise ValueError("found no row")
