"""HTTP faults: one request on the wire is one sample, each fault is in one error class, and the deadline holds."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, failures, reported, write
from scripted_server import Peer, ScriptedServer, answer

from wireswarm.protos.today_food_pb2 import DayTotals, TodayFood
from wireswarm.sample import Reason

TIMES = 4
"""So often each fault is met."""
DEADLINE = 1.0
"""Seconds."""

GZIPPED = gzip.compress(bytes(1000))


def reset(peer: Peer) -> None:
    peer.reset()


def reset_within(peer: Peer) -> None:
    peer.send_and_reset(answer(bytes(1000))[:500])


def truncated(peer: Peer) -> None:
    peer.send(answer(bytes(1000))[:500])
    peer.close()


def truncated_chunks(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe")
    peer.close()


def drip(peer: Peer) -> None:
    _drip(peer, answer(bytes(1000))[-1000:], answer(bytes(1000))[:-1000])


def drip_head(peer: Peer) -> None:
    _drip(peer, answer(bytes(1000)))


def bad_gzip(peer: Peer) -> None:
    peer.send(answer(GZIPPED[:-9] + b"x" * 9, b"Content-Encoding: gzip"))


def cut_gzip(peer: Peer) -> None:
    peer.send(answer(GZIPPED[:-9], b"Content-Encoding: gzip"))


def invalid_protobuf(peer: Peer) -> None:
    peer.send(answer(b"\xff" * 20))


def no_answer(peer: Peer) -> None:
    peer.close()


def garbage(peer: Peer) -> None:
    peer.send(b"220 mail.example.com ESMTP\r\n\r\n")
    peer.close()


def good(peer: Peer) -> None:
    peer.send(answer(TodayFood(totals=DayTotals()).SerializeToString()))


def leaves_idle(peer: Peer) -> None:
    """Answers, and closes the connection without having said so: no fault, and nothing is to be sent twice for it."""
    good(peer)
    peer.close()


def _drip(peer: Peer, slow: bytes, fast: bytes = b"") -> None:
    peer.send(fast)
    for byte in slow:
        try:
            peer.send(bytes((byte,)))
        except OSError:
            return
        gevent.sleep(1)


FAULTS: dict[Callable[[Peer], None], tuple[Reason, str]] = {
    reset: (Reason.RESET, "connection reset by the server"),
    reset_within: (Reason.RESET, "connection reset by the server"),
    truncated: (Reason.CLOSED, "connection closed by the server within the answer"),
    truncated_chunks: (Reason.CLOSED, "connection closed by the server within the answer"),
    drip: (Reason.DEADLINE, "no complete answer within the deadline"),
    drip_head: (Reason.DEADLINE, "no complete answer within the deadline"),
    bad_gzip: (Reason.DECODE, "the answer's gzip body is damaged"),
    cut_gzip: (Reason.DECODE, "the answer's gzip body is damaged"),
    invalid_protobuf: (Reason.DECODE, "the answer is not a chater.TodayFood"),
    no_answer: (Reason.CLOSED, "connection closed by the server before the answer"),
    garbage: (Reason.PROTOCOL, "the answer does not start with an HTTP/1 status line"),
}
SCRIPTS = {f"/{script.__name__}": script for script in (*FAULTS, good, leaves_idle)}

# Every fault is met on a new connection, and on one that has just answered: two users each.
LOCUSTFILE = f"""
import json
import os
import gevent
from locust import User, constant, events, task
from wireswarm import ProtobufClient, ProtobufUser
from wireswarm.protos.today_food_pb2 import TodayFood

FAULTS = {[script.__name__ for script in FAULTS]}
busy = set()


class Meeting(ProtobufUser):
    abstract = True
    client = ProtobufClient(accept_encoding="gzip")
    fixed_count = 1
    timeout = {DEADLINE}
    wait_time = constant(0.02)
    before = fault = ""
    times = 0

    @task
    def meet(self):
        if self.before:
            self.client.get("/good", expect=TodayFood)
        self.times += 1
        try:
            self.client.try_get("/" + self.fault, expect=TodayFood, name="/" + self.fault + self.before)
        finally:
            if self.times == {TIMES}:
                type(self).wait_time = constant(1000)
                busy.discard(type(self).__name__)
                if not busy:
                    gevent.spawn(self.environment.runner.quit)


for name in [*FAULTS, "leaves_idle"]:
    for before in ("", " after another"):
        cls = name + "_" + before.strip().replace(" ", "_")
        busy.add(cls)
        globals()[cls] = type(cls, (Meeting,), {{"fault": name, "before": before, "__module__": __name__}})


@events.request.add_listener
def keep(name, sample, **_):
    with open(os.environ["SAMPLES"], "a") as file:
        print(json.dumps([name, sample.failure, sample.service_ns]), file=file)
"""


@pytest.mark.alone
def test_each_fault_is_one_sample_of_one_class(tmp_path: Path) -> None:
    server_counts = Counter[str]()

    def script(peer: Peer) -> None:
        while request := peer.request():
            path = request.split(b" ")[1].decode()
            server_counts[path] += 1
            SCRIPTS[path](peer)
            if path != "/good":
                return

    report, samples = tmp_path / "run", tmp_path / "samples"
    with ScriptedServer(script) as server:
        users = 2 * len(FAULTS) + 2
        options = ("--headless", "--only-summary", "-u", users, "-r", users, "-t", "30s", "--host", server.url)
        reports = ("--json-file", report, "--csv", report)
        environment = {"SAMPLES": str(samples)}
        with LocustProcess(write(tmp_path, LOCUSTFILE), *options, *reports, environment=environment) as run:
            assert run.end() == 1, run.output
    assert "Traceback" not in run.output

    # One request on the wire is one sample.
    names = [f"/{fault.__name__}{before}" for fault in FAULTS for before in ("", " after another")]
    assert failures(report) == {f"GET {name}": TIMES for name in names}
    by_path = Counter[str]()
    for name, count in reported(report).items():
        by_path[name.split()[1]] += count
    assert by_path == server_counts
    assert server_counts["/leaves_idle"] == 2 * TIMES

    # Each fault is in one class.
    with Path(f"{report}_failures.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    errors = {row["Name"]: row["Error"] for row in rows}
    assert len(rows) == len(errors) == len(names)
    assert errors == {name: FAULTS[SCRIPTS[name.split()[0]]][1] for name in names}

    for line in samples.read_text("utf-8").splitlines():
        name, failure, took = json.loads(line)
        fault = SCRIPTS[name.split()[0]]
        assert (failure and failure[0]) == (FAULTS[fault][0] if fault in FAULTS else None)
        if fault in (drip, drip_head):
            assert took / 1e9 == pytest.approx(DEADLINE, rel=0.1)
