from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust import MarkovTaskSet, TaskSet, User, constant, tag, task, transition
from locust.env import Environment
from locust.user.task import filter_tasks_by_tags
from locust.user.users import PytestUser

from wireswarm.flows import Flow, step
from wireswarm.plugin.tags import all_flows, all_tags, has_tasks, without_tasks

TAGS = ["a", "b", "c"]
SOME = st.lists(st.sampled_from(TAGS), unique=True)


def tagged(tags: list[str]) -> Any:
    """A task with these tags."""

    def nothing(_: object) -> None: ...

    return tag(*tags)(nothing) if tags else nothing


def task_set(tasks: list[Any]) -> Any:
    """A task set of these tasks."""
    return type("Inner", (TaskSet,), {"tasks": tasks})


TASKS = st.recursive(SOME.map(tagged), lambda inner: st.lists(inner, max_size=3).map(task_set), max_leaves=6)


class Someone(User):
    abstract = True
    wait_time = constant(0)


@given(tasks=st.lists(TASKS, max_size=4), tags=SOME, exclude_tags=SOME)
def test_the_rule_is_that_of_locust(tasks: list[Any], tags: list[str], exclude_tags: list[str]) -> None:
    cls = type("Drawn", (Someone,), {"tasks": tasks})
    before = copy.copy(cls.tasks)
    expected = has_tasks(cls, tags, exclude_tags)
    assert cls.tasks == before, "nothing is changed"
    # What Locust does in earnest, which takes the tasks away.
    filter_tasks_by_tags(cls, set(tags) or None, set(exclude_tags) or None)
    assert expected == bool(cls.tasks)


class Buyer(Someone):
    @tag("read")
    @task
    def look(self) -> None: ...

    @tag("write", "slow")
    @task
    class Checkout(Flow[Any]):
        @step
        def pay(self) -> None: ...


class Idle(Someone):
    """Somebody without a task, which is another matter."""


@pytest.mark.parametrize(
    ("tags", "exclude_tags", "left"),
    [
        ([], [], True),
        (["write"], [], True),
        (["nothing"], [], False),
        ([], ["read"], True),
        ([], ["read", "slow"], False),
        (["write"], ["slow"], False),
    ],
)
def test_a_class_is_left_out_where_all_its_tasks_are(tags: list[str], exclude_tags: list[str], left: bool) -> None:
    assert has_tasks(Buyer, tags, exclude_tags) is left
    assert without_tasks([Buyer, Idle], tags, exclude_tags) == ([] if left else [Buyer])


def test_a_flow_is_kept_or_dropped_whole() -> None:
    class Kept(Buyer):
        pass

    filter_tasks_by_tags(Kept, {"write"})
    (flow,) = Kept.tasks
    assert flow is Buyer.Checkout
    (walk,) = flow.tasks
    assert walk.__name__ == "checkout"


def test_tests_of_pytest_and_markov_chains_have_no_tags() -> None:
    class Tests(PytestUser):
        functions = []  # noqa: RUF012 - as Locust has it

    class Chain(MarkovTaskSet):
        @transition("second")
        def first(self) -> None: ...

        @transition("first")
        def second(self) -> None: ...

    class Chained(Someone):
        tasks = [Chain]  # noqa: RUF012 - as Locust has it

    assert has_tasks(Tests, ["a"], ["b"])
    assert has_tasks(Chained, ["a"], ["b"])
    environment = Environment(user_classes=[Chained])
    environment.tags = ["a"]
    environment._filter_tasks_by_tags()
    assert Chained.tasks == [Chain], "Locust thinks so too"


def test_what_there_is_at_all() -> None:
    class Outer(Someone):
        tasks = [task_set([Buyer.Checkout, tagged(["a"])]), tagged([])]  # noqa: RUF012 - as Locust has it

    assert set(all_tags(Outer)) == {"write", "slow", "a"}
    assert list(all_flows([Outer, Buyer, Idle])) == [Buyer.Checkout, Buyer.Checkout]
