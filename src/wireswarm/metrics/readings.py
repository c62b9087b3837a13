"""What a process that generates load says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from wireswarm.metrics.histogram import Histogram

BUSY: Final = 0.95
"""Share of a core from which a process has nothing left: Python runs on one at a time."""

WorkerState = Literal["running", "done", "left", "lost"]


class Reading(NamedTuple):
    """One look at the process."""

    seconds: float
    """How long since the last look."""
    cpu_s: float
    """Seconds of a core that it used meanwhile."""
    memory_mb: float
    """Resident."""
    users: int
    connections: int
    """Open sockets."""
    clock_step_s: float = 0.0
    """By how much the machine's clock was set meanwhile; 0 where it was not."""


class WorkerReadings:
    """Of one process over a run."""

    __slots__ = (
        "_cpu_s",
        "busy_s",
        "clock_step_s",
        "clock_steps",
        "connections",
        "connections_max",
        "cpu_latest",
        "cpu_max",
        "lag",
        "last_report_s",
        "measured_s",
        "memory_first_mb",
        "memory_max_mb",
        "memory_mb",
        "name",
        "state",
        "stopped_s",
        "users",
        "users_max",
    )

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.state: WorkerState = "running"
        """`done`; `left`, for one that stopped before the end; `lost`, for one that went without its last report."""
        self.last_report_s = 0.0
        """When it last reported, in seconds of the run."""
        self.stopped_s: float | None = None
        """When it said that all its users have stopped."""
        self.measured_s = 0.0
        """How long it was looked at."""
        self._cpu_s = 0.0
        self.busy_s = 0.0
        """How long it used a whole core, or more than 95 % of it."""
        self.cpu_max = 0.0
        """Share of one core, of a second."""
        self.cpu_latest = 0.0
        self.memory_first_mb = 0.0
        self.memory_mb = 0.0
        self.memory_max_mb = 0.0
        self.lag = Histogram()
        """How late the event loop woke."""
        self.users = 0
        self.users_max = 0
        self.connections = 0
        self.connections_max = 0
        self.clock_steps = 0
        """How often the machine's clock was set."""
        self.clock_step_s = 0.0
        """By how much at most."""

    @property
    def cpu_mean(self) -> float:
        """Share of one core, over the whole run."""
        return self._cpu_s / self.measured_s if self.measured_s else 0.0

    @property
    def lost(self) -> bool:
        """Whether samples of it are missing."""
        return self.state == "lost"

    def observe(self, reading: Reading) -> None:
        """Add one look."""
        if reading.seconds > 0:
            share = reading.cpu_s / reading.seconds
            self.measured_s += reading.seconds
            self._cpu_s += reading.cpu_s
            if share >= BUSY:
                self.busy_s += reading.seconds
            self.cpu_latest = share
            self.cpu_max = max(self.cpu_max, share)
        self.memory_first_mb = self.memory_first_mb or reading.memory_mb
        self.memory_mb = reading.memory_mb
        self.memory_max_mb = max(self.memory_max_mb, reading.memory_mb)
        self.users = reading.users
        self.users_max = max(self.users_max, reading.users)
        self.connections = reading.connections
        self.connections_max = max(self.connections_max, reading.connections)
        if reading.clock_step_s:
            self.clock_steps += 1
            self.clock_step_s = max(self.clock_step_s, abs(reading.clock_step_s))

    def to_message(self) -> list[float]:
        """Plain numbers, as a message to another process takes them; none without a look."""
        if not self.memory_max_mb:
            return []
        return [
            self.measured_s,
            self._cpu_s,
            self.busy_s,
            self.cpu_max,
            self.cpu_latest,
            self.memory_first_mb,
            self.memory_mb,
            self.memory_max_mb,
            self.users,
            self.users_max,
            self.connections,
            self.connections_max,
            self.clock_steps,
            self.clock_step_s,
        ]

    def merge_message(self, message: Sequence[float]) -> None:
        """Add what another process saw after what is here."""
        if not message:
            return
        measured, cpu, busy, cpu_max, self.cpu_latest, first, self.memory_mb, memory_max = message[:8]
        users, users_max, connections, connections_max, steps, step = message[8:]
        self.measured_s += measured
        self._cpu_s += cpu
        self.busy_s += busy
        self.cpu_max = max(self.cpu_max, cpu_max)
        self.memory_first_mb = self.memory_first_mb or first
        self.memory_max_mb = max(self.memory_max_mb, memory_max)
        self.users, self.connections = int(users), int(connections)
        self.users_max = max(self.users_max, int(users_max))
        self.connections_max = max(self.connections_max, int(connections_max))
        self.clock_steps += int(steps)
        self.clock_step_s = max(self.clock_step_s, step)
