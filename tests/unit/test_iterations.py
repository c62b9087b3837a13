"""`--iterations`: so many in all, in one process and over workers that ask a master for their shares."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser
from locust.rpc import Message
from locust.runners import (
    STATE_MISSING,
    STATE_RUNNING,
    MasterRunner,
    WorkerNode,
    WorkerNodes,
    WorkerRunner,
)
from locust.user.task import DefaultTaskSet

from wireswarm.plugin.iterations import install_iterations

ASK, GRANT = "wireswarm-iterations-ask", "wireswarm-iterations-grant"


class Somebody(User):
    done = 0

    @task
    def work(self) -> None:
        type(self).done += 1


@pytest.fixture(autouse=True)
def _from_nothing() -> None:
    Somebody.done = 0


def a_few_rounds() -> None:
    """Let the greenlets that are ready run."""
    for _ in range(5):
        gevent.sleep(0)


def environment_for(iterations: int | None, **options: Any) -> Environment:
    return Environment(
        user_classes=[Somebody], parsed_options=Namespace(iterations=iterations, stop_timeout=0, **options)
    )


def begin(environment: Environment) -> None:
    environment.events.test_start.fire(environment=environment)


def end(environment: Environment) -> None:
    environment.events.test_stopping.fire(environment=environment)


def work(environment: Environment, times: int) -> list[gevent.Greenlet[..., Any]]:
    """So many users that do one task each, as far as they may."""

    def once() -> None:
        user = Somebody(environment)
        user._state = "running"
        DefaultTaskSet(user).execute_task(Somebody.work)

    greenlets = [gevent.spawn(once) for _ in range(times)]
    a_few_rounds()
    return greenlets


class Local:
    """One process, whose runner notes that it is stopped."""

    def __init__(self, iterations: int | None, **options: Any) -> None:
        self.environment = environment_for(iterations, **options)
        self.runner = self.environment.create_local_runner()
        self.calls: list[str] = []
        self.runner.stop = lambda: self.calls.append("stop")  # type: ignore[method-assign]
        self.runner.quit = lambda: self.calls.append("quit")  # type: ignore[method-assign]
        install_iterations(self.environment)

    def work(self, times: int) -> list[gevent.Greenlet[..., Any]]:
        return work(self.environment, times)


class TestLocal:
    def test_so_many_are_done_and_then_the_run_ends(self, caplog: pytest.LogCaptureFixture) -> None:
        local = Local(3, headless=True)
        begin(local.environment)
        with caplog.at_level("INFO"):
            local.work(2)
            assert local.calls == []

            parked = local.work(3)

        assert Somebody.done == 3
        assert local.calls == ["quit"]
        assert [greenlet.dead for greenlet in parked].count(False) == 2
        assert [r.getMessage() for r in caplog.records].count("All 3 iterations are done") == 1
        gevent.killall(parked)

    def test_a_task_that_fails_counts(self) -> None:
        local = Local(1, headless=True)
        begin(local.environment)

        def fail(_user: User) -> None:
            raise ValueError

        user = Somebody(local.environment)
        with pytest.raises(ValueError, match=r"^$"):
            DefaultTaskSet(user).execute_task(fail)
        a_few_rounds()

        assert local.calls == ["quit"]

    @pytest.mark.parametrize("iterations", [0, None])
    def test_without_a_number_there_is_no_limit(self, iterations: int | None) -> None:
        local = Local(iterations, headless=True)
        begin(local.environment)

        local.work(20)

        assert Somebody.done == 20
        assert local.calls == []
        end(local.environment)

    def test_an_environment_without_options_has_no_limit(self) -> None:
        environment = Environment(user_classes=[Somebody])
        environment.create_local_runner()
        install_iterations(environment)
        begin(environment)

        work(environment, 3)

        assert Somebody.done == 3

    def test_the_next_test_begins_anew(self) -> None:
        local = Local(2, headless=True)
        begin(local.environment)
        local.work(1)
        end(local.environment)

        begin(local.environment)
        local.work(1)
        assert local.calls == []
        local.work(1)

        assert local.calls == ["quit"]

    def test_what_ends_after_the_stop_ends_no_test(self) -> None:
        local = Local(1, headless=True)
        begin(local.environment)
        end(local.environment)

        local.work(1)

        assert local.calls == []

    def test_in_the_web_ui_the_test_stops_and_the_process_stays(self) -> None:
        local = Local(1, headless=False)
        begin(local.environment)
        local.work(1)

        assert local.calls == ["stop"]

    @pytest.mark.parametrize(("autoquit", "calls"), [(-1, ["stop"]), (0, ["stop", "quit", "web ui"])])
    def test_a_run_that_started_by_itself_quits_by_itself(self, autoquit: int, calls: list[str]) -> None:
        local = Local(1, headless=False, autostart=True, autoquit=autoquit)
        local.environment.web_ui = Namespace(stop=lambda: local.calls.append("web ui"))  # type: ignore[assignment]
        begin(local.environment)
        local.work(1)

        assert local.calls == calls

    def test_without_a_runner_nothing_happens(self) -> None:
        environment = environment_for(3)
        install_iterations(environment)

        begin(environment)
        work(environment, 5)

        assert Somebody.done == 5


class FakeWorker(WorkerRunner):
    """A worker without a connection."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        environment.runner = self
        self.user_greenlets, self.greenlet = Group(), Group()
        self.custom_messages: dict[str, tuple[Callable[..., None], bool]] = {}
        self.sent: list[str] = []
        self.reports: list[dict[str, Any]] = []

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append(msg_type)

    def _send_stats(self) -> None:
        data: dict[str, Any] = {}
        self.environment.events.report_to_master.fire(client_id="a", data=data)
        self.reports.append(data.get("wireswarm_iterations", {}))

    def receive(self, granted: int) -> None:
        listener, _ = self.custom_messages[GRANT]
        listener(environment=self.environment, msg=Message(GRANT, {"granted": granted}, None))
        a_few_rounds()


