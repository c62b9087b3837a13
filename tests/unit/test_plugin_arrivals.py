"""The open load's gate and its conductor: who is woken when, what is told to whom, and what is refused."""

from __future__ import annotations

import itertools
import math
import time
from argparse import Namespace
from typing import Any

import gevent
import gevent.event
import pytest
from gevent.pool import Group
from locust import LoadTestShape, User, constant, task
from locust.env import Environment
from locust.runners import (
    STATE_MISSING,
    STATE_RUNNING,
    LocalRunner,
    MasterRunner,
    WorkerNode,
    WorkerNodes,
    WorkerRunner,
)

from wireswarm import ConfigurationError, Flow, ProtobufUser, attach, step
from wireswarm.events import DUE
from wireswarm.load import Constant
from wireswarm.metrics import Recorder
from wireswarm.plugin import arrivals
from wireswarm.plugin.arrival_gate import ArrivalGate
from wireswarm.plugin.arrival_plan import (
    ArrivalPlan,
    arrival_problems,
    plan_of,
    pool_problems,
    rate_shape_of,
    settle_pool,
)
from wireswarm.plugin.arrivals import install_arrivals, on_last_arrival
from wireswarm.plugin.ending import SIGNAL, note_end
from wireswarm.plugin.gate import current_gate
from wireswarm.plugin.measuring import RECORDER
from wireswarm.plugin.rebalancing import RebalancingDispatcher

PLAN = ArrivalPlan("10/s", "constant", 0, {"Visitor": 1.0}, None, 10.0)
MINE = {"me": {"Visitor": 1}}


class Visitor(User):
    wait_time = constant(60)
    done = 0

    @task
    def visit(self) -> None:
        type(self).done += 1


class Ours(ProtobufUser):
    @task
    def visit(self) -> None: ...


class Growing(LoadTestShape):
    def tick(self) -> tuple[int, float]:
        return 1, 1


class Other(User):
    weight = 0.001

    @task
    def visit(self) -> None: ...


@pytest.fixture(autouse=True)
def _from_nothing() -> None:
    Visitor.done = 0


