"""The HTML page: what is on it, and that nothing gets in or out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest
import report_summaries as made

from wireswarm.reports.html import render_html
from wireswarm.reports.summary import Summary

CASES = {
    "rich": made.rich(),
    "empty": made.empty(),
    "one request": made.of_requests([made.row("/a", 5.0, 1)]),
    "only failures": made.of_requests([made.row("/a", 5.0, 40, failures=40)]),
    "hostile": made.hostile(),
    "many": made.many(1000),
    "one second": msgspec.structs.replace(made.rich(), timeline=made.timeline()[:1]),
    "nothing but failures over time": msgspec.structs.replace(
        made.rich(),
        timeline=[msgspec.structs.replace(point, failures=point.count, buckets=[]) for point in made.timeline()],
    ),
}
VOID = {"meta", "link", "br", "input", "img", "hr"}


class Page(HTMLParser):
    """The elements of a page, each with its attributes, and its text; fails where they do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.contents: dict[str, list[str]] = {}
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        tag = self._open[-1] if self._open else ""
        self.contents.setdefault(tag, []).append(data)
        if tag not in {"script", "style"}:
            self.text += data

    def classes(self, name: str) -> int:
        """How many elements have a class."""
        return sum(name in (attributes.get("class") or "").split() for _, attributes in self.elements)


@pytest.mark.parametrize("summary", CASES.values(), ids=CASES)
def test_pages_are_well_formed_and_load_nothing(summary: Summary) -> None:
    page = Page(render_html(summary))

    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "style", "srcset", "action", "data"} & attributes.keys(), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "nan" not in re.findall(
        r"[a-z]+", " ".join(str(value) for _, one in page.elements for value in one.values())
    )


@pytest.mark.parametrize("summary", CASES.values(), ids=CASES)
def test_the_policy_allows_the_page_its_own_style_and_script_alone(summary: Summary) -> None:
    html = render_html(summary)
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)

    def allowed(tag: str) -> str:
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        return f"&#39;sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}&#39;"

    assert policy == (
        f"default-src &#39;none&#39;; style-src {allowed('style')}; script-src {allowed('script')}; "
        "base-uri &#39;none&#39;; form-action &#39;none&#39;"
    )


def test_every_plot_is_drawn() -> None:
    page = Page(render_html(made.rich()))

    assert page.classes("timed") == 6, "throughput, latency, two watched series, heat map, users"
    assert page.classes("chart") == 7
    for name in ("rps", "failures", "p50", "p95", "p99", "max", "users", "watched", "total", "due", "c1", "c5"):
        assert any(
            attributes.get("data-series") == name and "line" in (attributes.get("class") or "")
            for _, attributes in page.elements
        ), name
    assert page.classes("heat") > 5
    assert page.classes("stage") == 5, "a bar for each step of the flow"
    assert page.classes("limit") == 4, "for each threshold with a value"


@pytest.mark.parametrize(
    ("locustfile", "title"),
    [
        ("suites/chater.py", "chater · load"),
        ("/suites/helios/locustfile.py", "helios · load"),
        ("suites\\helios\\locustfile.py", "helios · load"),
        ("locustfile.py", "locustfile · load"),
        ("/locustfile.py", "locustfile · load"),
    ],
)
def test_the_title_names_the_suite(locustfile: str, title: str) -> None:
    summary = made.rich()
    run = msgspec.structs.replace(summary.run, locustfile=locustfile)
    page = Page(render_html(msgspec.structs.replace(summary, run=run)))
    assert f" {title} 14 March 2026" in " ".join(page.text.split())


def test_the_parts_say_what_they_should() -> None:
    text = " ".join(Page(render_html(made.rich())).text.split())

    for said in (
        "Failed chater · load 14 March 2026, 09:26:53 UTC · 1 min · http://127.0.0.1:8000 · exit code 3 DEGRADED",
        "errors was 2.48 %, limit 1 %",
        "no data: nothing matched",
        "The numbers are right, but there is something to know.",
        "worker-2 used 91 % of its core for 4 s",
        "Critical issue more than 5 % failed: GET /eater_get_today (6.9 %)",
        "While users were added: Increasing – Good scaling: more users got more answers.",
        "At full load: Plateauing",
        "rss_MB MB, watched on the target",
        "pool.open watched on the target; 2 readings failed",
        "1. upload_photo",
        "status 500, expected 200",
        "KeyError: 'id' in ChaterUser.modify",
        "Some answers are timed by the kernel's clock, others by the program's.",
        "Connections opened",
        "Locust2.47.0",
        "the time line of batches was merged to 3.75 s",
    ):
        assert said in text


def test_failed_thresholds_come_first() -> None:
    text = Page(render_html(made.rich())).text

    assert text.index("errors < 1%") < text.index("p95 < 500ms")


def test_the_values_under_the_pointer_are_those_of_the_time_line() -> None:
    html = render_html(made.rich())
    (source,) = re.findall(r'<script type="application/json" id="timeline">(.*?)</script>', html, re.DOTALL)
    data = json.loads(source)

    assert len(data["time"]) == len(data["p95"]) == len(data["users"]) == made.SECONDS
    assert data["rps"][20] == made.rich().timeline[20].count
    assert [series["name"] for series in data["watched"]] == ["rss_MB", "pool.open"]


def test_names_from_outside_are_text() -> None:
    html = render_html(made.hostile())

    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert Page(html).text.count("<script>alert(1)</script>") > 10, "they are shown as they are"


def test_a_thousand_requests_fit() -> None:
    html = render_html(made.many(1000))

    assert len(html.encode()) < 2_000_000
    page = Page(html)
    text = " ".join(page.text.split())
    assert page.classes("spark") == 200
    assert "The time lines are drawn for the 200 most frequent requests." in text
    assert "The first 300, failed ones first, of 1,000; all of them are in the summary file." in text
    assert "The 200 most frequent kinds of 1,000" in text
    assert text.count("/orders/0000/items/{item}/attachments") >= 1, "the least frequent request is in the table"


def test_a_thousand_long_names_fit_too() -> None:
    many = made.many(1000)
    requests = [msgspec.structs.replace(row, name=row.name * 20) for row in many.requests]
    thresholds = [msgspec.structs.replace(row, subject=row.subject * 20, detail="x" * 900) for row in many.thresholds]
    errors = [msgspec.structs.replace(row, name=row.name * 20, message="y" * 900) for row in many.errors]
    summary = msgspec.structs.replace(many, requests=requests, thresholds=thresholds, errors=errors)

    assert len(render_html(summary).encode()) < 2_000_000


def test_what_no_other_run_had_is_shown() -> None:
    summary = made.empty(run=made.run(started="yesterday"), dropped=7, counters={"own_thing": 2})
    text = " ".join(Page(render_html(summary)).text.split())

    assert "yesterday · 1 min" in text
    assert "Dropped7no free user" in text
    assert "own thing2" in text


def test_a_run_without_requests_has_a_page() -> None:
    text = " ".join(Page(render_html(made.empty())).text.split())

    assert "No request was made." in text
    assert "None was set" in text
    assert "Over time" not in text
