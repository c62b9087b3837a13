"""What a profile file says, typed and checked. `reader` makes these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The settings of one named run. None means that the profile does not speak about it.

    There is a field for each entry of `wireswarm.profiles.KEYS`, of the type that the entry's parser returns.
    """

    name: str
    """The name after `profiles.` in the file."""
    description: str | None = None
    """One line for people, for listings."""
    users: int | None = None
    """The most concurrent users."""
    spawn_rate: float | None = None
    """Users started per second."""
    run_time: float | None = None
    """Seconds until the run ends."""
    tags: tuple[str, ...] | None = None
    """Only tasks with one of these tags run."""
    exclude_tags: tuple[str, ...] | None = None
    """Tasks with one of these tags do not run."""
    allowed_hosts: tuple[str, ...] | None = None
    """Requests go to these hosts only."""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile file that was read and found right."""

    path: Path
    """Where it was read from, as it was given."""
    profiles: Mapping[str, Profile]
    """The profiles by name, in the order of the file; read-only."""
