"""The highest arrival rate that a system holds: how it is searched for, judged and shown.

Everything here is a function of what was measured; `wireswarm.commands.capacity` runs the steps.
"""

from wireswarm.capacity.judging import Judged, judge_step
from wireswarm.capacity.knee import knee_of
from wireswarm.capacity.model import SCHEMA, Capacity, Criterion, Ended, Outcome, Reading, Request, Step
from wireswarm.capacity.planning import Planning, Size
from wireswarm.capacity.search import Bracket, Search

__all__ = [
    "SCHEMA",
    "Bracket",
    "Capacity",
    "Criterion",
    "Ended",
    "Judged",
    "Outcome",
    "Planning",
    "Reading",
    "Request",
    "Search",
    "Size",
    "Step",
    "judge_step",
    "knee_of",
]
