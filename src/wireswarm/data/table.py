"""A data file as feeds have it: which file, how it is read, and what is known of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from wireswarm.data.columns import Columns, Row
from wireswarm.data.formats import FORMATS, SUFFIXES, Format, make_format
from wireswarm.data.index import RowIndex, Tick, scan
from wireswarm.data.messages import message_check
from wireswarm.data.reader import RowReader
from wireswarm.errors import ConfigurationError
from wireswarm.thresholds.words import quote


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is read."""

    format: str
    delimiter: str
    columns: Columns
    message: type[Message] | None = None
    """What every row has to be as well."""


class Table:
    """A file that was read once and found right."""

    def __init__(self, index: RowIndex, form: Format) -> None:
        self.index = index
        self._form = form

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.index.rows

    def reader(self, *, in_order: bool) -> RowReader:
        """Reads its rows."""
        return RowReader(self.index, self._form, in_order=in_order)

    def __iter__(self) -> Iterator[Row]:
        return self.reader(in_order=True).all()


def layout_of(
    path: Path,
    form: str | None,
    delimiter: str | None,
    columns: Columns,
    message: type[Message] | None = None,
) -> Layout:
    """How a file is read, by its name where nothing else is said.

    Raises:
        ConfigurationError: it cannot be told, or something that is said is wrong.
    """
    suffix = path.suffix.lower()
    name = SUFFIXES.get(suffix) if form is None else form
    if name not in FORMATS:
        what = f"found {quote(path.name)}" if form is None else f"format: found {quote(str(form))}"
        raise ConfigurationError(
            f"{path}: {what}; allowed: a name that ends in {', '.join(SUFFIXES)}, or format {' or '.join(FORMATS)}"
        )
    delimiter = delimiter or ("\t" if suffix == ".tsv" else ",")
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ConfigurationError(f"{path}: delimiter: found {quote(delimiter)}; allowed: one character")
    return Layout(name, delimiter, columns, message)


# For the life of the process, so that feeds of one file share what was found out, and workers that were forked have it.
_tables: dict[tuple[Path, Layout], Table] = {}


def open_table(path: Path, layout: Layout, *, every_row: bool, tick: Tick) -> Table:
    """Read and check a file, or take what is known of it where it has not changed.

    Raises:
        ConfigurationError: it cannot be read, or a row is wrong.
    """
    key = (path, layout)
    known = _tables.get(key)
    if known is not None and (known.index.stride == 1 or not every_row) and _is_unchanged(known.index):
        return known
    form = make_format(layout.format, layout.delimiter, layout.columns)
    check = None if layout.message is None else message_check(layout.message)
    found = _tables[key] = Table(scan(path, form, every_row=every_row, tick=tick, check=check), form)
    return found


def _is_unchanged(index: RowIndex) -> bool:
    try:
        index.check_unchanged(os.stat(index.path))  # noqa: PTH116 - of a path that may be gone
    except (OSError, ConfigurationError):
        return False
    return True
