from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wireswarm.target.transport import JoiningTransport


class Loop:
    """Keeps what is called soon until the next turn."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def call_soon(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Below:
    """The transport below: keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False
        self.reading = True
        self.protocol: object = None

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return "a socket" if name == "socket" else default


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def below() -> Below:
    return Below()


@pytest.fixture
def transport(loop: Loop, below: Below) -> JoiningTransport:
    return JoiningTransport(below, loop)  # type: ignore[arg-type]


def test_the_writes_of_one_turn_are_one(transport: JoiningTransport, loop: Loop, below: Below) -> None:
    transport.write(b"head ")
    transport.write(b"body")
    assert below.written == []
    assert len(loop.calls) == 1
    loop.turn()
    assert below.written == [b"head body"]
    transport.write(b"next")
    loop.turn()
    assert below.written == [b"head body", b"next"]


def test_closing_writes_what_is_left_first(transport: JoiningTransport, loop: Loop, below: Below) -> None:
    transport.write(b"last")
    transport.close()
    assert (below.written, below.closed, transport.is_closing()) == ([b"last"], True, True)
    loop.turn()
    assert below.written == [b"last"]


def test_nothing_is_written_to_a_connection_that_was_lost(
    transport: JoiningTransport, loop: Loop, below: Below
) -> None:
    transport.write(b"answer")
    below.closed = True
    loop.turn()
    assert below.written == []


def test_the_rest_is_the_transports_below(transport: JoiningTransport, below: Below) -> None:
    assert not transport.is_closing()
    transport.pause_reading()
    assert not below.reading
    transport.resume_reading()
    assert below.reading
    transport.set_protocol("another one")  # type: ignore[arg-type]
    assert below.protocol == "another one"
    assert transport.get_extra_info("socket") == "a socket"
    assert transport.get_extra_info("peername", "nobody") == "nobody"
