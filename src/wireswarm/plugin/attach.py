"""Attaching the framework to one Locust `Environment`."""

from __future__ import annotations

import logging

from locust.env import Environment
from locust.runners import WorkerRunner

from wireswarm.errors import ConfigurationError
from wireswarm.plugin.drain import install_drain
from wireswarm.plugin.iterations import install_iterations
from wireswarm.plugin.tags import without_tasks

logger = logging.getLogger(__name__)

_ATTACHED = "wireswarm_attached"


def attach(environment: Environment) -> None:
    """Hook the framework into an environment that has its runner; doing so again does nothing.

    Under the `locust` command and `wireswarm locust` this has been done already.

    Raises:
        ConfigurationError: there is no runner, or `tags` and `exclude_tags` leave no user class with a task.
    """
    if environment.runner is None:
        raise ConfigurationError("attach: the environment has no runner; create one first")
    if getattr(environment, _ATTACHED, False):
        return
    setattr(environment, _ATTACHED, True)
    if not isinstance(environment.runner, WorkerRunner):
        _drop_classes_without_tasks(environment)
    install_iterations(environment)
    install_drain(environment)


def _drop_classes_without_tasks(environment: Environment) -> None:
    options = environment.parsed_options
    tags = environment.tags or getattr(options, "tags", None) or ()
    exclude_tags = environment.exclude_tags or getattr(options, "exclude_tags", None) or ()
    empty = without_tasks(environment.user_classes, tags, exclude_tags)
    if empty and len(empty) == len(environment.user_classes):
        raise ConfigurationError("tags and exclude_tags leave no user class with a task")
    for cls in empty:
        logger.info("%s has no task with these tags and is left out", cls.__name__)
        environment.user_classes.remove(cls)
