"""The run, every few seconds, as points of InfluxDB.

One greenlet makes the batches, another one sends them, and between them is a queue with a bound: a database that is
slow or away costs batches, which are counted, and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import gevent
import requests
from gevent.event import Event
from gevent.lock import RLock

from wireswarm.auth.redaction import redact
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.exporters.influxdb_target import InfluxTarget
from wireswarm.exporters.intervals import Difference, Intervals
from wireswarm.exporters.line_protocol import line
from wireswarm.exporters.live import Live, Source
from wireswarm.exporters.queue import BoundedQueue
from wireswarm.metrics import FLOW, STEP

logger = logging.getLogger(__name__)

INTERVAL: Final = 5.0
"""Seconds that a batch is about."""
FINISH: Final = 5.0
"""Seconds that the last batches may take at the end of the run."""
BATCHES: Final = 60
"""How many batches wait for a database that is away: five minutes."""
TIMEOUT: Final = (3.0, 10.0)
"""Seconds to connect, and to wait for an answer."""

_MEASUREMENTS: Final = {FLOW: "wireswarm_flows", STEP: "wireswarm_flow_steps"}
_TRY_AGAIN: Final = frozenset({408, 429})


class Refused(Exception):  # noqa: N818 - what the database did
    """The database does not want this batch, and will not want it later."""


class Unreachable(Exception):  # noqa: N818 - what the database is
    """The database did not answer, or not now."""


@dataclass(frozen=True)
class Batch:
    """The points of one interval."""

    points: int
    body: bytes


Send = Callable[[Batch], None]
"""Sends a batch. Raises `Refused` or `Unreachable`."""


class InfluxPusher:
    """Writes a run's intervals into a database.

    Args:
        source: looks at the run.
        send: sends a batch; see `HttpSender`.
        shown: what messages call the database.
    """

    def __init__(
        self,
        source: Source,
        send: Send,
        shown: str,
        *,
        interval_s: float = INTERVAL,
        limit: int = BATCHES,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._source = source
        self._send = send
        self._shown = shown
        self._interval_s = interval_s
        self._clock = clock
        self._intervals = Intervals()
        # The newest are worth more: a dashboard that goes on beats one that has stopped.
        self._queue: BoundedQueue[Batch] = BoundedQueue(limit, keep_newest=True)
        self._current: Batch | None = None
        self._refused = 0
        self._told = False
        self._news = Event()
        self._gathering = RLock()
        self._sending = RLock()  # a batch that is under way is not sent by somebody else as well
        self._greenlets: list[gevent.Greenlet[Any, Any]] = []

    @property
    def lost(self) -> int:
        """Batches that were not written and will not be."""
        return self._queue.dropped + self._refused

    def start(self) -> None:
        """Begin, in greenlets of its own."""
        self._greenlets = [gevent.spawn(self._gather_again_and_again), gevent.spawn(self._send_again_and_again)]

    def gather(self) -> None:
        """Make a batch of what has come since the last one."""
        with self._gathering:
            live = self._source()
            differences = self._intervals.since_last(live.results) if live.results is not None else []
            lines = lines_of(live, differences, int(self._clock.time() * 1e9))
            if not self._queue.put(Batch(len(lines), "\n".join(lines).encode())):
                self._tell("it is away or too slow: batches are dropped")
            self._news.set()

    def send_all(self) -> bool:
        """Send what waits, the oldest first; False where the database cannot be reached."""
        with self._sending:
            while (batch := self._next()) is not None:
                try:
                    self._send(batch)
                except Refused as error:
                    self._refused += 1
                    self._tell(str(error))
                except Unreachable as error:
                    self._tell(str(error))
                    return False
                self._current = None
            return True

    def finish(self, within_s: float = FINISH) -> None:
        """Write what is left, as far as that can be done in so many seconds, and tell what was lost."""
        try:
            with gevent.Timeout(within_s, False):  # type: ignore[arg-type]  # False: ends the block silently
                self.gather()
                self.send_all()
        finally:
            gevent.killall(self._greenlets)
        unsent = len(self._queue) + (self._current is not None)
        if self.lost or unsent:
            logger.warning("InfluxDB at %s: %d batches were not written", self._shown, self.lost + unsent)

    def _next(self) -> Batch | None:
        if self._current is None:
            self._current = next(iter(self._queue.take(1)), None)
        return self._current

    def _gather_again_and_again(self) -> None:
        while True:
            self._clock.sleep(self._interval_s)
            self.gather()

    def _send_again_and_again(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            self.send_all()

    def _tell(self, problem: str) -> None:
        # Once: the rest is in the sum at the end.
        if not self._told:
            self._told = True
            logger.warning("InfluxDB at %s: %s", self._shown, redact(problem))


class HttpSender:
    """Sends batches by HTTP. By `requests`, as Locust's own user: it works with every version of the database."""

    def __init__(self, target: InfluxTarget) -> None:
        self._target = target
        self._session = requests.Session()
        # Without one, `requests` looks for a password in ~/.netrc.
        self._session.auth = target.login or _no_auth
        if target.token:
            self._session.headers["Authorization"] = f"Token {target.token}"

    def __call__(self, batch: Batch) -> None:
        """See `Send`."""
        try:
            response = self._session.post(
                self._target.url,
                params=dict(self._target.parameters),
                data=batch.body,
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unreachable(f"it cannot be reached ({type(error).__name__})") from None
        status = response.status_code
        if status in _TRY_AGAIN or status >= 500:
            raise Unreachable(f"it answers {status}")
        if status not in {200, 204}:
            raise Refused(f"it answers {status}: {response.text[:200].strip()}")


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def lines_of(live: Live, differences: list[Difference], time_ns: int) -> list[str]:
    """A batch as lines of the line protocol."""
    run: dict[str, int | float] = {
        "user_count": live.users,
        "worker_count": sum(number for state, number in live.workers.items() if state != "missing"),
    }
    if live.results is not None:
        run |= {"dropped": live.results.dropped, "abandoned": live.results.abandoned}
    lines = [line("wireswarm_run", {"validity": live.validity}, run, time_ns)]
    for difference in differences:
        fields: dict[str, int | float] = {"count": difference.count, "failures": difference.failures}
        if difference.latency is not None:
            fields |= {f"{name}_ms": value for name, value in difference.latency._asdict().items()}
        tags = {"type": difference.type, "name": difference.name}
        lines.append(line(_MEASUREMENTS.get(difference.type, "wireswarm_requests"), tags, fields, time_ns))
    return lines
