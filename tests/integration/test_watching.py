"""Values read from a real server while time passes, and profile files with mistakes refused by a real Locust."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, refused, write
from scripted_server import Peer, ScriptedServer, answer

from wireswarm.metrics import Results
from wireswarm.plugin.watching import Watcher
from wireswarm.profiles import PrometheusSelector, Watch
from wireswarm.thresholds import Evaluator, parse_threshold

PATIENCE = 20.0


class Grower:
    """A server whose memory grows by ten megabytes with every look at it, and whose fourth look fails."""

    def __init__(self) -> None:
        self.looks = 0
        self.third = Event()
        self.metrics = 0

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            if request.startswith(b"GET /metrics"):
                self.metrics += 1
                peer.send(answer(b'queue{of="mail"} 3\nqueue{of="sms"} 4\n'))
                continue
            self.looks += 1
            if self.looks == 4:
                peer.send(answer(b"gone", status=b"503 Service Unavailable"))
                continue
            peer.send(answer(b'{"rss_MB": %d}' % (self.looks * 10)))
            if self.looks == 3:
                self.third.set()


def test_series_of_a_server_are_read_and_judged() -> None:
    script, results = Grower(), Results()
    with ScriptedServer(script) as server:
        watches = [
            Watch(name="memory", url="/memory_status", key=("rss_MB",), unit="MB", every_s=0.05),
            Watch(name="queue", url=f"{server.url}/metrics", prometheus=PrometheusSelector("queue", {}), every_s=60.0),
        ]
        watcher = Watcher(watches, results, host=server.url)
        assert watcher.check() == []
        watcher.start()
        with gevent.Timeout(PATIENCE):
            script.third.wait()
            while len(results.series["memory"].points) < 3:
                gevent.sleep(0.001)
        watcher.stop()
    memory, queue = results.series["memory"], results.series["queue"]
    assert [value for _, value in memory.points] == [10.0, 20.0, 30.0]
    assert memory.errors == 1
    assert [value for _, value in queue.points] == [7.0, 7.0]
    moments = [moment for moment, _ in memory.points]
    assert moments == sorted(moments)
    assert moments[2] >= 0.1
    # Nothing of it is a request of the run.
    assert results.total.count == 0
    evaluator = Evaluator([parse_threshold("memory_growth < 20MB", source="--threshold")])
    (judgement,) = evaluator.judge(results, 1.0, final=True)
    assert (judgement.passed, judgement.detail) == (False, "memory_growth was 20 MB, limit 20 MB")


def test_a_server_that_does_not_answer_holds_the_end_up_for_two_seconds_at_most() -> None:
    asked = Event()

    def silent(peer: Peer) -> None:
        peer.head()
        asked.set()
        peer.end()

    results = Results()
    with ScriptedServer(silent) as server:
        watch = Watch(name="memory", url="/memory_status", key=("rss_MB",), every_s=30.0)
        watcher = Watcher([watch], results, host=server.url)
        watcher.start()
        assert asked.wait(PATIENCE)
        began = time.monotonic()
        watcher.stop()
        assert time.monotonic() - began < 4
    assert results.series == {} or results.series["memory"].points == []


# ---- Profile files with mistakes -------------------------------------------------------------------------------------

LOCUSTFILE = """
import wireswarm
from locust import task
from wireswarm import RestUser

class Orders(RestUser):
    @task
    def ask(self):
        self.client.get("/orders")
"""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            '[profiles.a]\nthresholds."GET /orders" = ["p95 < 500", "avg < 1s"]',
            (
                'profiles.a.thresholds."GET /orders"[0]: found no unit at character 10 of "p95 < 500"; '
                "allowed: a duration in us, ms, s or m, such as 500ms",
                'profiles.a.thresholds."GET /orders"[1]: found an unknown metric "avg" (did you mean "mean"?)',
            ),
        ),
        (
            '[thresholds]\n"*" = ["memory_growth < 5MB"]\n[profiles.a]',
            (
                'thresholds."*"[0]: found "memory_growth < 5MB", where no series "memory" is watched; '
                "allowed: nothing, because there is no [watch.memory] table in the profile file",
            ),
        ),
        (
            '[watch.memory]\nurl = "memory"\nkey = "rss"\n[profiles.a]\nusers = 0',
            (
                'watch.memory.url: found "memory" (text); '
                "allowed: a path below the host such as /memory_status, or an http or https URL",
                "profiles.a.users: found 0 (an integer); allowed: a whole number from 1 to 10000000",
            ),
        ),
    ],
)
def test_a_run_with_a_wrong_profile_file_is_refused(tmp_path: Path, content: str, says: tuple[str, ...]) -> None:
    locustfile = write(tmp_path, LOCUSTFILE)
    profile_file = write(tmp_path, content, "locustfile.toml")

    def never(peer: Peer) -> None:
        raise AssertionError("something was sent")

    with ScriptedServer(never) as server:
        options = ("--headless", "--host", server.url, "--load-profile", "a", "-t", "5s")
        with LocustProcess(locustfile, *options) as process:
            began = time.monotonic()
            lines = refused(process)
            took = time.monotonic() - began
        assert server.accepted == 0
    assert took < 5, "it took so long that a test must have begun"
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == len(says)
    for line, start in zip(errors, says, strict=True):
        assert line.startswith(f"error: {profile_file}: {start}")


def test_a_run_with_thresholds_and_watches_in_its_profile_file_begins(tmp_path: Path) -> None:
    locustfile = write(tmp_path, LOCUSTFILE)
    content = """
        [thresholds]
        "*" = ["p95 < 5s"]
        [watch]
        memory = {url = "/memory_status", key = "rss_MB", unit = "MB"}
        [profiles.a]
        thresholds."*" = ["memory_growth < 5MB"]
    """
    write(tmp_path, content, "locustfile.toml")
    options = ("--headless", "--host", "http://127.0.0.1:9", "--load-profile", "a", "--check")
    with LocustProcess(locustfile, *options) as process:
        assert process.end() == 0, process.output
    assert "OK: " in process.output
