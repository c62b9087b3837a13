"""What tags leave to do: the same as Locust's own filter, which is the oracle here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from locust import TaskSet, User, tag, task
from locust.user.markov_taskset import MarkovTaskSet, transition
from locust.user.task import filter_tasks_by_tags
from locust.user.users import PytestUser

from wireswarm import Flow, step
from wireswarm.plugin.tags import all_flows, all_tags, has_tasks, without_tasks

TAGS = st.frozensets(st.sampled_from("abc"))


def function(tags: frozenset[str]) -> Callable[[Any], None]:
    def one(_user: Any) -> None: ...

    return tag(*tags)(one) if tags else one


def task_set(tasks: list[Any]) -> type[TaskSet]:
    return type("Several", (TaskSet,), {"tasks": tasks})


def flow(tags: frozenset[str]) -> type[Flow[Any]]:
    made = type("Walk", (Flow,), {"only": step(lambda _self: None)})
    return tag(*tags)(made) if tags else made


def markov(tags: frozenset[str]) -> type[MarkovTaskSet]:
    class Chain(MarkovTaskSet):
        @transition("second")
        def first(self) -> None: ...

        @transition("first")
        def second(self) -> None: ...

    return Chain


LEAVES = st.one_of(TAGS.map(function), TAGS.map(flow), TAGS.map(markov))
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3).map(task_set), max_leaves=6)


def user_with(tasks: list[Any]) -> type[User]:
    return type("Somebody", (User,), {"tasks": tasks})


@given(st.lists(TREES, max_size=3), TAGS, TAGS)
def test_it_is_what_locusts_own_filter_leaves(
    tasks: list[Any], tags: frozenset[str], exclude_tags: frozenset[str]
) -> None:
    user = user_with(tasks)
    before = list(user.tasks)

    found = has_tasks(user, tags, exclude_tags)
    assert user.tasks == before  # nothing was changed by looking

    logging.disable()  # Locust warns of what it empties
    try:
        filter_tasks_by_tags(user, set(tags) or None, set(exclude_tags) or None)
    finally:
        logging.disable(logging.NOTSET)
    assert found == bool(user.tasks)


def test_only_classes_that_had_tasks_are_left_without() -> None:
    reader, writer, idle = user_with([function(frozenset("a"))]), user_with([function(frozenset("b"))]), user_with([])

    assert without_tasks([reader, writer, idle], ["a"], []) == [writer]
    assert without_tasks([reader, writer, idle], [], []) == []


def test_a_file_of_tests_for_pytest_always_has_something_to_do() -> None:
    assert has_tasks(type("Tests", (PytestUser,), {"functions": []}), ["a"], [])


def test_the_tags_there_are() -> None:
    @tag("outer")
    class Inner(TaskSet):
        @tag("inner")
        @task
        def one(self) -> None: ...

        @task
        def two(self) -> None: ...

    user = user_with([Inner, flow(frozenset("f")), function(frozenset())])

    assert set(all_tags(user)) == {"outer", "inner", "f"}


def test_the_flows_there_are_at_any_depth() -> None:
    first, second = flow(frozenset()), flow(frozenset())
    user = user_with([first, function(frozenset()), task_set([task_set([second]), markov(frozenset())])])

    assert list(all_flows([user, user_with([])])) == [first, second]
    assert list(all_flows([first])) == [first]
