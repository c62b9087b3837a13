"""`wireswarm.net.tls` against a server that shows certificates of all kinds, and ends connections in all ways."""

from __future__ import annotations

import _socket
import os
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from certificates import DAY, Authority, Pair
from scripted_server import Peer, Script, ScriptedServer, answer, hold_up

from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.http import TRUSTED_NS, HttpConnection
from wireswarm.net.origin import Origin
from wireswarm.net.route import Route
from wireswarm.net.stamps import KERNEL_CLOCK, PROGRAM_CLOCK
from wireswarm.net.stream import TcpStream
from wireswarm.net.tls import TlsSettings, TlsStream, context_for
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = bytes(range(256)) * 20_000
UPLOAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG

CUT_SHORT = Failure(Reason.CLOSED, "connection closed by the server within the answer")
DEADLINE = Failure(Reason.DEADLINE, "no complete answer within the deadline")
ENDED = Failure(Reason.TLS, "connection closed by the server during the TLS handshake")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Pair:
    return authority.sign("good", "127.0.0.1", "localhost")


class Connection(HttpConnection):
    """A connection with the defaults of these tests."""

    __slots__ = ()

    def __init__(self, port: int, host: str = "127.0.0.1", **settings: Any) -> None:
        super().__init__(Route(Origin("https", host, port), KERNEL_CLOCK, TlsSettings(**settings)))

    def get(self, timeout: float = 10.0, connect_timeout: float = 5.0) -> Response:
        return self.exchange("GET", GET, timeout, connect_timeout)

    def upload(self) -> Response:
        return self.exchange("POST", UPLOAD, 10.0, 5.0)

    def failure(self, *timeouts: float) -> Failure:
        with pytest.raises(RequestFailed) as caught:
            self.get(*timeouts)
        return caught.value.failure

    def let_idle(self) -> None:
        """Wait until it has been idle for so long that its state is looked at before it is used."""
        while time.time_ns() - self.read <= TRUSTED_NS:
            gevent.sleep(0)


def answering(body: bytes = b"hello") -> Script:
    """Answers every request of a connection."""

    def script(peer: Peer) -> None:
        while peer.request():
            peer.send(answer(body))

    return script


def send_raw(peer: Peer, data: bytes) -> None:
    """Send bytes past the server's TLS."""
    with socket.socket(fileno=os.dup(peer.sock.fileno())) as raw:
        raw.send(data)


def assert_openssl_says(failure: Failure, *whys: str) -> None:
    """It is one of these, depending on OpenSSL's version."""
    assert failure in {Failure(Reason.TLS, f"TLS failed: {why}") for why in whys}


@contextmanager
def serving(
    script: Script, pair: Pair, authority: Authority, **settings: Any
) -> Iterator[tuple[ScriptedServer, Connection]]:
    """A server that shows that certificate, and a connection to it that trusts that authority."""
    settings = {"ca_file": str(authority.path), **settings}
    with (
        ScriptedServer(script, tls=pair.server_context()) as server,
        closing(Connection(server.port, **settings)) as connection,
    ):
        yield server, connection


@pytest.fixture(scope="module", autouse=True)
def _stamps(authority: Authority, good: Pair) -> None:
    """The kernel begins to make stamps a while after it was asked to, which the first connection does."""
    if sys.platform == "linux":
        with serving(answering(), good, authority) as (_, connection), gevent.Timeout(10):
            connection.get()
            while connection.done == connection.read:
                connection.get()


