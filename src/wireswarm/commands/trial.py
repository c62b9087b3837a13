"""`wireswarm try`: one user of each class does each of its tasks once, and everything it says and hears is shown."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import locust
from locust import User
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet
from locust.util.load_locustfile import load_locustfile
from rich.console import Console
from rich.text import Text

from wireswarm.auth import redact
from wireswarm.clients.owner import Trace
from wireswarm.commands.show import show_event, show_exchange
from wireswarm.errors import ConfigurationError
from wireswarm.plugin import attach, load
from wireswarm.plugin.checks import selected_classes
from wireswarm.plugin.gate import set_gate
from wireswarm.sample import Sample

_LEFT = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)


def run_trial(locustfile: Path, arguments: Sequence[str], console: Console, *, headers: bool) -> int:
    """Try a locustfile.

    Args:
        locustfile: the file.
        arguments: further options of Locust's, such as `--host` and `--tags`, and names of user classes.
        console: where to write.
        headers: show the header fields too.

    Returns:
        0 where everything succeeded, 1 where something failed.

    Raises:
        ConfigurationError: there is no such file, or no user class in it.
    """
    if not locustfile.is_file():
        raise ConfigurationError(f"{locustfile}: there is no such file; name a locustfile")
    load()
    load_locustfile(str(locustfile.resolve()))
    options = get_parser().parse_args(["-f", str(locustfile), "--headless", *arguments])
    classes = selected_classes(options)
    if not classes:
        raise ConfigurationError(f"{locustfile}: there is no User class in it")
    environment = Environment(
        user_classes=classes, events=locust.events, host=options.host, parsed_options=options, stop_timeout=0
    )
    return _Trial(environment, console, headers=headers).run()


class _Trial:
    def __init__(self, environment: Environment, console: Console, *, headers: bool) -> None:
        self._environment = environment
        self._console = console
        self._headers = headers
        self._exchanges = self._failures = 0

    def run(self) -> int:
        environment = self._environment
        environment.create_local_runner()
        environment.events.request.add_listener(self._on_request)
        environment.events.user_error.add_listener(self._on_user_error)
        attach(environment, judged=False)
        environment._filter_tasks_by_tags()
        environment.events.test_start.fire(environment=environment)
        set_gate(environment, None)  # nobody waits for an arrival, or counts iterations
        try:
            for cls in list(environment.user_classes):
                if environment.host:
                    cls.host = environment.host
                self._try_user(cls)
        finally:
            environment.events.test_stop.fire(environment=environment)
        color = "red" if self._failures else "green"
        self._console.print(
            f"[bold {color}]{self._exchanges} exchanges and flows, {self._failures} failed[/]", highlight=False
        )
        return 1 if self._failures else 0

    def _try_user(self, cls: type[User]) -> None:
        self._console.rule(cls.__name__)
        try:
            user = cls(self._environment)
        except StopTest as error:
            self._fail(error)
            return
        vars(user)["trace"] = self._on_trace
        user._state = LOCUST_STATE_RUNNING
        root = user._taskset_instance = DefaultTaskSet(user)
        self._guard(type(user).on_start, user)
        for task in dict.fromkeys(user.tasks):
            self._try_task(root, task)
        self._guard(user.on_stop)

    def _try_task(self, parent: Any, task: Any) -> None:
        if not hasattr(task, "tasks"):
            self._guard(parent.execute_task, task)
            return
        # A task set would go on for ever, so each of its tasks is done once, as those of a user are.
        taskset = task(parent.user if isinstance(parent, DefaultTaskSet) else parent)
        self._guard(taskset.on_start)
        for inner in dict.fromkeys(taskset.tasks):
            self._try_task(taskset, inner)
        self._guard(taskset.on_stop)

    def _guard(self, function: Any, *args: Any) -> None:
        try:
            function(*args)
        except StopUser as error:
            if error.args:
                self._console.print(Text(redact(str(error)), style="yellow"))
        except _LEFT:
            pass  # a failed request, or a task that ends itself: seen as an event, or no failure at all
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failures += 1
        self._console.print(redact("".join(traceback.format_exception(error))), style="red", markup=False)

    def _on_trace(self, trace: Trace) -> None:
        show_exchange(self._console, trace, headers=self._headers)

    def _on_user_error(self, exception: BaseException, **_kwargs: Any) -> None:
        self._fail(exception)

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float,
        exception: object,
        sample: Sample | None = None,
        **_kwargs: Any,
    ) -> None:
        self._exchanges += 1
        self._failures += exception is not None
        if sample is None or sample.type == "FLOW":  # the exchanges of our own clients come as traces
            show_event(self._console, request_type, name, response_time, exception)
