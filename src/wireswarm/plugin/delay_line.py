"""One line about how late the load generator itself was: the time between an answer's arrival and its being read.

It is no part of the response times, which end by the kernel's stamp, but it says how busy the generator was, and by how
much a program's own clock would have been off.
"""

from __future__ import annotations

from wireswarm.metrics import Histogram


def describe_delay(delays: Histogram, unstamped: int) -> str:
    """The line about the clock and the delay; empty where there was no answer at all."""
    answers = delays.total + unstamped
    if not answers:
        return ""
    if not delays.total:
        return f"Response times of {answers:,} answers end by the program's clock: its own delay is part of them."
    p50, p99 = (delays.percentile(percent) / 1000 for percent in (50, 99))
    line = (
        f"Response times end by the kernel's clock; the load generator read the answers "
        f"{p50:.2f} ms later at the median, {p99:.2f} ms at p99, {delays.maximum / 1000:.2f} ms at most."
    )
    if unstamped:
        line += f" {unstamped:,} of {answers:,} answers had no stamp and end by the program's clock."
    return line
