"""A profile's variables on workers of other machines, which need not have its file.

They go with Locust's options, with every order to spawn users, and are set before a worker's test begins. That is after
the locustfile was imported there: what reads a variable while it is imported needs the profile on the worker too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from locust.env import Environment
from locust.runners import WorkerRunner

VARIABLES: Final = "wireswarm_variables"
"""Attribute of parsed options: the variables, as JSON text."""


def as_option(variables: Mapping[str, str]) -> str:
    """The variables as a value that can be sent."""
    return json.dumps(dict(variables)) if variables else ""


def install_variables(environment: Environment, environ: MutableMapping[str, str] = os.environ) -> None:
    """Have a worker set what its master's profile sets, where it is not set already."""
    if not isinstance(environment.runner, WorkerRunner):
        return

    def set_variables(**_kwargs: Any) -> None:
        text = getattr(environment.parsed_options, VARIABLES, "")
        for name, value in json.loads(text or "{}").items():
            environ.setdefault(name, value)

    # Before the listeners of the locustfile, which may read them.
    environment.events.test_start._handlers.insert(0, set_variables)
