"""The web UI as people use it, in a real browser: start a test, look at its tabs, follow the link, stop it."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from chromium import Chromium, Page
from locust_process import PATIENCE, QUICK_CHATER, LocustProcess, Target, Web, free_port, master_port, write

from wireswarm.reports.saved import decode

BROKEN_INTO = "document.title=`broken into`"
NAMES = ('/"><img src=x onerror="' + BROKEN_INTO + '">', f"/<script>{BROKEN_INTO}</script>")

HOSTILE = f"""
from locust import constant, task
from wireswarm import ProtobufUser


class Visitor(ProtobufUser):
    wait_time = constant(0.05)

    @task
    def ask(self):
        for name in {NAMES!r}:
            self.client.get("/health", name=name)
"""

LOGIN = """
from flask_login import UserMixin, login_user
from flask import redirect
from locust import events


class Somebody(UserMixin):
    id = "somebody"


@events.init.add_listener
def set_up(environment, **_kwargs):
    web_ui = environment.web_ui
    web_ui.app.secret_key = "of this test"
    web_ui.login_manager.user_loader(lambda _name: Somebody())

    @web_ui.app.route("/let-me-in")
    def let_me_in():
        login_user(Somebody())
        return "welcome"
"""


@contextmanager
def site(folder: Path, target: Target, text: str, *options: object) -> Iterator[tuple[LocustProcess, int]]:
    """A `locust` with its web UI, where nothing has been started yet."""
    port = free_port()
    everywhere = ("--web-host", "127.0.0.1", "--web-port", port, "--host", target.url)
    with LocustProcess(write(folder, text), *everywhere, *options) as run:
        run.until(Web(port).is_up)
        yield run, port


def ask(port: int, path: str, cookie: str = "") -> tuple[int, dict[str, str], str]:
    """Status, fields and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def tables(port: int) -> dict[str, list[dict[str, Any]]]:
    """The rows of our tabs, by the table's key."""
    statistics = json.loads(Web(port).get("/stats/requests"))
    return {table["key"]: table["data"] for table in statistics.get("extended_stats", [])}


def start(page: Page) -> None:
    """Fill in the form as it is, and press the button."""
    has_begun = "document.querySelectorAll('[role=tab]').length > 0"
    page.click("button", "Start")
    with gevent.Timeout(10, False):
        page.until(has_begun)
        return
    page.click("button", "Start")  # the page was still being laid out, and moved away below the mouse
    page.until(has_begun)


def rows(page: Page, condition: str) -> list[list[str]]:
    """The rows of the table that is shown, when its text fulfils a condition."""
    page.until(f"(() => {{ const text = document.querySelector('table')?.innerText ?? ''; return {condition}; }})()")
    return page.table()


