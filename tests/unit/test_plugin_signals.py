"""Ctrl-C and SIGTERM: who ends the run, in which greenlet, and what a second one does."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import gevent
import pytest
from gevent.event import Event
from locust.env import Environment

from wireswarm.plugin.signals import end_gently

Handler = Callable[[int, FrameType | None], Any]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)


class Process:
    """A Locust process in that state, which notes how it is ended."""

    def __init__(self, state: str = "running") -> None:
        self.environment = Environment()
        runner = self.environment.create_local_runner()
        runner.state = state
        self.calls: list[str] = []
        self.ended = Event()
        runner.quit = self._quit  # type: ignore[method-assign]
        end_gently(self.environment)

    def _quit(self) -> None:
        self.calls.append("quit")
        self.ended.set()

    def interrupt(self) -> gevent.Greenlet[..., Any]:
        """A Ctrl-C while a user runs."""
        handler: Any = signal.getsignal(signal.SIGINT)
        greenlet = gevent.spawn(handler, signal.SIGINT, None)
        greenlet.join(5)
        return greenlet


def test_an_interrupted_user_goes_on_and_the_run_ends() -> None:
    process = Process()

    assert process.interrupt().successful()

    assert process.ended.wait(5)
    assert process.calls == ["quit"]


def test_a_web_ui_ends_with_it() -> None:
    process = Process()
    stopped = Event()

    class WebUI:
        def stop(self) -> None:
            stopped.set()

    process.environment.web_ui = WebUI()  # type: ignore[assignment]
    process.interrupt()

    assert stopped.wait(5)
    assert process.calls == ["quit"]


def test_who_asks_again_is_not_waited_for() -> None:
    process = Process()
    process.interrupt()
    handler: Any = signal.getsignal(signal.SIGINT)
    raised: list[type[BaseException]] = []

    def again() -> None:
        try:
            handler(signal.SIGINT, None)
        except KeyboardInterrupt:
            raised.append(KeyboardInterrupt)

    gevent.spawn(again).join(5)

    assert raised == [KeyboardInterrupt]


def test_in_the_main_greenlet_it_is_an_interrupt_as_ever() -> None:
    process = Process()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)

    assert process.calls == []


def test_before_the_test_the_main_greenlet_is_interrupted() -> None:
    process = Process(state="ready")

    def interrupt_and_wait() -> None:
        process.interrupt()
        Event().wait(5)

    with pytest.raises(KeyboardInterrupt):
        interrupt_and_wait()

    assert process.calls == []


def test_a_sigterm_that_comes_before_locust_has_its_handler_ends_the_run() -> None:
    process = Process()

    signal.raise_signal(signal.SIGTERM)

    assert process.ended.wait(5)
    assert process.calls == ["quit"]


def test_a_sigterm_before_the_test_ends_the_process() -> None:
    process = Process(state="ready")

    with pytest.raises(SystemExit) as caught:
        raise_and_wait(signal.SIGTERM)

    assert caught.value.code == 143
    assert process.calls == []


def raise_and_wait(number: signal.Signals) -> None:
    signal.raise_signal(number)
    Event().wait(5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_handler_of_somebody_elses_is_left_alone(number: signal.Signals) -> None:
    def own(_number: int, _frame: FrameType | None) -> None: ...

    signal.signal(number, own)
    Process()

    assert signal.getsignal(number) is own


def test_what_a_sigterm_shuts_down_beside_the_main_greenlet_ends_the_run_and_nothing_else() -> None:
    process = Process()
    done: list[str] = []

    def on_sigterm() -> None:
        process.environment.events.quitting.fire(environment=process.environment)
        done.append("the reports are written a second time")

    greenlet = gevent.spawn(on_sigterm)
    for _ in range(5):
        gevent.sleep(0)
    greenlet.kill()

    assert process.calls == ["quit"]
    assert done == []


def test_the_main_greenlets_own_shutdown_goes_on() -> None:
    process = Process()

    process.environment.events.quitting.fire(environment=process.environment)

    assert process.calls == []
