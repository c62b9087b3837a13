"""Users move to the workers that are there, as often as those come and go."""

from __future__ import annotations

import pytest
from locust import User, task
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode

from wireswarm import attach
from wireswarm.plugin.rebalancing import RebalancingDispatcher, install_rebalancing


class Visitor(User):
    @task
    def visit(self) -> None: ...


def dispatched(dispatcher: UsersDispatcher, users: int) -> dict[str, int]:
    dispatcher.new_dispatch(users, spawn_rate=users)
    counts: dict[str, dict[str, int]] = {}
    for counts in dispatcher:  # noqa: B007 - the last of them counts
        pass
    return {worker: classes["Visitor"] for worker, classes in counts.items()}


def of(kind: type[UsersDispatcher]) -> UsersDispatcher:
    dispatcher = kind([WorkerNode("a"), WorkerNode("b")], [Visitor])
    assert dispatched(dispatcher, 12) == {"a": 6, "b": 6}
    assert not dispatcher.dispatch_in_progress
    return dispatcher


def test_locusts_own_believes_for_ever_that_it_is_busy() -> None:
    dispatcher = of(UsersDispatcher)
    dispatcher.add_worker(WorkerNode("c"))
    assert dispatched(dispatcher, 12) == {"a": 4, "b": 4, "c": 4}
    assert dispatcher.dispatch_in_progress, "this is mended in Locust: RebalancingDispatcher is not needed any more"


def test_workers_may_come_and_go_again_and_again() -> None:
    dispatcher = of(RebalancingDispatcher)
    nodes = {name: WorkerNode(name) for name in "cd"}
    for node, join, expected in (
        ("c", True, {"a": 4, "b": 4, "c": 4}),
        ("d", True, {"a": 3, "b": 3, "c": 3, "d": 3}),
        ("c", False, {"a": 4, "b": 4, "d": 4}),
        ("d", False, {"a": 6, "b": 6}),
    ):
        (dispatcher.add_worker if join else dispatcher.remove_worker)(nodes[node])
        assert dispatched(dispatcher, 12) == expected
        assert not dispatcher.dispatch_in_progress


def test_a_worker_that_comes_while_users_are_started_gets_its_share() -> None:
    dispatcher = RebalancingDispatcher([WorkerNode("a")], [Visitor])
    dispatcher.new_dispatch(6, spawn_rate=1000)
    dispatcher._user_count_per_dispatch_iteration = 3
    assert next(dispatcher) == {"a": {"Visitor": 3}}
    dispatcher.add_worker(WorkerNode("b"))
    assert dispatcher.dispatch_in_progress
    *_, last = dispatcher
    assert {worker: classes["Visitor"] for worker, classes in last.items()} == {"a": 3, "b": 3}
    assert not dispatcher.dispatch_in_progress


class Own(UsersDispatcher):
    pass


@pytest.mark.parametrize(("given", "expected"), [(UsersDispatcher, RebalancingDispatcher), (Own, Own)])
def test_one_of_the_locustfiles_own_is_kept(given: type[UsersDispatcher], expected: type[UsersDispatcher]) -> None:
    environment = Environment(dispatcher_class=given)
    install_rebalancing(environment)
    assert environment.dispatcher_class is expected


def test_a_user_that_is_stopped_twice_is_stopped_once() -> None:
    # By those who move it elsewhere, and by the end of the test.
    environment = Environment(user_classes=[Visitor])
    runner = environment.create_local_runner()
    attach(environment)
    user = Visitor(environment)
    user._state = "running"
    assert user.stop() is False
    assert user.stop() is False
    assert user._state == "stopping"
    runner.quit()
