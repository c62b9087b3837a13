"""nginx with one worker on one core, as the server that every contender is raced against."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from certificate import write_certificate
from locustfiles.messages import KINDS

START_SECONDS: Final = 10.0

CONFIG: Final = """
worker_processes 1;
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
  # Only what is no success is logged, so that a contender cannot be fast at being refused.
  map $status $unexpected {{ ~^2 0; default 1; }}
  log_format refused "$status $request_method $uri";
  access_log {folder}/refused.log refused if=$unexpected;
  keepalive_requests 1000000000;
  client_max_body_size 10m;
  client_body_buffer_size 1m;  # a photo stays in memory
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/x-protobuf;
  ssl_certificate {folder}/certificate.pem;
  ssl_certificate_key {folder}/key.pem;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    location = /message {{ return 200 "{small}"; }}
    # `return` alone answers before the body is there. `mirror` waits for all of it; what then refuses every POST, at no
    # cost, is the content handler, and the refusal's page is the answer.
    location = /photo {{ mirror /read; empty_gif; error_page 405 = @photo; }}
    location = /read {{ internal; return 204; }}
    location @photo {{ return 200 "{photo}"; }}
    location = /status {{ stub_status; }}
  }}
}}
"""


class Server:
    """A running nginx."""

    def __init__(self, folder: Path, port: int, tls_port: int, pid: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.tls_url = f"https://127.0.0.1:{tls_port}"
        self.ca_file = folder / "certificate.pem"
        self.pid = pid
        self._refused = folder / "refused.log"
        self._asked = 0

    def address(self, *, tls: bool) -> str:
        """Where it listens."""
        return self.tls_url if tls else self.url

    def processes(self) -> list[psutil.Process]:
        """All that it runs."""
        master = psutil.Process(self.pid)
        return [master, *master.children()]

    def requests(self) -> int:
        """How many requests it has answered so far, apart from those that asked for this number."""
        with urllib.request.urlopen(f"{self.url}/status") as response:
            numbers = re.findall(rb"^ (\d+) (\d+) (\d+) ", response.read(), re.MULTILINE)
        self._asked += 1
        return int(numbers[0][2]) - self._asked

    def refused(self) -> list[str]:
        """Every answer so far that was no success: status, method and path."""
        return self._refused.read_text(encoding="utf-8").splitlines()


def version() -> str:
    """Which nginx it is."""
    path = _installed()
    return (
        "nginx "
        + subprocess.run([path, "-v"], capture_output=True, text=True, check=True).stderr.strip().partition("/")[2]
    )


@contextmanager
def nginx(core: int) -> Iterator[Server]:
    """Run nginx on that core.

    Raises:
        SystemExit: nginx is not installed, or does not start.
    """
    path = _installed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker is another user where the master is root
        port, tls_port = _free_ports(2)
        write_certificate(folder / "certificate.pem", folder / "key.pem")
        config = folder / "nginx.conf"
        config.write_text(_config(folder, port, tls_port), encoding="latin-1")
        with subprocess.Popen(["taskset", "-c", str(core), path, "-e", "stderr", "-c", str(config)]) as process:
            try:
                yield _wait_for(Server(folder, port, tls_port, process.pid), process)
            finally:
                process.terminate()


def _installed() -> str:
    path = shutil.which("nginx")
    if path is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light (Debian)")
    return path


def _config(folder: Path, port: int, tls_port: int) -> str:
    answers = {
        name: kind.answer(success=True, message="ok").SerializeToString().decode("latin-1")
        for name, kind in KINDS.items()
    }
    return CONFIG.format(folder=folder, port=port, tls_port=tls_port, **answers)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> Server:
    give_up = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        try:
            server.requests()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    raise SystemExit("nginx did not start")
