"""Lines of JSON per request, and the file they go to."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st
from live_run import sample
from manual_clock import ManualClock

from wireswarm.auth.redaction import SECRETS
from wireswarm.exporters import SampleWriter, worker_path
from wireswarm.exporters.sample_file import problems_of
from wireswarm.exporters.samples import Encoder, foreign
from wireswarm.sample import HttpPhases, Sample


def encoded(*items: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Encoder().lines(items)]


def points(*items: Any) -> list[dict[str, Any]]:
    return [line for line in encoded(*items) if line["type"] == "Point"]


def read(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8")
    assert not text or text.endswith("\n")
    return [line for line in map(json.loads, text.splitlines()) if line["type"] == "Point"]


def test_a_line_is_shaped_as_k6s() -> None:
    declaration, point = encoded(sample(12.5, "POST", "/orders/{id}"))
    assert declaration == {
        "type": "Metric",
        "metric": "http_req_duration",
        "data": {
            "name": "http_req_duration",
            "type": "trend",
            "contains": "time",
            "thresholds": [],
            "submetrics": None,
        },
    }
    assert point == {
        "metric": "http_req_duration",
        "type": "Point",
        "data": {
            "time": "2023-11-14T22:13:20.123456789Z",
            "value": 12.5,
            "tags": {"method": "POST", "name": "/orders/{id}", "expected_response": "true", "status": "200"},
            "metadata": {"request_bytes": "10", "response_bytes": "20"},
        },
    }


def test_a_failure_says_why() -> None:
    (point,) = points(sample(1, failed=True))
    assert point["data"]["tags"] == {
        "method": "GET",
        "name": "/x",
        "status": "500",
        "expected_response": "false",
        "error": "status 500, expected 200",
        "error_reason": "status",
    }


def test_each_kind_has_its_metric_declared_once_before_its_first_point() -> None:
    lines = encoded(sample(1), sample(2), sample(3, "FLOW", "checkout"), sample(4, "SIO", "emit"), sample(5))
    assert [(line["type"], line["metric"]) for line in lines] == [
        ("Metric", "http_req_duration"),
        ("Point", "http_req_duration"),
        ("Point", "http_req_duration"),
        ("Metric", "flow_duration"),
        ("Point", "flow_duration"),
        ("Metric", "request_duration"),
        ("Point", "request_duration"),
        ("Point", "http_req_duration"),
    ]
    assert "status" not in lines[4]["data"]["tags"], "a flow has none"


def test_where_the_time_went_and_when_it_was_due() -> None:
    measured = sample(10)
    phases = HttpPhases(dns=0, connect=1_000_000, tls=0, first_byte=7_500_000, download=500_000)
    (point,) = points(measured._replace(phases=phases, due=measured.sent - 5_000_000))
    assert point["data"]["metadata"] == {
        "request_bytes": "10",
        "response_bytes": "20",
        "response_time": "15.0",
        "waiting": "7.5",
        "receiving": "0.5",
        "looking_up": "0.0",
        "connecting": "1.0",
        "tls_handshaking": "0.0",
    }
    (kept,) = points(measured._replace(phases=phases._replace(connect=0)))
    assert "connecting" not in kept["data"]["metadata"], "the connection was open"


@given(st.text(), st.integers(0, 2**62), st.integers(0, 10**12))
def test_every_line_is_json_and_a_line(name: str, sent: int, duration: int) -> None:
    measured = Sample("GET", name, sent, sent + duration, sent + duration, 0, 0, 200)
    for line in Encoder().lines([measured]):
        assert line.count("\n") == 1
        assert line.endswith("\n")
        parsed = json.loads(line)
    assert parsed["data"]["tags"]["name"] == name.encode("utf-8", "replace").decode()
    assert parsed["data"]["value"] == duration / 1e6


class Answer:
    status_code = 404


def test_other_peoples_events_are_lines_too() -> None:
    event = foreign("GET", "/x?a=1", 12.25, 7, ValueError("no"), Answer(), 1_700_000_000_000_000_001)
    assert event is not None
    (point,) = points(event)
    assert point["data"] == {
        "time": "2023-11-14T22:13:20.000000001Z",
        "value": 12.25,
        "tags": {
            "method": "GET",
            "name": "/x?a=1",
            "expected_response": "false",
            "status": "404",
            "error": "no",
            "error_reason": "ValueError",
        },
        "metadata": {"response_bytes": "7"},
    }


@pytest.mark.parametrize("milliseconds", [None, math.nan, math.inf, -1, "12"])
def test_without_a_time_there_is_no_line(milliseconds: object) -> None:
    assert foreign("WS", "push", milliseconds, 0, None, None, 0) is None


def test_what_others_put_into_an_event_breaks_nothing() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    event = foreign(None, 7, 1, None, OddError(), object(), 5)
    assert event is not None
    (point,) = points(event)
    assert point["data"]["tags"] == {
        "method": "None",
        "name": "7",
        "expected_response": "false",
        "error": "OddError",
        "error_reason": "OddError",
    }


def test_secrets_in_other_peoples_events_are_not_written() -> None:
    SECRETS.add("canary-0123")
    event = foreign("GET", "/x?access_token=abcdef", 1, 0, ValueError("canary-0123 is wrong"), None, 5)
    assert event is not None
    (line,) = (text for text in Encoder().lines([event]) if "Point" in text)
    assert "canary" not in line
    assert "abcdef" not in line


def write(writer: SampleWriter, count: int) -> None:
    for number in range(count):
        writer.on_request(request_type="GET", name="/x", response_time=1.0, response_length=1, sample=sample(number))


@pytest.mark.parametrize("name", ["out.jsonl", "deep/er/out.jsonl.gz"])
def test_every_request_is_in_the_file_once_in_its_order(name: str, tmp_path: Path) -> None:
    writer = SampleWriter(tmp_path / name, pause=lambda: None)
    write(writer, 3000)
    writer.close()
    assert [point["data"]["value"] for point in read(tmp_path / name)] == list(range(3000))
    assert writer.written == 3000


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_a_second_test_is_appended(name: str, tmp_path: Path) -> None:
    for append in (False, True):
        writer = SampleWriter(tmp_path / name, append=append, pause=lambda: None)
        write(writer, 2)
        writer.close()
    assert len(read(tmp_path / name)) == 4


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old\n", "utf-8")
    SampleWriter(path).close()
    assert path.read_bytes() == b""


def test_what_has_no_room_is_dropped_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = SampleWriter(tmp_path / "out.jsonl", limit=5, pause=lambda: None)
    write(writer, 8)
    writer.close()
    assert writer.lost == 3
    assert len(read(tmp_path / "out.jsonl")) == 5
    assert "3 samples are missing" in caplog.text


def test_the_load_goes_on_while_a_backlog_is_written(tmp_path: Path) -> None:
    pauses = []

    def pause() -> None:
        pauses.append(None)
        if len(pauses) < 3:
            write(writer, 1)

    writer = SampleWriter(tmp_path / "out.jsonl", pause=pause)
    write(writer, 500)
    writer.close()
    assert len(pauses) >= 500 / 64
    assert writer.written == 502, "what came meanwhile as well"


def test_events_without_a_time_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = SampleWriter(tmp_path / "out.jsonl", clock=ManualClock())
    writer.on_request(request_type="WS", name="push", response_time=None, response_length=0)
    writer.on_request(request_type="WS", name="call", response_time=2, response_length=0)
    writer.close()
    assert [p["data"]["value"] for p in read(tmp_path / "out.jsonl")] == [2.0]
    assert "1 requests without a response time" in caplog.text


def test_a_greenlet_writes_by_itself(tmp_path: Path) -> None:
    woken, again = Event(), Event()
    moments = iter((woken, again))
    clock = ManualClock()
    clock.sleep = lambda _seconds: next(moments).wait()  # type: ignore[assignment, return-value]
    writer = SampleWriter(tmp_path / "out.jsonl", clock=clock)
    writer.start()
    write(writer, 2)
    woken.set()
    with gevent.Timeout(10):
        while writer.written < 2:
            gevent.sleep(0)
    assert len(read(tmp_path / "out.jsonl")) == 2, "before the end, for tail -f"
    writer.close()


def test_a_full_disk_is_told_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full on this system")
    writer = SampleWriter(Path("/dev/full"), append=True, pause=lambda: None)
    write(writer, 10)
    writer.close()
    assert writer.lost == 10
    assert "No space left on device" in caplog.text
    assert "10 samples are missing" in caplog.text


def test_names_of_workers_files() -> None:
    assert worker_path(Path("a/out.jsonl"), None) == Path("a/out.jsonl")
    assert worker_path(Path("a/out.jsonl"), 0) == Path("a/out-w0.jsonl")
    assert worker_path(Path("out.v1.jsonl.gz"), 12) == Path("out.v1-w12.jsonl.gz")


def test_problems_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "dir.jsonl").mkdir()
    (tmp_path / "file").touch()
    assert problems_of(str(tmp_path / "new" / "out.jsonl")) == []
    assert problems_of(str(tmp_path / "out.jsonl.gz")) == []
    assert "allowed: a file name that ends in .jsonl or .jsonl.gz" in problems_of("out.json")[0]
    assert "is a directory" in problems_of(str(tmp_path / "dir.jsonl"))[0]
    assert "is not a directory" in problems_of(str(tmp_path / "file" / "out.jsonl"))[0]
    assert not (tmp_path / "new").exists()
