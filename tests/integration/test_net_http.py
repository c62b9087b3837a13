"""`wireswarm.net` against a server that does what real ones do at their worst: one exchange, one outcome, no leak."""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.monkey import get_original
from google.protobuf.wrappers_pb2 import StringValue

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from scripted_server import Peer, Script, ScriptedServer, answer, hold_up

from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.errors import RequestFailed
from wireswarm.net.http import TRUSTED_NS, HttpConnection
from wireswarm.net.origin import Origin
from wireswarm.net.route import Route
from wireswarm.net.stamps import PROGRAM_CLOCK, ReceiveClock, ReceiveSocket, Timing, receive_clock
from wireswarm.net.tls import TlsSettings
from wireswarm.sample import Counter, Failure, Reason, Sample
from wireswarm.wire.http1 import Response

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = bytes(range(256)) * 20_000
"""5 MB, more than the kernel's buffers take."""
UPLOAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG

CLOSED = Failure(Reason.CLOSED, "connection closed by the server before the answer")
CUT_SHORT = Failure(Reason.CLOSED, "connection closed by the server within the answer")
RESET = Failure(Reason.RESET, "connection reset by the server")
DEADLINE = Failure(Reason.DEADLINE, "no complete answer within the deadline")
CONNECT_TIMEOUT = Failure(Reason.CONNECT_TIMEOUT, "connecting timed out")
REFUSED = Failure(Reason.REFUSED, "connection refused")
DNS = Failure(Reason.DNS, "host name does not resolve")

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are Linux's")


class Connection(HttpConnection):
    """A connection with the defaults of these tests."""

    __slots__ = ()

    def __init__(
        self, port: int, *, timing: Timing = "kernel", host: str = "127.0.0.1", clock: ReceiveClock | None = None
    ) -> None:
        super().__init__(Route(Origin("http", host, port), clock or receive_clock(timing), TlsSettings()))

    def get(self, timeout: float = 10.0, connect_timeout: float = 5.0) -> Response:
        return self.exchange("GET", GET, timeout, connect_timeout)

    def upload(self, timeout: float = 10.0) -> Response:
        return self.exchange("POST", UPLOAD, timeout, 5.0)

    def failure(self, exchange: Callable[[], Response] | None = None) -> Failure:
        with pytest.raises(RequestFailed) as caught:
            (exchange or self.get)()
        return caught.value.failure

    def let_idle(self) -> None:
        """Wait until it has been idle for so long that its state is looked at before it is used."""
        while time.time_ns() - self.read <= TRUSTED_NS:
            gevent.sleep(0)


def native_server() -> Any:
    """A listening socket that gevent knows nothing of: it accepts what is there without a turn of the loop."""
    listener = get_original("socket", "socket")()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    return listener


@contextmanager
def serving(script: Script, **options: Any) -> Iterator[tuple[ScriptedServer, Connection]]:
    """A server that runs that script, and a connection to it."""
    with ScriptedServer(script) as server, closing(Connection(server.port, **options)) as connection:
        yield server, connection


def answering(body: bytes = b"hello") -> Script:
    """Answers every request of a connection."""

    def script(peer: Peer) -> None:
        while peer.request():
            peer.send(answer(body))

    return script


@pytest.fixture(scope="module", autouse=True)
def _stamps() -> None:
    """The kernel begins to make stamps a while after it was asked to, which the first connection does."""
    if sys.platform == "linux":
        with serving(answering()) as (_, connection), gevent.Timeout(10):
            connection.get()
            while connection.done == connection.read:
                connection.get()


