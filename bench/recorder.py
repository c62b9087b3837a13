"""What measuring costs: a recorded event, a worker's report, and a master with a thousand workers.

    python bench/recorder.py

Runs in one process without network; a minute on an idle machine. Limits are those that the design promises, and the
exit code is 1 where one is missed.
"""

from __future__ import annotations

import random
import statistics
import sys
import time

from locust.event import EventHook
from locust.rpc.protocol import Message
from rich.console import Console
from rich.table import Table

from wireswarm.metrics import Recorder, Results, RunReadings, judge_validity
from wireswarm.sample import HttpPhases, Sample

EVENTS = 200_000
REPEATS = 5
WORKERS = 1_000
NAMES = 50
WORKER_RPS = 20
"""Of each of the thousand: 20,000 requests per second in all."""
INTERVAL_S = 3
SENT = 1_700_000_000_000_000_000


def samples(rng: random.Random, count: int, names: int) -> list[Sample]:
    """Exchanges as a service answers them: a log-normal distribution around two milliseconds."""
    made = []
    for _ in range(count):
        done = SENT + int(rng.lognormvariate(14.5, 0.6))
        name, phases = f"/orders/{{id}}/items/{rng.randrange(names)}", HttpPhases(0, 0, 0, 1, 2)
        made.append(Sample("GET", name, SENT, done, done + 30_000, 0, 512, 200, None, None, phases))
    return made


def fire(event: EventHook, made: list[Sample]) -> float:
    """Seconds that it takes to fire Locust's request event for each."""
    began = time.perf_counter()
    for sample in made:
        event.fire(
            request_type=sample.type,
            name=sample.name,
            response_time=2.5,
            response_length=sample.response_bytes,
            response=None,
            context={},
            exception=None,
            start_time=1.0,
            url="http://127.0.0.1/orders",
            sample=sample,
        )
    return time.perf_counter() - began


def cost_of_an_event(rng: random.Random) -> float:
    """Microseconds that an event takes longer with the recorder than without, seconds and reports included."""
    # Few, so that they are in the processor's cache like a sample that has just been made.
    made = samples(rng, 4_000, 20) * (EVENTS // 4_000)
    costs = []
    for _ in range(REPEATS):
        recorder, results = Recorder(), Results()
        bare, heard = EventHook(), EventHook()
        heard.add_listener(recorder.on_request)
        recorded = 0.0
        for second in range(10):  # 20,000 events each
            part = made[second * 20_000 : (second + 1) * 20_000]
            recorded += fire(heard, part)
            began = time.perf_counter()
            recorder.tick(second + 1.0, 50)
            results.tick(second + 1.0)
            results.add("local", recorder.take_report(second + 1.0))
            judge_validity(RunReadings.of(results))
            recorded += time.perf_counter() - began
        costs.append((recorded - fire(bare, made)) / EVENTS * 1e6)
        assert results.total.count == EVENTS
    return statistics.median(costs)


def report_of(rng: random.Random, names: int, rps: int) -> dict[str, object]:
    """A worker's report of three seconds."""
    recorder = Recorder()
    for second in range(INTERVAL_S):
        for sample in samples(rng, rps, names):
            recorder.on_request("GET", sample.name, 0.0, 0, sample=sample, context={})
        for _ in range(20):
            recorder.lag(rng.random() / 1000)
        recorder.tick(second + 1.0, 10)
    return recorder.take_report(3.0)


def size_of_a_report(rng: random.Random) -> int:
    """Bytes on the wire."""
    return len(Message("stats", {"wireswarm_reports": [report_of(rng, 200, 2_000)]}, "worker").serialize())


def share_of_a_core(rng: random.Random) -> tuple[float, float]:
    """Of a master with a thousand workers, half a minute of them: merging, and decoding as Locust does it."""
    packed = [Message("stats", report_of(rng, NAMES, WORKER_RPS), "worker").serialize() for _ in range(100)]
    results = Results()
    results.keep_windows(30)
    merging = decoding = 0.0
    rounds = 10
    for number in range(rounds):
        results.tick(number * INTERVAL_S + INTERVAL_S)
        for worker in range(WORKERS):
            began = time.perf_counter()
            report = Message.unserialize(packed[worker % len(packed)]).data
            decoded = time.perf_counter()
            decoding += decoded - began
            # What the worker would count by itself.
            report["sequence"] = number + 1
            report["elapsed"] += number * INTERVAL_S
            report["second"] += number * INTERVAL_S
            for row in report["rows"]:
                for cell in row[2]:
                    cell[0] += number * INTERVAL_S
            for users in report["users"]:
                users[0] += number * INTERVAL_S
            began = time.perf_counter()
            assert results.add(f"worker {worker}", report)
            merging += time.perf_counter() - began
    assert results.total.count == rounds * WORKERS * WORKER_RPS * INTERVAL_S
    return merging / (rounds * INTERVAL_S), decoding / (rounds * INTERVAL_S)


def main() -> int:
    """Measure and print.

    Returns:
        The exit code.
    """
    rng = random.Random(1)
    cost, size = cost_of_an_event(rng), size_of_a_report(rng)
    merging, decoding = share_of_a_core(rng)
    rows = [
        ("one request event, seconds, reports and validity included", cost, 1.2, "µs"),
        ("a report of 200 names at 2,000 requests/s, 3 s", size / 1000, 200, "KB"),
        (
            f"a master's merging of {WORKERS:,} workers' reports, {NAMES} names every 3 s",
            merging * 100,
            50,
            "% of a core",
        ),
        ("… decoding them included", (merging + decoding) * 100, 50, "% of a core"),
    ]
    table = Table("what", "measured", "limit", "")
    for what, measured, limit, unit in rows:
        table.add_row(what, f"{measured:.2f} {unit}", f"{limit:g}", "ok" if measured <= limit else "MISSED")
    Console(width=140).print(table)
    return int(any(measured > limit for _, measured, limit, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
