"""Tabs in Locust's web UI with the verdict and the percentiles, a live report, and its files to download.

Locust's extension tabs are tables whose rows come with the statistics that the UI asks for every two seconds. All that
is shown is computed when somebody looks, in the process that may be generating load: at most once a second, at most a
twentieth of the time, and never for long at a stretch.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import gevent
from flask import Blueprint, Flask, Response, request
from gevent.lock import BoundedSemaphore
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_STOPPING
from locust.web import WebUI
from markupsafe import Markup

from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.metrics import Results, Validity
from wireswarm.plugin import webtab_rows as rows
from wireswarm.plugin.exit_code import decide
from wireswarm.plugin.exporting import JUDGEMENTS, VALIDITY
from wireswarm.plugin.judging import ending_of
from wireswarm.plugin.measuring import results_of
from wireswarm.plugin.reporting import REPORTING, SUMMARY, Reporting
from wireswarm.reports.figures import clock
from wireswarm.reports.html import render_html
from wireswarm.reports.junit import render_junit
from wireswarm.reports.saved import encode
from wireswarm.reports.summary import Summary
from wireswarm.thresholds import Judgement

T = TypeVar("T")

REFRESH_S: Final = 5
"""The live report loads itself again so often, while a test runs."""
_LEAST_AGE_S: Final = 1.0
_SHARE: Final = 0.05
"""Of the time, that may be spent on computing one thing again and again."""
_ENDING_S: Final = 5.0
"""The UI's question for the statistics waits so long for the verdict of a test that ends."""
_LOOK_S: Final = 0.05
_ATTEMPTS: Final = 5
"""To read what the load goes on to write."""

_TABS: Final = [{"key": rows.VERDICT, "title": "Verdict"}, {"key": rows.PERCENTILES, "title": "Percentiles"}]
_TABLES: Final = [
    {"key": key, "structure": [{"key": column, "title": title} for column, title in columns]}
    for key, columns in rows.STRUCTURES.items()
]
# Relative to the UI's own page, wherever --web-base-path has it.
_LINKS: Final = [
    {"href": "./wireswarm/report", "title": "Wireswarm: live report"},
    {"href": "./wireswarm/summary.json", "title": "Wireswarm: download summary (JSON)"},
    {"href": "./wireswarm/junit.xml", "title": "Wireswarm: download thresholds (JUnit XML)"},
]
# At the left of the UI's footer, where it hides no row.
_LINK_ON_THE_PAGE: Final = (
    '<div style="position:relative;height:0"><a id="wireswarm-report" href="./wireswarm/report" target="_blank" '
    'rel="noopener" style="position:absolute;left:24px;bottom:12px;padding:6px 14px;border-radius:16px;color:#fff;'
    "background:#15803d;text-decoration:none;font:500 14px Roboto,Helvetica,Arial,sans-serif;white-space:nowrap"
    '">Live report ↗</a></div>'
).encode()
_NO_TEST: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Live report</title></head><body>'
    '<p>No test has been started yet; this page waits for one.</p><p><a href="../">Web UI</a></p></body></html>'
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # The report's own policy, of what may run and load, is in the page. This part of one counts in a header alone.
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def install_webtab(environment: Environment, clock: Clock = SYSTEM_CLOCK) -> None:
    """Extend the environment's web UI, where it has one and the results are here.

    To be called when what judges and reports has been installed, before the web UI answers its first request.
    """
    web_ui, results = environment.web_ui, results_of(environment)
    if web_ui is None or web_ui.app is None or results is None:
        return
    platform.platform(terse=True)  # which reports tell: the first time it starts a program, as only this thread can
    tab = _Tab(environment, web_ui, results, clock)
    tab.extend(web_ui.app)


