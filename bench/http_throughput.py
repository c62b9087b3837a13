"""How many requests a second one core of a load generator makes, ours beside the others, in one run.

    make bench                                   # or: make bench ARGS="--rounds 3 --seconds 4"

The server is nginx with one worker, pinned to one core; the contenders run in turn on the other, several rounds. What
they did is counted by the server (`stub_status`) over a window that begins after a warm-up, so that all are measured
alike. Writes `bench/results/http_throughput.md` and `.json`.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
from nginx import Server, nginx

HERE: Final = Path(__file__).resolve().parent
RESULTS: Final = HERE / "results"
BASELINE: Final = "Locust FastHttpUser"
SERVER_CORE: Final = 1
CLIENT_CORE: Final = 0
USERS: Final = 50
WARM_UP_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Contender:
    """Something that makes load."""

    name: str
    locustfile: str

    def command(self, host: str, seconds: float) -> list[str]:
        """How it is run."""
        file = HERE / "locustfiles" / self.locustfile
        arguments = ["-f", str(file), "--host", host, "--headless", "-u", str(USERS), "-r", str(USERS)]
        arguments += ["-t", f"{int(seconds + WARM_UP_SECONDS) + 20}s", "--only-summary", "--loglevel", "ERROR"]
        return ["taskset", "-c", str(CLIENT_CORE), sys.executable, "-m", "locust", *arguments]


@dataclass(frozen=True)
class Measurement:
    """One contender in one round."""

    contender: str
    requests_per_second: float
    cpu_us_per_request: float
    peak_memory_mb: float


CONTENDERS: Final = (
    Contender("Wireswarm ProtobufUser", "wireswarm_protobuf.py"),
    Contender(BASELINE, "fast_http_user.py"),
    Contender("Locust HttpUser", "http_user.py"),
)


def measure(contender: Contender, server: Server, seconds: float) -> Measurement:
    """Run one contender for that long and count what the server saw."""
    before = server.requests()
    with subprocess.Popen(
        contender.command(server.url, seconds), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while server.requests() - before < 100:
                if process.poll() is not None:
                    raise SystemExit(f"{contender.name} ended early: {process.stderr.read() if process.stderr else ''}")
                time.sleep(0.1)
            time.sleep(WARM_UP_SECONDS)
            handle = psutil.Process(process.pid)
            first, cpu, began = server.requests(), sum(handle.cpu_times()[:2]), time.perf_counter()
            time.sleep(seconds)
            last, cpu_end, ended = server.requests(), sum(handle.cpu_times()[:2]), time.perf_counter()
            memory = handle.memory_info().rss
        finally:
            process.kill()
    count = last - first - 1
    return Measurement(contender.name, count / (ended - began), (cpu_end - cpu) / count * 1e6, memory / 1e6)


def table(measurements: list[Measurement], rounds: int, seconds: float) -> str:
    """The medians as Markdown, with the ratio to the baseline round by round."""
    by_name: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        by_name.setdefault(measurement.contender, []).append(measurement)
    lines = [
        "# HTTP throughput of one core",
        "",
        f"Small protobuf message, {USERS} users without wait, nginx with one worker on the other core; "
        f"medians of {rounds} rounds of {seconds:g} s, measured by `make bench`.",
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}.",
        "",
        f"| Contender | requests/s | × {BASELINE} (min to max) | CPU µs/request | memory MB |",
        "|---|---:|---:|---:|---:|",
    ]
    baseline = [m.requests_per_second for m in by_name[BASELINE]]
    for name, rows in by_name.items():
        ratios = [row.requests_per_second / base for row, base in zip(rows, baseline, strict=True)]
        lines.append(
            f"| {name} | {statistics.median(r.requests_per_second for r in rows):,.0f} "
            f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
            f"| {statistics.median(r.cpu_us_per_request for r in rows):.1f} "
            f"| {statistics.median(r.peak_memory_mb for r in rows):.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Race them and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    arguments = parser.parse_args()
    measurements: list[Measurement] = []
    with nginx(SERVER_CORE) as server:
        for number in range(arguments.rounds):
            for contender in CONTENDERS:
                measurement = measure(contender, server, arguments.seconds)
                measurements.append(measurement)
                print(f"round {number + 1}: {contender.name}: {measurement.requests_per_second:,.0f} requests/s")
    text = table(measurements, arguments.rounds, arguments.seconds)
    RESULTS.mkdir(exist_ok=True)
    RESULTS.joinpath("http_throughput.md").write_text(text, encoding="utf-8")
    RESULTS.joinpath("http_throughput.json").write_text(json.dumps([asdict(m) for m in measurements], indent=1) + "\n")
    print("\n" + text)


if __name__ == "__main__":
    main()
