"""A worker whose master says nothing any more."""

from __future__ import annotations

import pytest
from fake_runners import FakeMaster, FakeWorker, SleptTime, settle
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING

from wireswarm.plugin import orphans
from wireswarm.plugin.orphans import install_orphan_watch


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> SleptTime:
    slept = SleptTime()
    slept.until = slept.now + 60
    slept.install(monkeypatch, orphans)
    return slept


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker(Environment())


@pytest.mark.parametrize("state", [STATE_RUNNING, STATE_SPAWNING])
def test_after_six_silent_seconds_the_load_ends(time: SleptTime, worker: FakeWorker, state: str) -> None:
    worker.worker_state = state
    ended: list[float] = []
    worker.quit = lambda: ended.append(time.now - 1000)  # type: ignore[method-assign]
    install_orphan_watch(worker.environment)
    settle()
    assert ended == [6.0]
    assert worker.environment.process_exit_code == 5


def test_a_word_now_and_then_is_enough(time: SleptTime, worker: FakeWorker) -> None:
    def answer() -> None:
        if time.now % 5.5 == 0:
            worker.environment.events.heartbeat_received.fire(client_id="me", timestamp=0)

    time.on_sleep = answer
    install_orphan_watch(worker.environment)
    settle()
    assert time.now == 1060
    assert not worker.has_quit


def test_silence_before_a_test_is_none_of_it(time: SleptTime, worker: FakeWorker) -> None:
    worker.worker_state = STATE_INIT

    def begin() -> None:
        if time.now == 1056:
            worker.worker_state = STATE_RUNNING

    time.on_sleep = begin
    install_orphan_watch(worker.environment)
    settle()
    assert not worker.has_quit, "four seconds of the test so far"


def test_time_in_which_this_process_stood_still_says_nothing(time: SleptTime, worker: FakeWorker) -> None:
    def stand_still_and_hear() -> None:
        if time.now == 1004:
            time.now += 30
        elif time.now == 1034.5:
            worker.environment.events.heartbeat_received.fire(client_id="me", timestamp=0)

    time.on_sleep = stand_still_and_hear
    time.until = 1040
    install_orphan_watch(worker.environment)
    settle()
    assert time.now == 1040
    assert not worker.has_quit


@pytest.mark.parametrize("kind", ["local", "master"])
def test_others_have_no_master(time: SleptTime, kind: str) -> None:
    environment = Environment()
    runner = environment.create_local_runner() if kind == "local" else FakeMaster(environment)
    install_orphan_watch(environment)
    settle()
    assert time.now == 1000
    if kind == "local":
        runner.quit()