class TestCertificates:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_one_that_is_good(self, authority: Authority, good: Pair, host: str) -> None:
        with serving(answering(), good, authority, host=host) as (server, connection):
            for _ in range(3):
                assert connection.get().body == b"hello"
                connection.let_idle()
        assert (server.accepted, connection.stale_reconnects) == (1, 0)

    def test_one_of_an_authority_that_nobody_knows(self, good: Pair) -> None:
        with (
            ScriptedServer(answering(), tls=good.server_context()) as server,
            closing(Connection(server.port)) as connection,
        ):
            assert connection.failure() == Failure(
                Reason.TLS, "certificate does not verify: unable to get local issuer certificate"
            )
            assert connection.connects == 0

    def test_the_server_is_told_what_is_wrong_with_its_own(self, good: Pair) -> None:
        told = []

        def script(peer: Peer) -> None:
            with pytest.raises(ssl.SSLError) as caught:
                peer.start_tls(good.server_context())
            told.append(caught.value.reason)

        with ScriptedServer(script) as server, closing(Connection(server.port)) as connection:
            connection.failure()
        assert told == ["TLSV1_ALERT_UNKNOWN_CA"]

    def test_one_that_signs_itself(self, tmp_path: Path, authority: Authority) -> None:
        pair = Authority(tmp_path, "other").sign("self", "127.0.0.1", itself=True)
        with serving(answering(), pair, authority) as (_, connection):
            assert connection.failure() == Failure(Reason.TLS, "certificate does not verify: self-signed certificate")

    @pytest.mark.parametrize(
        ("host", "names"),
        [
            ("127.0.0.1", ["127.0.0.2", "localhost"]),
            ("127.0.0.1", []),
            ("localhost", ["other.example", "127.0.0.1"]),
        ],
    )
    def test_one_for_somebody_else(self, authority: Authority, host: str, names: list[str]) -> None:
        pair = authority.sign("wrong", *names)
        with serving(answering(), pair, authority, host=host) as (_, connection):
            assert connection.failure() == Failure(Reason.TLS, "certificate does not verify: it is for another host")

    @pytest.mark.parametrize(
        ("since", "until", "why"),
        [(-2 * DAY, -DAY, "certificate has expired"), (DAY, 2 * DAY, "certificate is not yet valid")],
    )
    def test_one_of_another_time(self, authority: Authority, since: Any, until: Any, why: str) -> None:
        pair = authority.sign("untimely", "127.0.0.1", since=since, until=until)
        with serving(answering(), pair, authority) as (_, connection):
            assert connection.failure() == Failure(Reason.TLS, f"certificate does not verify: {why}")

    def test_any_will_do_by_choice(self, authority: Authority) -> None:
        pair = authority.sign("bad", "other.example", since=-2 * DAY, until=-DAY)
        with serving(answering(), pair, authority, insecure=True, ca_file=None) as (_, connection):
            assert connection.get().body == b"hello"

    def test_the_client_shows_its_own(self, authority: Authority, good: Pair) -> None:
        context = good.server_context()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.path)
        mine = authority.sign("client", client=True)
        subjects = []

        def script(peer: Peer) -> None:
            subjects.append(dict(pair[0] for pair in peer.sock.getpeercert()["subject"]))
            answering()(peer)

        with ScriptedServer(script, tls=context) as server:
            trusting = {"ca_file": str(authority.path)}
            with closing(Connection(server.port, client_cert=str(mine.path), **trusting)) as connection:
                connection.get()
            with closing(Connection(server.port, **trusting)) as connection:
                # With TLS 1.3 the server's alert comes when the client is through with its side of the handshake.
                assert connection.failure() == Failure(Reason.TLS, "TLS failed: tlsv13 alert certificate required")
        assert subjects == [{"commonName": "client"}]


class TestHandshake:
    def test_names_and_protocols_that_are_offered(self, authority: Authority, good: Pair) -> None:
        names: list[str | None] = []
        context = good.server_context()
        context.sni_callback = lambda sock, name, ctx: names.append(name)  # type: ignore[assignment,misc]
        context.set_alpn_protocols(["h2", "http/1.1"])
        protocols = []

        def script(peer: Peer) -> None:
            protocols.append(peer.sock.selected_alpn_protocol())
            answering()(peer)

        with ScriptedServer(script, tls=context) as server:
            for host in ("localhost", "127.0.0.1"):
                with closing(Connection(server.port, host, ca_file=str(authority.path))) as connection:
                    connection.get()
        assert names == ["localhost", None]
        assert protocols == ["http/1.1"] * 2

    def test_old_versions_are_refused(self, authority: Authority, good: Pair) -> None:
        context = context_for(TlsSettings())
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_versions(self, authority: Authority, good: Pair, version: ssl.TLSVersion) -> None:
        context = good.server_context()
        context.minimum_version = context.maximum_version = version
        with (
            ScriptedServer(answering(BIG), tls=context) as server,
            closing(Connection(server.port, ca_file=str(authority.path))) as connection,
        ):
            assert [connection.get().body == BIG for _ in range(2)] == [True, True]

    def test_a_server_without_tls(self) -> None:
        def script(peer: Peer) -> None:
            peer.sock.recv(1)
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.end()

        with ScriptedServer(script) as server, closing(Connection(server.port)) as connection:
            failures = {connection.failure() for _ in range(2)}
        assert len(failures) == 1
        assert_openssl_says(failures.pop(), "wrong version number", "record layer failure", "packet length too long")

    @pytest.mark.parametrize("last", ["close", "reset"])
    def test_a_server_that_closes(self, last: str) -> None:
        def script(peer: Peer) -> None:
            peer.sock.recv(1 << 16)
            getattr(peer, last)()

        with ScriptedServer(script) as server, closing(Connection(server.port)) as connection:
            assert connection.failure() == ENDED

    def test_silence_is_a_matter_of_the_connect_deadline(self) -> None:
        def script(peer: Peer) -> None:
            assert peer.end() != b""

        with ScriptedServer(script) as server, closing(Connection(server.port)) as connection:
            began = time.monotonic()
            assert connection.failure(10.0, 0.2) == Failure(Reason.CONNECT_TIMEOUT, "connecting timed out")
            assert 0.19 < time.monotonic() - began < 5

    def test_a_killed_one_closes_its_connection(self) -> None:
        asked = Event()

        def script(peer: Peer) -> None:
            peer.sock.recv(1)
            asked.set()
            peer.end()

        with ScriptedServer(script) as server, closing(Connection(server.port)) as connection:
            greenlet = gevent.spawn(connection.get)
            asked.wait()
            greenlet.kill()

    def test_one_context_serves_all_connections_of_the_same_settings(self, authority: Authority) -> None:
        path = str(authority.path)
        assert context_for(TlsSettings(ca_file=path)) is context_for(TlsSettings(ca_file=path))
        assert context_for(TlsSettings(ca_file=path)) is not context_for(TlsSettings())
        assert context_for(TlsSettings(insecure=True)) is not context_for(TlsSettings())


