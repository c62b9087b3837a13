"""The HTML page in a real browser, opened from disk, with no network to load anything from."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

import report_summaries as made
from chromium import find_chromium

from wireswarm.reports.html import render_html

BROWSER_SECONDS = 60
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # containers run tests as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=3000",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's command."""
    return find_chromium()


class Browser:
    """Opens pages, each in a profile of its own."""

    def __init__(self, command: str, folder: Path) -> None:
        self._command = command
        self._folder = folder

    def run(self, page: Path, *options: str) -> tuple[str, list[str]]:
        """What it printed, and what the page's console said."""
        command = [self._command, *OPTIONS, f"--user-data-dir={self._folder / 'profile'}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=BROWSER_SECONDS, check=True)
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if ":CONSOLE" in line]
        return done.stdout.decode(), said


@pytest.fixture
def browser(chromium: str, tmp_path: Path) -> Browser:
    return Browser(chromium, tmp_path)


def write(folder: Path, html: str) -> Path:
    path = folder / "report.html"
    path.write_text(html, "utf-8")
    return path


# Runs in the page as its own script does, allowed by a policy that names it; it tells by the page's title.
PROBE = """
const drawn = (name) => [...document.querySelectorAll(name)].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.width > 1 && box.height > 0 && getComputedStyle(node).visibility === "visible";
}).length;
const hover = (chart) => {
  const box = chart.getBoundingClientRect();
  const at = { clientX: box.left + box.width / 2, clientY: box.top + 20, bubbles: true };
  chart.dispatchEvent(new PointerEvent("pointermove", at));
};
const told = {};
for (const name of ["rps", "failures", "p50", "p95", "p99", "max", "users", "watched", "total", "due", "c1"])
  told[name] = drawn(`svg.chart .line.${name} path`);
told.heat = drawn("svg.chart path.heat");
told.sparks = drawn("svg.small .line.spark path");
told.stages = drawn("svg.small rect.stage");
told.colour = getComputedStyle(document.querySelector(".line.p95 path")).stroke;
hover(document.querySelector("svg.timed"));
told.tip = document.querySelector(".tip").innerText.replaceAll("\\n", " ");
told.crosses = document.querySelectorAll("line.cross:not(.hidden)").length;
const key = document.querySelector('.key[data-for="p99"]');
key.click();
told.hidden = document.querySelectorAll('.line.p99.hidden').length;
const heads = [...document.querySelectorAll("#requests thead button")];
heads.find((head) => head.textContent === "p95").click();
told.slowest = document.querySelector("#requests tbody th").innerText;
heads.find((head) => head.textContent === "Request").click();
told.first = document.querySelector("#requests tbody th").innerText;
told.wide = document.documentElement.scrollWidth > innerWidth;
document.title = JSON.stringify(told);
"""


def probed(html: str) -> str:
    """The page with the probe in it; its policy is the page's own and the probe's hash."""
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    return html.replace("script-src ", f"script-src &#39;sha256-{digest}&#39; ").replace(
        "</body>", f"<script>{PROBE}</script></body>"
    )


def test_every_plot_is_drawn_and_answers_the_pointer(browser: Browser, tmp_path: Path) -> None:
    dom, said = browser.run(write(tmp_path, probed(render_html(made.rich()))), "--dump-dom", "--window-size=1280,900")

    assert said == [], "the policy or the script complains"
    (title,) = re.findall("<title>(.*?)</title>", dom.partition("</head>")[0])
    told = json.loads(unescape(title))
    for name in ("rps", "failures", "p50", "p95", "p99", "max", "users", "total", "due", "c1"):
        assert told[name] >= 1, name
    assert told["watched"] == 2
    assert told["heat"] >= 6
    assert told["sparks"] == 7
    assert told["stages"] == 5
    assert told["colour"] not in ("none", "rgb(0, 0, 0)"), "the style sheet is not applied"
    assert re.match(r"0:\d\d requests/s [\d.]+", told["tip"])
    assert "p95" in told["tip"]
    assert "rss_MB" in told["tip"]
    assert told["crosses"] == 6
    assert told["hidden"] == 1
    assert told["slowest"] == "POST/eater_receive_photo"
    assert told["first"] == "GET/eater_get_today"
    assert told["wide"] is False


@pytest.mark.parametrize("name", ["empty", "hostile", "one request"])
def test_odd_runs_have_pages_without_complaints(browser: Browser, tmp_path: Path, name: str) -> None:
    summaries = {
        "empty": made.empty(),
        "hostile": made.hostile(),
        "one request": made.of_requests([made.row("/a", 5.0, 1)]),
    }
    dom, said = browser.run(write(tmp_path, render_html(summaries[name])), "--dump-dom")

    assert said == []
    assert 'aria-label="Parts of the report"' in dom


def test_what_got_into_the_page_would_not_run(browser: Browser, tmp_path: Path) -> None:
    html = render_html(made.empty())
    script = "document.title='broken into'"
    attack = f'<script>{script}</script><img src=http://127.0.0.1:9/x onerror="{script}">'
    dom, said = browser.run(write(tmp_path, html.replace("</main>", f"{attack}</main>")), "--dump-dom")

    assert "<title>broken into</title>" not in dom
    assert len([line for line in said if "Content Security Policy" in line]) >= 2


def test_no_part_is_wider_than_a_narrow_screen(browser: Browser, tmp_path: Path) -> None:
    dom, _ = browser.run(write(tmp_path, probed(render_html(made.rich()))), "--dump-dom", "--window-size=500,900")

    (title,) = re.findall("<title>(.*?)</title>", dom.partition("</head>")[0])
    assert json.loads(unescape(title))["wide"] is False


def test_a_picture_of_it(browser: Browser, tmp_path: Path) -> None:
    picture = tmp_path / "report.png"
    page = write(tmp_path, render_html(made.rich()))
    browser.run(page, f"--screenshot={picture}", "--window-size=1280,4400")

    # A page without its plots and colours is a fifth of that.
    assert picture.stat().st_size > 200_000
