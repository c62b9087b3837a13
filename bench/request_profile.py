"""Where the time of a request goes: our contender of the case `small`, sampled while it runs.

    python bench/request_profile.py [--seconds 8]

Users, nginx and cores are those of `http_throughput.py`. A timer of the process's CPU time interrupts it a thousand
times a second and notes which function is running; Python looks at such interrupts between two of its instructions, so
a system call counts for the function that makes it. The table is CPU µs per request.
"""

from __future__ import annotations

import argparse
import collections
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

from nginx import nginx

sys.path.insert(0, str(Path(__file__).parent / "locustfiles"))

USERS: Final = 50
PARTS: Final = {
    "net/stream.py send": "the kernel: sending",
    "net/stamps.py receive": "the kernel: receiving, with its stamp",
    "net/": "connection, deadline, response head",
    "wire/http1": "connection, deadline, response head",
    "wire/protobuf": "protobuf",
    "bench/locustfiles/": "the task itself, its message among it",
    "clients/": "client: endpoint, judging, sample",
    "sample.py": "client: endpoint, judging, sample",
    "<string>": "client: endpoint, judging, sample",
    "metrics/": "recorder",
    "events.py": "the request event",
    "locust/event.py": "the request event",
    "users.py": "the request event",
    "locust/stats.py": "Locust's statistics",
    "locust/runners.py": "Locust's statistics",
    "locust/user/": "Locust's loop of tasks",
    "plugin/request_stats": "Locust's statistics",
    "plugin/": "Locust's loop of tasks",
    "gevent/": "gevent's loop",
}
"""Which part of the road a function belongs to, by the first of these that its place contains."""
OTHER: Final = "other"


class Sampler:
    """Counts which function the process's CPU time is spent in."""

    def __init__(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()

    def start(self) -> None:
        """Begin."""
        signal.signal(signal.SIGPROF, self._note)
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)

    def stop(self) -> None:
        """End."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _note(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None:
            self.counts[f"{frame.f_code.co_filename} {frame.f_code.co_name}"] += 1

    def parts(self) -> collections.Counter[str]:
        """Samples by part of the road."""
        found: collections.Counter[str] = collections.Counter()
        for place, count in self.counts.items():
            found[next((part for mark, part in PARTS.items() if mark in place), OTHER)] += count
        return found


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="how long to look (default: %(default)s)")
    seconds = parser.parse_args().seconds
    with nginx(1) as server:
        os.sched_setaffinity(0, {0})
        os.environ |= {"BENCH_URL": server.url, "BENCH_USERS": str(USERS)}
        microseconds, parts = _measure(seconds)
    total = sum(parts.values())
    print(f"{microseconds:.1f} µs of CPU per request, {USERS} users without wait, one core")
    for part, count in parts.most_common():
        print(f"{count / total * microseconds:7.1f}  {count / total:5.0%}  {part}")


def _measure(seconds: float) -> tuple[float, collections.Counter[str]]:
    import gevent
    from locust.env import Environment
    from wireswarm_protobuf import Contender

    import wireswarm

    environment: Any = Environment(user_classes=[Contender])
    environment.create_local_runner()
    wireswarm.attach(environment)
    environment.runner.start(USERS, spawn_rate=USERS)
    gevent.sleep(2.0)
    sampler = Sampler()
    requests, cpu = environment.stats.total.num_requests, time.process_time()
    sampler.start()
    gevent.sleep(seconds)
    sampler.stop()
    requests, cpu = environment.stats.total.num_requests - requests, time.process_time() - cpu
    environment.runner.quit()
    return cpu / requests * 1e6, sampler.parts()


if __name__ == "__main__":
    main()