def with_tables(body: bytes, tables: bytes) -> bytes:
    """Locust's statistics, a JSON object, with the rows of our tables; those of others are kept.

    Args:
        body: the object.
        tables: a JSON array.
    """
    if b'"extended_stats"' in body:
        report = json.loads(body)
        ours = json.loads(tables)
        keys = {table["key"] for table in ours}
        report["extended_stats"] = [t for t in report["extended_stats"] or [] if t["key"] not in keys] + ours
        return json.dumps(report).encode()
    # Parsing up to five hundred rows, to write them again, would take longer than everything else.
    head, brace, _ = body.rpartition(b"}")
    return b"".join((head, b', "extended_stats": ', tables, brace))


class _Cached(Generic[T]):
    """A value that is computed when it is asked for, unless the last one is young enough."""

    def __init__(self, compute: Callable[[], T], clock: Clock, least_age_s: float = _LEAST_AGE_S) -> None:
        self._compute = compute
        self._clock = clock
        self._least_age_s = least_age_s
        self._lock = BoundedSemaphore(1)
        self._value: T | None = None
        self._good_until = 0.0

    def get(self) -> T:
        with self._lock:  # who comes while it is computed waits for that one
            if self._value is None or self._clock.monotonic() >= self._good_until:
                began = self._clock.monotonic()
                self._value = self._compute()
                ended = self._clock.monotonic()
                self._good_until = ended + max(self._least_age_s, (ended - began) / _SHARE)
            return self._value

    def clear(self) -> None:
        self._good_until = 0.0


