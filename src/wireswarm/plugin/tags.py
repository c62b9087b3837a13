"""Which user classes `--tags` and `--exclude-tags` leave with something to do.

Locust spawns a class that they empty all the same, and each of its users fails with "No tasks defined"
(`locust/user/task.py`, filter_tasks_by_tags, only warns).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from locust import User
from locust.user.users import PytestUser


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


def _passes(task: Any, tags: set[str], exclude_tags: set[str]) -> bool:
    if hasattr(task, "tasks"):
        # A MarkovTaskSet keeps its tasks as transitions, which Locust does not filter.
        return not task.tasks or any(_passes(inner, tags, exclude_tags) for inner in task.tasks)
    own: set[str] = getattr(task, "locust_tag_set", set())
    return (not tags or bool(own & tags)) and not own & exclude_tags
