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

from wireswarm.protos.modify_food_record_pb2 import ModifyFoodRecordResponse

ANSWER: Final = ModifyFoodRecordResponse(success=True, message="ok").SerializeToString()

CONFIG: Final = b"""
worker_processes 1;
daemon off;
error_log %(folder)s/error.log;
pid %(folder)s/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 10m;
  client_body_temp_path %(folder)s/body;
  proxy_temp_path %(folder)s/proxy;
  fastcgi_temp_path %(folder)s/fastcgi;
  uwsgi_temp_path %(folder)s/uwsgi;
  scgi_temp_path %(folder)s/scgi;
  server {
    listen 127.0.0.1:%(port)s;
    default_type application/x-protobuf;
    location /message { return 200 "%(answer)s"; }
    location /status { stub_status; }
  }
}
"""


class Server:
    """A running nginx."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def requests(self) -> int:
        """How many requests it has answered so far, this one among them."""
        with urllib.request.urlopen(f"{self.url}/status") as response:
            numbers = re.findall(rb"^ (\d+) (\d+) (\d+) ", response.read(), re.MULTILINE)
        return int(numbers[0][2])


@contextmanager
def nginx(core: int) -> Iterator[Server]:
    """Run nginx on that core.

    Raises:
        SystemExit: nginx is not installed, or does not start.
    """
    path = shutil.which("nginx")
    if path is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light (Debian)")
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        config = Path(folder, "nginx.conf")
        config.write_bytes(CONFIG % {b"folder": folder.encode(), b"port": str(port).encode(), b"answer": ANSWER})
        with subprocess.Popen(["taskset", "-c", str(core), path, "-e", "stderr", "-c", str(config)]) as process:
            try:
                yield _wait_for(Server(port), process)
            finally:
                process.terminate()


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> Server:
    while process.poll() is None:
        try:
            server.requests()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    raise SystemExit("nginx did not start")