def worker_with(iterations: int) -> FakeWorker:
    environment = environment_for(iterations)
    runner = FakeWorker(environment)
    install_iterations(environment)
    begin(environment)
    return runner


class TestWorker:
    def test_it_asks_once_for_all_its_users_and_does_what_it_is_granted(self) -> None:
        runner = worker_with(100)
        users = work(runner.environment, 5)
        assert runner.sent == [ASK]
        assert Somebody.done == 0

        runner.receive(3)

        assert Somebody.done == 3
        assert runner.sent == [ASK, ASK]
        gevent.killall(users)

    def test_it_reports_when_its_share_is_done(self) -> None:
        runner = worker_with(100)
        users = work(runner.environment, 3)
        runner.user_greenlets.add(users[2])
        runner.receive(2)

        assert sum(report["done"] for report in runner.reports) == 2
        assert all(report["back"] == 0 for report in runner.reports)
        gevent.killall(users)

    def test_what_was_reported_is_not_reported_again(self) -> None:
        runner = worker_with(100)
        users = work(runner.environment, 1)
        runner.receive(1)
        runner._send_stats()

        assert [report["done"] for report in runner.reports] == [1, 0]
        gevent.killall(users)

    def test_a_worker_whose_users_are_gone_gives_back_what_it_has(self) -> None:
        runner = worker_with(100)
        work(runner.environment, 1)
        runner.receive(5)
        runner._send_stats()

        assert runner.reports[-1]["back"] == 4
        runner._send_stats()
        assert runner.reports[-1]["back"] == 0

    def test_a_user_that_is_stopped_while_it_waits_for_a_share_does_nothing(self) -> None:
        runner = worker_with(100)
        user = Somebody(runner.environment)
        greenlet = gevent.spawn(DefaultTaskSet(user).execute_task, Somebody.work)
        a_few_rounds()
        assert user._state == "waiting"

        user._state = "stopping"
        runner.receive(5)
        greenlet.join(5)

        assert isinstance(greenlet.exception, StopUser)
        assert Somebody.done == 0

    def test_without_iterations_it_neither_asks_nor_reports(self) -> None:
        runner = worker_with(0)
        work(runner.environment, 3)
        runner._send_stats()

        assert Somebody.done == 3
        assert runner.sent == []
        assert runner.reports == [{}]

    def test_a_new_test_forgets_the_shares_of_the_last(self) -> None:
        runner = worker_with(100)
        runner.receive(50)
        begin(runner.environment)

        users = work(runner.environment, 1)

        assert Somebody.done == 0
        assert runner.sent == [ASK]
        gevent.killall(users)


