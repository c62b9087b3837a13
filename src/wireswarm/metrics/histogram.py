"""A histogram of durations with a bounded relative error, small enough to be sent every few seconds.

The buckets are those of HdrHistogram (http://hdrhistogram.org) at three significant digits and a unit of one
microsecond: 1 µs wide up to 2,048 µs, then twice as wide for each doubling, so no value is off by more than 0.1 %.
Only the buckets that hold something are kept, which makes recording, merging and sending cheaper than the dense arrays
of the reference implementation. One into which much is merged goes over to pages of buckets: there the dictionary would
be larger, and double its size from time to time for as long as a test runs. Hot path: `record`, and `record_all` with
`merge_message` for all but one process.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import Final, Self

MAX_MICROSECONDS: Final = 3_600_000_000
"""An hour. Longer durations count as this one, and in `clamped`."""

_SUB_BITS: Final = 11  # 2,048 sub-buckets: the smallest power of two that holds 2 × 10³ values
_HALF: Final = 1 << (_SUB_BITS - 1)

_MAX_SPARSE: Final = 512
"""Buckets that a dictionary may have; more are kept in pages. It doubles its size again at 683."""
_PAGE_BITS: Final = 7
_PAGE: Final = 1 << _PAGE_BITS


class Histogram:
    """Counts of durations in microseconds."""

    __slots__ = ("_counts", "_pages", "clamped", "maximum", "minimum", "sum", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._pages: _Pages | None = None
        self.total = 0
        """How many values were recorded."""
        self.clamped = 0
        """How many of them were negative or longer than an hour, and counted as 0 or an hour."""
        self.minimum = MAX_MICROSECONDS
        self.maximum = 0
        self.sum = 0
        """Of all values, exactly."""

    @property
    def mean(self) -> float:
        """In microseconds; 0 where nothing was recorded."""
        return self.sum / self.total if self.total else 0.0

    def record(self, microseconds: int) -> None:
        """Count one duration."""
        if not 0 <= microseconds <= MAX_MICROSECONDS:
            self.clamped += 1
            microseconds = 0 if microseconds < 0 else MAX_MICROSECONDS
        index = bucket_of(microseconds)
        if self._pages is None:
            counts = self._counts
            counts[index] = counts.get(index, 0) + 1
        else:
            self._pages.add(((index, 1),))
        self.total += 1
        self.sum += microseconds
        if microseconds > self.maximum:  # noqa: PLR1730 - a call of max() costs as much as all the rest
            self.maximum = microseconds
        if microseconds < self.minimum:  # noqa: PLR1730
            self.minimum = microseconds

    def record_all(self, values: Sequence[int]) -> None:
        """Count many durations at once, which takes a third of the time."""
        if not values:
            return
        low, high = min(values), max(values)
        if low < 0 or high > MAX_MICROSECONDS:
            for value in values:
                self.record(value)
            return
        # Neither takes a step of Python's for a value, as long as the values are short.
        if high < len(_SHORT):
            found = Counter(map(_SHORT.__getitem__, values))
        else:
            found = Counter([_SHORT[value] if value < len(_SHORT) else bucket_of(value) for value in values])
        if self._counts or self._pages is not None:
            self._add(found.items())
        else:
            self._counts = dict(found)
        self.total += len(values)
        self.sum += sum(values)
        self.minimum = min(self.minimum, low)
        self.maximum = max(self.maximum, high)

    def percentile(self, percent: float) -> int:
        """The smallest recorded duration that at least so many percent are not longer than, in microseconds.

        Within 0.1 %; exact for 100. 0 where nothing was recorded.
        """
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Sequence[float]) -> list[int]:
        """Several, for little more than the price of one."""
        if not self.total:
            return [0] * len(percents)
        buckets = self.buckets()
        seen = list(accumulate(count for _, count in buckets))
        # The epsilon keeps 99.9 % of 1,000 at the 999th value, whatever 0.999 is in binary.
        ranks = (max(1, math.ceil(percent / 100 * self.total - 1e-9)) for percent in percents)
        found = (highest_of(buckets[bisect_left(seen, rank)][0]) for rank in ranks)
        return [max(self.minimum, min(self.maximum, value)) for value in found]

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts, exactly."""
        self._add(other._items())
        self.total += other.total
        self.clamped += other.clamped
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def share_at_or_below(self, microseconds: int) -> float:
        """How many of the values are not longer, as a share between 0 and 1; 0 where nothing was recorded.

        Values in the same bucket count as not longer.
        """
        if not self.total:
            return 0.0
        limit = bucket_of(min(max(microseconds, 0), MAX_MICROSECONDS))
        return sum(count for index, count in self._items() if index <= limit) / self.total

    def buckets(self) -> list[tuple[int, int]]:
        """Pairs of a bucket's index and its count, sorted."""
        return sorted(self._items())

    @classmethod
    def from_buckets(
        cls,
        pairs: Iterable[tuple[int, int]],
        *,
        minimum: int | None = None,
        maximum: int | None = None,
        total_us: int | None = None,
        clamped: int = 0,
    ) -> Self:
        """The histogram with these buckets; what is not known exactly is taken from them, to 0.1 %."""
        histogram = cls()
        histogram._counts = {int(index): int(count) for index, count in pairs if count}
        if histogram._counts:
            lowest, highest = min(histogram._counts), max(histogram._counts)
            histogram.minimum = highest_of(lowest - 1) + 1 if minimum is None else minimum
            histogram.maximum = highest_of(highest) if maximum is None else maximum
            estimate = sum(highest_of(index) * count for index, count in histogram._counts.items())
            histogram.sum = estimate if total_us is None else total_us
        histogram.total = sum(histogram._counts.values())
        histogram.clamped = clamped
        return histogram

    def to_message(self) -> list[int]:
        """Plain numbers, as a message to another process takes them; none where nothing was recorded."""
        if not self.total:
            return []
        message = [self.clamped, self.minimum, self.maximum, self.sum]
        message.extend(chain.from_iterable(self._items()))
        return message

    @classmethod
    def from_message(cls, message: Sequence[int]) -> Self:
        """The histogram that `to_message` was called on."""
        histogram = cls()
        histogram.merge_message(message)
        return histogram

    def merge_message(self, message: Sequence[int]) -> None:
        """Add the counts of the histogram that `to_message` was called on, exactly."""
        if not message:
            return
        clamped, minimum, maximum, total = message[:4]
        numbers = message[5::2]
        self._add(zip(message[4::2], numbers, strict=True))
        self.total += sum(numbers)
        self.clamped += clamped
        self.sum += total
        if minimum < self.minimum:  # noqa: PLR1730 - as in record()
            self.minimum = minimum
        if maximum > self.maximum:  # noqa: PLR1730
            self.maximum = maximum

    def _items(self) -> Iterable[tuple[int, int]]:
        return self._counts.items() if self._pages is None else self._pages.items()

    def _add(self, pairs: Iterable[tuple[int, int]]) -> None:
        if self._pages is not None:
            self._pages.add(pairs)
            return
        counts = self._counts
        get = counts.get
        for index, count in pairs:
            counts[index] = get(index, 0) + count
        if len(counts) > _MAX_SPARSE:
            self._pages = _Pages()
            self._pages.add(counts.items())
            self._counts = {}


