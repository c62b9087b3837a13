"""The Lorax suite as it is shipped: its users, its transports, its scenarios."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import CHATER, LocustProcess, Target, failures, flows, received, refused, reported, write

from wireswarm.profiles import read_profile_file

LORAX = CHATER.with_name("lorax.py")
SCENARIOS = CHATER.with_name("scenarios.py")
BASICS = ("--headless", "--only-summary")

HTTP = {"POST /init-session", "GET /health", "GET /projects", "GET /memory_status"}
SOCKET = {"POST /init-session", "GET /projects", "SIO connect", "SIO ping", "SIO load_file"}
MIXED = {*HTTP, "SIO connect", "SIO load_file", "SIO process_postorder_layout"}
CALLS = {"LoraxHttpUser": HTTP, "LoraxSocketUser": SOCKET, "LoraxMixedUser": MIXED}
"""What users that go on for ever send."""
CYCLES = {"LoraxLoadUser": "GET /projects", "LoraxUploadUser": "POST /upload"}
"""What users of one cycle begin with, after the session."""
CYCLE = ("POST /init-session", "SIO connect", "SIO load_file", "SIO process_postorder_layout")

QUICK = """
import lorax
from locust import between, constant

lorax.LoraxMixedUser.Browse.think_time = 0.01
for name in ("LoraxHttpUser", "LoraxSocketUser", "LoraxMixedUser"):
    getattr(lorax, name).wait_time = constant(0.01)
from lorax import LoraxHttpUser, LoraxLoadUser, LoraxMixedUser, LoraxSocketUser, LoraxUploadUser
"""
"""The suite without the pauses that people make."""

PROBE = """
import lorax


class Probe(lorax.LoraxLoadUser):
    def on_stop(self):
        print("transport", self.seen, "connected", self.socket.connected)

    def look(self, config):
        self.seen = self.socket.transport
        super().look(config)
