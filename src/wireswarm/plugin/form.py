"""What is typed into the form of the web UI is checked before a test is started with it, as a command line is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, cast

from flask import jsonify, request
from locust import User
from locust.env import Environment
from locust.runners import MasterRunner

from wireswarm.plugin.arrival_plan import arrival_problems, pool_problems
from wireswarm.plugin.arrivals import shape_name

_SWARM = "locust.swarm"


def install_form_check(environment: Environment) -> None:
    """Have the web UI, where there is one, say what is wrong with a test instead of starting it."""
    web_ui = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return
    swarm = web_ui.app.view_functions[_SWARM]

    def check_and_swarm() -> Any:
        problems = form_problems(environment, request.form, request.form.getlist("user_classes"))
        if problems:
            return jsonify({"success": False, "message": "; ".join(problems), "host": environment.host})
        return swarm()

    # Outside of whatever asks for a login, so that only those who are in learn what is wrong.
    web_ui.app.view_functions[_SWARM] = web_ui.auth_required_if_enabled(check_and_swarm)


def form_problems(environment: Environment, form: Mapping[str, str], class_names: list[str]) -> list[str]:
    """What is wrong with a test.

    Args:
        environment: where it would run.
        form: what was typed.
        class_names: the user classes that were picked, if there was something to pick from.
    """
    options = argparse.Namespace(**vars(environment.parsed_options or argparse.Namespace()))
    try:
        options.iterations = int(form.get("iterations") or vars(options).get("iterations") or 0)
    except ValueError:
        return [f"iterations: found {form['iterations'][:20]!r}; allowed: a whole number"]
    if options.iterations < 0:
        return [f"iterations: found {options.iterations}; allowed: a whole number, 0 for no limit"]
    for name in ("arrival_rate", "arrivals", "max_lateness"):
        setattr(options, name, form.get(name, getattr(options, name, "")))
    if not options.arrival_rate.strip():
        return []
    # How many users there are is looked at below: the workers are there, and need not be guessed at.
    options.worker, options.num_users, options.headless, options.autostart = False, None, False, False
    classes = _classes(environment, class_names)
    problems = arrival_problems(options, classes, shape=_shape(environment, form))
    users = form.get("user_count") or getattr(environment.parsed_options, "num_users", None) or 1
    if str(users).isdecimal():  # otherwise Locust says so
        problems += pool_problems(classes, int(users), _workers(environment))
    return problems


def _classes(environment: Environment, names: list[str]) -> list[type[User]]:
    offered = cast("dict[str, type[User]]", environment.available_user_classes or {})
    picked = [offered[name] for name in names if name in offered]
    return picked or list(environment.user_classes)


def _shape(environment: Environment, form: Mapping[str, str]) -> str:
    web_ui = environment.web_ui
    if web_ui is not None and web_ui.userclass_picker_is_active:
        chosen = form.get("shape_class", "Default")
        return "" if chosen == "Default" else chosen
    return shape_name(environment.shape_class)


def _workers(environment: Environment) -> int:
    runner = environment.runner
    return max(1, runner.worker_count) if isinstance(runner, MasterRunner) else 1