class _Tab:
    def __init__(self, environment: Environment, web_ui: WebUI, results: Results, clock: Clock) -> None:
        self._environment = environment
        self._web_ui = web_ui
        self._results = results
        self._clock = clock
        self._running = False
        self._started = False
        self._tables = _Cached(self._make_tables, clock)
        self._summary_so_far = _Cached(self._sum_up, clock)
        self._page = _Cached(self._make_page, clock, REFRESH_S - 1)
        self._stopping_at: float | None = None
        events = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.test_stop.add_listener(self._on_test_stop)

    # ---- The test

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._running = self._started = True
        self._stopping_at = None
        self._clear()

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        self._stopping_at = self._clock.monotonic()

    def _on_test_stop(self, **_kwargs: Any) -> None:
        self._running = False
        self._clear()

    def _clear(self) -> None:
        for cached in (self._tables, self._summary_so_far, self._page):
            cached.clear()

    def _is_ending(self) -> bool:
        runner = self._environment.runner
        states = {STATE_STOPPING, STATE_CLEANUP}
        return self._stopping_at is not None and (self._running or (runner is not None and runner.state in states))

    def _standing(self) -> rows.Standing:
        attributes = vars(self._environment)
        judgements: list[Judgement] = attributes.get(JUDGEMENTS) or []
        validity: Validity = attributes.get(VALIDITY) or Validity("VALID", [])
        code = self._environment.process_exit_code
        if self._running:
            breached = any(not j.passed and j.value is not None for j in judgements)
            code = decide(ending_of(self._environment, judgements, validity, breached=breached))
        return rows.Standing(self._running, code or 0, self._results, judgements, validity)

    # ---- Locust's own pages

    def extend(self, app: Flask) -> None:
        """Add our pages, and what is ours on Locust's."""
        base = (app.blueprints["locust"].url_prefix or "").rstrip("/")
        ours = Blueprint("wireswarm", __name__, url_prefix=f"{base}/wireswarm")
        for name, view in (
            ("report", self._show_report),
            ("summary.json", self._download_summary),
            ("junit.xml", self._download_junit),
        ):
            endpoint = name.partition(".")[0]
            ours.add_url_rule(f"/{name}", endpoint, self._web_ui.auth_required_if_enabled(view))
        app.register_blueprint(ours)
        app.before_request(self._before)
        app.after_request(self._after)

    def _before(self) -> None:
        if request.endpoint == "locust.index":
            self._announce()
        elif request.endpoint == "locust.request_stats":
            # What the UI is told last, when the test is over, it shows from then on: that should be the verdict.
            while self._is_ending() and self._clock.monotonic() - (self._stopping_at or 0) < _ENDING_S:
                self._clock.sleep(_LOOK_S)

    def _announce(self) -> None:
        # Here and not once, since a locustfile may have set these for tabs of its own.
        arguments = self._web_ui.template_args
        for name, ours in (("extended_tabs", _TABS), ("extended_tables", _TABLES), ("extended_csv_files", _LINKS)):
            others = [one for one in arguments.get(name) or [] if one not in ours]
            arguments[name] = [*others, *ours]

    def _after(self, response: Response) -> Response:
        if response.status_code != 200:
            return response
        if request.endpoint == "locust.request_stats" and self._started:
            # Locust answers with the same object for two seconds, so it is not to be changed.
            headers = response.headers.copy()
            headers.pop("Content-Length", None)
            return Response(with_tables(response.get_data(), self._tables.get()), headers=headers)
        if request.endpoint == "locust.index":
            head, end, tail = response.get_data().rpartition(b"</body>")
            response.set_data(b"".join((head, _LINK_ON_THE_PAGE if end else b"", end, tail)))
        return response

    def _make_tables(self) -> bytes:
        standing = self._standing()
        tables = {
            rows.VERDICT: rows.verdict_rows(standing),
            rows.PERCENTILES: rows.percentile_rows(standing.results, lambda: gevent.sleep(0)),
        }
        return json.dumps([{"key": key, "data": data} for key, data in tables.items()]).encode()

    # ---- Ours

    def _summary(self) -> Summary:
        if not self._running:
            last: Summary | None = vars(self._environment).get(SUMMARY)
            if last is not None:
                return last
        return self._summary_so_far.get()

    def _sum_up(self) -> Summary:
        standing = self._standing()
        reporting: Reporting = vars(self._environment)[REPORTING]

        def summarise() -> Summary:
            return reporting.summarise(standing.judgements, standing.validity, standing.exit_code)

        return _aside(summarise)

    def _show_report(self) -> Response:
        if not self._started:
            return self._html(_NO_TEST, "default-src 'none'; frame-ancestors 'none'")
        return self._html(self._page.get())

    def _make_page(self) -> str:
        summary = self._summary()
        about = _about(summary, running=self._running)
        return _aside(lambda: render_html(summary, about))

    def _html(self, page: str, policy: str | None = None) -> Response:
        headers = {**_HEADERS, "Content-Security-Policy": policy} if policy else dict(_HEADERS)
        if self._running or not self._started:
            headers["Refresh"] = str(REFRESH_S)
        return Response(page, content_type="text/html; charset=utf-8", headers=headers)

    def _download_summary(self) -> Response:
        return self._file("summary.json", "application/json", encode)

    def _download_junit(self) -> Response:
        return self._file("junit.xml", "application/xml", render_junit)

    def _file(self, name: str, content_type: str, render: Callable[[Summary], str | bytes]) -> Response:
        if not self._started:
            return Response("No test has been started yet.\n", 404, content_type="text/plain", headers=_HEADERS)
        summary = self._summary()
        headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(_aside(lambda: render(summary)), content_type=content_type, headers=headers)


def _about(summary: Summary, *, running: bool) -> Markup:
    told = (
        f"The test is running. This is how it stands after {clock(summary.run.duration_s)}; "
        f"the page loads itself again every {REFRESH_S} seconds."
        if running
        else "The test has ended."
    )
    links = '<a href="../">Web UI</a> · <a href="summary.json">Summary</a> · <a href="junit.xml">JUnit</a>'
    return Markup('<p class="soft" role="status">{} {}</p>').format(told, Markup(links))  # noqa: S704 - ours


def _aside(work: Callable[[], T]) -> T:
    """Work in a thread of its own, which shares the processor with the load instead of making it wait."""
    for _ in range(_ATTEMPTS - 1):
        try:
            result: T = gevent.get_hub().threadpool.apply(work)
        except RuntimeError:
            continue  # a dictionary has grown while it was read
        return result
    return work()