def test_a_test_is_started_followed_and_stopped_by_clicking(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target(latency="5ms")
    thresholds = ("--threshold", "p95 < 2s", "--threshold", "POST /eater_auth: max < 1us", "-u", 4, "-r", 4)
    with site(tmp_path, target, QUICK_CHATER, *thresholds) as (_, port), Chromium(tmp_path) as browser:
        page = browser.open(f"http://127.0.0.1:{port}/")
        start(page)

        page.click("[role=tab]", "Verdict")
        heads, verdict, validity, *judged = rows(page, "text.includes('breached') && text.includes('holds')")
        assert heads == ["State", "Judged on", "Check", "Found", "From"]
        assert verdict[:3] == ["✗ failing", "test", "verdict so far: exit code 3"]
        assert "requests" in verdict[3]
        assert validity[1:3] == ["load generator", "validity of the numbers"]
        assert [row[:3] for row in judged if row[2] != "validity of the numbers"] == [
            ["✗ breached", "POST /eater_auth", "max < 1us"],
            ["✓ holds", "total", "p95 < 2s"],
        ]
        picture = tmp_path / "verdict.png"
        page.picture(picture)
        assert picture.stat().st_size > 30_000, "there is something to see"

        page.click("[role=tab]", "Percentiles")
        heads, total, *others = rows(page, "text.includes('FLOW') && text.includes('/eater_auth')")
        assert heads[:3] == ["Type", "Name", "# Requests"]
        assert heads[-4:] == ["p95 (ms)", "p99 (ms)", "p99.9 (ms)", "Max (ms)"]
        assert total[1] == "total"
        assert 5 <= float(total[heads.index("p50 (ms)")]) <= float(total[-1]), "the target takes 5 ms"
        assert ["POST", "/eater_auth"] in [row[:2] for row in others]
        count = int(total[2])
        page.until(f"Number(document.querySelectorAll('table tr')[1].cells[2].innerText) > {count}")
        page.picture(tmp_path / "percentiles.png")

        page.click("a", "Live report ↗")
        report = browser.opened("/wireswarm/report")
        report.until("document.querySelector('[role=status]')?.innerText.startsWith('The test is running.')")
        assert report.look("document.querySelectorAll('svg.chart .line.p95 path').length") >= 1
        report.look("window.old = true")
        report.until("!window.old && !!document.querySelector('[role=status]')")  # it has loaded itself again
        report.picture(tmp_path / "report.png")

        page.click("[role=tab]", "Verdict")
        page.click("button", "Stop")
        _, verdict, *_ = rows(page, "text.includes('FAILED')")
        assert verdict[:3] == ["✗ FAILED", "test", "verdict: exit code 3"]
        report.until("document.querySelector('[role=status]')?.innerText.startsWith('The test has ended.')")

        page.click("[role=tab]", "Download Data")
        links = page.until("[...document.querySelectorAll('main a')].map((a) => a.href)")
        assert [f"http://127.0.0.1:{port}/wireswarm/{name}" for name in ("report", "summary.json", "junit.xml")] == [
            link for link in links if "wireswarm" in link
        ]
        assert page.complaints == []
        assert report.complaints == []
        assert decode(Web(port).get("/wireswarm/summary.json").encode(), "summary.json").exit_code == 3


def test_names_are_text_in_the_tabs_and_in_the_report(start_target: Callable[..., Target], tmp_path: Path) -> None:
    with site(tmp_path, start_target(), HOSTILE) as (_, port), Chromium(tmp_path) as browser:
        page = browser.open(f"http://127.0.0.1:{port}/")
        start(page)
        page.click("[role=tab]", "Percentiles")
        shown = rows(page, "text.includes('<script>') && text.includes('onerror')")
        assert [row[1] for row in shown[2:]] == list(NAMES)
        page.click("a", "Live report ↗")
        report = browser.opened("/wireswarm/report")
        report.until("document.body.innerText.includes('<script>')")
        for one in (page, report):
            assert one.look("document.title") != "broken into"
            assert one.look("document.querySelectorAll('img[src=x]').length") == 0
            assert one.complaints == []


def test_below_a_base_path(start_target: Callable[..., Target], tmp_path: Path) -> None:
    options = ("--web-base-path", "/load", "--autostart")
    with site(tmp_path, start_target(), HOSTILE, *options) as (_, port), Chromium(tmp_path) as browser:
        page = browser.open(f"http://127.0.0.1:{port}/load/?tab=wireswarm-verdict")
        rows(page, "text.includes('passing')")
        page.click("a", "Live report ↗")
        report = browser.opened("/load/wireswarm/report")
        report.click("a", "Web UI")
        browser_is_back = "location.pathname === '/load/' && document.querySelectorAll('[role=tab]').length > 0"
        report.until(browser_is_back)


def test_with_a_login_the_pages_are_for_those_who_are_in(start_target: Callable[..., Target], tmp_path: Path) -> None:
    with site(tmp_path, start_target(), HOSTILE + LOGIN, "--web-login", "--autostart") as (run, port):
        names = ("/wireswarm/report", "/wireswarm/summary.json", "/wireswarm/junit.xml", "/stats/requests")
        for name in names:
            status, fields, _ = ask(port, name)
            assert (status, fields["Location"].split("?")[0]) == (302, "/login")
        cookie = ask(port, "/let-me-in")[1]["Set-Cookie"].partition(";")[0]
        run.until(lambda: ask(port, "/wireswarm/summary.json", cookie)[0] == 200)
        for name in names:
            status, _, body = ask(port, name, cookie)
            assert status == 200
            assert body


@pytest.mark.parametrize("processes", [(), ("--processes", 2)], ids=["local", "distributed"])
def test_the_statistics_of_an_ended_test_have_its_verdict(
    processes: tuple[object, ...], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    network = master_port() if processes else ()
    options = ("--threshold", "p95 < 30s", "--threshold", "GET /nobody: p95 < 1s", *processes, *network)
    with site(tmp_path, start_target(), HOSTILE, *options) as (run, port):
        web = Web(port)
        if processes:
            run.until(lambda: json.loads(web.get("/worker-count"))["worker_count"] == 2)
        web.swarm(user_count=2, spawn_rate=2)
        run.until(lambda: len(tables(port).get("wireswarm-percentiles", ())) == 3)
        assert tables(port)["wireswarm-verdict"][0]["state"] == "✓ passing"
        stopped = json.loads(ask_stop(port))
        assert stopped["success"]
        # As the UI does: it asks until the test no longer runs, and not once more.
        run.until(lambda: web.result()[0] not in {"running", "spawning"})
        states = [
            row["state"] for row in tables(port)["wireswarm-verdict"] if row["check"] != "validity of the numbers"
        ]
        assert states == ["✗ FAILED", "✗ FAILED", "✓ passed"]
        assert web.result()[0] == "stopped"
        summary = decode(web.get("/wireswarm/summary.json").encode(), "summary.json")
        assert (summary.verdict, summary.exit_code) == ("failed", 3)


def ask_stop(port: int) -> str:
    """Stop the test as the UI's button does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/stop")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
