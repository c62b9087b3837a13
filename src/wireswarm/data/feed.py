"""`DataFile`: what a test declares, and what its users take their rows from."""

from __future__ import annotations

import itertools
import os
import random
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar, get_args, overload

from google.protobuf.message import Message

from wireswarm.data.columns import Columns, Row
from wireswarm.data.index import Tick
from wireswarm.data.messages import message_from
from wireswarm.data.orders import AtEnd, Order, Permutation
from wireswarm.data.reader import RowReader
from wireswarm.data.supply import SUPPLIED
from wireswarm.data.table import Table, layout_of, open_table
from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.thresholds.words import did_you_mean, quote

M = TypeVar("M", bound=Message)

StrPath = str | os.PathLike[str]

ORDERS: Final = get_args(Order)
ENDS: Final = get_args(AtEnd)
_ENDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "sequential": ("wrap", "stop_user", "stop_test"),
    "shuffled": ("wrap", "stop_user", "stop_test"),
    "once": ("stop_user", "stop_test", "wrap"),
    "per_user": ("stop_user", "stop_test", "wrap"),
    "random": ("wrap",),
}
"""What may happen at the end, the default first."""
_ROWS: Final = "_wireswarm_rows"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What a run says about data, where the declaration leaves it open."""

    data_file: str = ""
    """For feeds that name no file."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """`order`, `at_end`, `columns`, `format` and `delimiter` of that file."""
    seed: int = 0
    """Of random and shuffled orders."""


class DataFile:
    """Rows of a CSV or JSONL file for the users of a swarm. A class attribute of a user or a flow, or of a module.

    ```python
    class Customer(RestUser):
        orders = DataFile("orders.csv", order="once", at_end="stop_test")

        @task
        def order(self):
            self.client.post("/orders", json=next(self.orders))
    ```

    Rows are dictionaries, those of CSV with text unless `columns` says otherwise. They are handed out over all users of
    all workers: each row goes to one user, at most once in `"once"`, and once before any comes again in `"sequential"`
    and `"shuffled"`.

    The file is checked from beginning to end before the test starts, on every machine for itself.
    """

    def __init__(
        self,
        path: StrPath | None = None,
        *,
        order: Order | None = None,
        at_end: AtEnd | None = None,
        columns: Mapping[str, str | type] | None = None,
        message: type[Message] | None = None,
        format: str | None = None,  # noqa: A002 - as pandas and others call it
        delimiter: str | None = None,
        seed: int | None = None,
    ) -> None:
        """Declare a file. Raises nothing: what is wrong shows before the test starts, or by `--check`.

        Args:
            path: the file, relative to the current directory or, where there is none, to the folder of the calling
                file; that of `--data-file` or the profile's `data_file` by default.
            order: `"sequential"` (the default), `"shuffled"`, `"random"` (any row any time), `"once"` or `"per_user"`
                (each user keeps one row).
            at_end: what happens to a user that wants a row where none is left: `"wrap"` (begin anew; the default of
                `"sequential"` and `"shuffled"`), `"stop_user"` (that of `"once"` and `"per_user"`) or `"stop_test"`.
            columns: columns that have to be there, and what they hold: `{"id": int, "note": "text?"}`.
            message: a protobuf message that every row has to be.
            format: `"csv"` or `"jsonl"`; by the file's name by default.
            delimiter: of CSV; a comma, or a tab where the name ends in `.tsv`, by default.
            seed: of the random orders; the profile's by default.
        """
        caller = sys._getframe(1)
        self._folder = Path(caller.f_code.co_filename).absolute().parent
        self._home = str(caller.f_globals.get("__name__", ""))
        self._declared = path
        self._order, self._at_end, self._columns = order, at_end, columns
        self._message, self._format, self._delimiter, self._seed = message, format, delimiter, seed
        self.owners: list[type] = []
        """The classes that it is an attribute of."""
        self.path = Path() if path is None else Path(path)
        """The file, once it is settled."""
        self.order: Order = "sequential"
        self.at_end: AtEnd = "wrap"
        self.total: int | None = None
        """How many positions there are to take; None where rows come again and again. Known when the file is."""
        self._settled: DataSettings | None = None
        self._table: Table | None = None
        self._reader: RowReader | None = None
        self._row_of: Callable[[int], int] = _same
        self._draw: Callable[[], float] | None = None
        self._number = _count(self._home)
        self.key = f"{self._home}.{self._number}"
        """What the processes of a swarm call this feed: the same on every worker, which has the same locustfile."""
        _register(self)

    def __set_name__(self, owner: type, name: str) -> None:
        self.owners.append(owner)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Any, owner: type) -> Feed: ...
    def __get__(self, instance: Any, owner: type) -> Self | Feed:
        """The declaration itself on the class; on a user or a flow, the user's own feed."""
        if instance is None:
            return self
        name = next(name for cls in owner.__mro__ for name, value in vars(cls).items() if value is self)
        feed = vars(instance)[name] = Feed(self, getattr(instance, "user", instance))
        return feed

    def for_user(self, user: Any) -> Feed:
        """The feed of that user."""
        return Feed(self, user)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:
        """The next row for the user that is running. See `Feed.next`."""
        return self._take(None)[1]

    def next(self) -> Row:
        """The same as `next(feed)`."""
        return self._take(None)[1]

    def as_message(self, kind: type[M]) -> M:
        """The next row as a protobuf message. See `Feed.as_message`."""
        return self._as_message(None, kind)

    def rows(self) -> Iterator[Row]:
        """Every row of the file, for set-up. Takes none away from the users."""
        return iter(self.table)

    # What a run does with it

    @property
    def from_option(self) -> bool:
        """Whether the file is the one that the run names."""
        return self._declared is None

    @property
    def table(self) -> Table:
        """What is known of the file, which is read for it if it has not been.

        Raises:
            ConfigurationError: something is wrong with it.
        """
        if self._table is None:
            self.settle(self._settled or DataSettings())
            self.load(_no_tick)
        assert self._table is not None  # noqa: S101 - load has made it
        return self._table

    def settle(self, settings: DataSettings) -> None:
        """Decide what the declaration leaves open.

        Raises:
            ConfigurationError: something in it is wrong. All of it, with what is allowed.
        """
        if settings == self._settled:
            return
        given = settings.data if self._declared is None else {}
        problems = list[str]()
        order: Any = self._order or given.get("order") or "sequential"
        if order not in ORDERS:
            problems.append(self._wrong("order", order, ORDERS))
        ends = _ENDS_OF.get(order, ENDS)
        at_end: Any = self._at_end or given.get("at_end") or ends[0]
        if at_end not in ends:
            problems.append(self._wrong("at_end", at_end, ends, f" with order {order}" if order in ORDERS else ""))
        try:
            self.path = self._located(settings)
        except ConfigurationError as error:
            problems += error.problems
        if problems:
            raise ConfigurationError(problems)
        self.order, self.at_end = order, at_end
        self._settled = settings
        self._forget()

    def load(self, tick: Tick) -> Table:
        """Read and check the file.

        Args:
            tick: is told how far it is.

        Raises:
            ConfigurationError: it cannot be read, or a row is wrong.
        """
        given: Mapping[str, Any] = self._settled.data if self._settled and self._declared is None else {}
        try:
            columns = Columns(self._columns if self._columns is not None else given.get("columns"))
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.path}: {problem}" for problem in error.problems) from None
        layout = layout_of(
            self.path,
            self._format or given.get("format"),
            self._delimiter or given.get("delimiter"),
            columns,
            self._message,
        )
        any_order = self.order in {"random", "shuffled"}
        self._table = open_table(self.path, layout, every_row=any_order, tick=tick)
        self._reader = self._table.reader(in_order=not any_order)
        self.total = None if self.at_end == "wrap" else self._table.rows
        self._row_of = _same
        if self.order == "shuffled":
            self._row_of = _Rounds(self._table.rows, self.seed)
        elif self.at_end == "wrap":
            self._row_of = _Wrapped(self._table.rows)
        return self._table

    @property
    def seed(self) -> int:
        """Of its random orders."""
        if self._seed is not None:
            return self._seed
        return self._settled.seed if self._settled else 0

    def restart(self) -> None:
        """A test begins: random rows begin anew."""
        self._draw = None

    def close(self) -> None:
        """Close the file. It is opened again for the next row."""
        if self._reader is not None:
            self._reader.close()

    # Hot path (`bench/feeders.py`)

    def _take(self, user: Any) -> tuple[int, Row]:
        reader = self._reader
        if reader is None:
            _ = self.table
            reader = self._reader
            assert reader is not None  # noqa: S101 - load has made it
        if self.order == "random":
            draw = self._draw or self._seeded()
            row = int(draw() * reader.index.rows)
        elif self.order == "per_user":
            row = self._row_of(self._position_of(SUPPLIED.by.user() if user is None else user))
        else:
            row = self._row_of(SUPPLIED.by.take(self, user))
        return row, reader.read(row)

    def _position_of(self, user: Any) -> int:
        if user is None:
            raise UsageError(f"{self.path}: order per_user needs a user; make it a class attribute, or use for_user()")
        kept: dict[str, int] = vars(user).setdefault(_ROWS, {})
        position = kept.get(self.key)
        if position is None:
            position = kept[self.key] = SUPPLIED.by.take(self, user)
            SUPPLIED.by.keep(self, user, position)
        return position

    def _as_message(self, user: Any, kind: type[M]) -> M:
        number, row = self._take(user)
        try:
            return message_from(kind, row)
        except ValueError as error:
            line = self._reader.line(number) if self._reader else 0
            raise ConfigurationError(f"{self.path}: line {line}: {error}") from None

    def _seeded(self) -> Callable[[], float]:
        # Each process of a swarm draws its own; each feed of a process too.
        generator = random.Random(f"{self.seed} {SUPPLIED.by.stream()} {self._number}")  # noqa: S311 - no secret
        self._draw = generator.random
        return self._draw

    def _located(self, settings: DataSettings) -> Path:
        if self._declared is None:
            if not settings.data_file:
                raise ConfigurationError(
                    "a feed without a file: found no --data-file and no data_file in the profile; allowed: one of them"
                )
            return Path(settings.data_file)
        path = Path(self._declared)
        beside = self._folder / path
        return beside if not path.exists() and beside.exists() else path

    def _forget(self) -> None:
        self.close()
        self._table = self._reader = self._draw = None

    def _wrong(self, name: str, found: object, allowed: tuple[str, ...], where: str = "") -> str:
        file = "--data-file" if self._declared is None else os.fspath(self._declared)
        hint = did_you_mean(str(found), allowed)
        return f"{file}: {name}: found {quote(str(found))}{hint}; allowed: {', '.join(allowed)}{where}"


