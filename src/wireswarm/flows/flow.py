"""`Flow`: a `TaskSet` whose steps run once, in order, and are measured as a whole."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, cast

import gevent
from gevent import GreenletExit
from locust import TaskSet
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.user.task import LOCUST_STATE_STOPPING

from wireswarm.clock import NANOSECONDS, SYSTEM_CLOCK, Clock
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.events import DUE, fire_request
from wireswarm.flows.cleanup import Cleanup, Cleanups
from wireswarm.flows.step import steps_of
from wireswarm.sample import Failure, Reason, Sample

logger = logging.getLogger(__name__)

U = TypeVar("U")

StepTime = tuple[str, int, bool]
"""A step's name, its time in nanoseconds, and whether it failed: what the event's context has in `steps`."""

_STOPPED = (StopUser, StopTest, GreenletExit)
_LEFT = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)
_MAX_MESSAGE = 200


class Flow(TaskSet, Generic[U]):
    """Steps in order, `think_time` between them, then the deferred clean-ups in reverse.

    A step that fails (a request that does, or an `assert` of its own) ends the flow: the steps behind it are skipped,
    the clean-ups are not. The flow is an event of type `FLOW`, whose time is that of its steps without the think time,
    and which names the step that failed; its context has the times of the steps. Afterwards the user waits its
    `wait_time`, as after any task.

    `@tag` and `@task` go on the class, `@step` on its methods. `--tags` and `--exclude-tags` keep or drop it whole.
    A flow that is stopped from outside does its clean-ups, and is no event.
    """

    think_time: ClassVar[Any] = None
    """Seconds between two steps: a number, or a function of Locust's such as `between(1, 3)`; none by default."""
    cleanup_timeout: ClassVar[float] = 5.0
    """Seconds for all clean-ups together."""
    flow_name: ClassVar[str]
    """The event's name; the class's name in snake case, unless it is set."""
    steps: ClassVar[tuple[str, ...]] = ()
    """The names of the steps, in order."""
    clock: ClassVar[Clock] = SYSTEM_CLOCK
    """What measures the steps and waits the think time."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.steps = steps_of(cls)
        if "flow_name" not in vars(cls):
            cls.flow_name = _snake_case(cls.__name__)
        inherited = [task for base in cls.__bases__ for task in getattr(base, "tasks", ())]
        if len(cls.tasks) > len(inherited):
            own = cls.tasks[len(inherited)]
            raise UsageError(
                f"{cls.__qualname__} has the task {getattr(own, '__name__', own)}: "
                "the methods of a Flow are marked with @step, not with @task"
            )
        cls.tasks = [_task_for(cls, inherited)]

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._cleanups = Cleanups()
        self._due: int | None = vars(self._user).pop(DUE, None)  # so that no request of its on_start takes it
        if type(self).on_start is not TaskSet.on_start:
            vars(self)["on_start"] = self._start

    @property
    def user(self) -> U:  # type: ignore[override]  # the user class that the flow says it is for
        """The user that walks this flow."""
        return cast("U", self._user)

    def defer(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Cleanup:
        """Have `function` called when the flow ends, however it ends; the last deferred one first.

        A call that is cut off because the user is killed is made once more.

        Returns:
            The clean-up. Calling it does it at once instead.
        """
        return self._cleanups.add(function, args, kwargs)

    def _start(self) -> None:
        # Locust calls it outside of the flow's task. Where it fails, or the user is stopped meanwhile, that task never
        # begins, and there is nothing else to do what it deferred.
        begins = False
        try:
            type(self).on_start(self)
            begins = self._user._state != LOCUST_STATE_STOPPING
        finally:
            if not begins:
                self._clean_up()

    def _walk(self) -> None:
        # The flow's one task. Ends with an exception, always, since a TaskSet goes on for ever otherwise.
        try:
            leave = self._take_steps()
        finally:
            self._clean_up()
        raise leave

    def _take_steps(self) -> Exception:
        # Returns what the flow is to be left with.
        began, active, failure = self.clock.time(), 0.0, None
        leave: Exception = InterruptTaskSet(reschedule=False)
        name = "(none)"
        taken: list[StepTime] = []
        since = self.clock.monotonic()
        try:
            if not self.steps:
                raise UsageError(f"{type(self).__qualname__} has no method marked with @step")
            for name in self.steps:
                if taken:
                    self._think()
                    since = self.clock.monotonic()
                getattr(self, name)()
                now = self.clock.monotonic()
                active += now - since
                taken.append((name, int((now - since) * NANOSECONDS), False))
                since = now
        except RequestFailed as error:
            failure = error.failure.message
        except AssertionError as error:
            failure = str(error).partition("\n")[0][:_MAX_MESSAGE] or "assertion failed"
        except _LEFT as error:  # the step left the flow early, on purpose
            if not isinstance(error, RescheduleTask):
                leave = InterruptTaskSet(reschedule=getattr(error, "reschedule", True))
        except gevent.Timeout as error:  # a limit of the step's own, and no reason for the user to die
            failure = f"timed out after {error}"
        except (StopUser, StopTest):
            raise
        except Exception as error:
            failure = type(error).__name__
            leave = self._bug(error, leave)
        if len(taken) < len(self.steps):
            last = self.clock.monotonic() - since
            active += last
            taken.append((name, int(last * NANOSECONDS), failure is not None))
        self._fire(began, active, taken, None if failure is None else f"step {name}: {failure}")
        return leave

    def _think(self) -> None:
        if self.think_time is not None:
            self.clock.sleep(self.think_time() if callable(self.think_time) else self.think_time)

    def _fire(self, began: float, active: float, taken: list[StepTime], message: str | None) -> None:
        failure = None if message is None else Failure(Reason.FLOW, message)
        sent = int(began * NANOSECONDS)
        # Its end is the moment at which it would have ended without thinking.
        end = sent + int(active * NANOSECONDS)
        sample = Sample("FLOW", self.flow_name, sent, end, end, 0, 0, 0, failure, self._due)
        error = None if failure is None else RequestFailed(failure)
        context = {**self._user.context(), "steps": taken}
        fire_request(self._user.environment.events.request.fire, context, sample, None, error, None)

    def _clean_up(self) -> None:
        if not self._cleanups.left:
            return
        stopped: BaseException | None = None
        with gevent.Timeout(self.cleanup_timeout, False) as limit:  # type: ignore[arg-type]  # False: ends it silently
            while cleanup := self._cleanups.next():
                try:
                    cleanup()
                except (RequestFailed, *_LEFT):
                    pass  # the failed request is an event already
                except _STOPPED as error:
                    # The clean-ups have a time of their own. Who stops the user a second time is in a hurry, though.
                    if stopped is not None:
                        break
                    stopped = error
                except gevent.Timeout as error:  # a limit of the clean-up's own, unless it is ours
                    if error is limit:
                        raise
                    cleanup.done = True  # it has failed, by itself
                    logger.warning("%s: a clean-up timed out after %s", self.flow_name, error)
                except Exception as error:
                    self._report(error)
        if left := self._cleanups.left:
            logger.warning("%s: %d clean-ups not done within %g s", self.flow_name, left, self.cleanup_timeout)
        if stopped is not None:
            raise stopped

    def _bug(self, error: Exception, leave: Exception) -> Exception:
        if not self._user.environment.catch_exceptions:
            return error  # Locust reports it, and ends the user
        self._report(error)
        return leave

    def _report(self, error: Exception) -> None:
        # What TaskSet.run does with an exception of a task, without its second part: walking this flow again.
        self._user.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
        logger.error("%s\n%s", error, traceback.format_exc())


def _task_for(cls: type[Flow[Any]], inherited: list[Any]) -> Callable[[Flow[Any]], None]:
    # Each class has a function of its own, because @tag marks functions: a shared one would give every flow all tags.
    def walk(flow: Flow[Any]) -> None:
        flow._walk()

    walk.__name__ = walk.__qualname__ = cls.flow_name
    tags = {tag for task in inherited for tag in getattr(task, "locust_tag_set", ())}
    if tags:
        walk.locust_tag_set = tags  # type: ignore[attr-defined]
    return walk


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
