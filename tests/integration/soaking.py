"""A soak test, short or long: every failure has a message and a URL of its own, and memory is looked at on the way."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from scripted_server import Peer, ScriptedServer, answer

# Beside what travels, a stock user's failures, whose exceptions are other ones every time. The first look is at
# FIRST_LOOK seconds, the second at the end.
SOAKING = """
import itertools
import json
import tracemalloc
from pathlib import Path

import gevent
import psutil
from locust import User, constant_throughput, events, task
from wireswarm import RestUser

NUMBERS = itertools.count()
LOOKS = []


class Failing(RestUser):
    wait_time = constant_throughput(EACH)

    @task
    def fail(self):
        number = next(NUMBERS)
        self.client.get(f"/nothing/{number}?number={number}", name=f"/nothing/{number % 10}")


class Stock(User):
    wait_time = constant_throughput(EACH)

    @task
    def fail(self):
        number = next(NUMBERS)
        self.environment.events.request.fire(
            request_type="GET", name=NAME, response_time=1.5, response_length=10,
            exception=ValueError(f"failure number {number} is like no other"), context={},
        )


def look():
    import gc
    gc.collect()
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/wireswarm/*")])
    LOOKS.append({
        "ours_mb": sum(trace.size for trace in ours.traces) / 1e6,
        "process_mb": psutil.Process().memory_info().rss / 1e6,
        "count": next(NUMBERS),
    })


@events.test_start.add_listener
def begin(**_):
    tracemalloc.start(1)
    gevent.spawn_later(FIRST_LOOK, look)


@events.test_stopping.add_listener
def end(environment, **_):
    look()
    Path(__file__).with_suffix(".json").write_text(json.dumps(
        {"looks": LOOKS, "stock_errors": len(environment.stats.errors)}
    ))
"""
TWENTY_NAMES = 'f"stock {number % 10}"'
"""Ten of each user class."""
NO_NAME_TWICE = 'f"stock {number}"'


class Growth(NamedTuple):
    """What a soak test's memory did between its two looks, in megabytes."""

    ours: float
    process: float
    requests: int
    stock_errors: int
    """Entries of Locust's own list of failures at the end."""


def soaking(each: float, first_look: float, name: str = TWENTY_NAMES) -> str:
    """The locustfile of a soak test.

    Args:
        each: requests a second of every user.
        first_look: seconds until memory is looked at first.
        name: the expression of a stock user's request name.
    """
    return SOAKING.replace("EACH", str(each)).replace("FIRST_LOOK", str(first_look)).replace("NAME", name)


def growth(folder: Path) -> Growth:
    """What the run with its locustfile in that folder has found."""
    found = json.loads((folder / "locustfile.json").read_text("utf-8"))
    first, last = found["looks"]
    return Growth(
        ours=last["ours_mb"] - first["ours_mb"],
        process=last["process_mb"] - first["process_mb"],
        requests=last["count"] - first["count"],
        stock_errors=found["stock_errors"],
    )


def failing_server() -> ScriptedServer:
    """Answers every request with a failure of its own."""
    numbers = itertools.count()

    def fail(peer: Peer) -> None:
        while peer.request():
            body = b'{"error": "failure number %d"}' % next(numbers)
            peer.send(answer(body, b"Content-Type: application/json", status=b"500 Failure %d" % next(numbers)))

    return ScriptedServer(fail)
