"""`wireswarm report`, `compare` and `check`: what they print, write and exit with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

import report_summaries as made

from wireswarm.reports.saved import read_summary, write_summary


def wireswarm(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "wireswarm", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "WIRESWARM_PROFILE_FILE"}
    # Not a terminal, which would be 80 columns wide by itself.
    return subprocess.run(
        command, cwd=cwd, env=environment | {"COLUMNS": "120"}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With two summaries and profiles."""
    write_summary(made.rich(), tmp_path / "base.json")
    slow = made.row("/manual_weight", 60.0, 2400)
    new = [slow if row.name == slow.name else row for row in made.rich().requests]
    write_summary(msgspec.structs.replace(made.rich(), requests=new), tmp_path / "new.json")
    thresholds = (
        '[profiles.smoke]\nthresholds."*" = ["p95 < 500ms"]\n[profiles.strict]\nthresholds."*" = ["p95 < 1ms"]\n'
    )
    (tmp_path / "locustfile.toml").write_text(thresholds, "utf-8")
    return tmp_path


def test_report_shows_a_summary_without_colours(folder: Path) -> None:
    done = wireswarm("report", "base.json", cwd=folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert "✗  total: errors < 1%" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("FAILED: 13,100 requests in 1 min")
    assert "\x1b" not in done.stdout


def test_report_writes_every_format(folder: Path) -> None:
    outputs = [folder / "out" / f"report.{end}" for end in ("html", "xml", "md", "json")]
    options = [option for path in outputs for option in ("-o", path)]
    done = wireswarm("report", "base.json", *options, cwd=folder)

    assert (done.returncode, done.stdout) == (0, "".join(f"wrote {path}\n" for path in outputs))
    html, junit, markdown, summary = outputs
    assert html.read_text("utf-8").startswith("<!doctype html>")
    assert len(ET.parse(junit).findall(".//testcase")) == 7
    assert markdown.read_text("utf-8").startswith("## ❌ Load test load failed")
    assert read_summary(summary) == made.rich()


def test_report_prints_the_schema(tmp_path: Path) -> None:
    done = wireswarm("report", "--schema", cwd=tmp_path)

    assert done.returncode == 0
    assert json.loads(done.stdout)["$ref"] == "#/$defs/Summary"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("report",), "error: found no SUMMARY; allowed: a file that --summary has written"),
        (("report", "nothing.json"), "error: nothing.json: found no such file; allowed: a summary that"),
        (("report", "locustfile.toml"), "error: locustfile.toml: found what is no summary"),
        (
            ("report", "base.json", "-o", "a.pdf", "-o", "b"),
            "error: a.pdf: found a file name that ends in '.pdf'; allowed: .html",
        ),
        (("compare", "base.json", "nothing.json"), "error: nothing.json: found no such file"),
        (("compare", "base.json", "new.json", "--tolerance", "x"), "error: --tolerance: found 'x'; allowed: a share"),
        (("compare", "base.json", "new.json", "--tolerance-time", "x"), "error: --tolerance-time: found 'x'; allowed:"),
        (
            ("check", "base.json", "--profile", "smoke", "--profile-file", "no.toml"),
            "error: no.toml: found no such file",
        ),
        (("check", "nothing", "--profile", "smoke"), "error: nothing: found no results"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    done = wireswarm(*arguments, cwd=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(says)
    assert "Traceback" not in done.stderr


def test_every_bad_output_is_named(folder: Path) -> None:
    done = wireswarm("report", "base.json", "-o", "a.pdf", "-o", "b", cwd=folder)

    assert len(done.stderr.splitlines()) == 2
    assert not (folder / "a.pdf").exists()


def test_compare_with_itself_is_no_worse(folder: Path) -> None:
    done = wireswarm("compare", "base.json", "base.json", cwd=folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "NO WORSE than the baseline"


def test_compare_exits_3_on_a_regression(folder: Path) -> None:
    done = wireswarm("compare", "base.json", "new.json", cwd=folder)

    assert done.returncode == 3
    assert "✗ POST /manual_weight: p95 was " in done.stdout
    assert done.stdout.splitlines()[-1] == "WORSE: 4 regressions"
    assert wireswarm("compare", "base.json", "new.json", "--tolerance", "300%", cwd=folder).returncode == 0
    assert wireswarm("compare", "base.json", "new.json", "--tolerance-time", "5s", cwd=folder).returncode == 0


def test_compare_as_json(folder: Path) -> None:
    done = wireswarm("compare", "base.json", "new.json", "--json", cwd=folder)

    document = json.loads(done.stdout)
    assert (done.returncode, document["passed"]) == (3, False)
    worse = {
        (pair["name"], change["metric"])
        for pair in document["pairs"]
        for change in pair["changes"]
        if change["state"] == "worse"
    }
    assert worse == {("/manual_weight", metric) for metric in ("p50", "p95", "p99", "mean")}


def test_check_exits_by_its_verdict(folder: Path) -> None:
    passed = wireswarm("check", "base.json", "--profile", "smoke", "--profile-file", "locustfile.toml", cwd=folder)
    failed = wireswarm("check", "base.json", "--profile", "strict", cwd=folder)

    assert (passed.returncode, passed.stdout.splitlines()[-1]) == (0, "PASSED: 0 of 1 threshold breached")
    assert (failed.returncode, failed.stdout.splitlines()[-1]) == (3, "FAILED: 1 of 1 threshold breached")
    assert failed.stdout.startswith("✗ total: p95 < 1ms: p95 was 161 ms, limit 1 ms")


def test_check_as_json(folder: Path) -> None:
    done = wireswarm("check", "base.json", "--profile", "strict", "--json", cwd=folder)

    document = json.loads(done.stdout)
    assert document["passed"] is False
    assert len(document["failures"]) == 1


def test_nothing_of_it_needs_locust(folder: Path) -> None:
    code = (
        "import sys; from wireswarm.cli import wireswarm; "
        "wireswarm(['report', 'base.json', '-o', 'x.html'], standalone_mode=False); "
        "sys.exit('locust' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
