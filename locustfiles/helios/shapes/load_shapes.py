"""Patterns to learn from: a trend, seasons, anomalies, steps. Import one into a locustfile, and its users follow it."""

from __future__ import annotations

from wireswarm import PlanShape, Spike, Steps, Wave, ramp

MINUTE = 60


class RampPattern(PlanShape):
    """A trend: up to 100 users within 5 minutes, 10 minutes there, 5 minutes back."""

    plan = ramp(100, up=5 * MINUTE, hold=10 * MINUTE, down=5 * MINUTE)


class WavePattern(PlanShape):
    """Seasons: six times from 10 users to 100 and back, 5 minutes each."""

    plan = Wave(10, 100, period=5 * MINUTE, cycles=6)


class SpikePattern(PlanShape):
    """Anomalies: three flash sales, from 20 users to 200 within 18 seconds."""

    plan = Spike(20, 200, before=2 * MINUTE, spike=1 * MINUTE, recovery=3 * MINUTE, cycles=3)


class StepPattern(PlanShape):
    """Capacity: three minutes at each of seven levels."""

    plan = Steps((10, 25, 50, 75, 100, 150, 200), each=3 * MINUTE)
