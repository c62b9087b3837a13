"""From text to thresholds: all that is right, and what is said of everything else."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import wireswarm.thresholds
from wireswarm.errors import ConfigurationError
from wireswarm.thresholds import (
    ExpressionError,
    Operator,
    Threshold,
    parse_expression,
    parse_threshold,
    parse_thresholds,
)
from wireswarm.thresholds.metric import ALLOWED, METRICS

GUIDE = Path(__file__).parents[2] / "docs" / "thresholds.md"

DURATION = "a duration in us, ms, s or m, such as 500ms"
SHARE = "a percentage such as 1%, or a share below 1 such as 0.01"
WINDOW = "seconds or minutes, such as 30s or 5m: from 1s to 10m"
SELECTOR = 'a request as in "POST /orders", a name, a glob, or "*" for the total, then ": "'
FORM = '[SELECTOR: ]METRIC OP VALUE[UNIT][ over WINDOW], such as "POST /orders: p95 < 500ms over 30s"'


def parse(text: str) -> Threshold:
    return parse_threshold(text, source="--threshold")


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert problem.startswith("--threshold: found ")
    return problem.removeprefix("--threshold: found ")


# ---- What is right ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "selector", "metric", "operator", "limit", "unit", "window_s"),
    [
        ("p95 < 500ms", "", "p95", "<", 500.0, "ms", None),
        ("p99.99<=2s", "", "p99.99", "<=", 2000.0, "ms", None),
        ("p0 >= 1us", "", "p0", ">=", 0.001, "ms", None),
        ("p100 < 1 m", "", "p100", "<", 60_000.0, "ms", None),
        ("  max  <  1.5 s  over  5m ", "", "max", "<", 1500.0, "ms", 300),
        ("*: mean < 1s", "", "mean", "<", 1000.0, "ms", None),
        ("POST /orders: errors < 1%", "POST /orders", "errors", "<", 1.0, "%", None),
        ("errors < 0.01", "", "errors", "<", 1.0, "%", None),
        ("errors <= 100%", "", "errors", "<=", 100.0, "%", None),
        ("errors < 5% over 30s", "", "errors", "<", 5.0, "%", 30),
        ("failures == 0", "", "failures", "==", 0.0, "", None),
        ("count >= 1000 over 10m", "", "count", ">=", 1000.0, "", 600),
        ("rps > 100/s", "", "rps", ">", 100.0, "/s", None),
        ("rps > 100 over 1m", "", "rps", ">", 100.0, "/s", 60),
        ("due_p99.9 < 1s", "", "due_p99.9", "<", 1000.0, "ms", None),
        ("GET *: due_max < 1s", "GET *", "due_max", "<", 1000.0, "ms", None),
        ("dropped == 0", "", "dropped", "==", 0.0, "", None),
        ("cpu < 80%", "", "cpu", "<", 80.0, "%", None),
        ("cpu.max < 95.5 %", "", "cpu.max", "<", 95.5, "%", None),
        ("memory_growth < 1GB over 10m", "", "memory_growth", "<", 1000.0, "MB", 600),
        ("heap.growth < 100MiB", "", "heap.growth", "<", 104.8576, "MB", None),
        ("queue-1.max < 10 over 24h", "", "queue-1.max", "<", 10.0, "", 86_400),
        ("temperature.min > -5", "", "temperature.min", ">", -5.0, "", None),
        ("lag.last < 5s", "", "lag.last", "<", 5000.0, "ms", None),
        ("FLOW full_flow: p95 < 12s", "FLOW full_flow", "p95", "<", 12_000.0, "ms", None),
        ("STEP full_flow: wait: p95 < 12s", "STEP full_flow: wait", "p95", "<", 12_000.0, "ms", None),
        ("GET /a < b: p95 < 1s over 3s: max < 1s", "GET /a < b: p95 < 1s over 3s", "max", "<", 1000.0, "ms", None),
        ("/files [upload]: max < 1s", "/files [upload]", "max", "<", 1000.0, "ms", None),
        ("a:: max < 1s", "a:", "max", "<", 1000.0, "ms", None),
    ],
)
def test_what_a_threshold_says(
    text: str, selector: str, metric: str, operator: str, limit: float, unit: str, window_s: int | None
) -> None:
    threshold = parse(text)
    assert (threshold.selector, threshold.metric.name, threshold.operator) == (selector, metric, operator)
    assert (threshold.limit, threshold.unit, threshold.window_s) == (pytest.approx(limit), unit, window_s)
    assert (threshold.source, threshold.abort_after_s) == ("--threshold", None)


def test_the_expression_is_kept_as_it_was_written_but_for_spaces() -> None:
    assert parse("  GET /x :  p95<0.50s   over 30s ").expression == "p95<0.50s over 30s"
    assert str(parse("  GET /x :  p95<0.50s   over 30s ")) == "GET /x: p95<0.50s over 30s"


def test_a_threshold_cannot_be_changed_and_can_be_counted_once() -> None:
    threshold = parse("p95 < 500ms")
    with pytest.raises(dataclasses.FrozenInstanceError):
        threshold.limit = 1.0  # type: ignore[misc]
    assert {threshold, parse("p95 < 500ms")} == {threshold}


def test_abort_after_is_kept() -> None:
    assert parse_threshold("p95 < 1s", source="x", abort_after_s=10.0).abort_after_s == 10.0


@pytest.mark.parametrize(("text", "about"), [("errors < 1%", True), ("failures < 5", True), ("count > 5", False)])
def test_which_thresholds_are_about_errors(text: str, about: bool) -> None:
    assert parse(text).about_errors is about


# ---- What is wrong ---------------------------------------------------------------------------------------------------

OPERATORS = "<, <=, > or >="
WRONG = [
    ("", f'no metric at character 1 of ""; allowed: {FORM}'),
    ("GET /x: ", f'no metric at character 9 of "GET /x: "; allowed: {FORM}'),
    ("p95", f'no operator at character 4 of "p95"; allowed: {OPERATORS}'),
    ("p95 5s", f'"5s" for an operator at character 5 of "p95 5s"; allowed: {OPERATORS}'),
    ("p95 << 5s", f'the operator "<<" at character 5 of "p95 << 5s"; allowed: {OPERATORS}'),
    ("p95 != 5s", f'the operator "!=" at character 5 of "p95 != 5s"; allowed: {OPERATORS}'),
    ("p95 == 5s", f'the operator "==" for p95 at character 5 of "p95 == 5s"; allowed: {OPERATORS}'),
    ("count = 5", f'the operator "=" at character 7 of "count = 5"; allowed: {OPERATORS}, or == for a count'),
    ("p95 <", f'no limit at character 6 of "p95 <"; allowed: {DURATION}'),
    ("p95 < fast", f'"fast" for a limit at character 7 of "p95 < fast"; allowed: {DURATION}'),
    ("p95 < -5ms", f'the limit "-5" at character 7 of "p95 < -5ms"; allowed: {DURATION}'),
    ("p95 < 500", f'no unit at character 10 of "p95 < 500"; allowed: {DURATION}'),
    ("p95 < 500 over 5s", f'no unit at character 11 of "p95 < 500 over 5s"; allowed: {DURATION}'),
    ("p95 < 5%", f'the unit "%" at character 8 of "p95 < 5%"; allowed: {DURATION}'),
    ("p95 < 5sec", f'the unit "sec" at character 8 of "p95 < 5sec"; allowed: {DURATION}'),
    ("errors < 5ms", f'the unit "ms" at character 11 of "errors < 5ms"; allowed: {SHARE}'),
    ("errors < 5", f'the limit "5" at character 11 of "errors < 5"; allowed: {SHARE}'),
    ("errors < 1", f'the limit "1" at character 11 of "errors < 1"; allowed: {SHARE}'),
    ("errors < 101%", f'the limit "101%" at character 13 of "errors < 101%"; allowed: {SHARE}'),
    ("failures < 1.5", 'the limit "1.5" at character 12 of "failures < 1.5"; allowed: a whole number, such as 10'),
    ("count > 5%", 'the unit "%" at character 10 of "count > 5%"; allowed: a whole number, such as 10'),
    ("rps > 5/m", 'the unit "/m" at character 8 of "rps > 5/m"; allowed: a number per second, such as 100/s'),
    ("cpu < 1", 'no unit at character 8 of "cpu < 1"; allowed: a percentage of one core, such as 80%'),
    (
        "q.max < 5X",
        'the unit "X" at character 10 of "q.max < 5X"; '
        "allowed: no unit, %, or one of us, ms, s, m, B, KB, MB, GB, KiB, MiB, GiB",
    ),
    (
        "q.max <",
        'no limit at character 8 of "q.max <"; allowed: a number, with its unit where it has one',
    ),
    ("p95 < 5s over", f'no window at character 14 of "p95 < 5s over"; allowed: {WINDOW}'),
    ("p95 < 5s over 30", f'the window "30" at character 15 of "p95 < 5s over 30"; allowed: {WINDOW}'),
    ("p95 < 5s over 0s", f'the window "0s" at character 15 of "p95 < 5s over 0s"; allowed: {WINDOW}'),
    ("p95 < 5s over 1500ms", f'the window "1500ms" at character 15 of "p95 < 5s over 1500ms"; allowed: {WINDOW}'),
    ("p95 < 5s over 11m", f'the window "11m" at character 15 of "p95 < 5s over 11m"; allowed: {WINDOW}'),
    (
        "q.max < 5 over 25h",
        'the window "25h" at character 16 of "q.max < 5 over 25h"; allowed: seconds or minutes, '
        "such as 30s or 5m: from 1s to 24h",
    ),
    ("p95 < 5s for 30s", '"for" at character 10 of "p95 < 5s for 30s"; allowed: over WINDOW'),
    ("p95 < 5s over 30s x", '"x" at character 19 of "p95 < 5s over 30s x"; allowed: nothing after the window'),
    ("cpu < 80% over 5s", '"over" at character 11 of "cpu < 80% over 5s"; allowed: nothing after the limit of cpu'),
    (": p95 < 5s", f'the selector ""; allowed: {SELECTOR}'),
    ("a\tb: p95 < 5s", f'the selector "a\\tb"; allowed: {SELECTOR}'),
    (
        "GET /x: cpu < 80%",
        'the selector "GET /x" for cpu; allowed: none, or "*", since it is measured on the run as a whole',
    ),
    (
        "GET /x: q.max < 80",
        'the selector "GET /x" for q.max; allowed: none, or "*", since it is measured on the run as a whole',
    ),
]


@pytest.mark.parametrize(("text", "problem"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_threshold(text: str, problem: str) -> None:
    assert refusal(text) == problem


@pytest.mark.parametrize(
    ("metric", "meant"),
    [
        ("P95", "p95"),
        ("p(95)", "p95"),
        ("95%", "p95"),
        ("95", "p95"),
        ("avg", "mean"),
        ("median", "p50"),
        ("error", "errors"),
        ("Failures", "failures"),
        ("error_rate", "errors"),
        ("memory", "memory_growth"),
        ("due_p", "due_p99"),
        ("queue.grow", "queue.growth"),
        ("p101", None),
        ("p", None),
        ("POST", None),
        ("http_req_duration", None),
    ],
)
def test_an_unknown_metric_is_answered_with_the_nearest(metric: str, meant: str | None) -> None:
    found = f'an unknown metric "{metric}"' + (f' (did you mean "{meant}"?)' if meant else "")
    assert refusal(f"{metric} < 5") == f'{found} at character 1 of "{metric} < 5"; allowed: {ALLOWED}'


@pytest.mark.parametrize("text", ["POST /x p95 < 5s", "POST /x:p95 < 5s"])
def test_a_selector_without_its_colon(text: str) -> None:
    assert refusal(text).startswith('an unknown metric "POST" (a selector ends with ": ") at character 1')


def test_a_long_text_is_shortened() -> None:
    assert len(refusal("x" * 1000)) < 600
    assert len(refusal(f"p95 < {'9' * 1000}ms")) < 600


def test_all_problems_of_several_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_thresholds(["p95 < 5", "p95 < 5s", "avg < 5s", "errors < 5%"])
    assert [problem.split(" at ")[0] for problem in caught.value.problems] == [
        "--threshold: found no unit",
        '--threshold: found an unknown metric "avg" (did you mean "mean"?)',
    ]


def test_several_that_are_right() -> None:
    assert [t.metric.name for t in parse_thresholds(["p95 < 5s", "errors < 5%"])] == ["p95", "errors"]


@pytest.mark.parametrize("selector", ["", " x", "x ", "x\n"])
def test_a_selector_of_a_file_is_checked(selector: str) -> None:
    with pytest.raises(ExpressionError, match="found the selector"):
        parse_expression(selector, "p95 < 5s", source="x")


def test_an_expression_of_a_file_has_no_selector_of_its_own() -> None:
    with pytest.raises(ExpressionError, match='an unknown metric "GET"'):
        parse_expression("*", "GET /x: p95 < 5s", source="x")


# ---- There and back --------------------------------------------------------------------------------------------------

DECIMALS = st.decimals(0, 100, places=2).map(str)
PERCENTILES = st.builds("{}p{}".format, st.sampled_from(["", "due_"]), DECIMALS)
PRINTABLE = st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1).map(str.strip).filter(bool)
SELECTORS = (
    st.none() | st.just("*") | st.sampled_from(["GET /x", "FLOW a", "STEP a: b", "*: x", "p95 < 5s"]) | PRINTABLE
)
UNITS = {"ms": ["us", "ms", "s", "m"], "%": ["%"], "/s": ["/s", ""], "": [""], "MB": ["B", "KB", "MB", "GB", "MiB"]}


@st.composite
def texts(draw: st.DrawFn) -> tuple[str | None, str, str, str, str, int | None]:
    """A threshold's parts."""
    name = draw(PERCENTILES | st.sampled_from(list(METRICS)))
    metric = parse_metric(name)
    number = draw(st.integers(0, 100).map(str)) if metric.unit in {"", "%"} else draw(DECIMALS)
    operator = draw(st.sampled_from(list(Operator)[: 5 if metric.unit == "" else 4]))
    on_requests = metric.metric.scope.value == "requests"
    selector = draw(SELECTORS) if on_requests else None
    longest = metric.metric.longest_window_s
    window = draw(st.none() | st.integers(1, longest)) if longest else None
    return selector, name, operator.value, number, draw(st.sampled_from(UNITS[metric.unit])), window


