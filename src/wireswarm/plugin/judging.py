"""Judges a run while it goes on, ends it where a threshold says so, and gives the verdict on its final data.

Only where the results are: on the master, or in the only process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent
from locust.env import Environment
from locust.event import EventHook

from wireswarm.metrics import Results, RunReadings, Validity, judge_validity
from wireswarm.plugin.criteria import Criteria, criteria_of
from wireswarm.plugin.ending import THRESHOLD, end_test
from wireswarm.plugin.exit_code import Ending, decide
from wireswarm.plugin.exporting import JUDGEMENTS, VALIDITY
from wireswarm.plugin.measuring import results_of
from wireswarm.plugin.reporting import RECENT_SECONDS, Reporting
from wireswarm.plugin.watching import Watcher
from wireswarm.reports.compare import Comparison, compare
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


class _Judge:
    def __init__(self, environment: Environment, results: Results, criteria: Criteria) -> None:
        self._environment = environment
        self._results = results
        self._criteria = criteria
        self._reporting = Reporting(environment, results)
        self._evaluator = Evaluator(criteria.thresholds)
        self._watcher: Watcher | None = None
        self._live: gevent.Greenlet[[], None] | None = None
        self._decided: int | None = None
        self._running = False
        results.keep_windows(max(RECENT_SECONDS, longest_window(criteria.thresholds) or 0))
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stopping.add_listener(self._on_test_stopping)
        _last(environment.events.test_stop, self._on_end)
        # Where the last worker went missing, or a listener killed the stop, there was no test_stop.
        environment.events.quitting.add_listener(self._on_end)
        environment.events.quit.add_listener(self._on_quit)

    def _on_test_start(self, **_kwargs: Any) -> None:
        environment = self._environment
        self._running = True
        if environment.process_exit_code == self._decided:
            environment.process_exit_code = None  # that was about the test before
        self._decided = None
        self._evaluator = Evaluator(self._criteria.thresholds)
        self._publish([], Validity("VALID", []))
        if self._criteria.watches:
            self._watcher = Watcher(self._criteria.watches.values(), self._results, host=environment.host)
            self._watcher.start()
        self._reporting.start()
        self._live = gevent.spawn(self._judge_every_second)

    def _judge_every_second(self) -> None:
        while True:
            gevent.sleep(1.0)
            judgements = self._evaluator.judge(self._results, self._results.elapsed_s)
            self._publish(judgements, judge_validity(RunReadings.of(self._results)))
            self._reporting.progress([j for j in judgements if j.breached_since_s is not None])
            if any(judgement.abort for judgement in judgements):
                for judgement in judgements:
                    if judgement.abort:
                        logger.error("Threshold %s: %s; the test ends here", judgement.expression, judgement.detail)
                end_test(self._environment, THRESHOLD)
                return

    def _publish(self, judgements: list[Judgement], validity: Validity) -> None:
        setattr(self._environment, JUDGEMENTS, judgements)
        setattr(self._environment, VALIDITY, validity)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        # From here on there is less load, which says nothing about the target.
        if self._live is not None:
            self._live.kill(block=False)
            self._live = None
        self._reporting.stop_progress()
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    def _on_end(self, **_kwargs: Any) -> None:
        if not self._running:
            return
        self._running = False
        self._on_test_stopping()
        results = self._results
        judgements = self._evaluator.judge(results, results.elapsed_s, final=True)
        validity = judge_validity(RunReadings.of(results))
        self._publish(judgements, validity)
        baseline = self._criteria.baseline
        summarise = self._reporting.summarise
        comparison: Comparison | None = None
        if baseline is not None:
            comparison = compare(baseline, summarise(judgements, validity, 0))
        code = self._decide(judgements, validity, comparison)
        self._reporting.finish(summarise(judgements, validity, code), comparison)

    def _decide(self, judgements: list[Judgement], validity: Validity, comparison: Comparison | None) -> int:
        environment, options = self._environment, self._environment.parsed_options
        asked = environment.process_exit_code
        code = decide(
            Ending(
                asked=asked,
                breached=not all(j.passed for j in judgements) or bool(comparison and comparison.regressions),
                invalid=validity.state == "INVALID" and bool(getattr(options, "fail_on_invalid", False)),
                failures=bool(environment.stats.errors),
                errors_judged=any(threshold.about_errors for threshold in self._criteria.thresholds),
                exceptions=bool(self._results.exceptions),
                on_error=getattr(options, "exit_code_on_error", 1),
            )
        )
        self._decided = environment.process_exit_code = code
        return code

    def _on_quit(self, exit_code: int, **_kwargs: Any) -> None:
        self._reporting.quit(exit_code)


def _last(event: EventHook, listener: Callable[..., None]) -> None:
    # After those of the locustfile, whose own requests and exit codes at the end of the test count.
    event.add_listener(listener)
