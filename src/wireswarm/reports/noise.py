"""Whether a difference between two runs is more than chance.

Two questions are asked, and both have to say so. Of single requests: do more of them than in the other run take longer
than the lower run's percentile; do the means differ by Welch's test, the counts by the normal approximation of the
binomial and Poisson distributions? That takes requests as independent, which under load they are not: a slow second
makes all of its requests slow. So each run is also cut into batches, the stretches of its time line, and the
Mann–Whitney U test asks whether the batches of one run tend to be higher than those of the other. It assumes nothing of
how latencies are distributed, and a slow moment is one batch of many, however many requests it held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from statistics import NormalDist
from typing import Final

from wireswarm.reports.distribution import Distribution

SIGNIFICANCE: Final = 0.01
"""A difference that chance makes less often than this is none of chance."""
LEAST_BATCHES: Final = 8
LEAST_REQUESTS: Final = 20

_NORMAL = NormalDist()
_SIGMAS = _NORMAL.inv_cdf(1 - SIGNIFICANCE / 2)


def batches_differ(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether the batches of two runs differ; true where there are too few to tell: the other question decides."""
    if min(len(first), len(second)) < LEAST_BATCHES:
        return True
    return rank_test(first, second) < SIGNIFICANCE


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p value of the Mann–Whitney U test, by the normal approximation with ties and continuity."""
    one, two = len(first), len(second)
    total = one + two
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum, ties, seen = 0.0, 0.0, 0
    for _, same in groupby(ranked, key=lambda pair: pair[0]):
        owners = [owner for _, owner in same]
        size = len(owners)
        rank_sum += owners.count(0) * (seen + (size + 1) / 2)
        ties += size**3 - size
        seen += size
    variance = one * two / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:  # all values are the same
        return 1.0
    u = rank_sum - one * (one + 1) / 2
    distance = max(abs(u - one * two / 2) - 0.5, 0.0)
    return 2 * (1 - _NORMAL.cdf(distance / math.sqrt(variance)))


def percentiles_differ(first: Distribution, second: Distribution, percent: float) -> bool:
    """Whether a percentile differs: whether the shares of requests that took longer than the lower of the two do.

    That is the control quantile test (Gastwirth, 1968): in the run with the lower percentile, as many took longer as
    its definition says, and in the other one more.
    """
    limit = min(first.percentile(percent), second.percentile(percent))
    return shares_differ(first.above(limit), first.count, second.above(limit), second.count)


def shares_differ(part: int, whole: int, other_part: int, other_whole: int) -> bool:
    """Whether two shares differ: the z test of two proportions, with continuity correction."""
    pooled = (part + other_part) / (whole + other_whole)
    error = math.sqrt(pooled * (1 - pooled) * (1 / whole + 1 / other_whole))
    distance = abs(part / whole - other_part / other_whole) - (1 / whole + 1 / other_whole) / 2
    return error > 0 and distance > _SIGMAS * error


def rates_differ(count: int, seconds: float, other_count: int, other_seconds: float) -> bool:
    """Whether two rates of independent events differ."""
    error = math.sqrt(count / seconds**2 + other_count / other_seconds**2)
    return error > 0 and abs(count / seconds - other_count / other_seconds) > _SIGMAS * error


def means_differ(first: Distribution, second: Distribution) -> bool:
    """Whether two means differ by Welch's test, whose t is close to normal for as many requests as are asked for."""
    one, two = first.moments(), second.moments()
    error = math.sqrt(one[1] / first.count + two[1] / second.count)
    return abs(one[0] - two[0]) > _SIGMAS * error
