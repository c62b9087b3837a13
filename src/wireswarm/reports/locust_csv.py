"""The statistics file of Locust's `--csv PREFIX`, as the thresholds' evaluator reads it.

It tells less than a summary: eleven percentiles, rounded to whole milliseconds and beyond 100 ms to two digits, of
successes and failures alike. A percentile in between is taken from the next higher one. Locust's row of all requests
has the flows in it; where there are some, the total is put together from the rows of the requests.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wireswarm.errors import ConfigurationError
from wireswarm.metrics import Key
from wireswarm.reports.summary import Series, Worker

TOTAL: Final = "Aggregated"
ALLOWED: Final = "the PREFIX_stats.csv that Locust's --csv PREFIX has written"
_PERCENTS: Final = ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%")
_NEEDED: Final = (
    *("Type", "Name", "Request Count", "Failure Count", "Requests/s"),
    *("Average Response Time", "Min Response Time", "Max Response Time", *_PERCENTS),
)


class CsvDistribution:
    """Durations that are known by some of their percentiles: a value and how many are taken to have it."""

    def __init__(
        self, weighted: Iterable[tuple[float, float]], total: int, minimum: int, maximum: int, mean: float
    ) -> None:
        self._weighted = sorted(weighted)
        self.total = total
        self.minimum = minimum
        self.maximum = maximum
        self.mean = mean

    def percentile(self, percent: float) -> float:
        """In microseconds; never below the true one as Locust tells it."""
        wanted, seen = percent / 100 * self.total, 0.0
        for value, weight in self._weighted:
            seen += weight
            if seen >= wanted - 1e-6:
                return value
        return self.maximum

    @classmethod
    def merged(cls, parts: Iterable[CsvDistribution]) -> CsvDistribution:
        """Several as one."""
        there = [part for part in parts if part.total]
        total = sum(part.total for part in there)
        return cls(
            [pair for part in there for pair in part._weighted],
            total,
            min((part.minimum for part in there), default=0),
            max((part.maximum for part in there), default=0),
            sum(part.mean * part.total for part in there) / total if total else 0.0,
        )


@dataclass(frozen=True, slots=True)
class CsvTally:
    """One row."""

    ok: CsvDistribution
    count: int
    failures: int
    due: None = None


class CsvRun:
    """A statistics file as a `wireswarm.thresholds.Readable`."""

    def __init__(self, tallies: Mapping[Key, CsvTally], total: CsvTally, elapsed_s: float) -> None:
        self._tallies = tallies
        self.total = total
        self.elapsed_s = elapsed_s
        self.dropped = 0
        self.abandoned = 0
        self.workers: Mapping[str, Worker] = {}
        self.series: Mapping[str, Series] = {}

    def keys(self) -> list[Key]:
        """All requests, flows and steps."""
        return list(self._tallies)

    def tally(self, key: Key) -> CsvTally:
        """One row."""
        return self._tallies[key]

    def over(self, window_s: float | None, key: Key | None) -> tuple[CsvTally, float]:
        """The whole run; nothing is known of windows."""
        tally = self.total if key is None else self._tallies[key]
        return tally, self.elapsed_s if window_s is None else 0.0


def read_locust_csv(path: Path) -> CsvRun:
    """Read a statistics file.

    Raises:
        ConfigurationError: it cannot be read, or is none.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(f"{path}: found no column {', '.join(missing)}; allowed: {ALLOWED}")
            return _run(list(reader))
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        raise ConfigurationError(f"{path}: found {found}; allowed: {ALLOWED}") from error
    except (ValueError, TypeError, KeyError, csv.Error) as error:  # UnicodeDecodeError too; None where a row is short
        raise ConfigurationError(f"{path}: found a damaged file ({error}); allowed: {ALLOWED}") from error


def _run(rows: list[dict[str, str]]) -> CsvRun:
    tallies = {Key(row["Type"], row["Name"]): _tally(row) for row in rows if row["Name"] != TOTAL or row["Type"]}
    aggregated = next((row for row in rows if row["Name"] == TOTAL and not row["Type"]), None)
    if aggregated is None:
        raise ValueError(f"no row {TOTAL}: the run did not end")
    rate, count = float(aggregated["Requests/s"]), int(aggregated["Request Count"])
    exchanges = [tally for key, tally in tallies.items() if key.is_exchange]
    total = _tally(aggregated) if len(exchanges) == len(tallies) else _merged(exchanges)
    return CsvRun(tallies, total, count / rate if rate else 0.0)


def _merged(tallies: list[CsvTally]) -> CsvTally:
    return CsvTally(
        CsvDistribution.merged(tally.ok for tally in tallies),
        sum(tally.count for tally in tallies),
        sum(tally.failures for tally in tallies),
    )


def _tally(row: Mapping[str, str]) -> CsvTally:
    count = int(row["Request Count"])
    failures = int(row["Failure Count"])
    # Without a response time, as of events that have none, there is "N/A" for percentiles.
    known = count and "N/A" not in {row[name] for name in _PERCENTS}
    if not known:
        return CsvTally(CsvDistribution([], 0, 0, 0, 0.0), count, failures)
    minimum, maximum = (round(float(row[f"{name} Response Time"]) * 1000) for name in ("Min", "Max"))
    weighted, below = [], 0.0
    for name in _PERCENTS:
        share = float(name.removesuffix("%")) / 100
        weighted.append((float(row[name]) * 1000, (share - below) * count))
        below = share
    # What only failed has times of failures alone, which are no latency.
    total = count if failures < count else 0
    mean = float(row["Average Response Time"]) * 1000
    return CsvTally(CsvDistribution(weighted, total, minimum, maximum, mean), count, failures)
