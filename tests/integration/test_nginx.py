"""The client against nginx, which closes, refuses, chunks and encrypts as servers in the field do."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import gevent
import pytest
from google.protobuf.wrappers_pb2 import StringValue

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from certificates import Authority

from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.net.http import HttpConnection
from wireswarm.net.origin import parse_base_url
from wireswarm.net.route import Route
from wireswarm.net.stamps import PROGRAM_CLOCK
from wireswarm.net.tls import TlsSettings
from wireswarm.sample import Failure, Reason

BIG = bytes(range(256)) * 20_000
START = 20.0
"""Seconds that nginx may take until it answers, on a busy machine."""

CONFIGURATION = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    client_max_body_size 1m;
    lingering_time 1s;
    lingering_timeout 1s;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        root {folder};
        default_type application/x-protobuf;
        gzip_types application/x-protobuf;
        gzip_min_length 1;
        add_header X-Connection $connection always;
        location = /ready {{ return 204; }}
        location = /message {{ return 200 "\\n\\n0123456789"; }}
        location = /three {{ keepalive_requests 3; return 200 "\\n\\n0123456789"; }}
        location = /impatient {{ keepalive_timeout 100ms; return 200 "\\n\\n0123456789"; }}
        location = /zipped {{ gzip on; try_files /zipped.bin =404; }}
        location = /file {{ try_files /file.bin =404; }}
        location = /upload {{ proxy_pass http://127.0.0.1:{port}/message; }}
        location = /large {{ client_max_body_size 10m; proxy_pass http://127.0.0.1:{port}/sink; }}
        location = /sink {{ client_max_body_size 10m; return 200 "\\n\\n0123456789"; }}
        location = /nobody {{ proxy_pass http://127.0.0.1:{closed_port}; }}
        location = /hidden {{ return 444; }}
    }}
}}
"""


