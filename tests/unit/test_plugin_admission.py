"""Workers that stood still: who is parked, what is asked, and when the master lets them go on."""

from __future__ import annotations

import math
from typing import Any

import gevent
import pytest
from fake_runners import FakeMaster, FakeWorker, SleptTime, settle
from locust import User
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import STATE_INIT, STATE_MISSING, STATE_RUNNING

from wireswarm.metrics import Recorder
from wireswarm.plugin import admission
from wireswarm.plugin.admission import HeldGate, install_admission
from wireswarm.plugin.arrival_gate import ArrivalGate
from wireswarm.plugin.gate import current_gate, set_gate

ASK, ADMIT = "wireswarm-admission-ask", "wireswarm-admission"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> SleptTime:
    slept = SleptTime()
    slept.install(monkeypatch, admission)
    return slept


class NoGate:
    """Lets everybody through, and counts."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def enter(self, user: User) -> None:
        self.calls.append("enter")

    def leave(self) -> None:
        self.calls.append("leave")


class TestWorker:
    @pytest.fixture
    def worker(self, time: SleptTime) -> FakeWorker:
        worker = FakeWorker(Environment())
        install_admission(worker.environment)
        return worker

    def look(self, time: SleptTime, after: float) -> None:
        time.now += after
        assert time.timer is not None
        time.timer()
        settle()

    def test_it_parks_its_users_at_once_and_asks(self, time: SleptTime, worker: FakeWorker) -> None:
        behind = NoGate()
        set_gate(worker.environment, behind)
        self.look(time, after=3.1)
        held = current_gate(worker.environment)
        assert isinstance(held, HeldGate)
        assert worker.sent == [(ASK, {"users": {"Visitor": 3}})]
        user = User(worker.environment)
        user._state = "running"
        waiting = gevent.spawn(held.enter, user)
        settle()
        assert not waiting.dead
        self.look(time, after=4.9)  # it asks once
        assert len(worker.sent) == 1
        self.look(time, after=0.2)  # and again where nobody answers
        assert len(worker.sent) == 2

        worker.hear(ADMIT)
        waiting.get(timeout=5)
        assert current_gate(worker.environment) is behind
        held.leave()
        held.enter(user)
        assert behind.calls == ["enter", "leave", "enter"], "who came by the held gate goes by the one behind"

    def test_without_a_gate_there_is_none_afterwards(self, time: SleptTime, worker: FakeWorker) -> None:
        self.look(time, after=3.1)
        held = current_gate(worker.environment)
        assert isinstance(held, HeldGate)
        worker.hear(ADMIT)
        assert current_gate(worker.environment) is None
        held.enter(User(worker.environment))
        held.leave()

    def test_an_open_load_hands_out_nothing_meanwhile(self, time: SleptTime, worker: FakeWorker) -> None:
        gate = ArrivalGate(Recorder(), "me")
        set_gate(worker.environment, gate)
        self.look(time, after=5)
        assert not gate._going_on.is_set()
        worker.hear(ADMIT)
        assert gate._going_on.is_set()
        assert current_gate(worker.environment) is gate

    @pytest.mark.parametrize(("after", "state"), [(2.9, STATE_RUNNING), (60, STATE_INIT)])
    def test_a_short_halt_or_one_between_tests_is_none(
        self, time: SleptTime, worker: FakeWorker, after: float, state: str
    ) -> None:
        worker.worker_state = state
        self.look(time, after)
        assert current_gate(worker.environment) is None
        assert worker.sent == []

    @pytest.mark.parametrize("event", ["test_stopping", "test_start"])
    def test_the_end_of_the_test_frees_them(self, time: SleptTime, worker: FakeWorker, event: str) -> None:
        self.look(time, after=4)
        held = current_gate(worker.environment)
        assert isinstance(held, HeldGate)
        user = User(worker.environment)
        user._state = "running"
        waiting = gevent.spawn(held.enter, user)
        settle()
        user._state = "stopping"
        getattr(worker.environment.events, event).fire(environment=worker.environment)
        with pytest.raises(StopUser):
            waiting.get(timeout=5)
        worker.hear(ADMIT)  # too late, and of no effect
        assert current_gate(worker.environment) is None

    def test_the_gate_of_another_test_stays(self, time: SleptTime, worker: FakeWorker) -> None:
        self.look(time, after=4)
        other = NoGate()
        set_gate(worker.environment, other)
        worker.hear(ADMIT)
        assert current_gate(worker.environment) is other


class TestMaster:
    def master(self, **users: int) -> FakeMaster:
        runner = FakeMaster(Environment(), **users)
        install_admission(runner.environment)
        return runner

    def test_who_is_counted_and_not_too_many_goes_on(self, time: SleptTime) -> None:
        master = self.master(a=5, b=5)
        master.hear(ASK, "a", {"users": {"Visitor": 5}})
        settle()
        assert master.sent == [(ADMIT, "a")]
        assert time.now == 1000.25
        master.hear(ASK, "b", {"users": {"Visitor": 5}})
        settle()
        assert master.sent[1:] == [(ADMIT, "b")]

    def test_while_others_have_its_users_it_waits(self, time: SleptTime) -> None:
        master = self.master(a=5, b=5)
        master.clients["b"].user_classes_count = {"Visitor": 10}

        def give_back() -> None:
            if time.now == 1003:
                assert master.sent == []
                master.clients["b"].user_classes_count = {"Visitor": 5}

        time.on_sleep = give_back
        master.clients["a"].user_classes_count = {}
        master.hear(ASK, "a", {"users": {"Visitor": 5}})
        assert master.clients["a"].user_classes_count == {"Visitor": 5}, "of which it may not have heard"
        settle()
        assert master.sent == [(ADMIT, "a")]
        assert time.now == 1003

    def test_not_for_ever_since_users_may_take_long_to_end(self, time: SleptTime) -> None:
        master = self.master(a=5, b=5)
        master.clients["b"].user_classes_count = {"Visitor": 10}
        master.hear(ASK, "a", {"users": {"Visitor": 5}})
        settle()
        assert master.sent == [(ADMIT, "a")]
        assert math.isclose(time.now, 1020.25)

    def test_one_that_is_missing_is_waited_for_and_one_that_has_gone_is_not(self, time: SleptTime) -> None:
        master = self.master(a=5, b=5)
        master.clients["a"].state = STATE_MISSING

        def change() -> None:
            if time.now == 1030:
                assert master.sent == []
                master.clients["a"].state = STATE_RUNNING

        time.on_sleep = change
        master.hear(ASK, "a", {"users": {"Visitor": 5}})
        master.hear(ASK, "gone", {"users": {"Visitor": 5}})
        settle()
        assert master.sent == [(ADMIT, "a")]
        assert time.now == 1030


def test_a_run_in_one_process_asks_nobody(time: SleptTime) -> None:
    environment: Any = Environment()
    runner = environment.create_local_runner()
    install_admission(environment)
    assert time.timer is None
    runner.quit()
