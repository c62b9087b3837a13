"""What every test needs: gevent's patches first, as under Locust, before anything imports sockets."""

from __future__ import annotations

import _thread
import fcntl
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_RLock, _allocate_lock = _thread.RLock, _thread.allocate_lock  # before they are patched

import locust  # noqa: E402, F401 - patches the standard library for gevent on import
from hypothesis import settings  # noqa: E402

# A busy machine is no bug: how long one example takes says nothing here. In continuous integration the examples are
# the same every time, so that they fail for the change at hand or not at all.
settings.register_profile("wireswarm", deadline=None)
settings.register_profile("wireswarm-ci", deadline=None, derandomize=True)
settings.load_profile("wireswarm-ci" if os.environ.get("CI") else "wireswarm")

# A shell starts what runs in its background with Ctrl-C ignored, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# GNU readline, in the process that shares the tests out, leaves its guess of a terminal's size to those that run them.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)

WORKER = "PYTEST_XDIST_WORKER" in os.environ
"""Whether this is one of the processes that share the tests."""


class _Event:
    """An event between native threads, whatever gevent has patched; may wake its waiter once too often."""

    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        with suppress(RuntimeError):  # it was set
            self._lock.release()

    def clear(self) -> None:
        self._lock.acquire(blocking=False)

    def is_set(self) -> bool:
        return not self._lock.locked()

    def wait(self, timeout: float | None = None) -> bool:
        happened = self._lock.acquire(timeout=-1 if timeout is None else timeout)
        if happened:
            self.set()
        return happened


# What such a process is to run next comes from a thread of execnet, for which gevent's patches are too late: what the
# two threads wait for each other with has to be of the same kind.
if WORKER:
    from execnet.gateway_base import MainThreadOnlyExecModel

    MainThreadOnlyExecModel.Event = staticmethod(_Event)
    MainThreadOnlyExecModel.Lock = MainThreadOnlyExecModel.RLock = staticmethod(_RLock)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` is: more than cores, as most tests wait most of the time; none to see the output."""
    return 0 if config.getoption("capture") == "no" else 4


@contextmanager
def _turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Among the processes that share the tests: beside others' tests that are not `alone`, or beside none."""
    with (folder / "queue").open("w") as queue, (folder / "running").open("w") as running:
        # Whoever waits for the tests of the others to end keeps new ones from beginning.
        fcntl.flock(queue, fcntl.LOCK_EX)
        try:
            fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Closing would not do: a process that was forked has the file as well.
            fcntl.flock(running, fcntl.LOCK_UN)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test marked `alone` has the machine to itself, as far as the tests go."""
    if not WORKER:
        return (yield)
    shared = Path(item.config.getoption("basetemp")).parent
    with _turn(shared, alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that nothing may run beside come last, when there is nothing left to run beside them."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)
