"""A run that cannot be what was asked for is refused: one line for each problem, exit code 2, nobody left behind."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import jwt
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import CHATER, LocustProcess, Target, master_port, refused

from wireswarm.profiles import KEYS

HEADLESS = ("--headless", "-u", "1", "-t", "5s")
TOKEN = jwt.encode({"email": "a@example.com", "exp": 1_000_000_000}, "fake-secret-of-the-tests-0123456789abc")
HOST = "http://127.0.0.1:9"
"""Where nobody listens: the runs of this file send nothing."""


class Refusal:
    """A command line, and the lines that it is to be answered with, apart from the `error: ` before each."""

    def __init__(
        self,
        *options: str,
        says: tuple[str, ...],
        locustfile: str = "",
        environment: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.options = options
        self.says = says
        self.locustfile = locustfile
        self.environment = environment or {}
        self.files = files or {}


NO_HOST = """
from locust import task
from wireswarm import ProtobufUser

class Homeless(ProtobufUser):
    @task
    def ask(self):
        self.client.get("/health")
"""
STOCK_NO_HOST = """
import wireswarm
from locust import HttpUser, task

class Stock(HttpUser):
    @task
    def ask(self):
        self.client.get("/health")
"""
BAD_PROTO = """
from locust import task
from wireswarm import ProtobufUser, load_protos

pb = load_protos("orders.proto")

class User(ProtobufUser):
    @task
    def ask(self):
        self.client.get("/health")
"""
NO_STEPS = """
from locust import task
from wireswarm import Flow, ProtobufUser

class User(ProtobufUser):
    host = "http://127.0.0.1:9"

    @task
    class Checkout(Flow):
        def pay(self):
            self.client.get("/health")
"""
NEEDY = """
import os
from locust import task
from wireswarm import ConfigurationError, ProtobufUser

class Needy(ProtobufUser):
    host = "http://127.0.0.1:9"

    @classmethod
    def prepare(cls):
        if "NEEDED" not in os.environ:
            raise ConfigurationError("NEEDED: not set")

    @task
    def ask(self):
        self.client.get("/health")