class TestKeepAlive:
    def test_a_connection_is_used_again(self) -> None:
        with serving(answering()) as (server, connection):
            for _ in range(3):
                assert connection.get().body == b"hello"
                connection.let_idle()
        assert (server.accepted, connection.connects, connection.stale_reconnects) == (1, 1, 0)

    @pytest.mark.parametrize("last", ["close", "reset"])
    def test_one_that_was_closed_while_idle_is_replaced_without_a_failure(self, last: str) -> None:
        gone = Event()

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"%d" % peer.number))
            getattr(peer, last)()
            gone.set()

        with serving(script) as (server, connection):
            for number in (1, 2, 3):
                assert connection.get().body == b"%d" % number
                gone.wait()
                gone.clear()
                connection.let_idle()
        assert (server.accepted, connection.connects, connection.stale_reconnects) == (3, 3, 2)

    def test_one_that_was_reset_this_very_moment_is_replaced_as_long_as_no_byte_has_left(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"%d" % peer.number))
            peer.reset()

        with serving(script) as (server, connection):
            # The second request follows so soon that the connection's state is not looked at before.
            assert [connection.get().body for _ in range(2)] == [b"1", b"2"]
            assert connection.stale_reconnects == 1
        assert server.accepted == 2

    @pytest.mark.parametrize("last", ["close", "reset"])
    def test_a_request_that_the_server_has_read_is_not_sent_again(self, last: str) -> None:
        requests = []

        def script(peer: Peer) -> None:
            requests.append(peer.request())
            peer.send(answer())
            requests.append(peer.request())
            getattr(peer, last)()

        with serving(script) as (server, connection):
            connection.get()
            assert connection.failure() == (CLOSED if last == "close" else RESET)
        assert requests == [GET, GET]
        assert (server.accepted, connection.stale_reconnects) == (1, 0)

    def test_an_answer_that_nobody_asked_for_is_not_the_answer_of_the_next_request(self) -> None:
        more = Event()

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"%d" % peer.number))
            if peer.number == 1:
                more.wait()
                peer.send(answer(b"stray"))
                more.clear()
            peer.end()

        with serving(script) as (_, connection):
            assert connection.get().body == b"1"
            more.set()
            connection.let_idle()
            assert connection.get().body == b"2"

    @pytest.mark.parametrize(
        "first",
        [
            answer(b"1", b"Connection: close"),
            answer(b"1") + b"stray",
            answer(b"1").replace(b"HTTP/1.1", b"HTTP/1.0"),
        ],
        ids=["close", "more than the answer", "HTTP/1.0"],
    )
    def test_an_answer_that_ends_the_connection(self, first: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(first if peer.number == 1 else answer(b"2"))
            assert peer.end() == b"", "a request on a connection that is at its end"

        with serving(script) as (_, connection):
            assert [connection.get().body for _ in range(2)] == [b"1", b"2"]
            assert connection.stale_reconnects == 0

    def test_an_answer_that_ends_with_the_connection(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
            peer.send(b"lo")

        with serving(script) as (_, connection):
            assert [connection.get().body for _ in range(2)] == [b"hello", b"hello"]

    def test_pieces_of_any_size(self) -> None:
        def script(peer: Peer) -> None:
            while peer.request():
                wire = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"hello")
                for at in range(len(wire)):
                    peer.send(wire[at : at + 1])
                    gevent.sleep(0)

        with serving(script) as (_, connection):
            assert [connection.get().body for _ in range(2)] == [b"hello", b"hello"]

    def test_a_large_answer(self) -> None:
        with serving(answering(BIG)) as (_, connection):
            assert connection.get().body == BIG

    def test_a_server_that_closes_without_a_word_costs_one_request_and_no_more(self) -> None:
        # One user after the other, as fast as they can.
        def script(peer: Peer) -> None:
            peer.request()
            peer.send_and_close(answer())

        with ScriptedServer(script) as server:
            outcomes = []
            for _ in range(3):
                with closing(Connection(server.port)) as connection:
                    for _ in range(10):
                        try:
                            outcomes.append(connection.get().status)
                        except RequestFailed as error:
                            outcomes.append(error.failure.reason)
        assert outcomes.count(200) >= 29
        assert outcomes.count(200) + outcomes.count(Reason.CLOSED) + outcomes.count(Reason.RESET) == 30


class TestFailures:
    @pytest.mark.parametrize(
        ("wire", "last", "expected"),
        [
            (b"", "close", CLOSED),
            (b"", "reset", RESET),
            (b"HTTP/1.1 100 Continue\r\n\r\n", "close", CLOSED),
            (b"HTTP/1.1 200 OK\r\nContent-Len", "close", CUT_SHORT),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "close", CUT_SHORT),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "close", CUT_SHORT),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "reset", RESET),
            (b"HTTP/1.1 200 OK\r\n\r\nhello", "reset", RESET),
            (
                b"SSH-2.0-OpenSSH_9.2\r\n",
                "end",
                Failure(Reason.PROTOCOL, "the answer does not start with an HTTP/1 status line"),
            ),
        ],
        ids=[
            "closed at once",
            "reset at once",
            "closed after 100",
            "closed in the head",
            "closed in the body",
            "closed before the last chunk ends",
            "reset in the body",
            "reset in a body that would end with the connection",
            "garbage",
        ],
    )
    def test_what_the_server_does(self, wire: bytes, last: str, expected: Failure) -> None:
        read = Event()

        def script(peer: Peer) -> None:
            if peer.number > 1:
                answering()(peer)
                return
            peer.request()
            peer.send(wire)
            if last == "reset" and wire:
                read.wait()  # a reset may overtake what was sent before it
            getattr(peer, last)()

        with serving(script) as (_, connection):
            greenlet = gevent.spawn(connection.failure)
            while wire and connection.read == 0 and not greenlet.ready():
                gevent.sleep(0)
            read.set()
            assert greenlet.get() == expected
            assert connection.sent < connection.done == connection.read
            assert connection.get().body == b"hello", "the next exchange opens another connection"
            assert connection.stale_reconnects == 0

    def test_nobody_listens(self) -> None:
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            with closing(Connection(taken.getsockname()[1])) as connection:
                assert connection.failure() == REFUSED
                assert connection.failure() == REFUSED
                assert connection.connects == 0

    @pytest.mark.parametrize("host", ["name.invalid", "x" * 64 + ".invalid", "::1%no-such-interface"])
    def test_the_name_does_not_resolve(self, host: str) -> None:
        with closing(Connection(80, host=host)) as connection:
            assert connection.failure() == DNS

    def test_a_name_with_several_addresses_is_tried_until_one_accepts(self) -> None:
        # `localhost` is ::1 and 127.0.0.1 on most machines, and the server listens on the second only.
        with serving(answering(), host="localhost") as (_, connection):
            assert connection.get().body == b"hello"

    @linux
    def test_nobody_accepts(self) -> None:
        # The queue of connections that nobody has accepted yet has room for one; Linux ignores all others.
        with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as listener:
            waiting = [socket.socket() for _ in range(4)]
            for sock in waiting:
                sock.setblocking(False)
                assert sock.connect_ex(listener.getsockname()) in {0, errno.EINPROGRESS}
            with closing(Connection(listener.getsockname()[1])) as connection:
                began = time.monotonic()
                assert connection.failure(partial(connection.get, 10.0, 0.2)) == CONNECT_TIMEOUT
                assert 0.19 < time.monotonic() - began < 5
                began = time.monotonic()
                assert connection.failure(partial(connection.get, 0.1, 60.0)) == CONNECT_TIMEOUT
                assert time.monotonic() - began < 5
            for sock in waiting:
                sock.close()

    def test_there_is_no_file_descriptor_left(self) -> None:
        with serving(answering()) as (_, connection):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
            try:
                failure = connection.failure()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert failure == Failure(Reason.REFUSED, "too many open files")
            assert connection.get().body == b"hello"

    def test_an_address_that_may_not_be_connected_to(self) -> None:
        with closing(Connection(80, host="255.255.255.255")) as connection:
            failure = connection.failure()
        assert failure.reason == Reason.REFUSED
        assert "255" not in failure.message


