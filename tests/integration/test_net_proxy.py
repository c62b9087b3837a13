"""Requests through a forward proxy: in absolute form for http, by CONNECT for https."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import pytest

sys.path.insert(0, str(Path(__file__).parent))
# Under `--import-mode=importlib` the tests' own helpers are on no path.
from certificates import Authority
from scripted_server import Peer, Script, ScriptedServer

from wireswarm import BasicAuth, ProtobufClient, RestClient
from wireswarm.errors import ConfigurationError
from wireswarm.sample import Failure, Reason

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BASIC = b"Proxy-Authorization: Basic " + base64.b64encode(b"fake-user:fake-password")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("proxy")))


def greeting(peer: Peer) -> None:
    while peer.request():
        peer.send(HELLO)


def noting(heads: list[bytes], then: Script) -> Script:
    def script(peer: Peer) -> None:
        while head := peer.head():
            heads.append(head)
            then(peer)

    return script


def tunnel_to(port: int) -> Script:
    """Answers CONNECT, and passes on bytes both ways until either side is done."""

    def script(peer: Peer) -> None:
        with closing(gevent.socket.create_connection(("127.0.0.1", port))) as upstream:
            peer.send(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: fake\r\n\r\n")
            back = gevent.spawn(_copy, upstream.recv, peer.sock.sendall)
            _copy(peer.sock.recv, upstream.sendall)
            back.kill()

    return script


def _copy(receive: Callable[[int], bytes], send: Callable[[bytes], Any]) -> None:
    while data := receive(1 << 16):
        send(data)


class TestPlainHttp:
    def test_the_request_has_the_absolute_form_and_the_connection_is_kept(self) -> None:
        heads: list[bytes] = []
        with ScriptedServer(noting(heads, lambda peer: peer.send(HELLO))) as proxy:
            client = RestClient("http://shop.test:8080/api", proxy=proxy.url)
            with closing(client):
                assert client.get("/orders/{id}", path={"id": 7}, params={"q": "a/b"}).text == "hello"
                assert client.post("/orders", json={}).text == "hello"
        assert proxy.accepted == 1
        assert heads[0].startswith(
            b"GET http://shop.test:8080/api/orders/7?q=a%2Fb HTTP/1.1\r\nHost: shop.test:8080\r\n"
        )
        assert heads[1].startswith(b"POST http://shop.test:8080/api/orders HTTP/1.1\r\nHost: shop.test:8080\r\n")
        assert b"Proxy-Authorization" not in b"".join(heads)

    def test_the_proxys_credentials_go_to_the_proxy_beside_the_servers_own(self) -> None:
        heads: list[bytes] = []
        own, proxys = BasicAuth("own", "fake-own"), BasicAuth("fake-user", "fake-password")
        with (
            ScriptedServer(noting(heads, lambda peer: peer.send(HELLO))) as proxy,
            closing(RestClient("http://shop.test", proxy=proxy.url, auth=own, proxy_auth=proxys)) as client,
        ):
            client.get("/")
        lines = heads[0].split(b"\r\n")
        assert BASIC in lines
        assert b"Authorization: Basic " + base64.b64encode(b"own:fake-own") in lines


class TestTunnels:
    def test_https_goes_through_connect_and_is_verified_end_to_end(self, authority: Authority) -> None:
        pair = authority.sign("server", "127.0.0.1", "localhost")
        heads: list[bytes] = []
        with (
            ScriptedServer(greeting, tls=pair.server_context()) as server,
            ScriptedServer(noting(heads, tunnel_to(server.port))) as proxy,
            closing(
                RestClient(
                    server.url,
                    proxy=proxy.url,
                    proxy_auth=BasicAuth("fake-user", "fake-password"),
                    ca_file=str(authority.path),
                )
            ) as client,
        ):
            assert [client.get("/secret").text for _ in range(3)] == ["hello"] * 3
        (head,) = heads
        where = b"127.0.0.1:%d" % server.port
        assert head == b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n\r\n" % (where, where, BASIC)

    def test_a_certificate_of_another_authority_fails_through_a_proxy_too(self, authority: Authority) -> None:
        with (
            ScriptedServer(no_tls) as server,
            ScriptedServer(noting([], tunnel_to(server.port))) as proxy,
            closing(ProtobufClient(f"https://127.0.0.1:{server.port}", proxy=proxy.url)) as client,
        ):
            failure = client.try_get("/").failure
        assert failure is not None
        assert failure.reason is Reason.TLS

    @pytest.mark.parametrize(
        ("answer", "failure"),
        [
            (
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                Failure(Reason.REFUSED, "proxy: CONNECT was answered with status 407"),
            ),
            (
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 99\r\n\r\ncut",
                Failure(Reason.REFUSED, "proxy: CONNECT was answered with status 502"),
            ),
            (b"", Failure(Reason.CLOSED, "proxy: connection closed by the proxy before its answer to CONNECT")),
            (
                b"SSH-2.0-OpenSSH\r\n",
                Failure(Reason.PROTOCOL, "proxy: the answer does not start with an HTTP/1 status line"),
            ),
        ],
    )
    def test_a_proxy_that_does_not_let_through(self, answer: bytes, failure: Failure) -> None:
        def once(peer: Peer) -> None:
            peer.head()
            peer.send(answer)
            peer.close()

        with ScriptedServer(once) as proxy, closing(ProtobufClient("https://shop.test", proxy=proxy.url)) as client:
            assert client.try_get("/").failure == failure

    def test_a_proxy_that_never_answers_is_a_connect_timeout(self) -> None:
        with (
            ScriptedServer(lambda peer: peer.end()) as proxy,
            closing(ProtobufClient("https://shop.test", proxy=proxy.url, connect_timeout=0.1)) as client,
        ):
            assert client.try_get("/").failure == Failure(Reason.CONNECT_TIMEOUT, "connecting timed out")

    def test_a_proxy_that_is_not_there(self) -> None:
        with ScriptedServer(greeting) as gone:
            pass
        with closing(ProtobufClient("https://shop.test", proxy=gone.url)) as client:
            assert client.try_get("/").failure == Failure(Reason.REFUSED, "proxy: connection refused")


class TestConfiguration:
    @pytest.mark.parametrize("url", ["https://proxy.test:3128", "proxy.test:3128", "http://proxy.test/path"])
    def test_what_is_no_address_of_a_proxy(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match=r"^proxy "):
            ProtobufClient("http://shop.test", proxy=url).get("/")

    def test_a_password_in_it_is_refused_and_not_shown(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            ProtobufClient("http://shop.test", proxy="http://user:fake-secret@proxy.test").get("/")
        assert "fake-secret" not in str(caught.value)


def no_tls(peer: Peer) -> None:
    # Answers a ClientHello with something that is no TLS.
    peer.sock.recv(1 << 16)
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.end()
