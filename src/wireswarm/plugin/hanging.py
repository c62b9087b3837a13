"""Users that hang in their `on_stop`, or fail there: the run ends without them, and says so.

Locust kills a user that did not end within the stop timeout, and then waits for it without limit; so a user whose
`on_stop` begins only then can hold up the end of the run for ever. What `on_stop` raises is on the terminal and nowhere
else.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import GreenletExit
from locust import User
from locust.exception import StopTest, StopUser
from locust.runners import Runner

from wireswarm.plugin.tags import all_flows

logger = logging.getLogger(__name__)

ON_STOP_SECONDS: Final = 3.0
"""How long an `on_stop` may take beyond the stop timeout and the clean-ups of flows."""
_LAST_SECONDS: Final = 0.5
_USER: Final = "wireswarm_user"  # attribute of a user's greenlet, which forgets its arguments when it is killed


def watch_on_stop(user: User) -> None:
    """Have what goes wrong in that user's `on_stop` counted as its other exceptions are."""
    greenlet = user.greenlet
    if greenlet is None or hasattr(greenlet, _USER):
        return
    setattr(greenlet, _USER, user)
    on_stop: Callable[[], None] = user.on_stop

    def watched() -> None:
        try:
            on_stop()
        except GreenletExit:
            _tell(user)
            raise
        except (StopUser, StopTest):
            raise
        except Exception as error:
            _fire(user, error)
            raise

    user.on_stop = watched  # type: ignore[method-assign]


def stop_in_time(runner: Runner, stop_users: Callable[..., None]) -> Callable[..., None]:
    """What stops that runner's users: with a limit."""

    @functools.wraps(stop_users)
    def stop_users_in_time(*args: Any, **kwargs: Any) -> None:
        cleanup = max((flow.cleanup_timeout for flow in all_flows(runner.user_classes)), default=0.0)
        limit = (runner.environment.stop_timeout or 0.0) + cleanup + ON_STOP_SECONDS
        with gevent.Timeout(limit, False):  # type: ignore[arg-type]  # False: ends the block silently
            stop_users(*args, **kwargs)
            return
        _give_up(runner)

    return stop_users_in_time


def _give_up(runner: Runner) -> None:
    current: Any = gevent.getcurrent()
    left = {greenlet: getattr(greenlet, _USER) for greenlet in runner.user_greenlets if hasattr(greenlet, _USER)}
    left.pop(current, None)
    gevent.killall(list(left), block=False)  # once more, now that they are in on_stop
    gevent.joinall(list(left), timeout=_LAST_SECONDS)
    for greenlet, user in left.items():
        if not greenlet.dead:
            runner.user_greenlets.discard(greenlet)  # the process ends without it
            _tell(user)


def _tell(user: User) -> None:
    cls = type(user).__name__
    logger.error("%s.on_stop did not end in time and was killed", cls)
    _fire(user, TimeoutError(f"{cls}.on_stop did not end in time and was killed"))


def _fire(user: User, error: Exception) -> None:
    user.environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)
