"""`--allowed-hosts`: a request to another host ends the run with exit code 2, and not a byte of it is sent.

The hosts that users are declared with are checked with the options. What only shows while the run goes on, an absolute
URL in a task or a redirect, is refused by the client, which tells the reporter of its user; this ends the run then.
"""

from __future__ import annotations

import logging
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from wireswarm.net.guard import GUARD
from wireswarm.users import HOST_REFUSED

logger = logging.getLogger(__name__)

REFUSED_EXIT_CODE = 2

_MESSAGE = "wireswarm-host-refused"


def allowed_hosts(options: Any) -> list[str]:
    """The hosts of `--allowed-hosts`; none where all are allowed."""
    return [host for host in str(getattr(options, "allowed_hosts", "") or "").split(",") if host.strip()]


def install_guard(environment: Environment) -> None:
    """Obey `--allowed-hosts` in that environment; a worker gets the list from its master."""
    _Guarding(environment)


class _Guarding:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._told = False
        environment.events.test_start.add_listener(self._on_test_start)
        vars(environment)[HOST_REFUSED] = self.refuse
        if isinstance(environment.runner, MasterRunner):
            environment.runner.register_message(_MESSAGE, self._on_message)

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._told = False
        GUARD.allow_only(allowed_hosts(self._environment.parsed_options))

    def refuse(self, problem: str) -> None:
        """End the run. Called by every user that meets a host that is not allowed."""
        if self._told:
            return
        self._told = True
        environment, runner = self._environment, self._environment.runner
        logger.error("%s", problem)
        environment.process_exit_code = REFUSED_EXIT_CODE
        if isinstance(runner, WorkerRunner):
            runner.send_message(_MESSAGE, {"problem": problem})
        elif runner is not None:
            options = environment.parsed_options
            # In a greenlet of its own, since the caller is a user that is to be stopped.
            gevent.spawn(runner.quit if options and options.headless else runner.stop)

    def _on_message(self, msg: Any, **_kwargs: Any) -> None:
        self.refuse(str(msg.data["problem"]))