def missing(what: str) -> None:
    """Skip, except where the machine is known to have all peers."""
    if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what} is not installed, and WIRESWARM_REQUIRE_PEERS=1")
    pytest.skip(f"{what} is not installed")


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Ports that nobody listens on, and that nobody else is given while this lasts."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
        yield [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


class Nginx:
    """A running nginx."""

    def __init__(self, folder: Path, port: int, tls_port: int, authority: Authority) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.tls_url = f"https://127.0.0.1:{tls_port}"
        self.authority = authority
        self._log = folder / "access.log"

    def accesses(self, path: str) -> int:
        """How many requests for that path it has logged; the last one of a connection may be missing."""
        return self._log.read_text().count(f" {path} HTTP/1.1")


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        missing("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    authority = Authority(folder)
    pair = authority.sign("server", "127.0.0.1")
    (folder / "file.bin").write_bytes(BIG)
    (folder / "zipped.bin").write_bytes(StringValue(value="hello " * 1000).SerializeToString())
    with free_ports(1) as (closed_port,):
        with free_ports(2) as (port, tls_port):
            pass  # nginx takes them now
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder, certificate=pair.path, port=port, tls_port=tls_port, closed_port=closed_port
            )
        )
        command = [str(program), "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]
        if os.geteuid() == 0:
            command += ["-g", "user root;"]  # its workers read pytest's own folders
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            wait_until_ready(process, port)
            yield Nginx(folder, port, tls_port, authority)
        finally:
            process.terminate()
            process.communicate(timeout=10)


def wait_until_ready(process: subprocess.Popen[str], port: int) -> None:
    with closing(ProtobufClient(f"http://127.0.0.1:{port}")) as client, gevent.Timeout(START):
        while not client.try_get("/ready").ok:
            assert process.poll() is None, process.communicate()[1]
            gevent.sleep(0.01)


@pytest.fixture(params=["http", "https"])
def client(request: pytest.FixtureRequest, nginx: Nginx) -> Iterator[ProtobufClient]:
    """A client to nginx, with TLS and without."""
    url = nginx.url if request.param == "http" else nginx.tls_url
    with closing(ProtobufClient(url, ca_file=nginx.authority.path, timeout=10.0)) as client:
        yield client


def test_messages(client: ProtobufClient) -> None:
    for _ in range(10):
        answer = client.post("/message", StringValue(value="hi"), expect=StringValue)
        assert answer.value == "0123456789"


def test_a_connection_is_used_again_whether_idle_or_not(client: ProtobufClient) -> None:
    connections = set()
    for pause in (0.0, 0.0, 0.01, 0.01):
        connections.add(client.get("/message").headers["x-connection"])
        gevent.sleep(pause)  # for so long that its state is looked at before it is used again
    assert len(connections) == 1


def test_a_connection_that_nginx_gives_up_after_three_requests_is_no_failure(
    client: ProtobufClient, nginx: Nginx
) -> None:
    before = nginx.accesses("/three")
    responses = [client.get("/three") for _ in range(10)]
    assert [response.headers["connection"] for response in responses] == [
        *["keep-alive", "keep-alive", "close"] * 3,
        "keep-alive",
    ]
    client.get("/message")  # on the connection of the last one, which has been logged when this is answered
    assert nginx.accesses("/three") - before == 10, "each was sent once"


def test_a_connection_that_nginx_closes_while_idle_is_no_failure(client: ProtobufClient) -> None:
    for _ in range(2):
        response = client.get("/impatient")
        assert response.keep_alive
        gevent.sleep(0.25)  # nginx waits a tenth of a second, and says nothing when it is over


def test_an_upload_that_is_too_large_is_refused_with_a_status(client: ProtobufClient) -> None:
    for _ in range(3):
        outcome = client.try_post("/upload", BIG)
        assert outcome.failure == Failure(Reason.STATUS, "status 413")
        assert client.try_get("/message").ok


def test_a_large_upload(client: ProtobufClient) -> None:
    assert client.post("/large", BIG, expect=StringValue).value == "0123456789"


def test_a_large_download(client: ProtobufClient) -> None:
    assert client.get("/file").body == BIG


def test_a_chunked_answer(client: ProtobufClient) -> None:
    for _ in range(2):
        response = client.get("/zipped", headers={"Accept-Encoding": "gzip"})
        assert response.headers["transfer-encoding"] == "chunked"
        assert StringValue.FromString(gzip.decompress(response.body)).value == "hello " * 1000
        assert response.keep_alive


def test_a_server_behind_it_that_is_down(client: ProtobufClient) -> None:
    assert client.try_get("/nobody").failure == Failure(Reason.STATUS, "status 502")


def test_a_connection_that_nginx_closes_without_an_answer(client: ProtobufClient) -> None:
    failure = Failure(Reason.CLOSED, "connection closed by the server before the answer")
    assert client.try_get("/hidden").failure == failure
    assert client.try_get("/message").ok


def test_the_answer_to_a_head_request_has_a_length_and_no_body(nginx: Nginx) -> None:
    origin = parse_base_url(nginx.url).origin
    with closing(HttpConnection(Route(origin, PROGRAM_CLOCK, TlsSettings()))) as connection:
        for _ in range(2):
            response = connection.exchange("HEAD", b"HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n", 10.0, 5.0)
            assert (response.body, response.headers["content-length"]) == (b"", str(len(BIG)))
        assert connection.connects == 1


@pytest.mark.parametrize("settings", [{}, {"insecure": True}])
def test_its_certificate_is_verified_unless_told_otherwise(nginx: Nginx, settings: dict[str, bool]) -> None:
    with closing(ProtobufClient(nginx.tls_url, **settings)) as client:  # type: ignore[arg-type]
        failure = client.try_get("/message").failure
    expected = Failure(Reason.TLS, "certificate does not verify: unable to get local issuer certificate")
    assert failure == (None if settings else expected)


def test_plain_http_to_the_port_for_tls_and_the_other_way_round(nginx: Nginx) -> None:
    with closing(ProtobufClient(nginx.tls_url.replace("https", "http"))) as client:
        assert client.try_get("/message").failure == Failure(Reason.STATUS, "status 400")
    with closing(ProtobufClient(nginx.url.replace("http", "https"))) as client:
        failure = client.try_get("/message").failure
    assert failure is not None
    assert failure.reason == Reason.TLS
