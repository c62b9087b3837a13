"""What an arrival costs: making the plan, and starting a one-request flow when it is due.

`python bench/arrivals.py` prints microseconds per arrival of the plan, and the start lag of 2,000 arrivals a second of
one process against the reference target, which has a core of its own where there are two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from wireswarm.load import Constant, Stripes, plan_arrivals, stripe

LOCUSTFILE = """
from wireswarm import Flow, ProtobufUser, step
from locust import task


class Visitor(ProtobufUser):
    @task
    class Visit(Flow["Visitor"]):
        @step
        def look(self):
            self.client.get("/health")
"""
ARRIVALS = 500_000


def plan_cost(kind: str, workers: int) -> float:
    """Microseconds for each arrival of a plan, of two classes on so many workers."""
    plan = plan_arrivals(Constant(2000), {"A": 3, "B": 1}, kind=kind)  # type: ignore[arg-type]
    names = [f"w{number}" for number in range(workers)]
    mine = stripe(islice(plan, ARRIVALS), Stripes({"A": names, "B": names}), "w0")
    began = time.perf_counter()
    for _ in mine:
        pass
    return (time.perf_counter() - began) / ARRIVALS * 1e6


def start_lag(url: str, rate: int, seconds: int) -> dict[str, float]:
    """What a run of one process says of itself."""
    with tempfile.TemporaryDirectory() as folder:
        locustfile, summary = Path(folder, "visit.py"), Path(folder, "summary.json")
        locustfile.write_text(LOCUSTFILE, "utf-8")
        command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--host", url, "-u", "100"]
        command += ["-t", f"{seconds}s", "--arrival-rate", f"{rate}/s", "--summary", str(summary)]
        pin = ["taskset", "-c", "0"] if (os.cpu_count() or 1) > 1 else []
        subprocess.run([*pin, *command], check=True, capture_output=True)
        found = json.loads(summary.read_text("utf-8"))
    (process,) = found["generator"]["workers"]
    lag = found["generator"]["start_lag"]
    return {"count": lag["count"], "p50": lag["p50_ms"], "p99": lag["p99_ms"], "max": lag["max_ms"]} | {
        "cpu": process["cpu_mean"],
        "dropped": found["dropped"],
    }


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    for kind in ("constant", "poisson"):
        for workers in (1, 3):
            print(f"plan, {kind}, {workers} workers: {plan_cost(kind, workers):.2f} µs per arrival")
    pin = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
    command = [*pin, sys.executable, "-m", "wireswarm.target", "--port", "0"]
    target = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = target.stdout.readline().removeprefix("listening on ").strip()  # type: ignore[union-attr]
        found = start_lag(url, options.rate, options.seconds)
    finally:
        target.terminate()
        target.wait()
    print(
        f"{options.rate:,}/s: {found['count']:,} starts, start lag p50 {found['p50']:.2f}, p99 {found['p99']:.2f} ms, "
        f"at most {found['max']:.1f} ms; {found['cpu']:.0%} of a core; {found['dropped']} dropped"
    )


if __name__ == "__main__":
    main()
