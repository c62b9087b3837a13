"""`wireswarm plan`: what it draws of a profile, and what it says where it cannot."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from wireswarm.commands.plan import plan
from wireswarm.errors import ConfigurationError

PROFILES = """
[profiles.ramp]
description = "Up, [bold]and[/] stay"
stages = ["1m:50", "2m:50"]
[profiles.open]
arrival_rate = "20/s"
users = 10
run_time = "5m"
[profiles.endless]
users = 7
spawn_rate = 7
"""


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    (tmp_path / "orders.toml").write_text(PROFILES, "utf-8")
    path = tmp_path / "orders.py"
    path.write_text("", "utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(plan, [str(one) for one in arguments], env={"COLUMNS": "80"})


def test_users_over_time_are_drawn_with_what_they_are_for(locustfile: Path) -> None:
    done = run(locustfile, "ramp")

    assert done.exit_code == 0, done.output
    title, description, *rows, axis = done.output.splitlines()
    assert title == "ramp: at most 50 users, 3 min"
    assert description == "Up, [bold]and[/] stay", "text, and no markup"
    assert axis == "users over time"
    assert len(rows) > 3
    assert all(len(row) <= 80 for row in rows)


def test_arrivals_are_called_so(locustfile: Path) -> None:
    output = run(locustfile, "open").output

    assert output.startswith("open: at most 20 arrivals per second, 5 min\n")
    assert output.endswith("arrivals per second over time\n")


def test_a_run_without_an_end_is_called_so(locustfile: Path) -> None:
    assert run(locustfile, "endless").output.startswith("endless: at most 7 users, without an end\n")


def test_a_picture_is_written_in_place_of_the_drawing(locustfile: Path, tmp_path: Path) -> None:
    done = run(locustfile, "ramp", "-o", tmp_path / "plan.svg")

    assert (done.exit_code, done.output) == (0, f"Written: {tmp_path / 'plan.svg'}\n")
    root = ET.parse(tmp_path / "plan.svg").getroot()
    assert root.tag.endswith("svg")
    assert "ramp: at most 50 users, 3 min" in "".join(root.itertext())


def test_another_file_of_profiles(locustfile: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[profiles.ramp]\nusers = 3\nrun_time = '1m'\n", "utf-8")

    assert run(locustfile, "ramp", "--profile-file", other).output.startswith("ramp: at most 3 users, 1 min\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("orders.py", "rampp"), 'found no such profile (did you mean "ramp"?)'),
        (("nowhere.py", "ramp"), "found no such file; allowed: a locustfile"),
        (("orders.py", "ramp", "-o", "missing/plan.svg"), "missing/plan.svg: cannot be written: No such file"),
        (("alone.py", "ramp"), "there is no profile file"),
    ],
)
def test_what_is_wrong_is_told(
    locustfile: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], problem: str
) -> None:
    monkeypatch.chdir(locustfile.parent)
    Path("alone.py").write_text("", "utf-8")

    raised = run(*arguments).exception
    assert isinstance(raised, ConfigurationError)
    assert any(problem in one for one in raised.problems), raised.problems