class Hand:
    """A monotonic clock that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Case:
    def __init__(self) -> None:
        self.recorder = Recorder()
        self.clock = Hand()
        self.gate = ArrivalGate(self.recorder, "me", self.clock)
        self.environment = Environment(user_classes=[Visitor])
        self.dues: list[int] = []

    def user(self, hold: Any = None) -> gevent.Greenlet[..., Any]:
        user = Visitor(self.environment)
        user._state = "running"

        def once() -> None:
            self.gate.enter(user)
            self.dues.append(vars(user)[DUE])
            if hold is not None:
                hold.wait()
            self.gate.leave()
            assert DUE not in vars(user)

        greenlet = gevent.spawn(once)
        gevent.sleep(0)
        return greenlet

    def numbers(self) -> tuple[int, int]:
        """Starts and drops so far."""
        report = self.recorder.take_report(0.0)
        return sum(report["times"][3][5::2]), report["numbers"][2]


def a_little_while() -> None:
    gevent.sleep(0.005)


class TestGate:
    def test_a_user_waits_until_its_arrival_is_due(self) -> None:
        case = Case()
        first, second = case.user(), case.user()
        assert case.gate.waiting == 2
        case.gate.open(PLAN, -0.5, -0.5, MINE)
        a_little_while()
        assert not first.dead
        case.clock.now += 0.5
        first.join(timeout=5)
        assert (first.dead, second.dead) == (True, False)
        case.clock.now += 0.11
        second.join(timeout=5)
        assert case.numbers() == (2, 0)
        assert abs(time.time_ns() - case.dues[0]) < 60e9
        assert case.dues[1] - case.dues[0] == pytest.approx(100_000_000, abs=2), "whenever they were woken"
        case.gate.close()

    def test_who_comes_late_begins_at_once_and_is_measured(self) -> None:
        case = Case()
        case.gate.open(PLAN, 0.35, 0.0, MINE)
        a_little_while()
        late = case.user()
        late.join(timeout=5)
        lag = case.recorder.take_report(0.0)["times"][3]
        assert sum(lag[5::2]) == 1
        assert lag[1] if lag[0] else True
        case.gate.close()

    def test_at_the_end_what_waits_is_dropped(self) -> None:
        case = Case()
        case.gate.open(PLAN, 0.35, 0.0, MINE)
        a_little_while()
        case.gate.close()
        case.gate.close()
        assert case.numbers() == (0, 4)
        assert not case.gate.running

    def test_at_the_end_what_has_just_become_due_still_finds_a_free_user(self) -> None:
        case = Case()
        case.gate.open(PLAN, -0.1, -0.1, MINE)
        free = case.user()
        a_little_while()
        case.clock.now += 0.25  # of which nobody has told the gate yet, and two arrivals are due
        case.gate.close()
        free.join(timeout=5)
        assert case.numbers() == (1, 1)

    def test_what_waits_too_long_is_dropped_on_the_way(self) -> None:
        case = Case()
        case.gate.open(PLAN._replace(max_lateness=0.2), 0.35, 0.0, MINE)
        a_little_while()
        assert case.numbers() == (0, 2)
        case.gate.close()

    def test_a_user_that_is_killed_leaves_its_arrival_to_another(self) -> None:
        case = Case()
        case.gate.open(PLAN, -0.01, -0.01, MINE)
        gone, stays = case.user(), case.user()
        gone.kill()
        assert case.gate.waiting == 1
        case.clock.now += 0.05
        stays.join(timeout=5)
        assert stays.dead
        case.gate.close()

    def test_while_it_is_held_nobody_is_admitted(self) -> None:
        case = Case()
        case.gate.hold()
        case.gate.open(PLAN, 0.0, 0.0, MINE)
        user = case.user()
        case.clock.now += 1
        a_little_while()
        assert not user.dead
        case.gate.go_on()
        user.join(timeout=5)
        assert user.dead
        case.gate.close()

    def test_the_earliest_that_is_known_of_the_start_counts(self) -> None:
        case = Case()
        case.gate.open(PLAN, 5.0, math.inf, MINE)
        case.gate.synchronise(4.0)  # a message that took longer
        assert case.gate.elapsed == 5.0
        case.gate.synchronise(5.5)
        assert case.gate.elapsed == 5.5
        case.gate.close()

    def test_news_that_come_too_late_are_told(self, caplog: pytest.LogCaptureFixture) -> None:
        case = Case()
        case.gate.open(PLAN, 5.0, 0.0, MINE)
        case.gate.restripe(5.5, MINE)
        assert caplog.text == ""
        case.gate.restripe(4.5, MINE)
        assert "Told 0.5 s too late" in caplog.text
        case.gate.close()

    def test_what_was_due_at_the_end_of_the_plan_still_begins(self) -> None:
        case = Case()
        hold = gevent.event.Event()
        case.gate.open(PLAN._replace(until=0.35), 0.0, 0.0, MINE)
        case.clock.now += 0.15
        a_little_while()
        case.gate.finish()  # the plan goes on, and whoever ends the test now does not wait
        assert case.numbers() == (0, 0)
        case.clock.now += 0.2
        a_little_while()
        ending = gevent.spawn(case.gate.finish)
        users = [case.user(hold) for _ in range(3)]
        a_little_while()
        assert not ending.dead, "there is a fourth one"
        users.append(case.user(hold))
        ending.join(timeout=5)
        assert ending.dead
        case.gate.close()
        assert case.numbers() == (4, 0)
        hold.set()
        gevent.joinall(users)

    def test_but_nobody_waits_for_it_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("wireswarm.plugin.arrival_gate._END_PATIENCE", 0.02)
        case = Case()
        case.gate.open(PLAN._replace(until=0.35), 0.35, 0.0, MINE)
        case.gate.finish()
        case.gate.close()
        assert case.numbers() == (0, 4)
        case.gate.finish()  # of what has ended there is nothing to wait for

    def test_a_stock_clients_first_request_has_the_moment_that_was_due(self) -> None:
        case = Case()
        case.gate.open(PLAN, 0.35, 0.0, MINE)
        a_little_while()
        user = Visitor(case.environment)
        user._state = "running"
        fire = case.gate.on_request

        def visit() -> None:
            fire("GET", "/sampled", 5.0, sample=object())
            fire("GET", "/sent-only", None)
            fire("GET", "/first", 5.0)
            fire("GET", "/second", 5.0)

        def fail() -> None:
            fire("GET", "/failed", 5.0, exception=ValueError())
            fire("GET", "/after", 5.0)

        for task_of in (visit, fail):
            fire("GET", "/outside", 5.0)
            case.gate.enter(user)
            task_of()
            case.gate.leave()
        case.recorder.on_request("GET", "/first", 5.0, 0)
        rows = {row[1]: row[2] for row in case.recorder.take_report(0.0)["rows"]}
        assert set(rows) == {"/first"}
        due = rows["/first"][0][7]
        assert sum(due[5::2]) == 1, "of one request, whose event is counted apart"
        case.gate.close()

    def test_the_end_of_a_plan_is_no_error(self) -> None:
        case = Case()
        case.gate.open(PLAN._replace(until=0.15), 0.0, 0.0, MINE)
        users = [case.user() for _ in range(3)]
        case.clock.now += 10
        gevent.joinall(users, timeout=0.5)
        assert [user.dead for user in users] == [True, True, False]
        gevent.killall(users)
        case.gate.close()


def options(**changes: Any) -> Namespace:
    defaults = {
        "arrival_rate": "100/s",
        "arrivals": "constant",
        "arrival_seed": 0,
        "max_lateness": "10s",
        "iterations": 0,
        "num_users": 10,
        "spawn_rate": None,
        "run_time": None,
        "headless": True,
        "autostart": False,
        "worker": False,
        "master": False,
        "processes": None,
        "expect_workers": 1,
        "stop_timeout": 0,
        "tags": None,
        "exclude_tags": None,
        "allowed_hosts": "",
    }
    return Namespace(**(defaults | changes))


class TestOptions:
    def test_without_a_rate_there_is_no_plan(self) -> None:
        assert rate_shape_of(None) is None
        assert plan_of(options(arrival_rate=""), [Visitor]) is None
        assert arrival_problems(options(arrival_rate=""), [Visitor]) == []

    def test_a_plan_has_all_that_it_follows_from(self) -> None:
        plan = plan_of(options(arrivals="poisson", arrival_seed=3, run_time=20, max_lateness="500ms"), [Visitor, Other])
        assert plan == ArrivalPlan("100/s", "poisson", 3, {"Visitor": 1.0, "Other": 0.001}, 20.0, 0.5)
        assert rate_shape_of(options()) == Constant(100)
        assert plan.end == 20.0
        found = list(plan.arrivals())
        assert found == list(ArrivalPlan(**plan._asdict()).arrivals())  # as it goes to workers
        assert len(found) == pytest.approx(2000, rel=0.1)
        assert found[-1].at < 20

    def test_everything_wrong_is_told_at_once(self) -> None:
        wrong = options(arrival_rate="fast", arrivals="often", max_lateness="long", iterations=5, num_users=None)
        problems = arrival_problems(wrong, [Visitor])
        assert [problem.split(":")[0] for problem in problems] == [
            "--arrival-rate fast",
            "--arrivals often",
            "--max-lateness long",
            "--arrival-rate with --iterations",
            "--arrival-rate needs -u",
        ]

    def test_in_the_web_ui_users_can_still_be_typed_in(self) -> None:
        assert arrival_problems(options(num_users=None, headless=False), [Visitor]) == []
        assert arrival_problems(options(num_users=None, worker=True), [Visitor]) == []

    @pytest.mark.parametrize(
        ("changes", "allowed"),
        [
            ({"num_users": 1, "processes": 3}, 3),
            ({"num_users": 2, "master": True, "expect_workers": 4}, 4),
            ({"num_users": 0, "expect_workers": 9}, 1),
        ],
    )
    def test_too_few_users_are_refused(self, changes: Any, allowed: int) -> None:
        (problem,) = arrival_problems(options(**changes), [Visitor])
        assert problem.endswith(f"allowed: {allowed} users or more")

    def test_a_class_that_would_have_no_user_is_named(self) -> None:
        (problem,) = pool_problems([Visitor, Other], 10, 1)
        assert "without a user" in problem
        assert "Other" in problem
        assert pool_problems([Visitor], 10, 10) == []
        assert pool_problems([], 1, 1) == []

    @pytest.mark.parametrize(
        ("changes", "rate"),
        [
            ({}, 10),
            ({"num_users": 1000}, 100),
            ({"num_users": 1000, "processes": 4}, 400),
            ({"spawn_rate": 3}, 3),
            ({"arrival_rate": ""}, None),
        ],
    )
    def test_the_pool_is_there_from_the_start(self, changes: Any, rate: int | None) -> None:
        given = options(**changes)
        settle_pool(given)
        assert given.spawn_rate == rate


class FakeMaster(MasterRunner):
    """A master without a socket, whose messages are written down."""

    def __init__(self, environment: Environment, **users: int) -> None:
        self.environment = environment
        environment.runner = self
        self.greenlet = Group()
        self.custom_messages = {}
        self.clients = WorkerNodes()
        self.target_user_count = sum(users.values())
        self.sent: list[tuple[str, str | None, Any]] = []
        self.calls: list[str] = []
        for name, count in users.items():
            self.join(name, count)

    def __del__(self) -> None: ...

    def join(self, name: str, users: int) -> None:
        self.clients[name] = WorkerNode(name, state=STATE_RUNNING)
        self.clients[name].user_classes_count = {"Visitor": users}

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        kind = msg_type.removeprefix("wireswarm-arrivals-")
        self.sent.append((kind, client_id, data))
        if kind == "muster":
            self.custom_messages["wireswarm-arrivals-mustered"][0](msg=Namespace(node_id=client_id))

    def quit(self) -> None:
        self.calls.append("quit")


def master_with(users: dict[str, int], **changes: Any) -> FakeMaster:
    environment = Environment(user_classes=[Visitor], parsed_options=options(**changes))
    runner = FakeMaster(environment, **users)
    install_arrivals(environment)
    environment.events.test_start.fire(environment=environment)
    return runner


def until(condition: Any) -> None:
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.005)


class TestMaster:
    def test_everybody_is_told_the_same_plan_and_who_has_how_many_users(self) -> None:
        runner = master_with({"a": 5, "b": 5})
        runner.environment.events.spawning_complete.fire(user_count=10)
        until(lambda: len(runner.sent) == 4)
        plans = [data for kind, _, data in runner.sent if kind == "plan"]
        assert [kind for kind, _, _ in runner.sent] == ["muster", "muster", "plan", "plan"]
        assert plans[0]["plan"] == plans[1]["plan"]
        assert plans[0]["users"] == {"a": {"Visitor": 5}, "b": {"Visitor": 5}}
        assert plans[0]["elapsed"] < 0 > plans[0]["at"]
        runner.environment.events.test_stopping.fire(environment=runner.environment)

    def test_who_comes_and_goes_changes_the_stripes_a_little_ahead(self) -> None:
        runner = master_with({"a": 5, "b": 5})
        runner.environment.events.spawning_complete.fire(user_count=10)
        until(lambda: len(runner.sent) == 4)
        runner.clients["a"].state = STATE_MISSING
        runner.join("c", 3)
        until(lambda: len(runner.sent) == 7)
        messages = {client: (kind, data) for kind, client, data in runner.sent[4:]}
        assert {client: kind for client, (kind, _) in messages.items()} == {"a": "stripes", "b": "stripes", "c": "plan"}
        for _, data in messages.values():
            assert data["users"] == {"b": {"Visitor": 5}, "c": {"Visitor": 3}}
            assert data["at"] > data["elapsed"] + 0.5
        assert len({data["at"] for _, data in messages.values()}) == 1
        runner.environment.events.test_stopping.fire(environment=runner.environment)

    def test_workers_are_told_the_time_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("wireswarm.plugin.arrivals._TIME_SECONDS", 0.1)
        monkeypatch.setattr("wireswarm.plugin.arrivals._WATCH_SECONDS", 0.02)
        runner = master_with({"a": 5, "b": 5})
        runner.environment.events.spawning_complete.fire(user_count=10)
        until(lambda: len(runner.sent) >= 8)
        times = [(client, data["elapsed"]) for kind, client, data in runner.sent[4:8] if kind == "time"]
        assert sorted(client or "" for client, _ in times) == ["a", "a", "b", "b"]
        assert times[0][1] < times[-1][1]
        runner.environment.events.test_stopping.fire(environment=runner.environment)

    def test_too_few_users_for_the_workers_that_there_are_end_it(self, caplog: pytest.LogCaptureFixture) -> None:
        runner = master_with({"a": 1, "b": 0})
        gevent.sleep(0)
        assert runner.environment.process_exit_code == 2
        assert runner.calls == ["quit"]
        assert "too few for an arrival rate" in caplog.text
        runner.environment.events.spawning_complete.fire(user_count=1)
        gevent.sleep(0)
        assert runner.sent == []

    def test_what_is_set_beside_it_later_is_refused_as_well(self, caplog: pytest.LogCaptureFixture) -> None:
        runner = master_with({"a": 5}, arrival_rate="")
        environment = runner.environment
        environment.shape_class = Growing()
        vars(environment.parsed_options).update(arrival_rate="5/s", iterations=3)
        environment.events.test_start.fire(environment=environment)
        until(lambda: runner.calls)
        assert environment.process_exit_code == 2
        assert "--arrival-rate with --iterations" in caplog.text
        assert "--arrival-rate with the load shape Growing" in caplog.text

    def test_a_rate_that_is_none_ends_it(self, caplog: pytest.LogCaptureFixture) -> None:
        runner = master_with({"a": 5}, arrival_rate="typed in wrongly")
        assert runner.environment.process_exit_code == 2
        assert "typed in wrongly" in caplog.text

    def test_without_a_rate_nothing_happens(self) -> None:
        runner = master_with({"a": 5}, arrival_rate="")
        runner.environment.events.spawning_complete.fire(user_count=5)
        gevent.sleep(0)
        assert runner.sent == []

    def test_when_the_rate_has_ended_the_test_does(self) -> None:
        runner = master_with({"a": 5}, arrival_rate="0s:10,200ms:10")
        runner.environment.events.spawning_complete.fire(user_count=5)
        until(lambda: runner.calls)
        assert runner.calls == ["quit"]

    def test_the_last_arrival_is_told_once_the_run_time_is_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[float] = []
        runner = master_with({"a": 5}, run_time=1)
        environment = runner.environment
        on_last_arrival(environment, lambda: told.append(conductor.elapsed))
        conductor = getattr(environment, arrivals._CONDUCTOR)
        environment.events.spawning_complete.fire(user_count=5)
        until(lambda: len(runner.sent) == 2)
        environment.events.test_stopping.fire(environment=environment)  # early, as Locust's timer is
        assert told[0] >= 1

    def test_but_a_signal_does_not_wait_for_it(self) -> None:
        told: list[float] = []
        runner = master_with({"a": 5}, run_time=3600)
        environment = runner.environment
        on_last_arrival(environment, lambda: told.append(1))
        conductor = getattr(environment, arrivals._CONDUCTOR)
        environment.events.spawning_complete.fire(user_count=5)
        until(lambda: len(runner.sent) == 2)
        conductor._began -= 3600  # users took an hour in their on_start
        ending = gevent.spawn(environment.events.test_stopping.fire, environment=environment)
        gevent.sleep(0.01)
        assert not told
        note_end(environment, SIGNAL)
        ending.join(timeout=5)
        assert told == [1]

    def test_a_load_shape_beside_it_is_refused(self) -> None:
        environment = Environment(user_classes=[Visitor], parsed_options=options(), shape_class=Growing())
        FakeMaster(environment)
        with pytest.raises(ConfigurationError, match="with the load shape Growing"):
            install_arrivals(environment)


class FakeWorker(WorkerRunner):
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        environment.runner = self
        self.client_id = "me"
        self.greenlet = self.user_greenlets = Group()
        self.custom_messages = {}
        self.sent: list[str] = []

    def __del__(self) -> None: ...

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append(msg_type)

    def hear(self, kind: str, data: Any = None) -> None:
        self.custom_messages[f"wireswarm-arrivals-{kind}"][0](msg=Namespace(data=data))


class TestWorker:
    def worker(self, **changes: Any) -> FakeWorker:
        environment = Environment(user_classes=[Visitor], parsed_options=options(**changes))
        runner = FakeWorker(environment)
        setattr(environment, RECORDER, Recorder())
        install_arrivals(environment)
        environment.events.test_start.fire(environment=environment)
        return runner

    def test_it_does_as_it_is_told(self) -> None:
        runner = self.worker()
        gate = current_gate(runner.environment)
        assert isinstance(gate, ArrivalGate)
        runner.hear("muster")
        assert runner.sent == ["wireswarm-arrivals-mustered"]
        told = {"elapsed": 3.0, "at": 4.0, "users": MINE}
        runner.hear("plan", {**told, "plan": PLAN._asdict()})
        assert gate.running
        assert gate.elapsed == pytest.approx(3.0, abs=1)
        runner.hear("plan", {**told, "plan": PLAN._asdict()})
        runner.hear("stripes", told)
        runner.hear("time", {"elapsed": 33.0})
        assert gate.elapsed == pytest.approx(33.0, abs=1), "a message that took less time than the one with the plan"
        runner.hear("time", {"elapsed": 3.0})
        assert gate.elapsed == pytest.approx(33.0, abs=1)
        runner.environment.events.test_stopping.fire(environment=runner.environment)
        assert not gate.running

    def test_without_a_rate_it_only_says_that_it_is_there(self) -> None:
        runner = self.worker(arrival_rate="")
        assert current_gate(runner.environment) is None
        runner.hear("muster")
        runner.hear("stripes", {})
        runner.hear("time", {})
        runner.hear("plan", {})
        runner.environment.events.test_stopping.fire(environment=runner.environment)
        assert runner.sent == ["wireswarm-arrivals-mustered"]


def test_with_a_rate_that_is_none_nobody_does_anything() -> None:
    environment = Environment(user_classes=[Visitor], parsed_options=options(arrival_rate="typed in wrongly"))
    runner = environment.create_local_runner()
    setattr(environment, RECORDER, Recorder())
    install_arrivals(environment)
    runner.start(3, spawn_rate=3)
    until(lambda: runner.state == "stopped")
    assert (environment.process_exit_code, Visitor.done) == (2, 0)


def test_a_whole_run_in_one_process() -> None:
    samples: list[Any] = []

    class Walker(User):
        wait_time = constant(60)

        @task
        class Walk(Flow["Walker"]):
            @step
            def first(self) -> None: ...

    environment = Environment(
        user_classes=[Walker], parsed_options=options(arrival_rate="0s:100,300ms:100", num_users=3)
    )
    environment.events.request.add_listener(lambda sample, **_: samples.append(sample))
    runner = environment.create_local_runner()
    attach(environment)
    assert environment.dispatcher_class is RebalancingDispatcher
    runner.start(3, spawn_rate=3)
    assert isinstance(runner, LocalRunner)
    until(lambda: runner.state == "stopped")
    assert [sample.type for sample in samples] == ["FLOW"] * 30
    gaps = [after.due - before.due for before, after in itertools.pairwise(samples)]
    assert gaps == pytest.approx([10e6] * 29, abs=1000), "however late each began"
    assert all(sample.sent >= sample.due - 1_000_000 for sample in samples)


class TestStockClients:
    @pytest.mark.parametrize(("classes", "listens"), [([Visitor], True), ([Ours], False), ([Ours, Visitor], True)])
    def test_only_they_are_listened_to_and_by_one_gate_at_a_time(self, classes: Any, listens: bool) -> None:
        environment = Environment(user_classes=classes, parsed_options=options())
        runner = FakeWorker(environment)
        setattr(environment, RECORDER, Recorder())
        install_arrivals(environment)
        for rate in ("100/s", "100/s", ""):
            vars(environment.parsed_options)["arrival_rate"] = rate
            environment.events.test_start.fire(environment=environment)
            assert len(environment.events.request._handlers) == (1 if listens and rate else 0)
        assert runner.sent == []
