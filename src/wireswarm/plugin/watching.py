"""Reads what `[watch]` names, again and again while the test runs: the target's memory beside its response times.

Only the process that holds the results does this: the master, or the only one. The readings are no requests of the
test; they go through our own client, so that hosts which may not be hit are refused, and one that fails is counted.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable
from os import PathLike
from typing import Final, Protocol

import gevent
from prometheus_client.parser import text_string_to_metric_families

from wireswarm.clients.rest import RestClient
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, RemoteProtocolError, RequestFailed
from wireswarm.net.guard import GUARD
from wireswarm.net.http import Connect, HttpConnection
from wireswarm.profiles.watch import PrometheusSelector, Watch
from wireswarm.wire.http1 import Response
from wireswarm.wire.jsons import loads

logger = logging.getLogger(__name__)

TIMEOUT: Final = 5.0
"""Seconds that a reading may take; less where the next one is due earlier."""
LAST_READING: Final = 2.0
"""Seconds that the end of the test waits for the last readings."""

_URL = re.compile(r"([^/?#]+://[^/?#]*)(.*)")


class Series(Protocol):
    """What takes the readings of one watch, such as `wireswarm.metrics.Series`."""

    def add(self, elapsed_s: float, value: float | None, /) -> None:
        """One reading, None for one that failed."""


class Results(Protocol):
    """What has a series for each watch, such as `wireswarm.metrics.Results`."""

    def watch(self, name: str, unit: str, /) -> Series:
        """The series of that name."""


class ReadingFailed(ValueError):  # noqa: N818 - as RequestFailed
    """An answer came, but the value is not in it."""


class Watcher:
    """Reads the watches of one test. Its series have the seconds since `start`."""

    def __init__(
        self,
        watches: Iterable[Watch],
        results: Results,
        *,
        host: str | None,
        insecure: bool = False,
        ca_file: str | PathLike[str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        connect: Connect = HttpConnection,
    ) -> None:
        """Prepare to watch; nothing is sent before `start`.

        Args:
            watches: what to read.
            results: takes the readings.
            host: the base URL that the watches' paths are below.
            insecure: whether certificates go unverified.
            ca_file: PEM file of the authorities to trust.
            clock: what waits between readings.
            connect: makes the connections.
        """
        self._results = results
        self._clock = clock
        self._readers = []
        for watch in watches:
            base, path = _split(watch.url, host)
            client = RestClient(
                base,
                timeout=min(TIMEOUT, watch.every_s),
                connect_timeout=min(TIMEOUT, watch.every_s),
                insecure=insecure,
                ca_file=ca_file,
                clock=clock,
                connect=connect,
            )
            self._readers.append(_Reader(watch, client, path))
        self._greenlets: list[gevent.Greenlet[[_Reader], None]] = []
        self._start = 0.0

    def check(self) -> list[str]:
        """What is wrong with the watches: no host, or one that may not be hit. Sends nothing."""
        problems: list[str] = []
        for reader in self._readers:
            try:
                GUARD.check(reader.client.resolve_base(None).origin)
            except ConfigurationError as error:
                problems += [f"watch.{reader.watch.name}: {problem}" for problem in error.problems]
        return problems

    def start(self) -> None:
        """Read everything now and then again and again, each watch in a greenlet of its own."""
        self._start = self._clock.monotonic()
        self._greenlets = [gevent.spawn(self._read_on, reader) for reader in self._readers]

    def stop(self) -> None:
        """Stop reading, after one last reading of everything, which is given two seconds. Needs no `start`."""
        if not self._greenlets:
            return
        gevent.killall(self._greenlets)
        self._greenlets = []
        last = [gevent.spawn(self._read, reader) for reader in self._readers]
        gevent.joinall(last, timeout=LAST_READING)
        gevent.killall(last)
        for reader in self._readers:
            reader.client.close()

    def _read_on(self, reader: _Reader) -> None:
        number = 0
        while True:
            self._read(reader)
            # On a grid, so that readings stay as far apart as was asked for; those that were missed are not made up.
            every, elapsed = reader.watch.every_s, self._elapsed()
            number = max(number + 1, math.ceil(elapsed / every))
            self._clock.sleep(number * every - elapsed)

    def _read(self, reader: _Reader) -> None:
        value = reader.read()
        watch = reader.watch
        # Asked for every time: results that were emptied have a new series.
        self._results.watch(watch.name, watch.unit).add(self._elapsed(), value)

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._start


class _Reader:
    """One watch, with the client that it is read by."""

    def __init__(self, watch: Watch, client: RestClient, path: str) -> None:
        self.watch = watch
        self.client = client
        self._path = path
        self._told = False

    def read(self) -> float | None:
        """The value now; None where that failed, which is logged the first time."""
        try:
            return value_in(self.client.get(self._path), self.watch)
        except (RequestFailed, ConfigurationError, ReadingFailed) as error:
            if not self._told:
                self._told = True
                logger.warning("watch.%s: %s could not be read: %s", self.watch.name, self.watch.url, error)
            return None


def _split(url: str, host: str | None) -> tuple[str | None, str]:
    """Base URL and path template of a watch; no base URL where there is none."""
    match = _URL.fullmatch(url)
    base, path = (match[1], match[2]) if match else (host or None, url)
    path = path if path.startswith("/") else f"/{path}"
    # The client's paths are templates; braces are in Prometheus's own queries.
    return base, path.replace("{", "%7B").replace("}", "%7D")


def value_in(response: Response, watch: Watch) -> float:
    """The watched value in an answer.

    Raises:
        ReadingFailed: it is not there, or no finite number.
    """
    if watch.prometheus is not None:
        return _in_exposition(response.body, watch.prometheus)
    return _in_json(response.body, watch.key or ())


def _in_json(body: bytes, key: tuple[str, ...]) -> float:
    try:
        value = loads(body)
    except RemoteProtocolError as error:
        raise ReadingFailed(str(error)) from None
    for part in key:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise ReadingFailed(f"there is no {'.'.join(key)} in the answer")
    # Prometheus's query API has its numbers as text.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ReadingFailed(f"{'.'.join(key)} is no number")
    try:
        return _finite(float(value))
    except (ValueError, OverflowError):
        raise ReadingFailed(f"{'.'.join(key)} is no number") from None


def _in_exposition(body: bytes, selector: PrometheusSelector) -> float:
    # Only the lines that it can be in are parsed: an exposition may have thousands of others.
    begins = (f"{selector.name}{{", f"{selector.name} ", f"{selector.name}\t")
    lines = [line for line in body.decode("utf-8", "replace").splitlines() if line.startswith(begins)]
    try:
        samples = [
            sample
            for family in text_string_to_metric_families("\n".join(lines) + "\n")
            for sample in family.samples
            if selector.labels.items() <= sample.labels.items()
        ]
    except (ValueError, IndexError, KeyError):
        raise ReadingFailed("the answer is not in Prometheus's text format") from None
    if not samples:
        raise ReadingFailed(f"there is no series {selector.name} with those labels in the answer")
    return _finite(sum(float(sample.value) for sample in samples))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ReadingFailed("the value is not finite")
    return value