class FakeMaster(MasterRunner):
    """A master without a socket, and workers by name."""

    def __init__(self, environment: Environment, *workers: str) -> None:
        self.environment = environment
        environment.runner = self
        self.greenlet = Group()
        self.custom_messages: dict[str, tuple[Callable[..., None], bool]] = {}
        self.clients = WorkerNodes()
        for worker in workers:
            self.clients[worker] = WorkerNode(worker, STATE_RUNNING)
        self.state = STATE_RUNNING
        self.target_user_count = 0
        self.sent: list[tuple[str | None, int]] = []
        self.calls: list[str] = []

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        assert msg_type == GRANT
        self.sent.append((client_id, data["granted"]))

    def quit(self) -> None:
        self.calls.append("quit")

    def asked_by(self, worker: str) -> None:
        listener, _ = self.custom_messages[ASK]
        listener(environment=self.environment, msg=Message(ASK, None, worker))

    def report_of(self, worker: str, done: int, back: int = 0) -> None:
        data = {"wireswarm_iterations": {"done": done, "back": back}}
        self.environment.events.worker_report.fire(client_id=worker, data=data)
        a_few_rounds()

    def look(self) -> None:
        """What is done every second."""
        self.custom_messages[ASK][0].__self__.look()  # type: ignore[attr-defined]


def master_of(iterations: int, *workers: str) -> FakeMaster:
    environment = environment_for(iterations, headless=True)
    runner = FakeMaster(environment, *workers)
    install_iterations(environment)
    begin(environment)
    return runner


class TestMaster:
    def test_shares_shrink_and_the_end_is_when_all_is_reported(self) -> None:
        runner = master_of(10, "a", "b")
        while sum(share for _, share in runner.sent) < 10:
            for worker in ("a", "b"):
                runner.asked_by(worker)
        shares = [share for _, share in runner.sent]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == 10

        runner.report_of("a", sum(share for worker, share in runner.sent if worker == "a"))
        assert runner.calls == []
        runner.report_of("b", sum(share for worker, share in runner.sent if worker == "b"))

        assert runner.calls == ["quit"]

    def test_who_got_nothing_gets_what_another_gives_back(self) -> None:
        runner = master_of(1, "a", "b")
        runner.asked_by("a")
        runner.asked_by("b")
        assert runner.sent == [("a", 1)]

        runner.report_of("a", done=0, back=1)

        assert runner.sent == [("a", 1), ("b", 1)]

    def test_what_a_worker_that_quit_had_is_handed_out_again(self) -> None:
        runner = master_of(1, "a", "b")
        runner.asked_by("a")
        runner.asked_by("b")
        del runner.clients["a"]

        runner.look()

        assert runner.sent == [("a", 1), ("b", 1)]

    def test_what_a_missing_worker_had_is_not_done_again(self, caplog: pytest.LogCaptureFixture) -> None:
        runner = master_of(1, "a", "b")
        runner.asked_by("a")
        runner.clients["a"].state = STATE_MISSING
        runner.asked_by("b")

        runner.look()
        runner.report_of("b", done=0)

        assert runner.sent == [("a", 1)]
        assert "A worker is gone; 1 iterations may never be done" in caplog.text
        assert runner.calls == ["quit"]

    def test_a_worker_that_comes_back_is_heard(self) -> None:
        runner = master_of(4, "a", "b")
        for _ in range(4):
            runner.asked_by("a")
        held = sum(share for _, share in runner.sent)
        assert held == 4
        runner.clients["a"].state = STATE_MISSING
        runner.look()

        runner.report_of("a", done=3)
        assert runner.calls == []
        runner.report_of("a", done=1)

        assert runner.calls == ["quit"]

    def test_a_missing_worker_gets_nothing(self) -> None:
        runner = master_of(4, "a", "b")
        runner.clients["a"].state = STATE_MISSING
        runner.asked_by("a")
        runner.asked_by("nobody")
        assert runner.sent == []

        runner.asked_by("b")

        assert [worker for worker, _ in runner.sent] == ["b"]

    def test_reports_without_iterations_are_no_matter(self) -> None:
        runner = master_of(1, "a")
        runner.environment.events.worker_report.fire(client_id="a", data={})
        a_few_rounds()

        assert runner.calls == []

    def test_a_worker_cannot_report_more_than_it_was_given(self) -> None:
        runner = master_of(10, "a")
        runner.asked_by("a")

        runner.report_of("a", done=10)

        assert runner.sent == [("a", 5)]
        assert runner.calls == []