class _Pages:
    """Counts of many buckets: neighbours in one array, and arrays only where there are any."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Add counts, by the indices of their buckets."""
        pages = self._pages
        get = pages.get
        for index, count in pairs:
            page = get(index >> _PAGE_BITS)
            if page is None:
                page = pages[index >> _PAGE_BITS] = array("Q", bytes(8 * _PAGE))
            page[index & (_PAGE - 1)] += count

    def items(self) -> Iterator[tuple[int, int]]:
        """What is counted, by the index of the bucket, in order."""
        for number, page in sorted(self._pages.items()):
            first = number << _PAGE_BITS
            for offset, count in enumerate(page):
                if count:
                    yield first + offset, count


def bucket_of(microseconds: int) -> int:
    """The index of the bucket that a duration is counted in."""
    shift = microseconds.bit_length() - _SUB_BITS
    if shift <= 0:
        return microseconds
    return (shift + 1) * _HALF + (microseconds >> shift) - _HALF


def highest_of(index: int) -> int:
    """The longest duration that is counted in a bucket, in microseconds."""
    shift = index // _HALF - 1
    if shift <= 0:
        return index
    return ((index % _HALF + _HALF + 1) << shift) - 1


def coarse(index: int) -> int:
    """The last of the buckets that together are up to 0.8 % wide: for histograms that are kept many times over."""
    shift = 3 if index >= _HALF else max(0, index.bit_length() - (_SUB_BITS - 3))
    return index | ((1 << shift) - 1)


COARSE: Final = tuple(coarse(index) for index in range(bucket_of(MAX_MICROSECONDS) + 8))
"""`coarse` of every bucket."""


def coarse_message(message: Sequence[int]) -> Sequence[int]:
    """The message of a histogram (`Histogram.to_message`) with coarse buckets."""
    counts: dict[int, int] = {}
    get = counts.get
    for index, count in zip(message[4::2], message[5::2], strict=True):
        place = COARSE[index]
        counts[place] = get(place, 0) + count
    return [*message[:4], *chain.from_iterable(counts.items())]


_SHORT: Final = tuple(bucket_of(microseconds) for microseconds in range(1 << 16))
"""Buckets of the durations that are the rule."""
