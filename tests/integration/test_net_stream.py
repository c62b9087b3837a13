"""`wireswarm.net.stream` and `deadline` where the layers above cannot bring them to."""

from __future__ import annotations

import _socket
import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gevent
import pytest

from wireswarm.net.deadline import Deadline, DeadlineExceeded
from wireswarm.net.stamps import PROGRAM_CLOCK, ReceiveClock, ReceiveSocket, Timing
from wireswarm.net.stream import TcpStream, failure_of
from wireswarm.sample import Failure, Reason


class Restless:
    """A receive clock whose kernel wakes us for nothing, every other time."""

    name: Timing = "program"

    def __init__(self) -> None:
        self.wakes = 0

    def enable(self, sock: ReceiveSocket) -> bool:
        return True

    def receive(self, sock: ReceiveSocket, size: int) -> tuple[bytes, int]:
        self.wakes += 1
        if self.wakes % 2:
            raise BlockingIOError
        return sock.recv(size), 7


class Unwilling(Restless):
    """One that the kernel does not know."""

    def enable(self, sock: ReceiveSocket) -> bool:
        return False


def pair(clock: ReceiveClock = PROGRAM_CLOCK) -> tuple[TcpStream, Any]:
    """A stream, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return TcpStream(_socket.socket(fileno=ours.detach()), clock), theirs


def test_being_woken_for_nothing_is_nothing() -> None:
    stream, peer = pair(clock := Restless())
    with closing(stream), closing(peer):
        peer.send(b"hello")
        assert stream.receive() == (b"hello", 7)
        assert clock.wakes == 2


def test_being_woken_for_nothing_while_sending_is_nothing() -> None:
    stream, peer = pair(clock := Restless())
    with closing(stream), closing(peer):
        assert not stream.send(bytes(10_000_000))
        peer.send(b"stop")
        assert stream.drain() == (b"stop", 7)
        assert clock.wakes == 2


def test_a_clock_that_the_kernel_does_not_know_is_replaced_by_the_programs() -> None:
    stream, peer = pair(clock := Unwilling())
    with closing(stream), closing(peer):
        peer.send(b"hello")
        assert stream.receive() == (b"hello", 0)
        assert clock.wakes == 0


def test_a_kernel_that_takes_nothing_at_all() -> None:
    stream, peer = pair()
    with closing(stream), closing(peer):
        stuffed = gevent.spawn(lambda: stream.send(bytes(10_000_000)) or stream.drain())
        while not stream.unsent:
            gevent.sleep(0)
        left = len(stream.unsent)
        stuffed.kill()
        assert not stream.send(b"hello"), "there is no room for a single byte"
        received = 0
        reader = gevent.spawn(stream.drain)
        while received < 10_000_000 - left + 5:
            received += len(peer.recv(1 << 16))
        assert reader.get() is None


def test_nothing_has_arrived() -> None:
    stream, peer = pair()
    with closing(stream), closing(peer):
        with pytest.raises(BlockingIOError):
            stream.take()
        peer.send(b"hello")
        assert stream.take() == (b"hello", 0)


def test_stale_or_not() -> None:
    stream, peer = pair()
    with closing(stream):
        assert not stream.is_stale()
        peer.send(b"x")
        assert stream.is_stale()
        assert stream.take() == (b"x", 0), "looking takes nothing away"
        assert not stream.is_stale()
        peer.close()
        assert stream.is_stale()


def test_closing_twice_does_no_harm() -> None:
    stream, peer = pair()
    stream.close()
    stream.close()
    assert peer.recv(1) == b""
    peer.close()


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (errno.ECONNRESET, Failure(Reason.RESET, "connection reset by the server")),
        (errno.EPIPE, Failure(Reason.CLOSED, "connection closed by the server before the answer")),
        (errno.ETIMEDOUT, Failure(Reason.RESET, "connection lost")),
        (None, Failure(Reason.RESET, "connection lost")),
    ],
)
def test_what_the_errors_of_a_stream_stand_for(number: int | None, failure: Failure) -> None:
    assert failure_of(OSError(number, "at 10.0.0.7:53124") if number else OSError()) == failure


class TestDeadline:
    @pytest.fixture
    def deadline(self) -> Iterator[Deadline]:
        with closing(Deadline()) as deadline:
            yield deadline

    def test_it_is_thrown_into_whoever_armed_it(self, deadline: Deadline) -> None:
        def wait() -> str:
            deadline.arm(0.01)
            try:
                gevent.sleep(5)
            except DeadlineExceeded:
                return "thrown"
            return "slept"

        assert gevent.spawn(wait).get() == "thrown"

    def test_it_is_thrown_once(self, deadline: Deadline) -> None:
        deadline.arm(0.01)
        with pytest.raises(DeadlineExceeded):
            gevent.sleep(5)
        gevent.sleep(0.03)

    @pytest.mark.parametrize("seconds", [0.0, -1.0])
    def test_one_that_has_passed_is_thrown_at_the_next_wait(self, deadline: Deadline, seconds: float) -> None:
        deadline.arm(seconds)
        with pytest.raises(DeadlineExceeded):
            gevent.sleep(5)

    def test_one_that_was_disarmed_is_not_thrown(self, deadline: Deadline) -> None:
        deadline.arm(0.01)
        deadline.disarm()
        gevent.sleep(0.03)

    def test_one_that_was_put_off_is_thrown_at_its_new_time(self, deadline: Deadline) -> None:
        deadline.arm(0.01)
        deadline.arm(0.05)
        gevent.sleep(0.03)
        with pytest.raises(DeadlineExceeded):
            gevent.sleep(5)

    def test_one_that_was_brought_forward_is_thrown_at_its_new_time(self, deadline: Deadline) -> None:
        deadline.arm(60.0)
        deadline.arm(0.01)
        with pytest.raises(DeadlineExceeded):
            gevent.sleep(5)

    def test_closed_it_can_be_used_again(self, deadline: Deadline) -> None:
        deadline.arm(0.01)
        deadline.close()
        gevent.sleep(0.03)
        deadline.arm(0.01)
        with pytest.raises(DeadlineExceeded):
            gevent.sleep(5)
