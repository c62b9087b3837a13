"""What a profile file says, typed and checked. `reader` makes these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wireswarm.profiles.plan import Plan
from wireswarm.profiles.watch import Watch
from wireswarm.thresholds import Threshold, merge_thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The settings of one named run. None means that the profile does not speak about it.

    There is a field for each entry of `wireswarm.profiles.KEYS`, of the type that the entry's parser returns.
    """

    name: str
    """The name after `profiles.` in the file."""
    description: str | None = None
    """One line for people, for listings."""
    extends: str | None = None
    """The profile that it takes over what it does not say itself from, as was done already."""
    users: int | None = None
    """The most concurrent users."""
    spawn_rate: float | None = None
    """Users started per second."""
    run_time: float | None = None
    """Seconds until the run ends."""
    stages: Plan | None = None
    """Users, or arrivals per second, over time."""
    shape: Plan | None = None
    """The same, as a curve. A profile has one of the two at most; see `plan`."""
    arrival_rate: str | None = None
    """Arrivals, such as `200/s`."""
    arrivals: str | None = None
    """How they are spread: `constant` or `poisson`."""
    max_lateness: float | None = None
    """Seconds after which an arrival that no user was free for is dropped."""
    seed: int | None = None
    """Of the sequence of arrivals, of random rows and of generated messages."""
    tags: tuple[str, ...] | None = None
    """Only tasks with one of these tags run."""
    exclude_tags: tuple[str, ...] | None = None
    """Tasks with one of these tags do not run."""
    allowed_hosts: tuple[str, ...] | None = None
    """Requests go to these hosts only."""
    data_file: str | None = None
    """The file with the rows for the users, as seen from the folder of the profile file."""
    data: Mapping[str, Any] | None = None
    """How they are read and handed out, as `wireswarm.data.DataSettings` has it."""
    generate: Mapping[str, Any] | None = None
    """Rules for generated messages, by message and field."""
    environment: Mapping[str, str] | None = None
    """Variables that are set where they are not set already."""
    thresholds: tuple[Threshold, ...] | None = None
    """Thresholds of its own; see `ProfileFile.thresholds_of`."""
    watch: Mapping[str, Watch] | None = None
    """Watches of its own, by name; see `ProfileFile.watch_of`."""

    @property
    def plan(self) -> Plan | None:
        """Its stages or its shape."""
        return self.stages or self.shape


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile file that was read and found right."""

    path: Path
    """Where it was read from, as it was given."""
    profiles: Mapping[str, Profile]
    """The profiles by name, in the order of the file; read-only."""
    defaults: Profile = field(default_factory=lambda: Profile(name="defaults"))
    """What holds where a profile says nothing else. The profiles have it already."""
    thresholds: tuple[Threshold, ...] = ()
    """Those that hold for every profile."""
    watch: Mapping[str, Watch] = field(default_factory=lambda: MappingProxyType({}))
    """What is watched with every profile, by name; read-only."""

    def thresholds_of(self, profile: Profile | None) -> tuple[Threshold, ...]:
        """The thresholds of a run: the file's, and its profile's own, which replace those about the same."""
        return merge_thresholds(self.thresholds, (profile and profile.thresholds) or ())

    def watch_of(self, profile: Profile | None) -> Mapping[str, Watch]:
        """What is watched in a run: the file's watches, and its profile's own, which replace those of the same name."""
        return MappingProxyType({**self.watch, **((profile and profile.watch) or {})})
