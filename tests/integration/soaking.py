"""A soak test, short or long: every failure has a message and a URL of its own, and memory is looked at on the way."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from scripted_server import Peer, ScriptedServer, answer

# Beside what travels, a stock user's failures, whose exceptions are other ones every time. Memory is looked at from
# FIRST_LOOK seconds on, and at the end. Tracing allocations would be exact, and take more memory than what it traces.
SOAKING = """
import gc
import itertools
import json
import sys
import time
from array import array
from pathlib import Path

import gevent
import psutil
from locust import User, constant_throughput, events, task
from wireswarm import RestUser

NUMBERS = itertools.count()
LOOKS = []
PLAIN = (str, bytes, bytearray, int, float, tuple, list, dict, set, frozenset, array)


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


def ours():
    # All objects of our classes, and the plain values in them; but not the prepared endpoints, of which a thousand are
    # kept and then thrown away at once, so that a line through the looks would be one through the teeth of a saw.
    found = [
        o for o in gc.get_objects()
        if str(type(o).__module__).startswith("wireswarm.") and type(o).__name__ != "Endpoint"
    ]
    seen = set(map(id, found))
    size = 0
    while found:
        one = found.pop()
        size += sys.getsizeof(one)
        for inner in gc.get_referents(one):
            if id(inner) not in seen and type(inner) in PLAIN:
                seen.add(id(inner))
                found.append(inner)
    return size


def look():
    gc.collect()
    process = psutil.Process()
    LOOKS.append({
        "seconds": time.monotonic(),
        "ours_mb": ours() / 1e6,
        "process_mb": process.memory_info().rss / 1e6,
        "count": next(NUMBERS),
    })


def look_again_and_again():
    look()  # which takes memory of its own the first time
    LOOKS.clear()
    gevent.sleep(FIRST_LOOK)
    while True:
        look()
        gevent.sleep(max(1, FIRST_LOOK / 37))  # so often that a cache that is emptied now and then is seen as it is


@events.test_start.add_listener
def begin(environment, **_):
    environment.looking = gevent.spawn(look_again_and_again)


@events.test_stopping.add_listener
def end(environment, **_):
    environment.looking.kill()
    look()
    Path(__file__).with_suffix(".json").write_text(json.dumps(
        {"looks": LOOKS, "stock_errors": len(environment.stats.errors)}
    ))
"""
TWENTY_NAMES = 'f"stock {number % 10}"'
"""Ten of each user class."""
NO_NAME_TWICE = 'f"stock {number}"'


class Growth(NamedTuple):
    """What a soak test's memory did from the first look to the end."""

    ours: float
    """Megabytes that the objects of our classes have grown by, with what is in them."""
    ours_in_an_hour: float
    """Megabytes by which they grow: the slope of a line through all looks."""
    process_in_an_hour: float
    """The same of the whole process."""
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
    looks = found["looks"]
    first, last = looks[0], looks[-1]
    return Growth(
        ours=last["ours_mb"] - first["ours_mb"],
        ours_in_an_hour=_in_an_hour(looks, "ours_mb"),
        process_in_an_hour=_in_an_hour(looks, "process_mb"),
        requests=last["count"] - first["count"],
        stock_errors=found["stock_errors"],
    )


def _in_an_hour(looks: list[dict[str, float]], what: str) -> float:
    return linear_regression([look["seconds"] for look in looks], [look[what] for look in looks]).slope * 3600


def failing_server() -> ScriptedServer:
    """Answers every request with a failure of its own."""
    numbers = itertools.count()

    def fail(peer: Peer) -> None:
        while peer.request():
            body = b'{"error": "failure number %d"}' % next(numbers)
            peer.send(answer(body, b"Content-Type: application/json", status=b"500 Failure %d" % next(numbers)))

    return ScriptedServer(fail)