def parse_metric(name: str) -> Threshold:
    for limit in ("1ms", "1%", "1", "1MB"):
        try:
            return parse(f"{name} < {limit}")
        except ConfigurationError:
            continue
    raise AssertionError(name)


@given(parts=texts(), space=st.sampled_from(["", " ", "  "]))
@example(parts=("p95 < 5s: p95 < 5s", "p1", "<", "5", "s", None), space="")
def test_what_a_threshold_is_written_as_is_read_back(
    parts: tuple[str | None, str, str, str, str, int | None], space: str
) -> None:
    selector, name, operator, number, unit, window = parts
    text = f"{name}{space}{operator}{space}{number}{space}{unit}" + ("" if window is None else f" over {window}s")
    threshold = parse(text if selector is None else f"{selector}: {text}")
    assert threshold.selector == ("" if selector in {None, "*"} else selector)
    assert (threshold.metric.name, threshold.operator, threshold.window_s) == (name, operator, window)
    assert threshold.limit == pytest.approx(float(number) * threshold.written_factor)
    assert parse(str(threshold)) == threshold
    assert parse_expression(selector or "*", text, source="--threshold") == threshold


@given(
    text=st.text(max_size=60) | st.from_regex(r"\A[ -~]{0,10}: ?p9[0-9] ?[<>=]+ ?[0-9.]+[a-z]{0,2}( over .{0,4})?\Z")
)
@example(text=": ")
@example(text="p95 < ٣s")
@example(text="p٣ < 3s")
def test_any_text_is_a_threshold_or_refused_in_one_line(text: str) -> None:
    try:
        threshold = parse(text)
    except ConfigurationError as error:
        (problem,) = error.problems
        assert re.fullmatch(r"--threshold: found .*; allowed: .*", problem)
    else:
        assert parse(str(threshold)) == threshold


# ---- The guide, and the exports --------------------------------------------------------------------------------------


def test_the_guides_examples_are_right_and_its_mistakes_are_answered_as_it_says() -> None:
    right, wrong = re.findall(r"^```text\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(parse_thresholds(right.splitlines())) == 9
    mistakes = [str(re.search(r' of "(.*?)"; allowed', line)[1]) for line in wrong.splitlines()]  # type: ignore[index]
    with pytest.raises(ConfigurationError) as caught:
        parse_thresholds(mistakes)
    assert f"{caught.value}\n" == wrong


def test_the_guide_names_every_metric() -> None:
    named = set(re.findall(r"`([a-z_0-9.]+)`", GUIDE.read_text("utf-8")))
    assert set(METRICS) - named == set()


def test_everything_that_is_exported_is_there() -> None:
    names = wireswarm.thresholds.__all__
    assert sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name)) == names
    assert all(hasattr(wireswarm.thresholds, name) for name in names)