class TestDeadlines:
    def test_silence(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            assert peer.end() == b""

        with serving(script) as (_, connection):
            began = time.monotonic()
            assert connection.failure(partial(connection.get, 0.2)) == DEADLINE
            assert 0.19 < time.monotonic() - began < 5

    @pytest.mark.alone
    def test_a_drip_does_not_put_it_off(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            try:
                for byte in answer(b"hello"):
                    peer.send(bytes([byte]))
                    gevent.sleep(0.05)
            except OSError:
                return
            pytest.fail("the client has waited to the end")

        took = []
        with serving(script) as (_, connection):
            for _ in range(3):
                began = time.monotonic()
                assert connection.failure(partial(connection.get, 0.3)) == DEADLINE
                took.append((time.monotonic() - began, (connection.done - connection.sent) / 1e9))
        # The machine may be busy with something else for once.
        assert sorted(took)[1] == pytest.approx((0.3, 0.3), rel=0.1, abs=0.02)

    @pytest.mark.alone
    def test_it_is_for_all_of_the_exchange_connecting_included(self) -> None:
        def script(peer: Peer) -> None:
            hold_up(0.3)  # before the client gets round to sending
            peer.request()
            assert peer.end() == b""

        with serving(script) as (_, connection):
            began = time.monotonic()
            assert connection.failure(partial(connection.get, 0.5)) == DEADLINE
            assert 0.49 < time.monotonic() - began < 0.7

    def test_that_of_connecting_is_for_connecting_alone(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            gevent.sleep(0.3)
            peer.send(answer())

        with serving(script) as (_, connection):
            assert connection.get(timeout=10.0, connect_timeout=0.25).status == 200

    @pytest.mark.alone
    def test_one_that_was_met_does_not_come_back(self) -> None:
        with serving(answering()) as (_, connection):
            connection.get(timeout=0.2)
            gevent.sleep(0.25)  # in which the deadline would pass
            connection.get(timeout=10.0)
            connection.get(timeout=0.2)
            gevent.sleep(0.25)

    def test_a_shorter_one_replaces_a_longer_one(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer())
            peer.request()
            peer.end()

        with serving(script) as (_, connection):
            connection.get(timeout=60.0)
            began = time.monotonic()
            assert connection.failure(partial(connection.get, 0.1)) == DEADLINE
            assert time.monotonic() - began < 30

    def test_an_upload_that_nobody_reads(self) -> None:
        never = Event()

        def script(peer: Peer) -> None:
            peer.head()
            never.wait()

        with serving(script) as (_, connection):
            assert connection.failure(partial(connection.upload, 0.1)) == DEADLINE
            never.set()

    @linux
    @pytest.mark.parametrize("before", [0, 1, 60], ids=["nothing", "a byte", "the head"])
    def test_an_answer_that_was_there_in_time_counts_however_late_it_is_read(self, before: int) -> None:
        """`before` is how much of it was read before the process was held up."""
        wire = answer(bytes(20_000))
        read = Event()

        def script(peer: Peer) -> None:
            peer.request()
            if before:
                peer.send(wire[:before])
                read.wait()
            peer.send(wire[before:])
            hold_up(0.3)
            peer.end()

        with serving(script) as (_, connection):
            greenlet = gevent.spawn(connection.get, 0.2)
            while before and connection.read == 0:
                gevent.sleep(0)
            read.set()
            assert greenlet.get().body == bytes(20_000)
            assert connection.done - connection.sent < 0.2e9
            assert connection.read - connection.done > 0.29e9

    def test_half_an_answer_that_was_there_in_time_does_not_count(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"hello")[:-1])
            hold_up(0.2)
            peer.end()

        with serving(script) as (_, connection):
            assert connection.failure(partial(connection.get, 0.1)) == DEADLINE

    def test_garbage_that_was_there_in_time_does_not_count_either(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"garbage")
            hold_up(0.2)
            peer.end()

        with serving(script) as (_, connection):
            assert connection.failure(partial(connection.get, 0.1)) == DEADLINE

    @pytest.mark.parametrize("timing", ["kernel", "program"])
    def test_an_answer_that_came_too_late_does_not_count_though_it_is_there_when_it_is_looked_for(
        self, timing: Timing
    ) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            hold_up(0.2)
            peer.send(answer())
            hold_up(0.05)
            peer.end()

        with serving(script, timing=timing) as (_, connection):
            assert connection.failure(partial(connection.get, 0.1)) == DEADLINE


class AtConnect:
    """A receive clock that does something with a connection before anything is sent on it."""

    name: Timing = "program"

    def __init__(self, do: Callable[[Any], object]) -> None:
        self._do = do

    def enable(self, sock: ReceiveSocket) -> bool:
        self._do(sock)
        return True

    def receive(self, sock: ReceiveSocket, size: int) -> tuple[bytes, int]:
        return PROGRAM_CLOCK.receive(sock, size)


class TestUploads:
    def test_a_body_that_is_larger_than_the_kernels_buffers(self) -> None:
        received = []

        def script(peer: Peer) -> None:
            while request := peer.request():
                received.append(request)
                peer.send(answer())

        with serving(script) as (server, connection):
            for _ in range(2):
                assert connection.upload().status == 200
            connection.get()
        assert received == [UPLOAD, UPLOAD, GET]
        assert server.accepted == 1

    @pytest.mark.parametrize("last", ["stay", "close", "reset"])
    @pytest.mark.parametrize("keep_alive", [True, False])
    def test_an_answer_before_the_end_of_the_request(self, last: str, keep_alive: bool) -> None:
        refusal = answer(b"too much", *([] if keep_alive else [b"Connection: close"]), status=b"413 Too Large")

        def script(peer: Peer) -> None:
            if peer.number > 1:
                answering()(peer)
                return
            peer.head()
            peer.send(refusal)
            if last == "stay":
                peer.end()
            else:
                getattr(peer, last)()

        with serving(script) as (_, connection):
            began = time.monotonic()
            response = connection.upload()
            assert (response.status, response.body) == (413, b"too much")
            assert not response.keep_alive, "half a request is on its way"
            assert time.monotonic() - began < 5
            assert connection.get().body == b"hello"
            assert (connection.connects, connection.stale_reconnects) == (2, 0)

    @pytest.mark.parametrize(
        ("wire", "expected"),
        [
            (answer(b"busy", status=b"503 Busy"), 503),
            (answer(b"busy", status=b"503 Busy")[:-1], RESET),
            (b"HTTP/1.1 200 OK\r\n\r\nwho knows whether this is all", RESET),
            (b"", RESET),
        ],
        ids=["a whole one", "half of one", "one that would end with the connection", "none"],
    )
    def test_an_answer_before_the_beginning_of_the_request(self, wire: bytes, expected: int | Failure) -> None:
        # As of a server that is full: the first byte of the request meets a connection that is gone.
        with closing(native_server()) as listener:

            def turn_away(_: object) -> None:
                Peer(listener.accept()[0], 1).send_and_reset(wire)

            with closing(Connection(listener.getsockname()[1], clock=AtConnect(turn_away))) as connection:
                if isinstance(expected, Failure):
                    assert connection.failure() == expected
                else:
                    response = connection.get()
                    assert (response.status, response.keep_alive) == (expected, False)
                assert (connection.connects, connection.stale_reconnects) == (1, 0)

    def test_an_answer_before_the_beginning_of_the_request_is_one_to_that_request(self) -> None:
        # And not one to a HEAD request, which has no body, as the answer before it was.
        with closing(native_server()) as listener:
            peers: list[Peer] = []

            def speak_first(_: object) -> None:
                peers.append(Peer(listener.accept()[0], len(peers) + 1))
                if len(peers) == 1:
                    peers[0].sock.send(answer(b"", b"Connection: close"))
                else:
                    peers[1].send_and_reset(answer(b"busy", status=b"503 Busy"))

            with closing(Connection(listener.getsockname()[1], clock=AtConnect(speak_first))) as connection:
                connection.exchange("HEAD", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 10.0, 5.0)
                assert connection.get().body == b"busy"
            peers[0].close()

    def test_an_answer_in_pieces_before_the_end_of_the_request(self) -> None:
        more = Event()

        def script(peer: Peer) -> None:
            peer.head()
            wire = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"too much", status=b"413 Too Large")
            peer.send(wire[:60])
            more.wait()
            peer.send(wire[60:])
            peer.end()

        with serving(script) as (_, connection):
            greenlet = gevent.spawn(connection.upload)
            while connection.read == 0:
                gevent.sleep(0)
            more.set()
            assert greenlet.get().status == 413

    def test_100_continue_before_the_end_of_the_request(self) -> None:
        def script(peer: Peer) -> None:
            head = peer.head()
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            peer.received = head + peer.received
            assert peer.request() == UPLOAD
            peer.send(answer(b"thanks"))
            assert peer.request() == GET
            peer.send(answer())

        with serving(script) as (server, connection):
            assert connection.upload().body == b"thanks"
            connection.get()
        assert server.accepted == 1

    @pytest.mark.parametrize(("last", "expected"), [("close", {CLOSED, RESET}), ("reset", {RESET, CLOSED})])
    def test_no_answer_before_the_end_of_the_request(self, last: str, expected: set[Failure]) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            getattr(peer, last)()

        with serving(script) as (_, connection):
            assert connection.failure(connection.upload) in expected

    def test_the_server_closes_its_side_before_the_end_of_the_request(self) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            peer.sock.shutdown(socket.SHUT_WR)
            peer.end()

        with serving(script) as (_, connection):
            assert connection.failure(connection.upload) == CLOSED


def test_a_request_is_not_held_back_for_more() -> None:
    options = []

    def look(sock: Any) -> None:
        options.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with serving(answering(), clock=AtConnect(look)) as (_, connection):
        connection.get()
    assert options != [0]


class TestStamps:
    @linux
    def test_the_kernel_says_when_the_answer_was_there(self) -> None:
        with serving(answering()) as (_, connection):
            for _ in range(50):
                connection.get()
                assert connection.sent < connection.done < connection.read

    @linux
    def test_it_says_so_for_single_users_whose_connections_are_closed_after_every_answer(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"", b"Connection: close"))

        with serving(script) as (server, connection):
            for _ in range(100):
                connection.get()
                assert connection.done < connection.read
                gevent.sleep(0.001)  # in which the kernel would stop making stamps, as no socket wants any
        assert server.accepted == 100

    def test_without_it_the_program_says_when_it_had_read_the_answer(self) -> None:
        with serving(answering(), timing="program") as (_, connection):
            connection.get()
            assert connection.sent < connection.done == connection.read

    @linux
    def test_a_busy_generator_does_not_make_the_server_slow(self) -> None:
        def script(peer: Peer) -> None:
            while peer.request():
                peer.send(answer())
                hold_up(0.1)  # the answer waits in the kernel

        with serving(script) as (_, connection):
            took = []
            for _ in range(3):
                connection.get()
                took.append(connection.done - connection.sent)
                assert connection.read - connection.done >= 95e6
        assert min(took) < 50e6, "the machine may be busy with something else, but hardly each time"

    def test_the_programs_clock_takes_a_busy_generator_for_a_slow_server(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer())
            hold_up(0.1)

        with serving(script, timing="program") as (_, connection):
            connection.get()
            assert connection.done - connection.sent >= 95e6

    def test_a_new_connection_is_part_of_the_exchange(self) -> None:
        def script(peer: Peer) -> None:
            hold_up(0.05)
            peer.request()
            peer.send(answer())

        with serving(script) as (_, connection):
            connection.get()
            assert connection.done - connection.sent >= 50e6


