"""The search for the capacity as a whole: it asks for rates, has them measured, says what came of each."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.console import Console
from rich.status import Status
from rich.text import Text

from wireswarm.capacity import Capacity, Ended, Judged, Outcome, Planning, Reading, Search, Step, judge_step, knee_of
from wireswarm.capacity.curve import curve_of
from wireswarm.capacity.text import head_line, step_line
from wireswarm.commands.steps import Plan, StepError, Steps
from wireswarm.errors import ConfigurationError
from wireswarm.reports.figures import clean, round_number
from wireswarm.reports.saved import read_summary

_MORE: Final = 1.1
"""Where more users do not start so many times more arrivals, it is not for want of users."""
MORE_PROCESSES: Final = "Pass --processes, or run it on a machine of its own with more cores."
MORE_USERS: Final = "Pass more --users, or leave it out: then there are as many as it takes."


class Task(NamedTuple):
    """What is to be found."""

    locustfile: str
    profile: str
    criteria: list[str]
    first: float
    ceiling: float | None
    precision: float
    random: bool
    """Whether arrivals come at random intervals."""


class Finder:
    """One search."""

    def __init__(self, task: Task, planning: Planning, steps: Steps, console: Console) -> None:
        """Prepare."""
        self._task = task
        self._planning = planning
        self._runner = steps
        self._console = console
        ceiling = float("inf") if task.ceiling is None else task.ceiling
        self._search = Search(task.first, ceiling=ceiling, precision=task.precision)
        self._steps: list[Step] = []
        self._plans: list[Plan] = []
        self._advice = ""
        self._limit_at: float | None = None
        self._starved: dict[float, tuple[int, float]] = {}

    def find(self) -> Capacity:
        """Run steps until the search is over, or somebody ends it: then with what is known so far.

        Raises:
            ConfigurationError: the first step was refused, or did not come to its end.
        """
        started, began = datetime.now(UTC), time.monotonic()
        self._console.print(Text(f"Until {' and '.join(self._task.criteria)}", style="bold"), soft_wrap=True)
        self._console.print(Text(head_line(), style="dim"), soft_wrap=True)
        ended = self._run()
        bracket = self._search.bracket
        host, environment = self._surroundings()
        return Capacity(
            ended=ended,
            rate=bracket.holds,
            fails_at=bracket.fails,
            limit_at=self._limit_at,
            knee=self._knee(bracket.holds),
            advice=self._advice if ended is Ended.GENERATOR else "",
            criteria=self._task.criteria,
            precision=self._task.precision,
            locustfile=self._task.locustfile,
            host=host,
            profile=self._task.profile,
            started=started.isoformat(timespec="seconds"),
            duration_s=time.monotonic() - began,
            steps=self._steps,
            environment=environment,
        )

    def _run(self) -> Ended:
        try:
            while (rate := self._search.next_rate()) is not None:
                if not self._step(rate):
                    self._limit_at = rate
                    return Ended.GENERATOR
        except KeyboardInterrupt:
            return Ended.INTERRUPTED
        self._limit_at = self._search.generator_limit
        return self._search.ended or Ended.FOUND

    def _step(self, rate: float) -> bool:
        """Measure a rate; False where that cannot be done."""
        plan = Plan(len(self._steps) + 1, rate, self._planning.size(rate))
        try:
            reading = self._measure(plan)
        except (ConfigurationError, StepError) as error:
            problems = error.problems if isinstance(error, ConfigurationError) else [str(error)]
            if not self._steps:
                raise ConfigurationError(problems) from error
            self._advice = "; ".join(problems)
            return False
        judged = judge_step(rate, plan.size.seconds, reading, random=self._task.random)
        judged, again = self._look_at_users(plan, reading, judged)
        step = Step(rate=rate, outcome=judged.outcome, reason=judged.reason, seconds=plan.size.seconds, reading=reading)
        self._steps.append(step)
        self._plans.append(plan)
        self._console.print(Text(clean(step_line(step, len(self._steps), again=again))), soft_wrap=True)
        if not again:
            self._search.note(rate, judged.outcome)
        return True

    def _look_at_users(self, plan: Plan, reading: Reading, judged: Judged) -> tuple[Judged, bool]:
        """Whether a step is to be repeated with more users; where they were of no use, the target is the limit."""
        if not judged.starved:
            if judged.outcome is Outcome.GENERATOR:
                self._advice = MORE_PROCESSES
            return judged, False
        self._advice = MORE_USERS
        started = reading.started / plan.size.seconds
        users, before = self._starved.get(plan.rate, (0, 0.0))
        self._starved[plan.rate] = reading.users, started
        if 0 < users < reading.users and started < _MORE * before:
            why = f"{reading.users:,} users did not start more than {users:,} did"
            why += f": {started:,.1f} of {plan.rate:g} arrivals a second"
            return Judged(Outcome.FAILS, why), False
        return judged, self._planning.grow(plan.rate, plan.size.users, started)

    def _measure(self, plan: Plan) -> Reading:
        with self._console.status("") as status:
            return self._runner.run(plan, lambda seconds: _tell(status, plan, seconds))

    def _knee(self, highest: float | None) -> float | None:
        points = [(point.rate, point.p95_ms) for point in curve_of(self._steps) if point.p95_ms is not None]
        return None if highest is None else knee_of(points, highest=highest)

    def _surroundings(self) -> tuple[str, dict[str, str]]:
        for plan in reversed(self._plans):
            try:
                run = read_summary(self._runner.summary(plan)).run
            except ConfigurationError:
                continue
            return run.host, run.environment
        return "", {}


def _tell(status: Status, plan: Plan, seconds: float) -> None:
    status.update(
        f"step {plan.number}: {round_number(plan.rate)} arrivals a second with {plan.size.users:,} users, "
        f"{seconds:.0f} of about {plan.size.seconds + 4} s"
    )
