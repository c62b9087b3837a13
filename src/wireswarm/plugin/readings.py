"""Looking at this process: processor time, memory, connections, and whether the machine's clock was set."""

from __future__ import annotations

import psutil

from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.metrics import Reading

_STEP_SECONDS = 0.010
"""Less than that is the time service at work, which turns the clock faster or slower, and not a step."""
_QUICK_SECONDS = 0.001
"""Two clocks cannot be read at once. What took longer was interrupted, and is read again."""
_CONNECTIONS_EVERY = 3
"""Looks; counting many open files takes milliseconds."""


class ClockWatch:
    """Notices when the machine's clock is set, against the one that only runs."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._apart = self._read()

    def step(self) -> float:
        """By how many seconds the clock was set since the last look; 0 where it was not."""
        apart, before = self._read(), self._apart
        if apart is None:
            return 0.0
        self._apart = apart
        if before is None or abs(apart - before) < _STEP_SECONDS:
            return 0.0
        return apart - before

    def _read(self) -> float | None:
        for _ in range(3):
            began = self._clock.monotonic()
            now = self._clock.time()
            if self._clock.monotonic() - began < _QUICK_SECONDS:
                return now - began
        return None


class ProcessReadings:
    """Looks at the process that it was made in."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._watch = ClockWatch(clock)
        self._looked = clock.monotonic()
        self._cpu_s = self._cpu()
        self._files = self._process.num_fds()
        self._connections = 0
        self._looks = 0

    def look(self, users: int) -> Reading:
        """What happened since the last look."""
        now, cpu = self._clock.monotonic(), self._cpu()
        seconds, cpu_s = now - self._looked, cpu - self._cpu_s
        self._looked, self._cpu_s = now, cpu
        if self._looks % _CONNECTIONS_EVERY == 0:
            # What is opened during a test are connections.
            self._connections = max(0, self._process.num_fds() - self._files)
        self._looks += 1
        memory = self._process.memory_info().rss / 1e6
        return Reading(seconds, cpu_s, memory, users, self._connections, self._watch.step())

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
