"""What a run measured, in little memory: histograms that can be merged exactly, and whether they can be trusted."""

from wireswarm.metrics.failures import MAX_ERRORS, ErrorCount, ErrorKey
from wireswarm.metrics.histogram import Histogram
from wireswarm.metrics.readings import Reading, WorkerReadings
from wireswarm.metrics.recorder import Recorder
from wireswarm.metrics.results import Results
from wireswarm.metrics.tally import FLOW, MAX_KEYS, OTHER, STEP, Key, Tally
from wireswarm.metrics.timeline import Point, Series
from wireswarm.metrics.validity import RunReadings, Validity, WorkerView, judge_validity

__all__ = [
    "FLOW",
    "MAX_ERRORS",
    "MAX_KEYS",
    "OTHER",
    "STEP",
    "ErrorCount",
    "ErrorKey",
    "Histogram",
    "Key",
    "Point",
    "Reading",
    "Recorder",
    "Results",
    "RunReadings",
    "Series",
    "Tally",
    "Validity",
    "WorkerReadings",
    "WorkerView",
    "judge_validity",
]