"""


def test_each_user_by_itself(start_target: Callable[..., Target], tmp_path: Path) -> None:
    quick, target = write(tmp_path, QUICK, "quick.py"), start_target()
    with ExitStack() as stack:
        runs = {}
        for name in (*CALLS, *CYCLES):
            report = ("--json-file", tmp_path / name, "--host", target.url)
            # A cycle's users have to stop by themselves, the others do not.
            limit = ("-u", 10, "-r", 10, "-t", "4s") if name in CYCLES else ("-u", 5, "-r", 5, "--iterations", 250)
            runs[name] = stack.enter_context(LocustProcess(quick, *BASICS, *report, *limit, name))
        for name, run in runs.items():
            assert run.end() == 0, run.output
            assert "Traceback" not in run.output
            assert failures(tmp_path / name) == {}
    for name, calls in CALLS.items():
        assert reported(tmp_path / name).keys() == calls
    for name, second in CYCLES.items():
        assert reported(tmp_path / name) == dict.fromkeys((*CYCLE, second), 10)
        assert flows(tmp_path / name) == 10
    assert sum((reported(tmp_path / name) for name in runs), Counter()) == received(target.counters())


def test_all_users_together_over_each_transport(start_target: Callable[..., Target], tmp_path: Path) -> None:
    with ExitStack() as stack:
        runs = {}
        for transports in ("websocket", "polling", "polling,websocket"):
            target, report = start_target(), tmp_path / transports
            options = ("-u", 20, "-r", 20, "-t", "5s", "--host", target.url, "--json-file", report)
            environment = {"LOCUST_SOCKET_TRANSPORTS": transports}
            run = stack.enter_context(LocustProcess(LORAX, *BASICS, *options, environment=environment))
            runs[transports] = run, target, report
        for run, target, report in runs.values():
            assert run.end() == 0, run.output
            assert "Traceback" not in run.output
            assert failures(report) == {}
            assert reported(report) == received(target.counters())
            assert reported(report)["SIO connect"] >= 12


def test_the_transport_is_the_one_that_was_asked_for(target: Target, tmp_path: Path) -> None:
    probe = write(tmp_path, PROBE)
    with ExitStack() as stack:
        runs = {}
        for transports, used in (
            ("websocket", "websocket"),
            ("polling", "polling"),
            (" Polling, websocket", "websocket"),
        ):
            options = ("-u", 2, "-r", 2, "--iterations", 2, "--host", target.url)
            environment = {"LOCUST_SOCKET_TRANSPORTS": transports}
            runs[stack.enter_context(LocustProcess(probe, *BASICS, *options, environment=environment))] = used
        for run, used in runs.items():
            assert run.end() == 0, run.output
            assert run.output.count(f"transport {used} connected False") == 2, run.output


def test_either_order_of_greeting_and_acceptance_and_of_event_and_acknowledgement(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("lorax_order_server.py"))]
    with ExitStack() as stack:
        server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(server.kill)
        assert server.stdout is not None
        host = f"http://127.0.0.1:{int(server.stdout.readline())}"
        runs = {}
        for transports in ("websocket", "polling", "polling,websocket"):
            report = tmp_path / transports
            options = ("-u", 5, "-r", 5, "--iterations", 5, "--host", host, "--json-file", report, "LoraxLoadUser")
            environment = {"LOCUST_SOCKET_TRANSPORTS": transports}
            runs[stack.enter_context(LocustProcess(LORAX, *BASICS, *options, environment=environment))] = report
        for run, report in runs.items():
            assert run.end() == 0, run.output
            assert reported(report) == dict.fromkeys((*CYCLE, "GET /projects"), 5)


def test_the_scenarios_are_those_of_the_document() -> None:
    profiles = read_profile_file(LORAX.with_suffix(".toml")).profiles
    assert {name: (run.users, run.spawn_rate, run.run_time) for name, run in profiles.items() if name != "demo"} == {
        "smoke": (5, 5, 60),
        "light": (10, 2, 120),
        "medium": (50, 5, 300),
        "heavy": (100, 10, 600),
        "sustained": (50, 5, 1800),
        "spike": (200, 50, 300),
        "stress": (150, 15, 900),
        "endurance": (30, 3, 3600),
    }


def scenario(*arguments: object, cwd: Path) -> LocustProcess:
    """`python scenarios.py …`, which is given no `-f`."""
    process = LocustProcess("", cwd=cwd)
    process._command = [sys.executable, str(SCENARIOS), *map(str, arguments)]
    return process


def test_a_scenario_leaves_reports_that_can_be_judged_again(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir(), bad.mkdir()
    options = ("-u", 10, "-r", 10, "-t", "4s")
    with (
        scenario("smoke", start_target().url, *options, cwd=good) as passes,
        scenario("medium", start_target(error_rate=0.3).url, *options, cwd=bad) as fails,
    ):
        assert passes.end() == 0, passes.output
        assert fails.end() == 3, fails.output
    assert {path.name for path in good.iterdir()} >= {"smoke_report.html", "smoke_results", "smoke_results_stats.csv"}
    assert (bad / "medium_report.html").stat().st_size > 10_000

    judged = judge(good / "smoke_results", "smoke")
    assert judged == "True []"
    judged = judge(bad / "medium_results", "medium")
    assert judged.startswith("False [")
    assert ": errors < 1%: errors was " in judged
    # What Locust's own tables tell is enough as well.
    (bad / "medium_results" / "summary.json").unlink()
    assert ": errors < 1%: errors was " in judge(bad / "medium_results", "medium")


def judge(results: Path, name: str) -> str:
    """What the document's own lines print, run from `locustfiles/`."""
    lines = "import sys; from scenarios import validate_results; r = validate_results(*sys.argv[1:])"
    command = [sys.executable, "-B", "-c", f"{lines}; print(r['passed'], r['failures'])", str(results), name]
    return subprocess.run(command, cwd=SCENARIOS.parent, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_a_name_the_scenarios_are_listed(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with scenario(*arguments, cwd=tmp_path) as run:
        assert run.end() == 0
    assert len([line for line in run.lines if " users, " in line]) == 9
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with scenario("medum", cwd=tmp_path) as run:
        [line] = refused(run)
    assert 'profiles.medum: found no such profile (did you mean "medium"?)' in line


def test_what_is_wrong_with_the_environment_is_told_at_once(tmp_path: Path) -> None:
    wrong = {
        "LOCUST_SOCKET_TRANSPORTS": "pigeon",
        "LOAD_TEST_FILE": "small.trees",
        "LOAD_TEST_UPLOAD_CSV": str(tmp_path / "none.csv"),
    }
    with LocustProcess(LORAX, *BASICS, "--host", "http://127.0.0.1:1", environment=wrong) as run:
        lines = "\n".join(refused(run))
    assert "LOCUST_SOCKET_TRANSPORTS: found 'pigeon'; allowed: websocket, polling" in lines
    assert "LOAD_TEST_FILE: found 'small.trees'; allowed: PROJECT:FILE" in lines
    assert "LOAD_TEST_UPLOAD_CSV: cannot read" in lines