class Feed:
    """The rows of a `DataFile`, for one user."""

    __slots__ = ("_file", "_user")

    def __init__(self, file: DataFile, user: Any) -> None:
        self._file = file
        self._user = user

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:
        """See `next`."""
        return self._file._take(self._user)[1]

    def next(self) -> Row:
        """The next row, a dictionary of the user's own; in `"per_user"` the user's row, every time.

        It returns at once, except where a worker needs its first rows, or the last ones of the file are with others.
        Where none is left it does what `at_end` says; then it does not return.
        """
        return self._file._take(self._user)[1]

    def as_message(self, kind: type[M]) -> M:
        """The next row as a protobuf message, by protobuf's JSON mapping.

        Raises:
            ConfigurationError: it is no such message; with file and line. Declare the file with `message=`, and its
                rows are checked before the test starts.
        """
        return self._file._as_message(self._user, kind)

    def rows(self) -> Iterator[Row]:
        """Every row of the file. Takes none away from the users."""
        return self._file.rows()


class _Wrapped:
    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, position: int) -> int:
        return position % self._size


class _Rounds:
    """Another permutation for each time through the file."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._rounds: dict[int, Permutation] = {}

    def __call__(self, position: int) -> int:
        number, place = divmod(position, self._size)
        permutation = self._rounds.get(number)
        if permutation is None:
            if len(self._rounds) > 1:  # leases may overlap two rounds, and no more
                del self._rounds[min(self._rounds)]
            permutation = self._rounds[number] = Permutation(self._size, self._seed * 1_000_003 + number)
        return permutation[place]


def _same(position: int) -> int:
    return position


def _no_tick(_rows: int, _share: float) -> None:
    pass


_declared: weakref.WeakValueDictionary[int, DataFile] = weakref.WeakValueDictionary()
_serials = itertools.count()
_counts: dict[str, int] = {}


def _register(feed: DataFile) -> None:
    _declared[next(_serials)] = feed


def _count(home: str) -> int:
    _counts[home] = _counts.get(home, 0) + 1
    return _counts[home]


def declared_files() -> list[DataFile]:
    """Every feed of this process, in the order of their declarations."""
    return [feed for _, feed in sorted(_declared.items())]
