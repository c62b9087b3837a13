"""A stop without loss: who is asked, who is waited for, and for how long."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.rpc import Message
from locust.runners import (
    STATE_MISSING,
    STATE_RUNNING,
    STATE_STOPPING,
    MasterRunner,
    WorkerNode,
    WorkerNodes,
    WorkerRunner,
)

from wireswarm import Flow
from wireswarm.plugin.drain import MARGIN_SECONDS, install_drain

DRAIN, DRAINED = "wireswarm-drain", "wireswarm-drained"


class Somebody(User):
    @task
    def nothing(self) -> None: ...


def a_few_rounds() -> None:
    """Let the greenlets that are ready run."""
    for _ in range(5):
        gevent.sleep(0)


class FakeMaster(MasterRunner):
    """A master without a socket, and workers by name."""

    def __init__(self, *workers: str, headless: bool = True) -> None:
        self.environment = Environment(parsed_options=Namespace(headless=headless, stop_timeout=0))
        self.environment.runner = self
        self.greenlet = Group()
        self.shape_greenlet = None
        self.custom_messages: dict[str, tuple[Callable[..., None], bool]] = {}
        self.clients = WorkerNodes()
        for worker in workers:
            self.clients[worker] = WorkerNode(worker, STATE_RUNNING)
        self.state = STATE_RUNNING
        self.sent: list[tuple[str, str | None]] = []
        self.calls: list[str] = []
        self.on_send: Callable[[str], object] = lambda _worker: None
        self.may_start = Event()
        install_drain(self.environment)

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((msg_type, client_id))
        self.on_send(str(client_id))

    def start(self, *_args: Any, **_kwargs: Any) -> None:  # type: ignore[override]
        self.calls.append("start")
        self.may_start.wait()
        self.calls.append("started")

    def quit(self) -> None:
        self.calls.append("quit")

    def drained(self, worker: str) -> None:
        listener, _ = self.custom_messages[DRAINED]
        listener(environment=self.environment, msg=Message(DRAINED, None, worker))
        a_few_rounds()

    def stopping(self) -> gevent.Greenlet[..., Any]:
        """What `stop` does first: tell that the test is stopping, which returns once it is drained."""
        greenlet = gevent.spawn(self.environment.events.test_stopping.fire, environment=self.environment)
        a_few_rounds()
        return greenlet


class TestMaster:
    def test_every_worker_is_asked_and_waited_for(self) -> None:
        runner = FakeMaster("a", "b")

        stopping = runner.stopping()
        assert sorted(runner.sent) == [(DRAIN, "a"), (DRAIN, "b")]
        runner.drained("b")
        assert not stopping.dead
        runner.drained("a")

        assert stopping.dead
        assert runner.state == STATE_STOPPING

    def test_the_state_says_that_it_stops_while_it_waits(self) -> None:
        runner = FakeMaster("a")

        stopping = runner.stopping()

        assert runner.state == STATE_STOPPING
        stopping.kill()

    def test_a_missing_worker_is_not_asked(self) -> None:
        runner = FakeMaster("a", "b")
        runner.clients["a"].state = STATE_MISSING

        stopping = runner.stopping()
        runner.drained("b")

        assert runner.sent == [(DRAIN, "b")]
        assert stopping.dead

    @pytest.mark.parametrize("how", ["gone", "missing"])
    def test_a_worker_that_is_lost_meanwhile_is_not_waited_for(
        self, how: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        runner = FakeMaster("a", "b")

        def lose(worker: str) -> None:
            if worker == "a" and how == "gone":
                del runner.clients["a"]
            elif worker == "a":
                runner.clients["a"].state = STATE_MISSING

        runner.on_send = lose
        stopping = runner.stopping()
        runner.drained("b")

        assert stopping.dead
        assert caplog.records == []

    def test_it_does_not_wait_for_ever(self, caplog: pytest.LogCaptureFixture) -> None:
        runner = FakeMaster("a", "b")
        runner.environment.stop_timeout = 0.01 - MARGIN_SECONDS  # no test waits for the margin

        stopping = runner.stopping()
        runner.drained("b")
        stopping.join(5)

        assert stopping.dead
        assert "1 workers did not send their last report within 0.01 s" in caplog.text

    def test_the_clean_ups_of_flows_have_their_time(self, caplog: pytest.LogCaptureFixture) -> None:
        class Short(Flow[Any]):
            cleanup_timeout = 1

        class Long(Flow[Any]):
            cleanup_timeout = 20

        runner = FakeMaster("a")
        runner.environment.user_classes = [type("Walker", (User,), {"tasks": [Short, Long]})]
        runner.environment.stop_timeout = 0.01 - MARGIN_SECONDS - 20
        runner.stopping().join(5)

        assert "within 0.01 s" in caplog.text

    def test_a_second_test_is_drained_as_the_first(self) -> None:
        runner = FakeMaster("a")
        first = runner.stopping()
        runner.drained("a")
        assert first.dead

        second = runner.stopping()
        assert not second.dead
        runner.drained("a")

        assert second.dead
        assert runner.sent == [(DRAIN, "a")] * 2

    def test_a_ramp_up_that_is_under_way_ends(self) -> None:
        runner = FakeMaster("a")
        ramp_up = gevent.spawn(runner.start, 10, 1)
        a_few_rounds()

        stopping = runner.stopping()
        runner.drained("a")

        assert stopping.dead
        assert ramp_up.dead
        assert runner.calls == ["start"]

    def test_a_load_shape_ends(self) -> None:
        runner = FakeMaster("a")
        runner.shape_greenlet = runner.greenlet.spawn(runner.start, 10, 1)
        a_few_rounds()

        runner.stopping()
        runner.drained("a")

        assert runner.shape_greenlet.dead
        assert runner.calls == ["start"]

    def test_a_load_shape_that_is_through_can_stop_the_test_itself(self) -> None:
        runner = FakeMaster("a")
        tell = runner.environment.events.test_stopping.fire
        runner.shape_greenlet = gevent.spawn(tell, environment=runner.environment)
        a_few_rounds()
        assert not runner.shape_greenlet.dead, "it waits for the report as anybody else"

        runner.drained("a")
        assert runner.shape_greenlet.dead

    def test_what_runs_in_another_greenlet_of_the_runner_is_left_to_it(self) -> None:
        runner = FakeMaster("a")
        listener = runner.greenlet.spawn(runner.start, 10, 1)
        a_few_rounds()

        runner.stopping()
        runner.drained("a")
        assert not listener.dead

        runner.may_start.set()
        listener.join(5)
        assert runner.calls == ["start", "started"]

    @pytest.mark.parametrize(
        ("code", "left"),
        [(None, 1), (3, 3)],
    )
    def test_when_the_last_worker_is_lost_a_headless_run_fails(
        self, code: int | None, left: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        runner = FakeMaster("a")
        runner.environment.process_exit_code = code
        runner.clients["a"].state = STATE_MISSING

        assert runner.stopping().dead

        assert runner.calls == ["quit"]
        assert runner.environment.process_exit_code == left
        assert "No worker is left" in caplog.text

    @pytest.mark.parametrize("headless", [True, False])
    def test_without_workers_there_is_nothing_to_wait_for(self, headless: bool) -> None:
        runner = FakeMaster(*([] if headless else ["a"]), headless=headless)
        for worker in runner.clients.values():
            worker.state = STATE_MISSING

        assert runner.stopping().dead

        assert runner.calls == []
        assert runner.sent == []


class FakeWorker(WorkerRunner):
    """A worker without a connection, which notes what it does."""

    def __init__(self) -> None:
        self.environment = Environment()
        self.environment.runner = self
        self.greenlet = Group()
        self.custom_messages: dict[str, tuple[Callable[..., None], bool]] = {}
        self.calls: list[str] = []
        install_drain(self.environment)

    def stop(self) -> None:
        self.calls.append("stop")

    def _send_stats(self) -> None:
        self.calls.append("report")

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.calls.append(msg_type)

    def start_worker(self, user_classes_count: dict[str, int], **_kwargs: Any) -> None:
        self.calls.append(f"start {user_classes_count}")

    def drain(self) -> None:
        listener, concurrent = self.custom_messages[DRAIN]
        assert concurrent  # stopping users takes its time, and the worker has to hear of other things
        listener(environment=self.environment, msg=Message(DRAIN, None, None))


class TestWorker:
    def test_it_stops_its_users_then_reports_then_says_so(self) -> None:
        runner = FakeWorker()

        runner.drain()

        assert runner.calls == ["stop", "report", DRAINED]

    def test_a_late_step_of_the_ramp_up_starts_nobody(self) -> None:
        runner = FakeWorker()
        runner.start_worker({"A": 1})
        runner.drain()
        runner.calls.clear()

        runner.start_worker({"A": 2})
        assert runner.calls == []

        runner.environment.events.test_start.fire(environment=runner.environment)
        runner.start_worker({"A": 3})
        assert runner.calls == ["start {'A': 3}"]

    def test_one_that_quits_on_its_own_reports_before(self) -> None:
        runner = FakeWorker()

        runner.environment.events.quitting.fire(environment=runner.environment, reverse=True)

        assert runner.calls == ["stop", "report"]

    def test_after_it_has_quit_it_reports_no_more(self) -> None:
        # The master does not know it any more.
        runner = FakeWorker()
        runner.environment.events.quitting.fire(environment=runner.environment)
        runner.calls.clear()

        runner.environment.events.quitting.fire(environment=runner.environment)

        assert runner.calls == ["stop"]


class TestOneStopAtATime:
    def stoppable(self) -> tuple[Environment, list[str], Event]:
        environment = Environment()
        runner = environment.create_local_runner()
        log, may_end = [], Event()

        def stop() -> None:
            log.append("begin")
            may_end.wait()
            log.append("end")

        runner.stop = stop  # type: ignore[method-assign]
        install_drain(environment)
        return environment, log, may_end

    def test_a_second_stop_waits_for_the_first(self) -> None:
        environment, log, may_end = self.stoppable()
        assert environment.runner is not None
        stops = [gevent.spawn(environment.runner.stop) for _ in range(2)]
        a_few_rounds()
        assert log == ["begin"]

        may_end.set()
        gevent.joinall(stops, timeout=5)

        assert log == ["begin", "end", "begin", "end"]

    def test_a_stop_inside_of_a_stop_is_not_locked_out(self) -> None:
        environment = Environment()
        runner = environment.create_local_runner()
        log: list[str] = []

        def stop() -> None:
            log.append("stop")
            if len(log) == 1:
                runner.stop()

        runner.stop = stop  # type: ignore[method-assign]
        install_drain(environment)
        gevent.spawn(runner.stop).get(timeout=5)

        assert log == ["stop", "stop"]

    def test_a_masters_own_greenlets_are_not_locked_out(self) -> None:
        runner = FakeMaster("a")
        first = gevent.spawn(runner.stop)  # waits for the reports
        a_few_rounds()
        assert not first.dead

        # As Locust does when the last worker has quit, in the greenlet that reads the reports.
        second = runner.greenlet.spawn(runner.stop)
        second.join(5)

        assert second.dead
        assert not first.dead
        first.kill()

    def test_without_a_runner_there_is_nothing_to_stop(self) -> None:
        install_drain(Environment())


class Greedy(User):
    """Waits, and then does a task."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.log: list[str] = []
        self.wait_is_over = Event()

    def on_stop(self) -> None:
        self.log.append("stopped")

    @task
    def work(self) -> None:
        self.log.append("work")


class TestUserStop:
    @pytest.fixture
    def user(self) -> Greedy:
        environment = Environment()
        environment.create_local_runner()
        install_drain(environment)
        return Greedy(environment)

    def test_who_waits_is_ended_before_its_next_task(self, user: Greedy) -> None:
        type(user).wait_time = lambda _self: 3600
        group = Group()
        user.start(group)
        a_few_rounds()
        assert user.log == ["work"]
        assert user._state == "waiting"

        assert user.stop()
        assert user._state == "stopping"
        group.join(timeout=5)

        assert user.log == ["work", "stopped"]

    def test_who_works_ends_its_task(self, user: Greedy) -> None:
        may_end = Event()

        def work(self: Greedy) -> None:
            may_end.wait()
            self.log.append("work")

        user.tasks = [work]
        group = Group()
        user.start(group)
        a_few_rounds()

        assert not user.stop()
        may_end.set()
        group.join(timeout=5)

        assert user.log == ["work", "stopped"]

    def test_who_is_forced_is_killed(self, user: Greedy) -> None:
        user.tasks = [lambda _user: Event().wait()]
        group = Group()
        user.start(group)
        a_few_rounds()

        assert user.stop(force=True)
        group.join(timeout=5)

        assert user.log == ["stopped"]
