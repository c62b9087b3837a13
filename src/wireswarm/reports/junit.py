"""The verdict as JUnit XML, for the build servers that show tests: each threshold is one test case."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from wireswarm.reports.figures import clean
from wireswarm.reports.summary import Summary, ThresholdRow

_SUITE = "wireswarm"
_TOLD_ELSEWHERE = (0, 3, 4)
"""Exit codes with nothing to add: all well, a threshold's own case has failed, the validity's has."""


def render_junit(summary: Summary) -> str:
    """The document. Beside the thresholds, the run's validity and its exit code are a test case each."""
    cases = [*(_threshold(row) for row in summary.thresholds), _validity(summary), _run(summary)]
    failures = sum(case.find("failure") is not None for case in cases)
    name = clean(" ".join(filter(None, (_SUITE, summary.run.profile or summary.run.locustfile))))
    totals = {"tests": f"{len(cases)}", "failures": f"{failures}", "errors": "0", "skipped": "0"}
    time = f"{summary.run.duration_s:.3f}"
    root = ET.Element("testsuites", {"name": _SUITE, **totals, "time": time})
    started = summary.run.started.removesuffix("Z").removesuffix("+00:00")  # the schema allows no zone
    suite = ET.SubElement(root, "testsuite", {"name": name, **totals, "time": time, "timestamp": clean(started)})
    suite.extend(cases)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _threshold(row: ThresholdRow) -> ET.Element:
    case = _case(f"thresholds.{row.subject}", row.expression)
    if not row.passed:
        _fail(case, row.detail, f"{row.subject}: {row.expression}\n{row.detail}\nfrom {row.source}")
    return case


def _validity(summary: Summary) -> ET.Element:
    validity = summary.validity
    case = _case("run", "validity")
    if validity.state == "INVALID":
        _fail(case, "the run is INVALID: its numbers cannot be trusted", "\n".join(validity.reasons))
    elif validity.reasons:
        ET.SubElement(case, "system-out").text = _lines("\n".join([validity.state, *validity.reasons]))
    return case


def _run(summary: Summary) -> ET.Element:
    case = _case("run", "exit code")
    total = summary.total
    if summary.exit_code not in _TOLD_ELSEWHERE:
        facts = f"{total.count} requests, {total.failures} failed, {summary.abandoned} abandoned"
        _fail(case, f"the load test ended with exit code {summary.exit_code}", facts)
    return case


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": clean(classname), "name": clean(name), "time": "0"})


def _fail(case: ET.Element, message: str, text: str) -> None:
    ET.SubElement(case, "failure", {"message": clean(message), "type": "failed"}).text = _lines(text)


def _lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.split("\n"))
