"""What live exporters look at: the state of a run that is under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wireswarm.metrics import Results
from wireswarm.thresholds import Judgement


@dataclass(frozen=True)
class Live:
    """One look at a run."""

    results: Results | None = None
    """None where nothing is measured."""
    users: int = 0
    workers: Mapping[str, int] = field(default_factory=dict)
    """How many processes generate load, by their state."""
    judgements: Sequence[Judgement] = ()
    """The newest of every threshold; none before the first look at them."""
    validity: str = ""
    """`VALID`, `DEGRADED`, `INVALID`, or empty where that has not been judged."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """What an exporter had to drop, by the exporter's name."""


Source = Callable[[], Live]
"""Looks at the run now. Cheap: it copies nothing."""