"""
ADVICE = "expected something like http://127.0.0.1:8000"

REFUSALS = {
    "malformed host": Refusal(
        *HEADLESS,
        "--host",
        "localhost:8000",
        says=(f"--host 'localhost:8000': it does not start with http:// or https://; {ADVICE}",),
    ),
    "malformed host of the class": Refusal(
        environment={"TARGET_HOST": "localhost"},  # in the web UI too
        says=(f"ChaterUser.host 'localhost': it does not start with http:// or https://; {ADVICE}",),
    ),
    "no host": Refusal(
        *HEADLESS,
        locustfile=NO_HOST,
        says=("there is no host to send requests to: pass --host, as in http://127.0.0.1:8000",),
    ),
    "no host for a stock user": Refusal(
        *HEADLESS,
        locustfile=STOCK_NO_HOST,
        says=("there is no host to send requests to: pass --host, as in http://127.0.0.1:8000",),
    ),
    "malformed host for a stock user": Refusal(
        *HEADLESS,
        "--host=127.0.0.1:8000",
        locustfile=STOCK_NO_HOST,
        says=(f"--host '127.0.0.1:8000': it does not start with http:// or https://; {ADVICE}",),
    ),
    "missing photo": Refusal(
        *HEADLESS,
        environment={"TEST_PHOTO_PATH": "/nowhere/photo.png"},
        says=("TEST_PHOTO_PATH: cannot read /nowhere/photo.png: No such file or directory; name a file with a photo",),
    ),
    "malformed token": Refusal(
        *HEADLESS,
        environment={"TEST_USER_TOKEN": "abc"},
        says=("TEST_USER_TOKEN is not a JWT: it does not have three parts joined by dots",),
    ),
    "expired token": Refusal(
        *HEADLESS,
        environment={"TEST_USER_TOKEN": TOKEN},
        says=("TEST_USER_TOKEN expired at 2001-09-09 01:46:40 UTC: get a new token",),
    ),
    "everything at once, and with workers": Refusal(
        *HEADLESS,
        *("--host", "x", "--processes", "2", "--tags", "nothing"),
        environment={"TEST_PHOTO_PATH": "/nowhere", "TEST_USER_TOKEN": "abc", "TEST_CUSTOM_DATE": "2024-01-15"},
        says=(
            "--tags nothing leaves no task to run; "
            "the tags there are: alcohol, auth, custom_date, feedback, full_flow, language",
            f"--host 'x': it does not start with http:// or https://; {ADVICE}",
            "TEST_PHOTO_PATH: cannot read /nowhere: No such file or directory; name a file with a photo",
            "TEST_CUSTOM_DATE: found '2024-01-15'; allowed: a day as dd-MM-yyyy, such as 15-01-2024",
            "TEST_USER_TOKEN is not a JWT: it does not have three parts joined by dots",
        ),
    ),
    "bad .proto": Refusal(
        *HEADLESS,
        locustfile=BAD_PROTO,
        files={"orders.proto": 'syntax = "proto3";\nmessage Order {\n  strin id = 1;\n}\n'},
        says=('{tmp}/orders.proto:3:3: "strin" is not defined.',),
    ),
    "no .proto": Refusal(
        *HEADLESS,
        locustfile=BAD_PROTO,
        says=("orders.proto: there is no such file or folder; looked for {tmp}/orders.proto",),
    ),
    "a flow without steps": Refusal(
        *HEADLESS, locustfile=NO_STEPS, says=("User.Checkout has no method marked with @step",)
    ),
    "unknown user class": Refusal(
        *HEADLESS, "Nobody", says=("there is no user class Nobody in {file}; there is ChaterUser",)
    ),
    "unknown profile": Refusal(
        *HEADLESS,
        *("--load-profile", "smok"),
        says=(
            '{dir}/chater.toml: profiles.smok: found no such profile (did you mean "smoke"?); allowed: demo, smoke, '
            "load, stress, spike-baseline, spike, endurance, photo, alcohol, no-auth",
        ),
    ),
    "no profile file": Refusal(
        *HEADLESS,
        *("--load-profile", "smoke"),
        locustfile=NO_HOST,
        says=(
            "--load-profile smoke: there is no profile file {tmp}/locustfile.toml; write one or pass --profile-file",
            "there is no host to send requests to: pass --host, as in http://127.0.0.1:8000",
        ),
    ),
    "bad profile file": Refusal(
        *HEADLESS,
        *("--profile-file", "bad.toml", "--host", HOST),
        files={"bad.toml": "[profiles.smoke]\nuser = 1\nrun_time = 60\n"},
        says=(
            f'bad.toml: profiles.smoke.user: found an unknown key (did you mean "users"?); allowed: {", ".join(KEYS)}',
            "bad.toml: profiles.smoke.run_time: found 60 (an integer); "
            'allowed: a duration longer than 0 in quotes, such as "90s", "10m" or "2h"',
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_refuses_with_one_line_for_each_problem(case: Refusal, tmp_path: Path) -> None:
    for name, text in case.files.items():
        (tmp_path / name).write_text(text, "utf-8")
    locustfile = CHATER
    if case.locustfile:
        locustfile = tmp_path / "locustfile.py"
        locustfile.write_text(case.locustfile, "utf-8")
    with LocustProcess(locustfile, *case.options, environment=case.environment, cwd=tmp_path) as run:
        said = refused(run)
    places = {"tmp": tmp_path, "dir": CHATER.parent, "file": locustfile}
    assert said == [f"error: {line.format(**places)}" for line in case.says]


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
def test_iterations_are_a_whole_number(value: str) -> None:
    with LocustProcess(CHATER, *HEADLESS, f"--iterations={value}") as run:
        said = refused(run)
    assert len(said) == 1
    assert said[0].endswith(f"error: argument --iterations: found '{value}'; allowed: a whole number of 1 or more")


def test_a_refused_run_sends_nothing_and_leaves_no_process(target: Target) -> None:
    target.reset()
    options = (*HEADLESS, "--host", target.url, "--processes", "2", *master_port())
    with LocustProcess(CHATER, *options, environment={"TEST_PHOTO_PATH": "/nowhere"}) as run:
        began = time.monotonic()
        refused(run)
        took = time.monotonic() - began
    assert target.counters() == {}
    assert took < 5, "the workers of a run that exits too late wait for their master for a minute"


def test_a_worker_without_its_credentials_is_refused_too() -> None:
    with LocustProcess(CHATER, "--worker", *master_port(), environment={"TEST_USER_TOKEN": "abc"}) as run:
        assert refused(run) == ["error: TEST_USER_TOKEN is not a JWT: it does not have three parts joined by dots"]


def test_a_worker_that_gets_its_locustfile_from_the_master_checks_it_then(tmp_path: Path) -> None:
    locustfile = tmp_path / "needy.py"
    locustfile.write_text(NEEDY, "utf-8")
    port = master_port()
    with (
        LocustProcess(locustfile, "--master", "--headless", *port, environment={"NEEDED": "1"}) as master,
        LocustProcess("-", "--worker", *port) as worker,
    ):
        assert refused(worker)[-1] == "error: NEEDED: not set"
        master.signal(signal.SIGTERM)
        master.end()


def test_check_says_that_all_is_well_and_sends_nothing(target: Target) -> None:
    target.reset()
    options = ("--headless", "-u", "1", "--host", target.url, "--load-profile", "smoke", "--check")
    with LocustProcess(CHATER, *options) as run:
        assert run.end() == 0, run.output
    assert run.lines == [f"OK: {CHATER}: ChaterUser; nothing was sent"]
    assert target.counters() == {}


def test_check_needs_a_user_class(tmp_path: Path) -> None:
    locustfile = tmp_path / "empty.py"
    locustfile.write_text("import wireswarm\n", "utf-8")
    with LocustProcess(locustfile, "--check") as run:
        assert refused(run) == [f"error: there is no user class in {locustfile}"]


def test_a_label_that_is_the_name_of_a_profile_gets_a_hint() -> None:
    with LocustProcess(CHATER, "--profile", "smoke", "--check") as run:
        assert run.end() == 0, run.output
    assert run.lines[0] == (
        f"warning: --profile smoke only labels the run; {CHATER.with_suffix('.toml')} has a load profile of that name: "
        "did you mean --load-profile smoke?"
    )


@pytest.mark.parametrize(
    ("option", "shows"),
    [("--list", "    ChaterUser"), ("--show-task-ratio", "   14.3       FullFlow"), ("--show-task-ratio-json", "")],
)
def test_what_only_lists_works_whatever_is_wrong(option: str, shows: str) -> None:
    environment = {"TEST_PHOTO_PATH": "/nowhere", "TEST_USER_TOKEN": "abc"}
    with LocustProcess(CHATER, option, "--host", "x", environment=environment) as run:
        assert run.end() == 0, run.output
    assert "ChaterUser" in run.output
    assert shows in run.output


def test_help_is_shown_whatever_is_wrong() -> None:
    # Locust's own command shows it before it reads the locustfile; this one knows our options.
    command = (sys.executable, "-m", "wireswarm", "locust")
    with LocustProcess(CHATER, "--load-profile", "nothing", "--help", command=command) as run:
        assert run.end() == 0, run.output
    assert "--iterations" in run.output
    with LocustProcess(CHATER, "--help") as run:
        assert run.end() == 0, run.output


def test_other_mistakes_of_a_locustfile_keep_their_traceback(tmp_path: Path) -> None:
    locustfile = tmp_path / "broken.py"
    locustfile.write_text("import wireswarm\nraise RuntimeError('not ours')\n", "utf-8")
    with LocustProcess(locustfile, "--headless") as run:
        assert run.end() == 1
    assert "Traceback (most recent call last):" in run.output
    assert run.lines[-1] == "RuntimeError: not ours"
