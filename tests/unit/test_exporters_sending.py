"""How a batch is sent to InfluxDB, and which answers are worth another try; differences, and names of files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from live_run import LiveRun

from wireswarm.exporters import HttpSender, parse_influxdb_url, worker_path
from wireswarm.exporters.influxdb import Batch, Refused, Unreachable
from wireswarm.exporters.intervals import Intervals
from wireswarm.exporters.sample_file import SampleFile, problems_of

BATCH = Batch(body=b"wireswarm_run user_count=1i 1\n", points=1)


class Post:
    """In place of the session's method: one answer, or an exception."""

    def __init__(self, answer: int | Exception, text: str = "") -> None:
        self._answer, self._text = answer, text
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, url: str, **options: Any) -> SimpleNamespace:
        self.asked.append((url, options))
        if isinstance(self._answer, Exception):
            raise self._answer
        return SimpleNamespace(status_code=self._answer, text=self._text)


def sender(post: Post, url: str = "http://127.0.0.1:8086/?db=load", **environ: str) -> HttpSender:
    made = HttpSender(parse_influxdb_url(url, environ))
    made._session.post = post  # type: ignore[method-assign,assignment]
    return made


@pytest.mark.parametrize("status", [200, 204])
def test_a_batch_is_posted_as_text_and_follows_no_redirect(status: int) -> None:
    post = Post(status)
    sender(post)(BATCH)

    ((url, options),) = post.asked
    assert url == "http://127.0.0.1:8086/write"
    assert options["params"]["db"] == "load"
    assert options["data"] == BATCH.body
    assert options["headers"]["Content-Type"].startswith("text/plain")
    assert options["allow_redirects"] is False
    assert options["timeout"]


def test_a_token_travels_in_a_field_and_no_password_is_looked_up() -> None:
    made = sender(Post(204), "http://127.0.0.1:8086/?org=o&bucket=b", WIRESWARM_INFLUXDB_TOKEN="canary")

    assert made._session.headers["Authorization"] == "Token canary"
    assert made._session.auth is not None, "without one, requests reads ~/.netrc"
    request = requests.Request("POST", "http://127.0.0.1/").prepare()
    assert made._session.auth(request) is request  # type: ignore[operator]
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_database_in_trouble_is_tried_again(status: int) -> None:
    with pytest.raises(Unreachable, match=f"it answers {status}"):
        sender(Post(status))(BATCH)


@pytest.mark.parametrize("error", [requests.ConnectionError("canary"), requests.Timeout("canary")])
def test_one_that_cannot_be_reached_too_and_nothing_of_the_address_is_told(error: Exception) -> None:
    with pytest.raises(Unreachable, match=rf"^it cannot be reached \({type(error).__name__}\)$"):
        sender(Post(error))(BATCH)


@pytest.mark.parametrize("status", [301, 400, 401, 404])
def test_a_batch_that_is_refused_is_not(status: int) -> None:
    with pytest.raises(Refused) as refused:
        sender(Post(status, "  no such database  " + "x" * 500))(BATCH)

    assert str(refused.value).startswith(f"it answers {status}: no such database")
    assert len(str(refused.value)) < 250


def test_statistics_that_are_reset_in_the_middle_of_a_test_begin_anew() -> None:
    run, intervals = LiveRun(), Intervals(pause=lambda: None)
    for _ in range(3):
        run.request(5)
    run.report()
    assert [(one.count, one.failures) for one in intervals.since_last(run.results)] == [(3, 0)]
    assert intervals.since_last(run.results) == []

    again = LiveRun()
    again.results.start_time = run.results.start_time  # as with --reset-stats, in the same second
    again.request(7, failed=True)
    again.report()
    (difference,) = intervals.since_last(again.results)
    assert (difference.count, difference.failures, difference.latency) == (1, 1, None)


@pytest.mark.parametrize(
    ("name", "index", "expected"),
    [
        ("out.jsonl", None, "out.jsonl"),
        ("out.jsonl.gz", 3, "out-w3.jsonl.gz"),
        ("a.b.jsonl", 0, "a.b-w0.jsonl"),
        ("out.txt", 1, "out.txt-w1"),
    ],
)
def test_a_workers_file_has_its_number(tmp_path: Path, name: str, index: int | None, expected: str) -> None:
    assert worker_path(tmp_path / name, index) == tmp_path / expected


def test_what_speaks_against_a_file_is_found_without_making_one(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file").write_text("")
    found = {
        name: problems_of(str(tmp_path / name))
        for name in ("out.csv", ".jsonl", "folder.jsonl", "file/out.jsonl", "new/deep/out.jsonl.gz")
    }

    assert [bool(problems) for problems in found.values()] == [True, True, True, True, False]
    assert found["folder.jsonl"] == [f"--samples: {tmp_path / 'folder.jsonl'} is a directory"]
    assert found["file/out.jsonl"] == [f"--samples: {tmp_path / 'file'} is not a directory"]
    assert not (tmp_path / "new").exists()


def test_a_plain_file_is_readable_at_once_and_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "out.jsonl"
    first = SampleFile(path)
    first.write(b"1\n")
    assert path.read_bytes() == b"1\n"
    first.close()
    second = SampleFile(path, append=True)
    second.write(b"2\n")
    second.close()

    assert path.read_bytes() == b"1\n2\n"
