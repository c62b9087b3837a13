"""Rows over a swarm: the master's and the workers' side of it, with the messages between them in a list."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import STATE_MISSING, STATE_RUNNING, MasterRunner, WorkerRunner

from wireswarm import ConfigurationError, DataFile, MessageGenerator, UsageError
from wireswarm.data import feed as feeds
from wireswarm.data import generating as generators
from wireswarm.data.supply import SUPPLIED, OwnSupply
from wireswarm.metrics import Results, RunReadings, judge_validity
from wireswarm.plugin import feeding
from wireswarm.plugin.feeding_checks import feed_problems, progress, settings_of
from wireswarm.plugin.measuring import RESULTS
from wireswarm.protos.feedback_pb2 import FeedbackRequest


@pytest.fixture(autouse=True)
def _nothing_else_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SUPPLIED, "by", OwnSupply())
    monkeypatch.setattr(feeds, "_declared", type(feeds._declared)())
    monkeypatch.setattr(generators, "_declared", type(generators._declared)())


class Bus:
    """A master and its workers; messages arrive when `deliver` is called, in order."""

    def __init__(self, ends: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.posted: list[tuple[str | None, str, str, Any]] = []
        self.master = FakeMaster(self)
        self.workers: dict[str, FakeWorker] = {}
        self.ends = ends
        self.times = 1
        """How often a message arrives."""
        monkeypatch.setattr(feeding, "end_test", lambda environment, reason: ends.append(reason))
        feeding.install_feeding(environment_of(self.master))
        self.master.environment.events.test_start.fire(environment=self.master.environment)

    def join(self, name: str) -> FakeWorker:
        worker = self.workers[name] = FakeWorker(self, name)
        self.master.clients.nodes[name] = SimpleNamespace(id=name, state=STATE_RUNNING)
        feeding.install_feeding(environment_of(worker))
        worker.supply = SUPPLIED.by
        worker.environment.events.test_start.fire(environment=worker.environment)
        return worker

    def deliver(self) -> None:
        for _ in range(len(self.posted)):
            message = self.posted.pop(0)
            for _ in range(self.times):
                self._deliver(*message)

    def _deliver(self, to: str | None, sender: str, kind: str, data: Any) -> None:
        message = SimpleNamespace(data=json.loads(json.dumps(data)), node_id=sender)
        if sender != "master":
            self.master.listeners[kind](msg=message)
            return
        for name, worker in self.workers.items():
            if to in {None, name} and not worker.dead:
                worker.listeners[kind](msg=message)

    def look(self) -> None:
        greenlet: Any = None
        for listener in self.master.environment.events.worker_report._handlers:
            greenlet = listener.__self__  # type: ignore[attr-defined]
        greenlet._look_for_the_lost()
        for ledger in greenlet._ledgers.values():
            greenlet._serve(ledger)


class FakeMaster(MasterRunner):
    def __init__(self, bus: Bus) -> None:
        self.greenlet = ()  # type: ignore[assignment]  # Locust looks at it at the end
        self.bus = bus
        self.listeners: dict[str, Callable[..., None]] = {}
        self.clients: Any = Clients()
        self.worker_indexes = {}
        self.state = STATE_RUNNING
        self.target_user_count = 1

    def register_message(self, msg_type: str, listener: Any, concurrent: bool = False) -> None:
        self.listeners[msg_type] = listener

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.bus.posted.append((client_id, "master", msg_type, data))

    @property
    def worker_count(self) -> int:
        return len(self.clients.nodes)

    @property
    def user_count(self) -> int:
        return 1


class Clients:
    def __init__(self) -> None:
        self.nodes: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        return self.nodes.get(name)


class FakeWorker(WorkerRunner):
    def __init__(self, bus: Bus, name: str) -> None:
        self.greenlet = ()  # type: ignore[assignment]  # Locust looks at it at the end
        self.bus = bus
        self.client_id = name
        self.worker_index = len(bus.workers)
        self.listeners: dict[str, Callable[..., None]] = {}
        self.users = 1
        self.dead = False
        self.supply: Any = None

    def register_message(self, msg_type: str, listener: Any, concurrent: bool = False) -> None:
        self.listeners[msg_type] = listener

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.bus.posted.append(("master", self.client_id, msg_type, data))

    @property
    def user_count(self) -> int:
        return self.users

    def start_taking(self, feed: DataFile, got: list[int], count: int = 1) -> gevent.Greenlet[..., Any]:
        """A user that takes so many rows, or until there are none; other greenlets run until it waits."""

        def run() -> None:
            try:
                got.extend(self.supply.take(feed, None) for _ in range(count))
            except StopUser:
                got.append(-1)

        greenlet = gevent.spawn(run)
        gevent.sleep(0)
        return greenlet

    def report(self) -> None:
        data: dict[str, Any] = {}
        self.environment.events.report_to_master.fire(client_id=self.client_id, data=data)
        self.bus.master.environment.events.worker_report.fire(
            client_id=self.client_id, data=json.loads(json.dumps(data))
        )


def environment_of(runner: Any) -> Environment:
    environment = Environment(user_classes=[])
    environment.runner = runner
    runner.environment = environment
    return environment


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    made = Bus([], monkeypatch)
    yield made
    for environment in (made.master.environment, *(worker.environment for worker in made.workers.values())):
        environment.events.test_stop.fire(environment=environment)


def rows(tmp_path: Path, count: int, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_text("n\n" + "".join(f"{n}\n" for n in range(count)), "utf-8")
    return path


def settle(bus: Bus) -> None:
    """Let messages and users go on until nothing moves any more."""
    for _ in range(400):
        bus.deliver()
        gevent.sleep(0)
        bus.look()


def test_rows_are_shared_out_and_end_for_all_at_once(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 200), order="once")
    got: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    for name in ("a", "b"):
        bus.join(name).start_taking(feed, got[name], 70)
    settle(bus)
    bus.join("c").start_taking(feed, got["c"], 10**6)  # late
    settle(bus)
    everything = sorted(n for taken in got.values() for n in taken)
    assert everything == [-1, *range(200)]
    assert got["c"][-1] == -1
    assert min(map(len, got.values())) >= 50
    assert bus.ends == []


def test_no_message_is_sent_for_a_row(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 10_000))
    worker, got, sent = bus.join("a"), list[int](), 0
    for _ in range(40):
        worker.start_taking(feed, got, 500)
        sent += len(bus.posted)
        settle(bus)
    assert len(got) == 20_000
    assert sent < 40


def test_the_next_rows_are_asked_for_while_there_are_some_left(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 10_000))
    worker, got = bus.join("a"), list[int]()
    worker.start_taking(feed, got)
    settle(bus)
    first = worker.supply.holding(feed).queue.left + 1
    worker.start_taking(feed, got, first // 2 - 2)
    assert not bus.posted
    worker.start_taking(feed, got, 2)
    assert [kind for _, _, kind, _ in bus.posted] == [feeding._ASK]
    assert worker.supply.holding(feed).queue.left > 0


def test_a_worker_without_users_gives_its_rows_back(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 60), order="once", at_end="stop_test")
    one, other, got = bus.join("a"), bus.join("b"), list[int]()
    one.start_taking(feed, got)
    settle(bus)
    assert one.supply.holding(feed).queue.left > 0
    one.users = 0
    one.report()
    assert one.supply.holding(feed).queue.left == 0
    del bus.master.clients.nodes["a"]
    other.start_taking(feed, got, 10**6)
    settle(bus)
    assert sorted(got) == [-1, *range(60)]
    assert bus.ends == ["data"]


def test_rows_that_others_do_not_use_are_called_back_at_the_end(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 60), order="once")
    idle, busy, got = bus.join("a"), bus.join("b"), list[int]()
    idle.start_taking(feed, got)
    settle(bus)
    busy.start_taking(feed, got, 10**6)
    settle(bus)
    assert sorted(got) == [-1, *range(60)]
    assert idle.supply.holding(feed).queue.left == 0


def test_rows_of_a_worker_that_is_gone_are_told_and_not_handed_out_again(
    bus: Bus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = DataFile(rows(tmp_path, 60), order="once")
    gone, other, got = bus.join("a"), bus.join("b"), list[int]()
    gone.start_taking(feed, got)
    settle(bus)
    left = gone.supply.holding(feed).queue.left
    gone.dead = True
    bus.master.clients.nodes["a"].state = STATE_MISSING
    other.start_taking(feed, got, 10**6)
    settle(bus)
    bus.look()
    settle(bus)
    assert len(got) == 60 - left + 1
    assert len(set(got)) == len(got)
    bus.master.environment.events.test_stop.fire(environment=bus.master.environment)
    assert f"up to {left + 1} rows were lost" in caplog.text  # that one was taken was not told yet

    # It had stood still, and goes on.
    gone.start_taking(feed, got, left)
    assert sorted(got) == [-1, *range(60)]


def test_what_is_said_twice_counts_once(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 60), order="once")
    bus.times = 2
    got = list[int]()
    for name in ("a", "b"):
        bus.join(name).start_taking(feed, got, 40)
    settle(bus)
    bus.join("c").start_taking(feed, got, 10**6)
    settle(bus)
    assert sorted(n for n in got if n >= 0) == list(range(60))


def test_a_question_that_was_lost_is_asked_again(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_REPEAT_SECONDS", 0.0)
    feed = DataFile(rows(tmp_path, 60), order="once")
    worker, got = bus.join("a"), list[int]()
    worker.start_taking(feed, got)
    bus.posted.clear()
    gevent.sleep(0.001)
    assert bus.posted
    settle(bus)
    assert got == [0]


def test_another_file_on_a_worker_ends_the_test(bus: Bus, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    feed = DataFile(rows(tmp_path, 60), order="once")
    worker = bus.join("a")
    worker.start_taking(feed, [])
    bus.posted[0][3]["file"] = [61, 999, "other"]
    settle(bus)
    assert bus.ends == ["data"]
    assert bus.master.environment.process_exit_code == 2
    assert "found another file, of 61 rows and 999 bytes; allowed: a copy of the master's, of 60 rows" in caplog.text


def test_a_worker_whose_file_is_wrong_ends_the_test(bus: Bus, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = rows(tmp_path, 3)
    feed = DataFile(path)
    assert feed.table.rows == 3
    path.write_text("n\n1,2\n", "utf-8")
    bus.join("a")
    settle(bus)
    assert (bus.ends, bus.master.environment.process_exit_code) == (["data"], 2)
    assert f"worker a: {path}: line 2: found 2 values" in caplog.text


def test_rows_are_for_users_while_a_test_runs(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 3))
    with pytest.raises(UsageError, match="a master has none"):
        next(feed)
    worker = bus.join("a")
    worker.environment.events.test_stop.fire(environment=worker.environment)
    with pytest.raises(UsageError, match="while a test runs"):
        next(feed)
    assert len(list(feed.rows())) == 3


# Checks


class Buyer(User):
    @task
    def nothing(self) -> None: ...


def options(**values: Any) -> Namespace:
    return Namespace(**{"data_file": "", "arrival_seed": 0, "worker": False, **values})


def test_every_file_is_checked_that_somebody_uses(tmp_path: Path) -> None:
    class Other(User):
        rows = DataFile(tmp_path / "missing.csv")

    class Child(Other): ...

    feed = DataFile(tmp_path / "also missing.csv")
    (only,) = feed_problems(options(), [Buyer])
    assert only.startswith(f"{feed.path}: found no such file")
    assert len(feed_problems(options(), [Buyer, Child])) == 2


def test_the_run_s_file_is_checked_whoever_uses_it(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("{\n", "utf-8")
    (problem,) = feed_problems(options(data_file=str(wrong)), [])
    assert problem.startswith(f"{wrong}: line 1: found what is not JSON")
    (problem,) = feed_problems(options(data_file=str(tmp_path / "x.xml")), [])
    assert problem.endswith("found no such file; allowed: a data file")
    (tmp_path / "x.xml").write_text("<x/>", "utf-8")
    assert feed_problems(options(data_file=str(tmp_path / "x.xml")), []) == []
    feed = DataFile()
    assert feed_problems(options(worker=True), []) == []
    (problem,) = feed_problems(options(), [])
    assert "found no --data-file" in problem
    given = json.dumps({"order": "once"})
    assert feed_problems(options(data_file=str(rows(tmp_path, 4)), profile_data=given), []) == []
    assert (feed.order, feed.table.rows) == ("once", 4)
    assert settings_of(None).data_file == ""


def test_rules_of_the_profile_are_checked_against_the_messages() -> None:
    generator = MessageGenerator(FeedbackRequest)
    rules = {"FeedbackRequest": {"feedback": {"choices": ["good"]}, "tone": {}}, "FeedbakRequest": {}}
    problems = feed_problems(options(profile_generate=json.dumps(rules)), [])
    assert [problem.split(";")[0] for problem in problems] == [
        f'generate.{FeedbackRequest.DESCRIPTOR.full_name}.tone: found no field "tone" in '
        f"{FeedbackRequest.DESCRIPTOR.full_name}",
        'generate.FeedbakRequest: found no such message (did you mean "FeedbackRequest"?)',
    ]
    del rules["FeedbackRequest"]["tone"], rules["FeedbakRequest"]
    assert feed_problems(options(profile_generate=json.dumps(rules)), []) == []
    assert next(generator).feedback == "good"


def test_a_long_check_tells_how_far_it_is() -> None:
    now, out, paused = [0.0], io.StringIO(), []
    tick = progress(Path("rows.csv"), out, lambda: now[0], lambda: paused.append(1))
    for seconds in (0.5, 1.9, 2.1, 3.0, 4.2):
        now[0] = seconds
        tick(int(seconds * 1_000_000), seconds / 5)
    assert out.getvalue().splitlines() == [
        "rows.csv: 2,100,000 rows checked, 42%",
        "rows.csv: 4,200,000 rows checked, 84%",
    ]
    assert len(paused) == 5


def test_problems_are_configuration_errors() -> None:
    with pytest.raises(ConfigurationError):
        DataFile("nowhere.csv").table  # noqa: B018 - reads the file


def test_what_is_said_of_another_test_is_not_heard(bus: Bus, tmp_path: Path) -> None:
    master, feed, got = bus.master.environment, DataFile(rows(tmp_path, 60), order="once"), list[int]()
    vars(master)["parsed_options"] = options()
    late, other = bus.join("a"), bus.join("b")
    late.start_taking(feed, got)
    assert bus.posted  # its question, which stays on its way
    master.events.test_start.fire(environment=master)
    vars(other.environment)["parsed_options"] = master.parsed_options
    other.environment.events.test_start.fire(environment=other.environment)
    settle(bus)
    assert got == []
    other.start_taking(feed, got, 10**6)
    settle(bus)
    assert sorted(n for n in got if n >= 0) == list(range(60)), "the late one has none of them"


def test_nobody_waits_at_a_worker_that_is_gone(bus: Bus, tmp_path: Path) -> None:
    feed = DataFile(rows(tmp_path, 60), order="once", at_end="stop_test")
    gone, other, got = bus.join("a"), bus.join("b"), list[int]()
    other.start_taking(feed, got)
    settle(bus)
    gone.start_taking(feed, got, 10**6)
    gone.dead = True
    bus.master.clients.nodes["a"].state = STATE_MISSING
    left = other.supply.holding(feed).queue.left
    settle(bus)
    assert other.supply.holding(feed).queue.left == left, "nothing is called back for it"


def test_lost_rows_are_a_reason_to_doubt_the_run(bus: Bus, tmp_path: Path) -> None:
    environment, feed = bus.master.environment, DataFile(rows(tmp_path, 60), order="once")
    results = Results()
    setattr(environment, RESULTS, results)
    bus.join("a").start_taking(feed, [])
    settle(bus)
    bus.master.clients.nodes["a"].state = STATE_MISSING
    environment.events.test_stop.fire(environment=environment)
    (path, count), *_ = results.lost_rows.items()
    assert (path, count > 1) == (str(feed.path), True)
    assert f"up to {count} rows of {path} were lost" in judge_validity(RunReadings.of(results)).reasons[-1]
    results.restart()
    assert results.lost_rows == {}


def test_a_user_that_finds_no_row_in_its_on_start_ends_without_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    class Taker(User):
        wait_time = constant(0)
        rows = DataFile(rows(tmp_path, 2), order="once")

        def on_start(self) -> None:
            ended.append(next(self.rows)["n"])

        @task
        def take(self) -> None:
            gevent.sleep(60)

        def on_stop(self) -> None:
            ended.append("stopped")

    environment = Environment(user_classes=[Taker], parsed_options=options())
    runner = environment.create_local_runner()
    feeding.install_feeding(environment)
    runner.start(3, spawn_rate=3)
    with gevent.Timeout(10):
        while len(ended) < 3:
            gevent.sleep(0.005)
    assert ended == ["0", "1", "stopped"]
    assert "Traceback" not in caplog.text
    runner.quit()


def test_a_feed_of_two_classes_is_checked_for_either(tmp_path: Path) -> None:
    shared = DataFile(tmp_path / "missing.csv")

    class One(User):
        rows = shared

    class Two(User):
        rows = shared

    for cls in (One, Two):
        assert len(feed_problems(options(), [cls])) == 1
    assert feed_problems(options(), [Buyer]) == []


def test_rules_of_the_locustfile_that_are_wrong_are_told_once() -> None:
    generator = MessageGenerator(FeedbackRequest, {"tone": {}})
    rules = {"FeedbackRequest": {"feedback": {"choices": ["good"]}}}
    (problem,) = feed_problems(options(profile_generate=json.dumps(rules)), [])
    assert problem.startswith(f"generate.{generator.kind.DESCRIPTOR.full_name}.tone: found no field")
