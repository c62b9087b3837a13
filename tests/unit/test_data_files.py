"""Data files: what is read out of them, and what is said about those that are wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm import ConfigurationError, DataFile, UsageError
from wireswarm.data import DataSettings, EndOfData, index
from wireswarm.data.columns import Columns
from wireswarm.data.feed import Feed
from wireswarm.data.index import MAX_MARKS, Marks
from wireswarm.data.supply import SUPPLIED, OwnSupply
from wireswarm.data.table import Layout, layout_of, open_table
from wireswarm.protos.today_food_pb2 import Dish


@pytest.fixture(autouse=True)
def _a_supply_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SUPPLIED, "by", OwnSupply())


def write(folder: Path, content: bytes | str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def problem(path: Path, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        DataFile(path, **options).table  # noqa: B018 - reads the file
    (one,) = caught.value.problems
    return one.removeprefix(f"{path}: ")


def quiet(rows: int, share: float) -> None: ...


# CSV

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), st.booleans(), st.randoms())
def test_csv_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str]], mark: bool, chance: random.Random
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=chance.choice(["\n", "\r\n"]), quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    writer.writerows(values)
    path = write(tmp_path_factory.mktemp("csv"), b"\xef\xbb\xbf" * mark + text.getvalue().encode())
    expected = [{"a": a, "b": b} for a, b in values]
    assert list(DataFile(path).rows()) == expected
    in_order, shuffled = DataFile(path, order="once"), DataFile(path, order="shuffled")
    assert [next(in_order) for _ in values] == expected
    got = [next(shuffled) for _ in values]
    assert sorted(got, key=str) == sorted(expected, key=str)
    # The line of every row, by the lines before it.
    reader = DataFile(path).table.reader(in_order=True)
    rest = [text.getvalue().encode().count(b"\n", 0, offset - 3 * mark) + 1 for offset in reader.index.offsets]
    assert [reader.line(n) for n in range(len(values))] == rest


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "\n\nid\n\n1\n\n\n2\n\n")
    for order in ("once", "shuffled"):
        feed = DataFile(path, order=order)  # type: ignore[arg-type]
        assert sorted(next(feed)["id"] for _ in range(2)) == ["1", "2"]
    assert DataFile(path).table.reader(in_order=True).line(1) == 8


def test_a_tab_is_between_the_values_of_tsv_and_anything_where_it_is_said(tmp_path: Path) -> None:
    assert next(DataFile(write(tmp_path, "a\tb\n1\t2\n", "x.tsv"))) == {"a": "1", "b": "2"}
    assert next(DataFile(write(tmp_path, "a;b\n1;2\n", "x.txt"), format="csv", delimiter=";")) == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: found no line of column names; allowed: a first line such as id,name"),
        (b"\n\n", "line 1: found no line of column names; allowed: a first line such as id,name"),
        (b"id,note\n", "found no rows; allowed: one or more"),
        (b"id,,x\n1,2,3\n", "line 1: found no name for column 2; allowed: a name for each"),
        (b"id,id\n1,2\n", 'line 1: found column "id" more than once; allowed: different names'),
        (b"id,note\n1,2\n\n3\n", "line 4: found 1 values; allowed: 2, one for each column"),
        (b'id,note\n1,"a\nb\nc"\n2,3,4\n', "line 5: found 3 values; allowed: 2, one for each column"),
        (
            b'id,note\n1,2\n3,"open\n4,5\n',
            "line 3: found a syntax error: unexpected end of data; allowed: CSV with doubled quotes inside quotes",
        ),
        (
            b'id,note\n1,"a"b\n',
            "line 2: found a syntax error: ',' expected after '\"'; allowed: CSV with doubled quotes inside quotes",
        ),
        (b"id,note\n1,2\n\xff,2\n", "line 3: found the byte 0xff; allowed: text in UTF-8"),
        (b"id,note\n" + b"1,2\n" * 20_000 + b"1\n", "line 20002: found 1 values; allowed: 2, one for each column"),
    ],
)
def test_the_first_wrong_line_of_csv_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    assert problem(write(tmp_path, content)) == said
    assert problem(tmp_path / "rows.csv", order="random") == said


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, b'id\n1\n"' + b"2\n" * 3_000_000)
    assert problem(path).startswith("line 3: found a syntax error: field larger than field limit (1048576)")


def test_a_marked_file_is_read_behind_the_mark_and_lines_count_on_after_half_the_marks_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MAX_MARKS", 8)
    path = write(tmp_path, b"id\n" + b"".join(b"%d\n" % n for n in range(1000)))
    table = DataFile(path, order="once").table
    assert table.index.stride == 128
    assert len(table.index.offsets) <= 8
    reader = table.reader(in_order=True)
    for row in (999, 0, 500, 501, 503, 127, 128, 129, 999):
        assert reader.read(row) == {"id": str(row)}
        assert reader.line(row) == row + 2
    write(tmp_path, b"id\n" + b"1\n" * 800 + b"1,1\n")
    assert problem(path).startswith("line 802: found 2 values")


@given(st.integers(1, 5000), st.integers(1, 64))
def test_marks_are_those_of_every_so_manieth_row(rows: int, limit: int) -> None:
    limit += limit % 2
    marks = Marks(every_row=False)
    marks._limit = limit
    for row in range(rows):
        if row == marks.due:
            marks.add(row * 10)
    assert len(marks.offsets) <= limit
    assert list(marks.offsets) == [n * marks.stride * 10 for n in range(-(-rows // marks.stride))]


def test_a_file_read_in_order_keeps_half_a_megabyte_of_marks_at_most() -> None:
    assert MAX_MARKS * 8 == 512 * 1024


# JSONL


def test_jsonl_is_read_row_by_row(tmp_path: Path) -> None:
    rows = [{"id": 1, "tags": ["a"]}, {"id": 2, "more": {"x": None}}, {}]
    path = write(tmp_path, "\ufeff" + "\n\n".join(map(json.dumps, rows)), "rows.jsonl")
    assert list(DataFile(path).rows()) == rows
    assert [next(feed) for feed in [DataFile(path, order="once")] for _ in rows] == rows
    assert sorted(map(str, (next(feed) for feed in [DataFile(path, order="shuffled")] for _ in rows))) == sorted(
        map(str, rows)
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found no rows; allowed: one or more"),
        (b'{"a": 1}\n\n{"a": }\n', "line 3: found what is not JSON in column 7: unexpected character"),
        (b'{"a": 1}\n[1]\n', "line 2: found JSON that is a list; allowed: a JSON object"),
        (b"null\n", "line 1: found JSON that is null; allowed: a JSON object"),
        (b'{"a": "\xff"}\n', "line 1: found what is not JSON"),
        (b'{"a": NaN}\n', "line 1: found what is not JSON"),
    ],
)
def test_the_first_wrong_line_of_jsonl_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    assert problem(write(tmp_path, content, "rows.jsonl")).startswith(said)


# Columns

KINDS = {"id": int, "price": "float", "on": bool, "note": "text?"}


def test_columns_are_converted_from_csv(tmp_path: Path) -> None:
    path = write(tmp_path, "id,price,on,note,more\n-7,1.5,True,,x\n8,1e3,false,n,y\n")
    assert list(DataFile(path, columns=KINDS).rows()) == [
        {"id": -7, "price": 1.5, "on": True, "note": None, "more": "x"},
        {"id": 8, "price": 1000.0, "on": False, "note": "n", "more": "y"},
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,1,true,n", 'line 3: column "id": found "x"; allowed: a whole number'),
        ("1.0,1,true,n", 'line 3: column "id": found "1.0"; allowed: a whole number'),
        ("1,nan,true,n", 'line 3: column "price": found "nan"; allowed: a number'),
        ("1,1,yes,n", 'line 3: column "on": found "yes"; allowed: true or false'),
        (",1,true,n", 'line 3: column "id": found ""; allowed: a whole number'),
    ],
)
def test_a_value_of_another_kind_is_named_in_csv(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path, f"id,price,on,note\n1,1,true,n\n{line}\n")
    assert problem(path, columns=KINDS) == said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "1", "price": 1, "on": True}, '"id": found "1"; allowed: a whole number'),
        ({"id": True, "price": 1, "on": True}, '"id": found true; allowed: a whole number'),
        ({"id": 1, "price": None, "on": True}, '"price": found null; allowed: a number'),
        ({"id": 1, "prise": 1, "on": True}, 'found no "price" (did you mean "prise"?); allowed: a number'),
        ({"id": 1, "price": 1, "on": [1]}, '"on": found a list; allowed: true or false'),
    ],
)
def test_a_value_of_another_kind_is_named_in_jsonl(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = write(tmp_path, json.dumps(row), "rows.jsonl")
    assert problem(path, columns=KINDS) == f"line 1: {said}"


def test_the_value_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "password\nhunter2\n")
    assert problem(path, columns={"password": int}) == (
        'line 2: column "password": found something else; allowed: a whole number'
    )


def test_columns_that_are_not_there_or_not_known_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "id,nmae\n1,2\n")
    assert problem(path, columns={"name": str}) == (
        'line 1: found no column "name" (did you mean "nmae"?) among "id", "nmae"'
    )
    assert problem(path, columns={"id": list}).startswith('line 1: found column "id", which is to hold a list')
    assert problem(path, columns={"id": "integer"}).startswith(
        'columns.id: found "integer" (did you mean "int"?); allowed: text, int, float, bool, list, object, any; with'
    )


# Which file it is


def test_what_is_no_data_file_is_refused(tmp_path: Path) -> None:
    assert problem(tmp_path / "no.csv") == "found no such file; allowed: a data file, in CSV or JSONL"
    assert problem(tmp_path / "x.json").startswith('found "x.json"; allowed: a name that ends in .csv, .tsv, .jsonl')
    (tmp_path / "folder.csv").mkdir()
    assert "it is no regular file" in problem(tmp_path / "folder.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "it is no regular file" in problem(tmp_path / "pipe.csv")
    path = write(tmp_path, "a\n1\n")
    assert problem(path, format="xml") == 'format: found "xml"; allowed: a name that ends in ' + (
        ".csv, .tsv, .jsonl, .ndjson, or format csv or jsonl"
    )
    assert problem(path, delimiter="ab") == 'delimiter: found "ab"; allowed: one character'
    assert problem(path, order="onec") == (
        'order: found "onec" (did you mean "once"?); allowed: sequential, random, shuffled, once, per_user'
    )
    assert problem(path, order="random", at_end="stop_user") == (
        'at_end: found "stop_user"; allowed: wrap with order random'
    )


def test_a_file_is_found_beside_the_one_that_declares_it() -> None:
    feed = DataFile(Path(__file__).name, format="csv")
    feed.settle(DataSettings())
    assert feed.path == Path(__file__)


def test_a_feed_without_a_file_takes_the_run_s(tmp_path: Path) -> None:
    path = write(tmp_path, "id;x\n1;2\n", "rows.txt")
    feed = DataFile()
    with pytest.raises(ConfigurationError, match="found no --data-file"):
        feed.settle(DataSettings())
    given = {"order": "once", "at_end": "stop_test", "columns": {"id": "int"}, "format": "csv", "delimiter": ";"}
    feed.settle(DataSettings(str(path), given))
    assert (feed.order, feed.at_end) == ("once", "stop_test")
    assert next(feed) == {"id": 1, "x": "2"}
    own = DataFile(path, format="csv")
    own.settle(DataSettings(str(path), given))  # it names its file itself
    assert (own.order, next(own)) == ("sequential", {"id;x": "1;2"})


def test_a_file_is_read_once_for_all_feeds_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path, "id\n1\n2\n")
    layout = layout_of(path, None, None, Columns(None))
    first = open_table(path, layout, every_row=False, tick=quiet)
    assert open_table(path, layout, every_row=True, tick=quiet) is first
    path.write_text("id\n1\n2\n3\n", "utf-8")
    second = open_table(path, layout, every_row=False, tick=quiet)
    assert (first.rows, second.rows) == (2, 3)
    assert first.index.fingerprint.digest != second.index.fingerprint.digest
    reader = first.reader(in_order=True)
    with pytest.raises(ConfigurationError, match="found another file than the one that was checked"):
        reader.read(0)


def test_equal_files_have_equal_fingerprints(tmp_path: Path) -> None:
    content = b"id\n" + b"".join(b"%d\n" % n for n in range(50_000))
    layout = Layout("csv", ",", Columns(None))
    one, other = (
        open_table(write(tmp_path, content, name), layout, every_row=False, tick=quiet).index.fingerprint
        for name in ("a.csv", "b.csv")
    )
    assert one == other
    assert one.rows == 50_000


def test_checking_tells_how_far_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "id\n" + "1\n" * 20_000)
    told: list[tuple[int, float]] = []
    open_table(path, Layout("csv", ",", Columns(None)), every_row=False, tick=lambda *news: told.append(news))
    assert [rows for rows, _ in told] == [8192, 16384, 20_000]
    assert [round(share, 1) for _, share in told] == [0.4, 0.8, 1.0]


# Orders


def numbers(tmp_path: Path, count: int) -> Path:
    return write(tmp_path, "n\n" + "".join(f"{n}\n" for n in range(count)))


def taken(feed: DataFile | Feed, count: int) -> list[int]:
    return [int(next(feed)["n"]) for _ in range(count)]


def test_orders(tmp_path: Path) -> None:
    path = numbers(tmp_path, 10)
    assert taken(DataFile(path), 12) == [*range(10), 0, 1]
    once = DataFile(path, order="once")
    assert taken(once, 10) == list(range(10))
    with pytest.raises(EndOfData, match="all 10 rows were taken"):
        next(once)
    shuffled = DataFile(path, order="shuffled", seed=3)
    first, second = taken(shuffled, 10), taken(shuffled, 10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert len({tuple(first), tuple(second), tuple(range(10))}) == 3
    assert taken(DataFile(path, order="shuffled", seed=3), 10) == first
    ended = DataFile(path, order="shuffled", at_end="stop_user")
    assert sorted(taken(ended, 10)) == list(range(10))
    with pytest.raises(EndOfData):
        next(ended)


def test_random_rows_follow_from_the_seed(tmp_path: Path) -> None:
    path = numbers(tmp_path, 1000)
    feed = DataFile(path, order="random")
    feed.settle(DataSettings(seed=1))
    first = taken(feed, 50)
    feed.restart()
    assert taken(feed, 50) == first
    assert len(set(first)) > 40
    feed.settle(DataSettings(seed=2))
    assert taken(feed, 50) != first


def test_users_and_their_flows_keep_their_row(tmp_path: Path) -> None:
    path = numbers(tmp_path, 3)

    class User:
        rows = DataFile(path, order="per_user")

    class Flow:
        rows = User.rows

        def __init__(self, user: User) -> None:
            self.user = user

    one, other = User(), User()
    assert taken(one.rows, 2) == [0, 0]
    assert taken(other.rows, 2) == [1, 1]
    assert taken(Flow(one).rows, 1) == [0]
    assert taken(User.rows.for_user(other), 1) == [1]
    assert one.rows is one.rows
    with pytest.raises(UsageError, match="order per_user needs a user"):
        next(User.rows)


# Messages


def test_rows_become_messages(tmp_path: Path) -> None:
    path = write(tmp_path, '{"name": "soup", "calories": "250", "weight": 300}\n\n{"nmae": "x"}\n', "d.jsonl")
    feed = DataFile(path, order="once")
    assert feed.as_message(Dish) == Dish(name="soup", calories=250, weight=300)
    with pytest.raises(ConfigurationError, match=r'd\.jsonl: line 3: found no .*Dish: .*"nmae".*; allowed: the fields'):
        feed.as_message(Dish)
    assert problem(path, message=Dish).startswith("line 3: found no ")
    user = type("User", (), {"rows": DataFile(path)})()
    assert user.rows.as_message(Dish).name == "soup"
    assert len(list(user.rows.rows())) == 2
    assert user.rows.next() == {"nmae": "x"}


def test_the_example_of_the_guide_is_read_as_the_guide_says() -> None:
    path = Path(__file__).parents[2] / "test_data" / "products.csv"
    first, *others = DataFile(path, columns={"quantity": int}).rows()
    assert first == {"sku": "A1", "quantity": 1, "note": ""}
    assert [row["note"] for row in others] == ["gift, please wrap", "leave it\nat the door", 'the "large" one']


def test_a_file_that_was_closed_is_opened_again_wherever_it_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("n\n0\n1\n2\n", "utf-8")
    reader = DataFile(path).table.reader(in_order=True)
    assert [reader.read(0), reader.read(1)] == [{"n": "0"}, {"n": "1"}]
    reader.close()  # as at the end of a test; the next one may go on here, with another worker's rows
    assert reader.read(2) == {"n": "2"}
    reader.close()


def test_everything_that_is_wrong_with_a_declaration_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        DataFile(order="alphabetical", at_end="explode").settle(DataSettings())  # type: ignore[arg-type]
    assert [problem.split(";")[0] for problem in error.value.problems] == [
        '--data-file: order: found "alphabetical"',
        '--data-file: at_end: found "explode"',
        "a feed without a file: found no --data-file and no data_file in the profile",
    ]
