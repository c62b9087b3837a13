"""What a search has found, in sentences; the same in every form."""

from __future__ import annotations

from wireswarm.capacity.model import Capacity, Ended
from wireswarm.reports.figures import round_number


def told(rate: float) -> str:
    """A rate: `308.3/s`."""
    return f"{round_number(rate)}/s"


def headline(found: Capacity) -> str:
    """The result in a few words."""
    if found.rate is None:
        return {
            Ended.NOTHING: "Not even the lowest rate holds",
            Ended.GENERATOR: "The load generator is the limit",
        }.get(found.ended, "Interrupted before anything was known")
    match found.ended:
        case Ended.FOUND:
            return f"Holds {told(found.rate)}"
        case Ended.CEILING:
            return f"Holds {told(found.rate)}, the highest rate that was tried"
        case Ended.GENERATOR:
            return f"Holds {told(found.rate)} at least: the load generator is the limit"
    return f"Holds {told(found.rate)} at least: interrupted"


def sentences(found: Capacity) -> list[str]:
    """What else there is to say, one sentence each."""
    said = []
    if found.fails_at is not None:
        why = next((s.reason for s in reversed(found.steps) if s.rate == found.fails_at and s.reason), "")
        said.append(f"{told(found.fails_at)} does not hold{': ' if why else ''}{why}.")
    if found.ended is Ended.GENERATOR:
        why = next((s.reason for s in reversed(found.steps) if s.rate == found.limit_at and s.reason), "")
        at = "" if found.limit_at is None else f"At {told(found.limit_at)}: "
        said.append(f"{at}{why}.".removesuffix(": .") if why else f"{at}the step could not be run.")
        said.append(found.advice)
    if found.ended is Ended.CEILING:
        said.append("Pass a higher --to to look further.")
    if found.ended is Ended.NOTHING:
        said.append("Pass a lower --from, or look at what fails with one user: wireswarm try.")
    if found.knee is not None:
        said.append(f"The knee of the curve is at {told(found.knee)}: from there on p95 takes off.")
    return [sentence for sentence in said if sentence]