class TestPhases:
    def test_the_handshake_is_a_phase_of_the_first_exchange(self, authority: Authority, good: Pair) -> None:
        with serving(answering(), good, authority) as (_, connection):
            connection.get()
            first = connection.phases
            connection.get()
        assert first.tls > first.dns >= 0
        assert connection.phases.tls == 0


class TestSettings:
    def test_by_default_everything_is_verified(self) -> None:
        context = context_for(TlsSettings())
        assert context.check_hostname
        assert context.verify_mode == ssl.CERT_REQUIRED

    @pytest.mark.parametrize("key", ["ca_file", "client_cert"])
    def test_a_file_that_is_not_there(self, tmp_path: Path, key: str) -> None:
        path = str(tmp_path / "none.pem")
        with pytest.raises(ConfigurationError) as caught:
            context_for(TlsSettings(**{key: path}))  # type: ignore[arg-type]
        assert str(caught.value) == f"{key} {path!r}: No such file or directory"

    @pytest.mark.parametrize("key", ["ca_file", "client_cert"])
    def test_a_file_that_is_something_else(self, key: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            context_for(TlsSettings(**{key: __file__}))  # type: ignore[arg-type]
        assert str(caught.value) == (f"{key} {__file__!r}: it has no PEM certificate, or no key, that OpenSSL can read")


class TestEnds:
    def until_close(self, notify: bool) -> Script:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
            if notify:
                peer.unwrap()

        return script

    def test_a_body_that_ends_with_the_connection(self, authority: Authority, good: Pair) -> None:
        with serving(self.until_close(notify=True), good, authority) as (_, connection):
            assert connection.get().body == b"hello"

    def test_one_that_somebody_in_between_may_have_cut_short(self, authority: Authority, good: Pair) -> None:
        with serving(self.until_close(notify=False), good, authority) as (_, connection):
            assert connection.failure() == CUT_SHORT

    def test_the_end_of_tls_is_the_end_though_tcp_goes_on(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
            peer.unwrap()
            peer.sock.recv(1)

        with serving(script, good, authority) as (_, connection):
            assert connection.get(5.0).body == b"hello"

    @pytest.mark.parametrize("notify", [True, False])
    def test_a_length_that_is_not_reached(self, authority: Authority, good: Pair, notify: bool) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
            if notify:
                peer.unwrap()

        with serving(script, good, authority) as (_, connection):
            assert connection.failure() == CUT_SHORT

    @pytest.mark.parametrize("notify", [True, False])
    def test_after_a_complete_answer_no_end_is_a_failure(self, authority: Authority, good: Pair, notify: bool) -> None:
        gone = Event()

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"%d" % peer.number))
            if notify:
                peer.unwrap()
            peer.close()
            gone.set()

        with serving(script, good, authority) as (_, connection):
            for number in (1, 2, 3):
                assert connection.get().body == b"%d" % number
                gone.wait()
                gone.clear()
                connection.let_idle()
        assert (connection.connects, connection.stale_reconnects) == (3, 2)

    def test_an_end_that_was_said_with_the_answer_is_seen_at_once(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"%d" % peer.number))
            peer.unwrap()
            hold_up(0.002)  # the client reads both at once, and goes on without a look at the connection
            peer.end()

        with serving(script, good, authority) as (_, connection):
            assert [connection.get().body for _ in range(2)] == [b"1", b"2"]
            assert connection.stale_reconnects == 1

    def test_the_client_says_that_it_closes(self, authority: Authority, good: Pair) -> None:
        ends = []

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer())
            try:
                ends.append(peer.sock.read(1))
            except ssl.SSLError as error:
                ends.append(error)

        context = good.server_context()
        with ScriptedServer(script, tls=context) as server:
            connection = Connection(server.port, ca_file=str(authority.path))
            connection.get()
            connection.close()
            connection.close()
        assert ends == [b""], "the server's OpenSSL has missed the close_notify"

    def test_bytes_that_are_no_tls(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            send_raw(peer, b"\x17\x03\x03\x00\x20" + b"x" * 32)
            with pytest.raises(ssl.SSLError):
                peer.sock.recv(1)

        with serving(script, good, authority) as (_, connection):
            failure = connection.failure()
        assert_openssl_says(failure, "decryption failed or bad record mac")


class TestTransfers:
    def test_large_ones_in_both_directions(self, authority: Authority, good: Pair) -> None:
        received = []

        def script(peer: Peer) -> None:
            while request := peer.request():
                received.append(request)
                peer.send(answer(BIG))

        with serving(script, good, authority) as (server, connection):
            assert [connection.upload().body == BIG for _ in range(2)] == [True, True]
        assert [request == UPLOAD for request in received] == [True, True]
        assert server.accepted == 1

    @pytest.mark.parametrize("last", ["stay", "close", "reset"])
    def test_an_answer_before_the_end_of_the_request(self, authority: Authority, good: Pair, last: str) -> None:
        def script(peer: Peer) -> None:
            if peer.number > 1:
                answering()(peer)
                return
            peer.head()
            peer.send(answer(b"too much", status=b"413 Too Large"))
            if last == "stay":
                gevent.socket.wait_read(peer.sock.fileno())
            else:
                getattr(peer, last)()

        with serving(script, good, authority) as (_, connection):
            assert connection.upload().status == 413
            assert connection.get().body == b"hello"
            assert connection.connects == 2

    def test_answers_in_pieces(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            while peer.request():
                for byte in b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"hello"):
                    peer.send(bytes([byte]))
                    gevent.sleep(0)

        with serving(script, good, authority) as (_, connection):
            assert [connection.get().body for _ in range(2)] == [b"hello", b"hello"]

    @pytest.mark.parametrize("megabytes", [0, 40], ids=["after the request", "before its end"])
    def test_records_in_pieces(self, authority: Authority, good: Pair, megabytes: int) -> None:
        """TCP cuts where it likes: through a record's header, and through its body."""

        # More than the buffers of two connections take, so that an answer comes before the end of it.
        request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (megabytes << 20) + bytes(megabytes << 20)
        done = [Event(), Event()]

        def answer_early(peer: Peer) -> None:
            while peer.head():
                peer.send(answer(b"hello" * 100))
                if megabytes:
                    done[peer.number - 1].wait()
                    return

        def script(peer: Peer) -> None:
            with closing(socket.create_connection(("127.0.0.1", behind.port))) as upstream:
                up = gevent.spawn(pump, peer.sock, upstream, 1 << 16)
                pump(upstream, peer.sock, 3)
                up.kill()

        def pump(source: Any, sink: Any, step: int) -> None:
            with suppress(OSError):
                while data := source.recv(1 << 16):
                    for at in range(0, len(data), step):
                        sink.sendall(data[at : at + step])
                        gevent.sleep(0)
                sink.shutdown(socket.SHUT_WR)

        with (
            ScriptedServer(answer_early, tls=good.server_context()) as behind,
            ScriptedServer(script) as server,
            closing(Connection(server.port, ca_file=str(authority.path))) as connection,
        ):
            for event in done:
                assert connection.exchange("POST", request, 10.0, 5.0).body == b"hello" * 100
                event.set()
            connection.close()

    def test_the_deadline(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\n")
            peer.end()

        with serving(script, good, authority) as (_, connection):
            assert connection.failure(0.2) == DEADLINE

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are Linux's")
    def test_the_kernels_stamps_are_those_of_the_answer(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            while peer.request():
                peer.send(answer())
                hold_up(0.1)

        with serving(script, good, authority) as (_, connection):
            connection.get()
            took = []
            for _ in range(3):
                connection.get()
                took.append(connection.done - connection.sent)
                assert connection.read - connection.done >= 95e6
        assert min(took) < 50e6, "the machine may be busy with something else, but hardly each time"

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are Linux's")
    def test_an_answer_that_was_there_in_time_counts_however_late_it_is_read(
        self, authority: Authority, good: Pair
    ) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer())
            peer.request()
            peer.send(answer())
            hold_up(0.3)
            peer.end()

        with serving(script, good, authority) as (_, connection):
            connection.get()
            assert connection.get(0.2).status == 200
            assert connection.done - connection.sent < 0.2e9
            assert connection.read - connection.done > 0.29e9

    def test_half_a_record_that_was_there_in_time_does_not_count(self, authority: Authority, good: Pair) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            send_raw(peer, b"\x17\x03\x03\x00\x20" + b"x" * 31)
            hold_up(0.3)
            peer.end()

        with serving(script, good, authority) as (_, connection):
            assert connection.failure(0.2) == DEADLINE


class TestClients:
    def test_a_client_verifies_by_default_and_takes_a_ca_file_or_anybody_by_choice(
        self, authority: Authority, good: Pair
    ) -> None:
        with ScriptedServer(answering(b""), tls=good.server_context()) as server:
            strict = ProtobufClient(server.url)
            trusting = ProtobufClient(server.url, ca_file=authority.path)
            careless = ProtobufClient(server.url, insecure=True)
            outcomes = [client.try_get("/a") for client in (strict, trusting, careless)]
            for client in (strict, trusting, careless):
                client.close()
        assert [outcome.failure and outcome.failure.reason for outcome in outcomes] == [Reason.TLS, None, None]

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc/self/fd to count in")
    def test_no_outcome_leaves_a_file_descriptor_behind(self, authority: Authority, good: Pair) -> None:
        def round_of_outcomes(server: ScriptedServer) -> None:
            client = ProtobufClient(server.url)
            assert not client.try_get("/a").ok
            client = ProtobufClient(server.url, insecure=True)
            assert client.try_get("/a").ok
            assert client.try_post("/a", BIG).ok
            client.close()

        def descriptors() -> int:
            gevent.idle()
            return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib would open one more

        with ScriptedServer(answering(b""), tls=good.server_context()) as server:
            round_of_outcomes(server)
            before = descriptors()
            for _ in range(5):
                round_of_outcomes(server)
            assert descriptors() <= before


def test_the_dot_of_a_complete_name_is_not_in_its_certificate(authority: Authority, good: Pair) -> None:
    # Few machines resolve `localhost.`, so the stream is opened by hand.
    names: list[str | None] = []
    context = good.server_context()
    context.sni_callback = lambda sock, name, ctx: names.append(name)  # type: ignore[assignment,misc]
    with ScriptedServer(answering(), tls=context) as server:
        tcp = TcpStream.connect([(socket.AF_INET, ("127.0.0.1", server.port))], KERNEL_CLOCK)
        TlsStream.connect(tcp, context_for(TlsSettings(ca_file=str(authority.path))), "localhost.").close()
    assert names == ["localhost"]


@contextmanager
def stuffed_stream() -> Iterator[tuple[TcpStream, Any, int]]:
    """A stream whose kernel takes nothing for now, the socket at its other end, and how much that has to read first."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stuffing = 0
    with suppress(BlockingIOError):
        while True:
            stuffing += ours.send(bytes(1 << 16))
    with closing(theirs), closing(TcpStream(_socket.socket(fileno=ours.detach()), PROGRAM_CLOCK)) as stream:
        yield stream, theirs, stuffing


def test_a_handshake_goes_on_when_the_kernel_takes_more(authority: Authority, good: Pair) -> None:
    def serve(sock: Any, left: int) -> bytes:
        while left:
            left -= len(sock.recv(min(left, 1 << 16)))
        with good.server_context().wrap_socket(sock, server_side=True) as tls:
            return bytes(tls.recv(5))

    with stuffed_stream() as (tcp, theirs, stuffing):
        server = gevent.spawn(serve, theirs, stuffing)
        stream = TlsStream.connect(tcp, context_for(TlsSettings(ca_file=str(authority.path))), "localhost")
        assert stream.send(b"hello")
        assert server.get() == b"hello"
        stream.close()
        stream.close()


def test_a_server_that_speaks_before_it_listens() -> None:
    with stuffed_stream() as (tcp, theirs, _):
        theirs.send(b"220 mail.example ESMTP\r\n")
        with pytest.raises(RequestFailed) as caught:
            TlsStream.connect(tcp, context_for(TlsSettings()), "localhost")
    assert_openssl_says(caught.value.failure, "wrong version number", "record layer failure", "packet length too long")
