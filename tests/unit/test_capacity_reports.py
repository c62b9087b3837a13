"""A search for the capacity as text, JSON and HTML."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import msgspec
import pytest
from capacity_steps import found, step
from rich.console import Console

from wireswarm.capacity import SCHEMA, Capacity, Ended, Outcome
from wireswarm.capacity.curve import curve_of
from wireswarm.capacity.html import render_capacity
from wireswarm.capacity.model import encode
from wireswarm.capacity.text import draw_curve, head_line, show_capacity, step_line

HOSTILE = "<script>alert(1)</script>\x1b[31m"

CASES = {
    "found": found(),
    "one step": found(ended=Ended.CEILING, fails_at=None, knee=None, rate=160, steps=[step(160)]),
    "nothing": found(ended=Ended.NOTHING, rate=None, knee=None, steps=[step(10, Outcome.FAILS, "p95 was 9 s")]),
    "no success": found(
        ended=Ended.NOTHING, rate=None, knee=None, steps=[step(10, Outcome.FAILS, "errors was 100%", failures=100)]
    ),
    "generator": found(
        ended=Ended.GENERATOR,
        rate=160,
        fails_at=None,
        limit_at=320,
        advice="Pass --processes.",
        steps=[step(160), step(320, Outcome.GENERATOR, "the load generator is the limit: lag")],
    ),
    "generator at once": found(ended=Ended.GENERATOR, rate=None, fails_at=None, limit_at=10, knee=None, steps=[]),
    "interrupted": found(ended=Ended.INTERRUPTED, rate=None, fails_at=None, knee=None, steps=[]),
    "interrupted later": found(ended=Ended.INTERRUPTED, fails_at=None),
    "hostile": found(locustfile=HOSTILE, host=HOSTILE, steps=[step(10, Outcome.FAILS, HOSTILE), step(20)]),
}


def text_of(result: Capacity, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    show_capacity(result, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "found",
            ["Holds 293.4/s\n", "306.4/s does not hold: p95 was 612 ms, limit 500 ms.", "The knee of the curve is"],
        ),
        ("one step", ["Holds 160/s, the highest rate that was tried", "Pass a higher --to"]),
        ("nothing", ["Not even the lowest rate holds", "Pass a lower --from"]),
        (
            "generator",
            [
                "Holds 160/s at least: the load generator is the limit",
                "At 320/s: the load generator is the limit: lag.",
                "Pass --processes.",
            ],
        ),
        ("generator at once", ["The load generator is the limit\n", "At 10/s: the step could not be run."]),
        ("interrupted", ["Interrupted before anything was known"]),
        ("interrupted later", ["Holds 293.4/s at least: interrupted"]),
    ],
)
def test_the_result_is_said(case: str, said: list[str]) -> None:
    text = text_of(CASES[case])
    for sentence in said:
        assert sentence in text
    page = Page(render_capacity(CASES[case])).text
    for sentence in said:
        assert sentence.strip() in page


def test_the_curve_marks_the_result_and_the_knee() -> None:
    result = found(knee=160.0)
    rows = draw_curve(curve_of(result.steps), result, 80)
    assert all(len(row) <= 80 for row in rows[:-3])
    holds = {row.index("│", row.index("┊")) for row in rows[:14] if row.count("│") == 2 or ("┤" in row and "│" in row)}
    assert len(holds) == 1, "one straight line"
    assert rows[-1].split("   ")[-2:] == ["│ holds", "┊ knee"]
    assert "arrivals/s" in rows[-3]
    assert rows[-2].strip().startswith("errors")
    assert rows[-2].endswith("at most 1.0 %")


def test_without_errors_there_is_no_line_for_them() -> None:
    result = found(steps=[step(100), step(200)], rate=200.0, knee=200.0)
    rows = draw_curve(curve_of(result.steps), result, 20)
    assert "errors" not in "\n".join(rows)
    assert rows[-1].endswith("the knee is there as well")


def test_several_steps_of_a_rate_are_one_point() -> None:
    steps = [step(10, p95_ms=ms) for ms in (1.0, 9.0, 5.0)]
    steps += [step(10, Outcome.GENERATOR, p95_ms=1000.0), step(5, Outcome.FAILS, failures=50)]
    low, high = curve_of(steps)
    assert (high.rate, high.steps, high.p95_ms, high.outcome) == (10, 3, 5, Outcome.HOLDS)
    assert (low.rate, low.p95_ms, low.errors, low.outcome) == (5, None, 1, Outcome.FAILS)


def test_lines_of_steps_are_in_columns() -> None:
    ok, failed = step_line(step(160), 1), step_line(step(320, Outcome.FAILS, "p95 was 9 s"), 12, again=True)
    assert head_line().index("p50") + 3 == ok.index("3.00 ms") + 7
    assert ok.split() == ["1", "160/s", "✓", "3.00", "ms", "5.00", "ms", "8.00", "ms", "0", "%", "20"]
    assert failed.endswith("20  p95 was 9 s; again with more")
    assert "–" in step_line(step(10, failures=100), 1)


# JSON


@pytest.mark.parametrize("case", CASES)
def test_json_comes_back_as_it_was(case: str) -> None:
    encoded = encode(CASES[case])
    assert msgspec.json.decode(encoded, type=Capacity) == CASES[case]
    assert msgspec.json.decode(encoded)["schema"] == SCHEMA == "wireswarm-capacity/1"


# HTML


class Page(HTMLParser):
    """The elements and the text of a page; fails where they do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.style = ""
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.text += data


@pytest.mark.parametrize("case", CASES)
def test_the_page_needs_nothing_and_allows_nothing_but_its_style(case: str) -> None:
    page = Page(render_capacity(CASES[case]))
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert not [a for _, attrs in page.elements for a in attrs if a.startswith("on") or a in {"style", "src"}]
    assert all((attrs["href"] or "").startswith("#") for tag, attrs in page.elements if tag == "a")
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in page.style
    assert "\x1b" not in page.text


def test_the_page_draws_every_curve_and_marks_the_result_and_the_knee() -> None:
    html = render_capacity(found(knee=160.0))
    page = Page(html)
    classes = [attrs.get("class") or "" for _, attrs in page.elements]
    for name in ("line p50", "line p95", "line p99", "line failures"):
        assert name in classes
    assert "holds 293.4/s" in page.text
    assert "knee 160/s" in page.text
    marks = [float(a["x1"] or 0) for t, a in page.elements if t == "line" and a.get("class") == "mark-holds"]
    dots = {round(float(a["cx"] or 0)) for t, a in page.elements if t == "circle"}
    assert len(marks) == 2
    assert {round(mark) for mark in marks} <= dots, "the mark is where the rate's dots are"
    assert re.search(r"<title>Holds 293.4/s – capacity report</title>", html)
