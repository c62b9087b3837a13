"""What looking costs: processor time of a run whose web UI is watched, against the same run that nobody watches.

    python bench/web_ui.py

A locust without a network records 100 requests a second under 20 and under 200 names, judges them by two thresholds,
and is asked for what the tabs show and for the live report. Two minutes. The figures are processor time, so they mean
something on a busy machine as well.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Final

import psutil

SETTLE_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 10.0
LOOKS: Final = (("tables", "/stats/requests", 12.0, 1.05), ("live report", "/wireswarm/report", 15.0, 4.5))
"""What is asked for, where, for how long, and how often: no more often than it is computed anew."""
LOCUSTFILE: Final = """
import random

import wireswarm
from locust import User, constant_throughput, task


class Visitor(User):
    wait_time = constant_throughput(20)

    @task
    def ask(self):
        for _ in range(5):
            self.environment.events.request.fire(
                request_type="GET", name=f"/orders/{{random.randrange({names})}}", exception=None, context={{}},
                response_time=random.lognormvariate(3, 0.7), response_length=10,
            )
"""


def main() -> None:
    """Measure and print."""
    for names in (20, 200):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
            free.close()
            _measure(names, Path(folder), port)


def _measure(names: int, folder: Path, port: int) -> None:
    locustfile = folder / "locustfile.py"
    locustfile.write_text(LOCUSTFILE.format(names=names), encoding="utf-8")
    command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--autostart", "-u", "1", "-r", "1"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(port), "--host", "http://127.0.0.1:1"]
    command += ["--threshold", "p95 < 1s", "--threshold", "GET *: p99 < 2s"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            time.sleep(SETTLE_SECONDS)
            process = psutil.Process(run.pid)
            idle = _seconds_of_cpu(process, IDLE_SECONDS)
            for what, path, seconds, every in LOOKS:
                looks = 0
                began, before = time.monotonic(), _cpu(process)
                while time.monotonic() - began < seconds:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                        size = len(response.read())
                    looks += 1
                    time.sleep(every)
                spent = _cpu(process) - before - idle * (time.monotonic() - began)
                print(f"{names} names, {what}: {spent / looks * 1000:.1f} ms of processor time a look, {size:,} bytes")
        finally:
            run.terminate()


def _seconds_of_cpu(process: psutil.Process, seconds: float) -> float:
    """How many it uses in a second."""
    before = _cpu(process)
    time.sleep(seconds)
    return (_cpu(process) - before) / seconds


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
