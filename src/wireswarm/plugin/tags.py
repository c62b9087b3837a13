"""Which user classes `--tags` and `--exclude-tags` leave with something to do, and what there is to do at all.

Locust spawns a class that they empty all the same, and each of its users fails with "No tasks defined"
(`locust/user/task.py`, filter_tasks_by_tags, only warns).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from locust import User
from locust.user.task import is_markov_taskset
from locust.user.users import PytestUser

from wireswarm.flows import Flow


def has_tasks(holder: Any, tags: Collection[str], exclude_tags: Collection[str]) -> bool:
    """Whether any task of a user class or task set is left, by Locust's own rule and without changing anything.

    Args:
        holder: something with `tasks`.
        tags: of which a task needs one; all tasks where it is empty.
        exclude_tags: of which a task must have none.
    """
    if isinstance(holder, type) and issubclass(holder, PytestUser):
        return True
    return any(_passes(task, set(tags), set(exclude_tags)) for task in holder.tasks)


def without_tasks(
    classes: Collection[type[User]], tags: Collection[str], exclude_tags: Collection[str]
) -> list[type[User]]:
    """The classes that are left with no task although they have some."""
    return [c for c in classes if c.tasks and not has_tasks(c, tags, exclude_tags)]


def is_idle(cls: type[User]) -> bool:
    """Whether no user of a class will ever have anything to do. One with an `__init__` of its own may get it there."""
    is_plain = cls.__init__.__module__.partition(".")[0] in {"locust", "wireswarm"}
    return is_plain and not cls.tasks and not issubclass(cls, PytestUser)


def all_tags(holder: object) -> Iterator[str]:
    """The tags of a task, or of all that are in a user class or task set; some of them more than once."""
    yield from getattr(holder, "locust_tag_set", ())
    for task in getattr(holder, "tasks", ()):
        yield from all_tags(task)


def all_flows(holders: Iterable[Any]) -> Iterator[type[Flow[Any]]]:
    """The flows among the tasks of user classes and task sets; some of them more than once."""
    for holder in holders:
        if issubclass(holder, Flow):
            yield holder
        else:
            yield from all_flows(task for task in holder.tasks if hasattr(task, "tasks"))


def _passes(task: Any, tags: set[str], exclude_tags: set[str]) -> bool:
    if hasattr(task, "tasks"):
        # A MarkovTaskSet keeps its tasks as transitions, which Locust does not filter.
        return is_markov_taskset(task) or any(_passes(inner, tags, exclude_tags) for inner in task.tasks)
    own: set[str] = getattr(task, "locust_tag_set", set())
    return (not tags or bool(own & tags)) and not own & exclude_tags
