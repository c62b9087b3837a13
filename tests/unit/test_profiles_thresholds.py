"""Thresholds and watches in profile files and in files of their own: what is right, and fifty that are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wireswarm.errors import ConfigurationError
from wireswarm.profiles import (
    Profile,
    ProfileFile,
    PrometheusSelector,
    Watch,
    read_profile_file,
    read_thresholds_file,
)

GUIDE = Path(__file__).parents[2] / "docs" / "thresholds.md"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.toml"


def read(path: Path, content: str) -> ProfileFile:
    path.write_text(content, "utf-8")
    return read_profile_file(path)


def texts(profile_file: ProfileFile, profile: Profile | None) -> list[str]:
    return [str(threshold) for threshold in profile_file.thresholds_of(profile)]


# ---- What is right ---------------------------------------------------------------------------------------------------


def test_the_guides_example(path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    file = read(path, example)
    common = ["errors < 1%", "POST /orders: p95 < 2s", "FLOW checkout: p95 < 12s"]
    assert texts(file, None) == ["p95 < 500ms", *common]
    assert texts(file, file.profiles["spike"]) == [*common, "p95 < 2s", "errors < 20% over 10s"]
    assert file.thresholds_of(file.profiles["spike"])[-1].abort_after_s == 15.0
    assert file.watch_of(None) == {
        "memory": Watch(name="memory", url="/memory_status", key=("rss_MB",), unit="MB"),
        "queue": Watch(
            name="queue",
            url="http://127.0.0.1:9100/metrics",
            prometheus=PrometheusSelector("queue_length", {"queue": "mail"}),
            every_s=10.0,
        ),
    }


def test_the_guide_lists_the_keys_of_a_watch_as_the_reader_knows_them(path: Path) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| [^|]*? \|$", GUIDE.read_text("utf-8"), re.MULTILINE))
    for key in ("url", "key", "prometheus", "unit", "every"):
        assert f"watch.m.{key}: found 3 (an integer); allowed: {rows[key]}" in problems_of(path, f"watch.m.{key} = 3")


def test_every_threshold_knows_where_it_stands(path: Path) -> None:
    file = read(path, '[thresholds]\n"GET /x" = ["p95 < 1s", "max < 2s"]\n[profiles.a]\nthresholds."*" = ["p99 < 1s"]')
    assert [threshold.source for threshold in file.thresholds_of(file.profiles["a"])] == [
        f'{path}: thresholds."GET /x"[0]',
        f'{path}: thresholds."GET /x"[1]',
        f'{path}: profiles.a.thresholds."*"[0]',
    ]


def test_a_profiles_watch_takes_the_place_of_the_files(path: Path) -> None:
    file = read(
        path,
        """
        watch.a = {url = "/a", key = "a"}
        watch.b = {url = "/b", key = "b"}
        profiles.p.watch.b = {url = "/other", key = "data.0.value", every = "1m"}
        """,
    )
    watch = file.watch_of(file.profiles["p"])
    assert {name: (one.url, one.key, one.every_s) for name, one in watch.items()} == {
        "a": ("/a", ("a",), 5.0),
        "b": ("/other", ("data", "0", "value"), 60.0),
    }
    assert file.watch_of(None)["b"].url == "/b"


def test_a_threshold_on_what_only_some_profiles_watch_stands_in_these(path: Path) -> None:
    content = """
        [profiles.smoke]
        [profiles.soak]
        watch.memory = {url = "/m", key = "rss", unit = "MB"}
        thresholds."*" = ["memory_growth < 5MB"]
    """
    assert texts(read(path, content), read(path, content).profiles["soak"]) == ["memory_growth < 5MB"]


def test_empty_tables_are_right(path: Path) -> None:
    file = read(path, "[thresholds]\n[watch]\n[profiles.a]\n")
    assert (file.thresholds, dict(file.watch)) == ((), {})


def test_a_file_of_thresholds(path: Path) -> None:
    path.write_text('[thresholds]\n"*" = ["p95 < 1s", {expr = "errors < 5%", abort_after = "1m"}]')
    assert [(str(t), t.abort_after_s, t.source) for t in read_thresholds_file(path)] == [
        ("p95 < 1s", None, f'{path}: thresholds."*"[0]'),
        ("errors < 5%", 60.0, f'{path}: thresholds."*"[1]'),
    ]


# ---- What is wrong ---------------------------------------------------------------------------------------------------

LIST = 'a list of one or more thresholds, such as ["p95 < 500ms", "errors < 1%"]'
ITEM = 'text such as "p95 < 500ms", or a table such as {expr = "errors < 5% over 30s", abort_after = "10s"}'
SELECTOR = 'a request as in "POST /orders", a name, a glob, or "*" for the total, then ": "'
THRESHOLDS = 'selectors with lists of thresholds, such as "POST /orders" = ["p95 < 500ms", "errors < 1%"]'
ABORT_AFTER = 'a duration longer than 0 in quotes, such as "10s"'
DURATION = "a duration in us, ms, s or m, such as 500ms"
WATCH = 'tables such as memory = {url = "/memory_status", key = "rss_MB", unit = "MB"}'
URL = "a path below the host such as /memory_status, or an http or https URL"
KEY = "the way to a number in the JSON answer, such as rss_MB or data.0.value"
SERIES = 'a series such as process_resident_memory_bytes or up{job="api"}'
UNIT = "up to 10 characters, such as MB"
EVERY = 'a duration from "1s" to "1h" in quotes, such as "5s"'
ONE = "one of them: key for a JSON answer, prometheus for Prometheus's text format"
GOOD = 'url = "/m", key = "k"'

WRONG = [
    ("thresholds = 3", f"thresholds: found 3 (an integer); allowed: {THRESHOLDS}"),
    ("[[thresholds]]", f"thresholds: found a list; allowed: {THRESHOLDS}"),
    ('thresholds = ["p95 < 1s"]', f"thresholds: found a list; allowed: {THRESHOLDS}"),
    ('thresholds."*" = "p95 < 1s"', f'thresholds."*": found "p95 < 1s" (text); allowed: {LIST}'),
    ('thresholds."*" = []', f'thresholds."*": found an empty list; allowed: {LIST}'),
    ('thresholds."*" = {p95 = "1s"}', f'thresholds."*": found a table; allowed: {LIST}'),
    ("thresholds.p95 = 500", f"thresholds.p95: found 500 (an integer); allowed: {LIST}"),
    ('thresholds."" = ["p95 < 1s"]', f'thresholds."": found the selector ""; allowed: {SELECTOR}'),
    ('thresholds." x" = ["p95 < 1s"]', f'thresholds." x": found the selector " x"; allowed: {SELECTOR}'),
    ('thresholds."*" = [3]', f'thresholds."*"[0]: found 3 (an integer); allowed: {ITEM}'),
    ('thresholds."*" = ["max < 1s", []]', f'thresholds."*"[1]: found an empty list; allowed: {ITEM}'),
    ('thresholds."*" = [{}]', f'thresholds."*"[0]: found no expr; allowed: {ITEM}'),
    ('thresholds."*" = [{expr = 3}]', f'thresholds."*"[0]: found 3 (an integer) as expr; allowed: {ITEM}'),
    (
        'thresholds."*" = [{expression = "p95 < 1s", expr = "p95 < 1s"}]',
        'thresholds."*"[0].expression: found an unknown key; allowed: expr, abort_after',
    ),
    (
        'thresholds."*" = [{expr = "p95 < 1s", abort_after = 10}]',
        f'thresholds."*"[0].abort_after: found 10 (an integer); allowed: {ABORT_AFTER}',
    ),
    (
        'thresholds."*" = [{expr = "p95 < 1s", abort_after = "soon"}]',
        f'thresholds."*"[0].abort_after: found "soon" (text); allowed: {ABORT_AFTER}',
    ),
    (
        'thresholds."*" = [{expr = "p95 < 1s", abort_after = "0s"}]',
        f'thresholds."*"[0].abort_after: found "0s" (text); allowed: {ABORT_AFTER}',
    ),
    (
        'thresholds."GET /x" = ["p95 < 500"]',
        f'thresholds."GET /x"[0]: found no unit at character 10 of "p95 < 500"; allowed: {DURATION}',
    ),
    (
        'thresholds."GET /x" = ["avg < 500ms"]',
        'thresholds."GET /x"[0]: found an unknown metric "avg" (did you mean "mean"?) at character 1 of...',
    ),
    (
        'thresholds."GET /x" = ["POST /y: p95 < 1s"]',
        'thresholds."GET /x"[0]: found an unknown metric "POST" (a selector ends with ": ") at character 1 of...',
    ),
    (
        'thresholds."GET /x" = ["cpu < 80%"]',
        'thresholds."GET /x"[0]: found the selector "GET /x" for cpu; allowed: none, or "*"...',
    ),
    (
        'thresholds."*" = ["p95 =< 1s"]',
        'thresholds."*"[0]: found the operator "=<" at character 5 of "p95 =< 1s"; allowed: <, <=, > or >=',
    ),
    ('thresholds."*" = ["errors < 5"]', 'thresholds."*"[0]: found the limit "5" at character 11 of...'),
    ('thresholds."*" = ["p95 < 1s over 1h"]', 'thresholds."*"[0]: found the window "1h" at character 15 of...'),
    (
        'thresholds."*" = [""]',
        'thresholds."*"[0]: found no metric at character 1 of ""; allowed: [SELECTOR: ]METRIC...',
    ),
    (
        'thresholds."*" = ["memory_growth < 5MB"]',
        'thresholds."*"[0]: found "memory_growth < 5MB", where no series "memory" is watched; '
        "allowed: nothing, because there is no [watch.memory] table in the profile file",
    ),
    (
        f'watch.queue = {{{GOOD}}}\nprofiles.a.thresholds."*" = ["queu.max < 5"]',
        'profiles.a.thresholds."*"[0]: found "queu.max < 5", where no series "queu" is watched '
        '(did you mean "queue"?); allowed: queue',
    ),
    (
        f'watch.queue = {{{GOOD}}}\nthresholds."*" = ["queue.max < 5MB"]',
        'thresholds."*"[0]: found "queue.max < 5MB", where the unit of "queue" is none; '
        "allowed: a number without a unit",
    ),
    ("profiles.a.thresholds = 3", f"profiles.a.thresholds: found 3 (an integer); allowed: {THRESHOLDS}"),
    (
        'profiles.a.thresholds."*" = ["p95 < 5"]',
        f'profiles.a.thresholds."*"[0]: found no unit at character 8 of "p95 < 5"; allowed: {DURATION}',
    ),
    (
        'profiles.a.threshold."*" = ["p95 < 5s"]',
        'profiles.a.threshold: found an unknown key (did you mean "thresholds"?); allowed: description, ext...',
    ),
    (
        'threshold."*" = ["p95 < 5s"]',
        'threshold: found an unknown table or key (did you mean "thresholds"?); allowed...',
    ),
    ("watch = 3", f"watch: found 3 (an integer); allowed: {WATCH}"),
    ("[[watch]]", f"watch: found a list; allowed: {WATCH}"),
    ('watch.m = "/memory"', 'watch.m: found "/memory" (text); allowed: a table of url, key, prometheus, unit, every'),
    (
        f'watch."a b" = {{{GOOD}}}',
        'watch."a b": found a name that is not allowed; allowed: a name that begins with a letter (a to z), '
        'of letters, digits, "-" and "_"',
    ),
    ('watch.m = {key = "a"}', f"watch.m: found no url; allowed: {URL}"),
    ('watch.m = {url = "/m"}', f"watch.m: found neither key nor prometheus; allowed: {ONE}"),
    (f'watch.m = {{{GOOD}, prometheus = "up"}}', f"watch.m: found both key and prometheus; allowed: {ONE}"),
    (
        f'watch.m = {{{GOOD}, evry = "5s"}}',
        'watch.m.evry: found an unknown key (did you mean "every"?); allowed: url...',
    ),
    ('watch.m = {url = "m", key = "a"}', f'watch.m.url: found "m" (text); allowed: {URL}'),
    ('watch.m = {url = "ftp://m/", key = "a"}', f'watch.m.url: found "ftp://m/" (text); allowed: {URL}'),
    ('watch.m = {url = "http:///m", key = "a"}', f'watch.m.url: found "http:///m" (text); allowed: {URL}'),
    (
        'watch.m = {url = "http://user:hunter2@m/", key = "a"}',
        f"watch.m.url: found a URL with user or password in it; allowed: {URL}",
    ),
    ('watch.m = {url = "/m m", key = "a"}', f'watch.m.url: found "/m m" (text); allowed: {URL}'),
    ('watch.m = {url = "/m", key = ""}', f'watch.m.key: found "" (text); allowed: {KEY}'),
    ('watch.m = {url = "/m", key = "a..b"}', f'watch.m.key: found "a..b" (text); allowed: {KEY}'),
    (
        'watch.m = {url = "/m", prometheus = "up{job=api}"}',
        f'watch.m.prometheus: found "up{{job=api}}" (text); allowed: {SERIES}',
    ),
    (
        'watch.m = {url = "/m", prometheus = "rate(up)"}',
        f'watch.m.prometheus: found "rate(up)" (text); allowed: {SERIES}',
    ),
    ('watch.m = {url = "/m", prometheus = "# HELP"}', f'watch.m.prometheus: found "# HELP" (text); allowed: {SERIES}'),
    ('watch.m = {url = "/m", prometheus = "up 5"}', f'watch.m.prometheus: found "up 5" (text); allowed: {SERIES}'),
    (
        f'watch.m = {{{GOOD}, unit = "bytes per second"}}',
        f'watch.m.unit: found "bytes per second" (text); allowed: {UNIT}',
    ),
    (f"watch.m = {{{GOOD}, every = 5}}", f"watch.m.every: found 5 (an integer); allowed: {EVERY}"),
    (f'watch.m = {{{GOOD}, every = "500ms"}}', f'watch.m.every: found "500ms" (text); allowed: {EVERY}'),
    (f'watch.m = {{{GOOD}, every = "2h"}}', f'watch.m.every: found "2h" (text); allowed: {EVERY}'),
    ("profiles.a.watch.m = 3", "profiles.a.watch.m: found 3 (an integer); allowed: a table of url, key, prometheus..."),
]


def problems_of(path: Path, content: str, reading: Callable[[Path], Any] = read_profile_file) -> list[str]:
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        reading(path)
    assert all(problem.startswith(f"{path}: ") and "\n" not in problem for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


@pytest.mark.parametrize(("content", "problem"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_file(path: Path, content: str, problem: str) -> None:
    (found,) = problems_of(path, content)
    assert found == problem or (problem.endswith("...") and found.startswith(problem.removesuffix("...")))
    assert re.fullmatch(r".+: found .+; allowed: .+", found)
    assert "hunter2" not in found


def test_there_are_fifty_of_them() -> None:
    assert len(WRONG) >= 50


def test_every_mistake_is_told_at_once(path: Path) -> None:
    content = """
        [thresholds]
        "*" = ["p95 < 5", "errors < 1%", "avg < 5s"]
        " " = []
        [watch.m]
        url = "m"
        every = "1ms"
        [profiles.a]
        users = 0
        thresholds."*" = [{abort_after = 3}]
    """
    assert [problem.split(": found")[0] for problem in problems_of(path, content)] == [
        'thresholds."*"[0]',
        'thresholds."*"[2]',
        'thresholds." "',
        "watch.m.url",
        "watch.m.every",
        "watch.m",
        "profiles.a.users",
        'profiles.a.thresholds."*"[0].abort_after',
        'profiles.a.thresholds."*"[0]',
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "thresholds: found none; allowed: one or more"),
        ("[thresholds]", "thresholds: found none; allowed: one or more"),
        ("thresholds = 3", f"thresholds: found 3 (an integer); allowed: {THRESHOLDS}"),
        (
            '"*" = ["p95 < 5s"]\n[thresholds]\na = ["max < 5s"]',
            '"*": found an unknown table or key; allowed: [thresholds]',
        ),
        (
            '[profiles.a]\n[thresholds]\na = ["max < 5s"]',
            "profiles: found an unknown table or key; allowed: [thresholds]",
        ),
        (
            'thresholds."*" = ["p95 < 5"]',
            f'thresholds."*"[0]: found no unit at character 8 of "p95 < 5"; allowed: {DURATION}',
        ),
        (
            "[thresholds",
            "line 1, column 12: found a syntax error: Expected ']' at the end of a table declaration; allowed: TOML",
        ),
    ],
)
def test_a_wrong_file_of_thresholds(path: Path, content: str, problem: str) -> None:
    assert problems_of(path, content, read_thresholds_file) == [problem]


def test_a_missing_file_of_thresholds(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_thresholds_file(path)
    assert str(caught.value) == f"{path}: found no such file; allowed: a file with a [thresholds] table, in TOML"


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(ConfigurationError, match="found a file that cannot be read"):
        read_thresholds_file(Path("a\0b"))
