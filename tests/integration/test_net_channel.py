"""`wireswarm.net.channel` over a pair of sockets: what is left over, how it ends, and what is still said at the end."""

from __future__ import annotations

import _socket
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from recording_client import until

from wireswarm.errors import RequestFailed
from wireswarm.net import channel as channels
from wireswarm.net.channel import BACKLOG, Channel
from wireswarm.net.stamps import PROGRAM_CLOCK
from wireswarm.net.stream import Arrived, TcpStream
from wireswarm.sample import Failure, Reason

MORE = bytes(4_000_000)
"""More than the kernel takes at once."""


class Wire:
    """A channel that has begun to read, the socket at its other end, and what its owner was told."""

    def __init__(self, stream: Callable[[Any], TcpStream]) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.told: list[object] = []
        self.channel = Channel(
            stream(_socket.socket(fileno=ours.detach())),
            lambda data, stamp: self.told.append(data),
            self.told.append,
            lambda: self.told.append("cleared"),
        )
        self.channel.start()

    def read(self, size: int) -> bytes:
        """So many bytes from the other end."""
        pieces = []
        while size:
            pieces.append(self.peer.recv(min(size, 1 << 16)))
            assert pieces[-1], "the channel has closed its side"
            size -= len(pieces[-1])
        return b"".join(pieces)


class Untrusted(TcpStream):
    """Reads what does not decrypt."""

    def take(self) -> Arrived:
        """See `TcpStream.take`."""
        raise RequestFailed(Failure(Reason.TLS, "TLS failed: bad record mac"))


@pytest.fixture
def make() -> Iterator[Callable[..., Wire]]:
    wires: list[Wire] = []

    def wire(stream: Callable[..., TcpStream] = TcpStream) -> Wire:
        wires.append(Wire(lambda sock: stream(sock, PROGRAM_CLOCK)))
        return wires[-1]

    yield wire
    for made in wires:
        made.channel.close()
        made.peer.close()


def test_what_the_kernel_does_not_take_is_sent_later_in_order(make: Callable[..., Wire]) -> None:
    wire = make()
    assert wire.channel.send(b"first")
    assert not wire.channel.send(MORE)
    assert wire.channel.send(b"second")
    assert wire.channel.waiting == len(b"second")
    assert not wire.channel.send(bytes(BACKLOG))
    assert wire.told == []

    assert wire.read(5 + len(MORE)) == b"first" + MORE
    assert wire.read(6 + BACKLOG) == b"second" + bytes(BACKLOG)
    until(lambda: wire.told)

    assert wire.told == ["cleared"]
    assert wire.channel.waiting == 0
    assert wire.channel.send(b"third")
    assert wire.read(5) == b"third"


def test_its_end_is_told_once_and_nothing_is_sent_any_more(make: Callable[..., Wire]) -> None:
    wire = make()
    wire.peer.close()
    until(lambda: wire.told)

    assert wire.told == [Failure(Reason.CLOSED, "connection closed by the server")]
    assert wire.channel.send(b"more")
    wire.channel.look()
    wire.channel.start()
    wire.channel.close(b"goodbye")
    assert len(wire.told) == 1


def test_a_reset_is_told_as_one(make: Callable[..., Wire]) -> None:
    wire = make()
    wire.channel.send(b"never read")
    wire.peer.close()
    until(lambda: wire.told)

    assert wire.told == [Failure(Reason.RESET, "connection reset by the server")]


def test_what_does_not_decrypt_is_told_as_that(make: Callable[..., Wire]) -> None:
    wire = make(Untrusted)
    wire.peer.send(b"noise")
    until(lambda: wire.told)

    assert wire.told == [Failure(Reason.TLS, "TLS failed: bad record mac")]


def test_a_peer_that_has_gone_has_its_last_words_heard_by_who_sends(make: Callable[..., Wire]) -> None:
    wire = make()
    wire.peer.send(b"goodbye")
    wire.peer.close()

    assert wire.channel.send(b"hello?")

    assert wire.told == [b"goodbye", Failure(Reason.CLOSED, "connection closed by the server")]
    gevent.sleep(0)
    assert len(wire.told) == 2


def test_a_peer_that_goes_while_something_waits_is_told_once(make: Callable[..., Wire]) -> None:
    wire = make()
    assert not wire.channel.send(MORE)
    wire.channel.send(b"behind it")
    wire.peer.close()
    until(lambda: wire.told)
    gevent.sleep(0.01)

    (failure,) = wire.told
    assert isinstance(failure, Failure)
    assert failure.reason in {Reason.CLOSED, Reason.RESET}


def test_a_farewell_comes_behind_all_that_waits(make: Callable[..., Wire]) -> None:
    wire = make()
    assert not wire.channel.send(MORE)
    wire.channel.close(b"goodbye")
    wire.channel.close(b"and again")

    assert wire.read(len(MORE) + 7)[-7:] == b"goodbye"
    wire.peer.send(b"nobody hears this")
    wire.peer.shutdown(socket.SHUT_WR)
    with gevent.Timeout(5):
        assert wire.peer.recv(1) == b""
    assert [what for what in wire.told if what != "cleared"] == []


def test_a_peer_that_does_not_close_its_side_is_left_after_a_while(
    make: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "LINGER", 0.05)
    wire = make()
    wire.channel.close(b"goodbye")

    assert wire.read(7) == b"goodbye"
    with gevent.Timeout(5):
        assert wire.peer.recv(1) == b""
    assert wire.told == []
