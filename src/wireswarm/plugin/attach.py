"""Attaching the framework to one Locust `Environment`."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

from locust import User
from locust.env import Environment
from locust.runners import WorkerRunner

from wireswarm.errors import ConfigurationError
from wireswarm.plugin.admission import install_admission
from wireswarm.plugin.arrivals import install_arrivals
from wireswarm.plugin.checks import problems_of
from wireswarm.plugin.drain import install_drain
from wireswarm.plugin.exporting import install_exporters
from wireswarm.plugin.feeding import install_feeding
from wireswarm.plugin.form import install_form_check
from wireswarm.plugin.guarding import install_guard
from wireswarm.plugin.insecure import install_insecure
from wireswarm.plugin.iterations import install_iterations
from wireswarm.plugin.joining import ATTACHED
from wireswarm.plugin.judging import install_judging
from wireswarm.plugin.measuring import install_measuring
from wireswarm.plugin.once import install_once
from wireswarm.plugin.orphans import install_orphan_watch
from wireswarm.plugin.rebalancing import install_rebalancing
from wireswarm.plugin.redacting import install_redaction
from wireswarm.plugin.shaping import install_shaping
from wireswarm.plugin.stock_auth import install_stock_auth
from wireswarm.plugin.tags import has_tasks, without_tasks
from wireswarm.plugin.turns import skip_empty_waits
from wireswarm.plugin.variables import install_variables
from wireswarm.plugin.webtab import install_webtab

logger = logging.getLogger(__name__)


def attach(environment: Environment, *, judged: bool = True) -> None:
    """Hook the framework into an environment that has its runner; doing so again does nothing.

    Under the `locust` command and `wireswarm locust` this has been done already.

    Args:
        environment: what to hook into.
        judged: whether its tests have a verdict, reports and exports, as the options of `parsed_options` say.

    Raises:
        ConfigurationError: there is no runner, `tags` and `exclude_tags` leave no user class with a task, or something
            is wrong with a user class: its credentials, or what its `prepare` loads.
    """
    if environment.runner is None:
        raise ConfigurationError("attach: the environment has no runner; create one first")
    if getattr(environment, ATTACHED, False):
        return
    if environment.tags is not None and not environment.tags:
        raise ConfigurationError("tags, an empty list, leave no user class with a task")
    options = environment.parsed_options
    tags = environment.tags or getattr(options, "tags", None) or ()
    exclude_tags = environment.exclude_tags or getattr(options, "exclude_tags", None) or ()
    if not isinstance(environment.runner, WorkerRunner):  # which gets its tags, and whom to start, from its master
        _drop_classes(environment, without_tasks(environment.user_classes, tags, exclude_tags))
    # Under the `locust` command it was all checked as the options were parsed, except where the classes could not be
    # found yet: a worker's that has its locustfile from the master.
    problems = problems_of(c for c in environment.user_classes if has_tasks(c, tags, exclude_tags))
    if problems:
        raise ConfigurationError(problems)
    install_iterations(environment)
    install_drain(environment)
    install_guard(environment)
    install_measuring(environment)
    install_insecure(environment)
    install_redaction(environment)
    install_feeding(environment)
    install_once(environment)  # before the run is judged, by what goes wrong at its end among other things
    if judged:
        install_judging(environment)
        install_exporters(environment)
        install_webtab(environment)
    install_arrivals(environment)
    install_rebalancing(environment)
    install_admission(environment)
    install_orphan_watch(environment)
    install_shaping(environment)
    install_form_check(environment)
    install_variables(environment)
    install_stock_auth(environment, os.environ)
    skip_empty_waits()
    setattr(environment, ATTACHED, True)


def _drop_classes(environment: Environment, empty: Collection[type[User]]) -> None:
    if empty and len(empty) == len(environment.user_classes):
        raise ConfigurationError("tags and exclude_tags leave no user class with a task")
    for cls in empty:
        logger.info("%s has no task with these tags and is left out", cls.__name__)
        environment.user_classes.remove(cls)
        # Those that the web UI's class picker offers.
        for offered in (environment.available_user_classes, environment.available_user_tasks):
            if offered:
                offered.pop(cls.__name__, None)