class Recorder:
    """Implements `wireswarm.clients.owner.Reporter`."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.abandonments = 0
        self.counted: dict[Counter, int] = {}

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        self.samples.append(sample)

    def count(self, counter: Counter, amount: int = 1) -> None:
        self.counted[counter] = self.counted.get(counter, 0) + amount

    def abandoned(self) -> None:
        self.abandonments += 1


class User:
    """Implements `wireswarm.clients.owner.Owner`."""

    auth = content_type = ca_file = client_cert = proxy = proxy_auth = trace = None
    timing: Timing = "kernel"
    timeout, connect_timeout = 10.0, 5.0
    insecure = False
    request_failed = RequestFailed
    client = ProtobufClient()

    def __init__(self, host: str) -> None:
        self.host: str | None = host
        self.reporter = Recorder()


class TestPhases:
    def test_setting_up_a_connection_is_part_of_the_first_exchange_alone(self) -> None:
        with serving(answering()) as (_, connection):
            connection.get()
            first = connection.phases
            assert connection.done - connection.sent >= first.connect + first.first_byte
            connection.get()
            second = connection.phases
        assert first.dns > 0
        assert first.connect > 0
        assert (first.tls, second.dns, second.connect, second.tls) == (0, 0, 0, 0)
        assert second.first_byte + second.download == connection.done - connection.sent

    def test_an_answer_in_one_piece_takes_no_time_to_download(self) -> None:
        with serving(answering()) as (_, connection):
            connection.get()
            connection.get()
        assert connection.phases.download == 0

    def test_a_body_after_a_while_is_downloaded_for_so_long(self) -> None:
        def script(peer: Peer) -> None:
            while peer.request():
                gevent.sleep(0.02)
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
                gevent.sleep(0.05)
                peer.send(b"hello")

        with serving(script) as (_, connection):
            connection.get()
            phases = connection.phases
        assert phases.first_byte >= 20e6
        assert 50e6 <= phases.download < phases.first_byte + 500e6

    def test_a_name_that_is_looked_up(self) -> None:
        with serving(answering(), host="localhost") as (_, connection):
            connection.get()
            assert connection.phases.dns > 0

    def test_the_sample_has_them_and_the_connections_are_counted(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b""))
            if peer.number == 1:
                peer.request()
                peer.close()
            else:
                peer.end()

        with ScriptedServer(script) as server:
            user = User(server.url)
            user.client.get("/a")
            user.client.try_get("/b")
            user.client.get("/c")
            user.client.close()
        opened, failed, again = user.reporter.samples
        assert [s.phases is not None and s.phases.connect > 0 for s in (opened, again)] == [True, True]
        assert failed.phases is None
        assert user.reporter.counted == {Counter.CONNECTS: 2}


class TestClients:
    def test_a_killed_user_closes_its_connection_and_its_request_is_counted_as_abandoned(self) -> None:
        asked, ended = Event(), Event()

        def script(peer: Peer) -> None:
            peer.request()
            asked.set()
            assert peer.end() == b""
            ended.set()

        with ScriptedServer(script) as server:
            user = User(server.url)
            greenlet = gevent.spawn(user.client.get, "/a")
            asked.wait()
            greenlet.kill()
            assert ended.wait(5), "the connection is still open"
        assert (user.reporter.samples, user.reporter.abandonments) == ([], 1)

    def test_a_killed_upload_closes_its_connection(self) -> None:
        asked = Event()

        def script(peer: Peer) -> None:
            peer.head()
            asked.set()
            gevent.sleep(0)
            assert len(peer.end()) < len(BIG)

        with ScriptedServer(script) as server:
            user = User(server.url)
            greenlet = gevent.spawn(user.client.post, "/a", BIG)
            asked.wait()
            greenlet.kill()
        assert user.reporter.abandonments == 1

    def test_a_users_own_timeout_is_the_users(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            if peer.number == 1:
                assert peer.end() == b""
            peer.send(answer(StringValue(value="x").SerializeToString()))

        with ScriptedServer(script) as server:
            user = User(server.url)
            mine = gevent.Timeout(0.05)
            with pytest.raises(gevent.Timeout) as caught, mine:
                user.client.get("/a")
            assert caught.value is mine
            assert (user.reporter.samples, user.reporter.abandonments) == ([], 1)
            assert user.client.get("/a", expect=StringValue).value == "x"
            user.client.close()

    def test_the_message_of_a_failure_is_the_same_every_time(self) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx" % (peer.number + 1))

        with ScriptedServer(script) as server:
            user = User(server.url)
            for _ in range(3):
                user.client.try_get("/a")
        assert {sample.failure for sample in user.reporter.samples} == {CUT_SHORT}


class TestMany:
    USERS = 1200

    @pytest.fixture(autouse=True)
    def _descriptors(self) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 3 * self.USERS
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_users_of_one_process_keep_their_connections_beyond_descriptor_1024(self) -> None:
        all_there, waiting = Event(), 0

        def script(peer: Peer) -> None:
            nonlocal waiting
            while peer.request():
                waiting += 1
                if waiting == self.USERS:
                    all_there.set()
                all_there.wait()
                peer.send(answer())

        with ScriptedServer(script) as server:
            users = [User(server.url) for _ in range(self.USERS)]

            def twice(user: User) -> None:
                user.client.get("/a")
                user.client.get("/a")

            gevent.joinall([gevent.spawn(twice, user) for user in users], raise_error=True)
            assert server.accepted == self.USERS
            for user in users:
                user.client.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc/self/fd to count in")
def test_no_outcome_leaves_a_file_descriptor_behind() -> None:
    def script(peer: Peer) -> None:
        head = peer.head()
        if b"/ok" in head:
            peer.send(answer())
        elif b"/reset" in head:
            peer.reset()
        elif b"/garbage" in head:
            peer.send(b"garbage")
        elif b"/refused" in head:
            peer.send(answer(status=b"413 Too Large"))
        elif b"/silent" in head:
            peer.end()

    def round_of_outcomes(server: ScriptedServer) -> None:
        user = User(server.url)
        outcomes = [
            user.client.try_get("/ok"),
            user.client.try_get("/ok"),
            user.client.try_get("/closed"),
            user.client.try_get("/reset"),
            user.client.try_get("/garbage"),
            user.client.try_post("/refused", BIG),
            user.client.try_post("/closed", BIG),
            user.client.try_get("/silent", timeout=0.02),
        ]
        assert len({outcome.failure and outcome.failure.reason for outcome in outcomes}) >= 6
        killed = gevent.spawn(user.client.get, "/silent")
        gevent.idle()
        killed.kill()
        ProtobufClient("http://127.0.0.1:1").try_get("/a")
        ProtobufClient("http://name.invalid").try_get("/a")
        user.client.try_get("/ok")
        user.client.close()

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib would open one more

    with ScriptedServer(script) as server:
        round_of_outcomes(server)  # gevent opens some of its own
        before = descriptors()
        for _ in range(5):
            round_of_outcomes(server)
        gevent.idle()
        assert descriptors() <= before


def test_a_closed_connection_can_be_closed_again_and_used_again() -> None:
    with serving(answering()) as (server, connection):
        connection.close()
        connection.get()
        connection.close()
        connection.close()
        connection.get()
    assert server.accepted == 2
