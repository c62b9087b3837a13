"""Judges a run while it goes on, ends it where a threshold says so, and gives the verdict on its final data.

Only where the results are: on the master, or in the only process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import gevent
import locust.log
from locust.env import Environment
from locust.event import EventHook

from wireswarm.errors import ConfigurationError
from wireswarm.metrics import Results, RunReadings, Validity, judge_validity
from wireswarm.plugin.criteria import Criteria, criteria_of, watcher_of
from wireswarm.plugin.ending import THRESHOLD, end_test, note_usual_end
from wireswarm.plugin.exit_code import Ending, decide
from wireswarm.plugin.exporting import JUDGEMENTS, VALIDITY
from wireswarm.plugin.measuring import report_often, results_of
from wireswarm.plugin.reporting import RECENT_SECONDS, Reporting
from wireswarm.plugin.watching import Watcher
from wireswarm.reports.compare import Comparison, compare
from wireswarm.reports.summary import Summary
from wireswarm.thresholds import Evaluator, Judgement, longest_window

logger = logging.getLogger(__name__)


def install_judging(environment: Environment) -> None:
    """Judge that environment's runs, and report on them, where the results are.

    Raises:
        ConfigurationError: what they are to be judged by is wrong.
    """
    results = results_of(environment)
    if results is not None:
        _Judge(environment, results, criteria_of(environment.parsed_options))


def ending_of(
    environment: Environment, judgements: Iterable[Judgement], validity: Validity, *, breached: bool
) -> Ending:
    """How the environment's test ends, or would if it were to end now.

    Args:
        environment: whose test it is; the results are in it.
        judgements: the thresholds.
        validity: of the run.
        breached: whether a threshold failed, or the comparison with the baseline.
    """
    options, results = environment.parsed_options, results_of(environment)
    return Ending(
        asked=environment.process_exit_code,
        breached=breached,
        invalid=validity.state == "INVALID" and bool(getattr(options, "fail_on_invalid", False)),
        failures=bool(environment.stats.errors),
        errors_judged=any(judgement.threshold.about_errors for judgement in judgements),
        exceptions=results is not None and bool(results.exceptions),
        on_error=getattr(options, "exit_code_on_error", 1),
    )


class _Judge:
    def __init__(self, environment: Environment, results: Results, criteria: Criteria) -> None:
        self._environment = environment
        self._results = results
        self._criteria = criteria
        self._reporting = Reporting(environment, results)
        self._verdict = _Verdict(environment)
        self._evaluator = Evaluator(criteria.thresholds)
        self._watcher: Watcher | None = None
        self._last_look: gevent.Greenlet[[], None] | None = None
        self._live: gevent.Greenlet[[], None] | None = None
        self._running = False
        self._began = 0.0
        results.keep_windows(max(RECENT_SECONDS, longest_window(criteria.thresholds) or 0))
        events = environment.events
        events.test_start.add_listener(self._on_test_start)
        # Before the master waits for its workers: from there on there is less load, which says nothing of the target.
        _first(events.test_stopping, self._on_test_stopping)
        # After those of the locustfile, whose own requests and exit codes at the end of the test count.
        events.test_stop.add_listener(self._on_test_stop)
        _first(events.quitting, self._on_quitting)  # the last: these are told in reverse order
        events.quit.add_listener(self._on_quit)

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._running = True
        self._began = time.monotonic()
        self._verdict.forget()
        self._evaluator = Evaluator(self._criteria.thresholds)
        self._publish([], Validity("VALID", []))
        environment = self._environment
        report_often(environment, often=any(one.abort_after_s is not None for one in self._criteria.thresholds))
        self._watcher = watcher_of(self._criteria, environment.user_classes, environment.host, self._results)
        self._watcher.start()
        self._reporting.start()
        self._live = gevent.spawn(self._judge_every_second)

    def _judge_every_second(self) -> None:
        while True:
            gevent.sleep(1.0)
            judgements = self._evaluator.judge(self._results, self._results.elapsed_s)
            self._publish(judgements, judge_validity(RunReadings.of(self._results)))
            self._reporting.progress([j for j in judgements if j.breached_since_s is not None])
            fatal = [judgement for judgement in judgements if judgement.abort]
            for judgement in fatal:
                logger.error("%s: %s: %s", judgement.subject, judgement.expression, judgement.detail)
            if fatal:
                end_test(self._environment, THRESHOLD)
                return

    def _publish(self, judgements: list[Judgement], validity: Validity) -> None:
        setattr(self._environment, JUDGEMENTS, judgements)
        setattr(self._environment, VALIDITY, validity)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        note_usual_end(self._environment, time.monotonic() - self._began)
        self._look_no_more()

    def _look_no_more(self) -> None:
        if self._live is not None:
            self._live.kill(block=False)
            self._live = None
        self._reporting.stop_progress()
        if self._watcher is not None:
            self._last_look = gevent.spawn(self._watcher.stop)  # which takes its time, while users end as well
            self._watcher = None

    def _on_test_stop(self, **_kwargs: Any) -> None:
        if not self._running:
            return
        self._running = False
        self._look_no_more()
        if self._last_look is not None:
            self._last_look.join()
        results = self._results
        judgements = self._evaluator.judge(results, results.elapsed_s, final=True)
        validity = judge_validity(RunReadings.of(results))
        self._publish(judgements, validity)
        comparison, notes = self._compare(self._reporting.summarise(judgements, validity, 0))
        worse = self._criteria.baseline is not None and (comparison is None or not comparison.passed)
        breached = worse or not all(judgement.passed for judgement in judgements)
        code = self._verdict.give(ending_of(self._environment, judgements, validity, breached=breached))
        self._reporting.finish(self._reporting.summarise(judgements, validity, code, notes), comparison)

    def _compare(self, summary: Summary) -> tuple[Comparison | None, list[str]]:
        if self._criteria.baseline is None:
            return None, []
        try:
            comparison = compare(self._criteria.baseline, summary)
        except ConfigurationError as error:  # there is nothing to compare, which is no pass
            for problem in error.problems:
                logger.error("--baseline: %s", problem)
            return None, [f"--baseline: {problem}" for problem in error.problems]
        return comparison, self._reporting.notes_on(comparison)

    def _on_quitting(self, **_kwargs: Any) -> None:
        # Where the last worker went missing, or a listener killed the stop, there was no end of the test.
        self._on_test_stop()
        self._verdict.look_again()

    def _on_quit(self, exit_code: int, **_kwargs: Any) -> None:
        self._reporting.quit(exit_code)


class _Verdict:
    """The exit code of the last test, given at its end, and looked at again when the process ends."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._ending: Ending | None = None
        self._code: int | None = None

    def forget(self) -> None:
        """Another test begins."""
        if self._environment.process_exit_code == self._code:
            self._environment.process_exit_code = None  # that was about the test before
        self._ending = self._code = None

    def give(self, ending: Ending) -> int:
        """Decide at the end of a test."""
        self._ending = ending
        return self._decide(ending)

    def look_again(self) -> None:
        """Decide once more: a locustfile may have asked for another exit code as late as now, or have raised."""
        ending = self._ending
        if ending is None:
            return
        if self._environment.process_exit_code != self._code:
            ending = ending._replace(asked=self._environment.process_exit_code)
        if locust.log.unhandled_greenlet_exception:  # which Locust looks at where nobody has asked for an exit code
            ending = ending._replace(exceptions=True)
        self._decide(ending)

    def _decide(self, ending: Ending) -> int:
        self._code = self._environment.process_exit_code = decide(ending)
        return self._code


def _first(event: EventHook, listener: Callable[..., None]) -> None:
    event._handlers.insert(0, listener)
