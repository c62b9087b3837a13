"""Set-up and tear-down once for the whole swarm, with a result for all users of all workers.

Set-up runs on the master, or in the only process, at the start of the test, before any user is spawned. Its result goes
to the workers as Locust's options do: with every order to spawn users. So it is there before the first user, also on a
worker that joins late, and no message can come before somebody listens to it.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar, overload

import gevent
from gevent import GreenletExit
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import MasterRunner, WorkerRunner

from wireswarm.auth import SECRETS, redact
from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.plugin.ending import SET_UP, end_test
from wireswarm.plugin.exit_code import REFUSED

logger = logging.getLogger(__name__)

T = TypeVar("T")

_OPTION: Final = "wireswarm_once"  # among the parsed options, which Locust sends to its workers before they start
_FAILED: Final = 1
_SHORTEST_SECRET: Final = 8
"""Shorter texts in a result are words such as `test`, which may be in every report."""

_declared: dict[str, OncePerSwarm[Any]] = {}


class OncePerSwarm(Generic[T]):
    """What `once_per_swarm` makes of a function. Calling it gives what that has returned."""

    def __init__(self, set_up: Callable[[Environment], T], *, secret: bool) -> None:
        self._set_up = set_up
        self._tear_down: Callable[[Environment, T], object] | None = None
        self._secret = secret
        self._result: list[T] = []
        self.name = f"{set_up.__module__}.{set_up.__qualname__}"
        self.__doc__ = set_up.__doc__
        _declared[self.name] = self

    def __call__(self) -> T:
        """The result, the same for every user of every worker; not to be changed.

        Raises:
            UsageError: no test is running.
        """
        if not self._result:
            raise UsageError(f"{self.name}() has a result while a test runs, for its users and tasks")
        return self._result[0]

    def tear_down(self, function: Callable[[Environment, T], object]) -> Callable[[Environment, T], object]:
        """Decorates what is called once at the end of the test, with the result, where set-up has succeeded."""
        self._tear_down = function
        return function

    def run(self, environment: Environment) -> T:
        """Do the set-up.

        Raises:
            UsageError: it returns something that is not JSON.
        """
        returned = self._set_up(environment)
        try:
            text = json.dumps(returned, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{self.name} returned what cannot be sent to workers: {error}; allowed: text, numbers, booleans, "
                "None, and lists and dictionaries of them"
            ) from None
        return self.receive(json.loads(text))  # as workers have it

    def receive(self, result: T) -> T:
        """Have this result from now on."""
        self._result = [result]
        if self._secret:
            for text in _texts(result):
                if len(text) >= _SHORTEST_SECRET:
                    SECRETS.add(text)
        return result

    def end(self, environment: Environment) -> None:
        """Do the tear-down, where there is something to tear down."""
        if not self._result:
            return
        result = self._result.pop()
        if self._tear_down is not None:
            self._tear_down(environment, result)

    def forget(self) -> None:
        """Have no result any more."""
        self._result = []


@overload
def once_per_swarm(set_up: Callable[[Environment], T]) -> OncePerSwarm[T]: ...
@overload
def once_per_swarm(*, secret: bool = True) -> Callable[[Callable[[Environment], T]], OncePerSwarm[T]]: ...


def once_per_swarm(
    set_up: Callable[[Environment], T] | None = None, *, secret: bool = True
) -> OncePerSwarm[T] | Callable[[Callable[[Environment], T]], OncePerSwarm[T]]:
    """Decorates a function of a locustfile that is to run once per test, however many processes there are.

    It is called with the `Environment` before the first user is spawned, on the master or in the only process. What it
    returns, which has to be JSON, is what calling the decorated function gives everywhere. Where it raises, the test
    does not begin: exit 2 for a `ConfigurationError`, 1 for anything else.

    ```python
    @once_per_swarm
    def api_key(environment):
        return create_key(environment.host)

    @api_key.tear_down
    def revoke(environment, key):
        delete_key(environment.host, key)

    class Visitor(RestUser):
        def on_start(self):
            self.key = api_key()
    ```

    Args:
        set_up: the function.
        secret: whether texts of 8 characters or more in the result are credentials, and stay out of logs and reports.
    """
    if set_up is None:
        return lambda function: OncePerSwarm(function, secret=secret)
    return OncePerSwarm(set_up, secret=secret)


def install_once(environment: Environment) -> None:
    """Do what is declared to be done once per swarm, in that environment's tests."""
    if isinstance(environment.runner, WorkerRunner):
        environment.events.test_start.add_listener(_receive)
        return
    once = _Once(environment)
    environment.events.test_start.add_listener(once.on_test_start)
    environment.events.test_stop.add_listener(once.on_end)
    environment.events.quitting.add_listener(once.on_end)  # where the last worker went missing there was no test_stop


def _receive(environment: Environment, **_kwargs: Any) -> None:
    results = json.loads(getattr(environment.parsed_options, _OPTION, None) or "{}")
    for name, once in _declared.items():
        once.forget()
        if name in results:
            once.receive(results[name])


class _Once:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._done: list[OncePerSwarm[Any]] = []

    def on_test_start(self, **_kwargs: Any) -> None:
        environment = self._environment
        results = {}
        for name, once in _declared.items():
            try:
                results[name] = once.run(environment)
            except Exception as error:
                self._refuse(name, error)
            self._done.append(once)
        if results and isinstance(environment.runner, MasterRunner) and environment.parsed_options is not None:
            setattr(environment.parsed_options, _OPTION, json.dumps(results))

    def on_end(self, **_kwargs: Any) -> None:
        while self._done:
            once = self._done.pop()
            try:
                once.end(self._environment)
            except Exception as error:
                # Like an exception of a listener, which it is counted as.
                logger.error("Uncaught exception in event handler: \n%s: tear-down: %s", once.name, redact(repr(error)))
                self._environment.process_exit_code = self._environment.process_exit_code or _FAILED

    def _refuse(self, name: str, error: Exception) -> None:
        wrong_set_up = isinstance(error, ConfigurationError | UsageError)
        if wrong_set_up:
            logger.error("%s: %s; the test does not begin", name, redact(str(error)))
        else:
            logger.error("%s failed, and the test does not begin\n%s", name, redact(traceback.format_exc()))
        self.on_end()
        self._environment.process_exit_code = REFUSED if wrong_set_up else _FAILED
        end_test(self._environment, SET_UP)
        # Out of the runner's start(), past Locust, which only logs the exceptions of listeners.
        if isinstance(gevent.getcurrent(), gevent.Greenlet):
            raise GreenletExit
        raise StopTest(f"{name}: {redact(str(error))}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
