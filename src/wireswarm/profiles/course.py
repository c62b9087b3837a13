"""The whole course of a profile's load, for pictures and listings of it."""

from __future__ import annotations

import itertools
import math
from typing import Final, NamedTuple

from wireswarm.load import Stage, Stages, parse_rate
from wireswarm.load.shapes import Segment
from wireswarm.profiles.model import Profile
from wireswarm.profiles.plan import Plan

_SHORTEST: Final = 60.0
_CORNERS: Final = 192
"""Of a course without an end, so many are shown: three periods of a wave."""


class Course(NamedTuple):
    """What a profile lets happen."""

    plan: Plan
    end: float
    """Seconds until the end; without one, as much as says how it goes on."""
    ends: bool
    """Whether that is the end."""

    def segments(self) -> list[Segment]:
        """The straight pieces up to the end, the last of them cut there."""
        found = []
        for piece in self.plan.shape.segments():
            if piece.start >= self.end:
                break
            found.append(piece if piece.end <= self.end else _cut(piece, self.end))
        return found

    def peak(self) -> float:
        """The highest level before the end."""
        return max((max(piece.start_level, piece.end_level) for piece in self.segments()), default=0.0)


def course_of(profile: Profile) -> Course:
    """The course of a run with that profile and nothing else on the command line.

    Users of no plan are started at the spawn rate, one per second unless the profile says otherwise, as Locust does.
    """
    plan = profile.plan
    if plan is None and profile.arrival_rate is not None:
        plan = Plan(parse_rate(profile.arrival_rate), is_rate=True)
    if plan is None:
        return _plain_course(profile)
    end = min(plan.shape.duration, math.inf if profile.run_time is None else profile.run_time)
    if math.isfinite(end):
        return Course(plan, end, ends=True)
    last = max(itertools.islice(plan.shape.corners(), _CORNERS), default=0.0)
    return Course(plan, max(1.25 * last, _SHORTEST), ends=False)


def _cut(piece: Segment, end: float) -> Segment:
    share = (end - piece.start) / (piece.end - piece.start) if math.isfinite(piece.end) else 0.0
    return Segment(
        piece.start, end, piece.start_level, piece.start_level + (piece.end_level - piece.start_level) * share
    )


def _plain_course(profile: Profile) -> Course:
    users = float(profile.users or 1)
    up = users / (profile.spawn_rate or 1.0)
    end = max(1.25 * up, _SHORTEST) if profile.run_time is None else profile.run_time
    stages = Stages((Stage(up, users), Stage(max(end - up, 0.0), users)))
    return Course(Plan(stages), end, ends=profile.run_time is not None)
