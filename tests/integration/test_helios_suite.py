"""The Helios suite as it is shipped: its personas, its other files, its patterns, and what it makes of errors."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    CHATER,
    LocustProcess,
    Target,
    failures,
    master_port,
    received,
    refused,
    reported,
    write,
)

HELIOS = CHATER.parent / "helios"
LOCUSTFILE = HELIOS / "locustfile.py"
BASICS = ("--headless", "--only-summary")

QUICK = f"""
import sys

sys.path.insert(0, {str(HELIOS)!r})
import personas
from locust import constant

for name in personas.__all__:
    getattr(personas, name).wait_time = constant(0.01)
from personas import Admin, Browser, Buyer, Searcher
"""
"""The suite without the pauses that people make."""
EVEN = "\nfor name in personas.__all__:\n    getattr(personas, name).weight = 1\n"

MISSPELT = f"""
import sys

sys.path.insert(0, {str(HELIOS)!r})
from common.graphql_client import SHOP_INFO, ShopUser
from locust import task
from wireswarm import RequestFailed

WRONG = SHOP_INFO._replace(document=SHOP_INFO.document.replace("description", "descripion"))


class Reader(ShopUser):
    persona = "Browser"

    @task
    def read(self):
        try:
            self.ask(WRONG)
        except RequestFailed as error:
            print("answered with", error.response.status)
            raise
"""


def operations(target: Target) -> dict[str, int]:
    """The operations that the target has executed."""
    connection = http.client.HTTPConnection(urlsplit(target.url).netloc)
    connection.request("GET", "/_target/counters")
    found: dict[str, int] = json.loads(connection.getresponse().read())["operations"]
    connection.close()
    return found


def by_operation(counts: Counter[str]) -> Counter[str]:
    """Requests by operation, whoever has sent them."""
    found: Counter[str] = Counter()
    for name, count in counts.items():
        found[name.partition("] ")[2]] += count
    return found


def test_all_personas_and_every_operation(start_target: Callable[..., Target], tmp_path: Path) -> None:
    # Enough tasks that the rarest request, 1 in 90, cannot be missing.
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 20, "-r", 20, "--iterations", 1500, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, QUICK + EVEN), *BASICS, *options) as run:
        assert run.end() == 0, run.output
    assert "Traceback" not in run.output
    assert failures(report) == {}
    counts, executed = reported(report), operations(target)
    assert received(target.counters()) == {"POST /graphql/": counts.total()}
    assert {name.partition(" ")[2]: count for name, count in executed.items()} == by_operation(counts)
    assert len(executed) == 26
    assert {name.partition("]")[0] for name in counts} == {
        f"POST [{p}" for p in ("Admin", "Browser", "Buyer", "Searcher")
    }
    assert executed["mutation CreateProduct"] == executed["mutation DeleteProduct"]
    # Carts that were left, and those that had become orders.
    left = executed["mutation RemoveLines"] + executed["mutation CompleteCheckout"]
    assert executed["mutation CreateCheckout"] == left


def test_errors_are_reported_and_flows_clean_up(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(error_rate=0.1, seed=3), tmp_path / "run"
    options = ("-u", 20, "-r", 20, "--iterations", 1000, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, QUICK + EVEN), *BASICS, *options) as run:
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output
    counts, failed = reported(report), failures(report)
    flows = Counter({name: count for name, count in failed.items() if name.startswith("FLOW ")})
    exchanges = failed - flows
    assert received(target.counters()) == {"POST /graphql/": counts.total()}
    assert 0.08 <= exchanges.total() / counts.total() <= 0.12
    assert flows.keys() == {"FLOW complete_checkout", "FLOW create_product"}
    succeeded = counts - exchanges
    # What was begun was ended, or the end was tried once: the target fails that too.
    assert succeeded["POST [Admin] CreateProduct"] == counts["POST [Admin] DeleteProduct"]
    ended = counts["POST [Buyer] RemoveLines"] + succeeded["POST [Buyer] CompleteCheckout"]
    assert succeeded["POST [Buyer] CreateCheckout"] == ended


def test_a_misspelt_field_is_a_failure_although_the_status_is_200(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 1, "-r", 1, "--iterations", 3, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, MISSPELT), *BASICS, *options) as run:
        assert run.end() == 1, run.output
    assert failures(report) == reported(report) == {"POST [Browser] ShopInfo": 3}
    assert "Cannot query field 'descripion' on type 'Shop'" in run.output
    assert run.output.count("answered with 200") == 3
    assert operations(target) == {}


def test_readers_change_nothing_and_have_the_files_defaults(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    relative = os.path.relpath(HELIOS / "read_heavy.py", tmp_path)  # run from elsewhere
    options = ("-r", 50, "-t", "3s", "--host", target.url, "--json-file", report, "--summary", tmp_path / "s.json")
    with LocustProcess(relative, *BASICS, *options, cwd=tmp_path) as run:
        assert run.end() == 0, run.output
    assert json.loads((tmp_path / "s.json").read_text("utf-8"))["run"]["users"] == 50
    assert "errors < 1%" in run.output
    assert failures(report) == {}
    assert received(target.counters()) == {"POST /graphql/": reported(report).total()}
    assert operations(target)
    assert not [operation for operation in operations(target) if operation.startswith("mutation")]
    assert {key.split("[")[1].partition("]")[0] for key in reported(report)} == {"Browser", "Searcher"}


def test_another_profile_file_needs_no_profile_of_a_certain_name(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[profiles.mine]\nusers = 1\n", "utf-8")
    options = ("--profile-file", tmp_path / "own.toml", "--check", "--host", "http://127.0.0.1:1")
    with LocustProcess(LOCUSTFILE, *BASICS, *options) as run:
        assert run.end() == 0, run.output


@pytest.mark.slow  # seven processes
def test_the_files_run_with_workers(start_target: Callable[..., Target], tmp_path: Path) -> None:
    mine = shutil.copytree(HELIOS, tmp_path / "mine")  # a copy is a suite of its own
    calls: dict[str, tuple[tuple[Any, ...], Path]] = {
        "write_heavy": (("write_heavy.py", "--processes", 2, *master_port()), mine),
        "ramp_pattern": ((HELIOS / "ramp_pattern.py", "--processes", 2, *master_port()), HELIOS.parent),
    }
    with ExitStack() as stack:
        runs = {}
        for name, (arguments, cwd) in calls.items():
            target, report = start_target(), tmp_path / name
            limit = () if name.endswith("pattern") else ("-u", 20, "-r", 20)
            options = (*BASICS, *limit, "-t", "4s", "--host", target.url, "--json-file", report)
            run = stack.enter_context(LocustProcess(arguments[0], *arguments[1:], *options, cwd=cwd))
            runs[name] = run, target, report
        for name, (run, target, report) in runs.items():
            assert run.end() == 0, f"{name} {run.output}"
            assert "Traceback" not in run.output
            assert failures(report) == {}
            counts = reported(report)
            assert received(target.counters()) == {"POST /graphql/": counts.total()}, name
            if name == "write_heavy":
                assert {key.split("[")[1].partition("]")[0] for key in counts} == {"Admin", "Buyer"}
                assert [operation for operation in operations(target) if operation.startswith("mutation")]


@pytest.mark.slow  # a run for each; that a run time ends a shape early is Locust's own, and tested with the profiles
def test_run_time_ends_a_pattern_early(start_target: Callable[..., Target], tmp_path: Path) -> None:
    with ExitStack() as stack:
        runs = []
        for name in ("ramp", "wave", "spike"):
            options = (*BASICS, "-t", "3s", "--host", start_target().url, "--summary", tmp_path / f"{name}.json")
            runs.append((name, stack.enter_context(LocustProcess(HELIOS / f"{name}_pattern.py", *options))))
        for name, run in runs:
            assert run.end() == 0, run.output
            assert "-u has no effect" not in run.output
            assert json.loads((tmp_path / f"{name}.json").read_text("utf-8"))["total"]["count"] >= (name != "ramp")


TAGGED = {
    "read": {"Admin", "Browser", "Buyer", "Searcher"},
    "write": {"Admin", "Buyer"},
    "browse": {"Browser"},
    "detail": {"Browser"},
    "search": {"Searcher"},
    "filter": {"Searcher"},
    "sort": {"Searcher"},
    "cart": {"Buyer"},
    "checkout": {"Buyer"},
    "admin": {"Admin"},
    "product": {"Admin"},
}


@pytest.mark.slow  # a run for each; which task has which tag is a unit test
def test_every_tag_leaves_tasks_of_those_that_have_it(start_target: Callable[..., Target], tmp_path: Path) -> None:
    quick, target = write(tmp_path, QUICK + EVEN), start_target()
    with ExitStack() as stack:
        runs = {}
        for name in TAGGED:
            report = tmp_path / name
            options = (
                "-u",
                4,
                "-r",
                4,
                "--iterations",
                60,
                "--host",
                target.url,
                "--json-file",
                report,
                "--tags",
                name,
            )
            runs[name] = stack.enter_context(LocustProcess(quick, *BASICS, *options)), report
        for name, (run, report) in runs.items():
            assert run.end() == 0, f"{name} {run.output}"
            assert failures(report) == {}
            assert {key.split("[")[1].partition("]")[0] for key in reported(report)} == TAGGED[name], name


def test_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    wrong = {
        "ADMIN_EMAIL": "admin",
        "HELIOS_CHANNEL": "my channel",
        "HELIOS_PAYMENT_GATEWAY": "cash in hand",
        "HELIOS_SEARCH_TERMS": " , ",
    }
    with (
        LocustProcess(LOCUSTFILE, *BASICS, environment=wrong) as run,
        LocustProcess(HELIOS / "ramp_pattern.py", *BASICS, "--stage", "1m:5") as twice,
        LocustProcess(LOCUSTFILE, *BASICS, "--load-profile", "wavy") as profile,
        LocustProcess(LOCUSTFILE, *BASICS, "--tags", "buying") as tag,
    ):
        lines = refused(run)
        assert len([line for line in lines if line.startswith("error: ")]) == 4
        for name in wrong:
            assert any(line.startswith(f"error: {name}: found ") for line in lines), lines
        assert any("RampPattern" in line for line in refused(twice))
        assert any('did you mean "wave"?' in line for line in refused(profile))
        assert any("admin, browse, cart, checkout" in line for line in refused(tag))


def test_wrong_credentials_are_saleors_error_and_no_secret_is_shown(target: Target, tmp_path: Path) -> None:
    options = ("-u", 1, "-r", 1, "-t", "3s", "--host", target.url, "--report", tmp_path / "report.html", "Admin")
    wrong = {"ADMIN_PASSWORD": "wrong-and-still-secret"}
    with LocustProcess(LOCUSTFILE, *BASICS, *options, environment=wrong) as run:
        assert run.end() == 3, run.output
    assert "tokenCreate: INVALID_CREDENTIALS (email)" in run.output
    for text in (run.output, (tmp_path / "report.html").read_text("utf-8")):
        assert wrong["ADMIN_PASSWORD"] not in text


@pytest.mark.slow  # half a minute
def test_personas_by_a_real_run_of_ten_thousand_tasks(start_target: Callable[..., Target], tmp_path: Path) -> None:
    pace = """
from locust import constant_pacing

for name in personas.__all__:
    getattr(personas, name).wait_time = constant_pacing(0.3)
"""
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 100, "-r", 100, "--iterations", 10_000, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, QUICK + pace), *BASICS, *options) as run:
        assert run.end() == 0, run.output
    counts = reported(report)
    # Requests that are a task each, by their task's share of all tasks.
    for name, share in {
        "[Browser] ProductList": 50 * 40 / 105,
        "[Browser] ShopInfo": 50 * 5 / 105,
        "[Searcher] SearchProducts": 25 * 40 / 105,
        "[Searcher] NextResults": 25 * 5 / 105,
        "[Buyer] ProductDetail": 20 * 20 / 95,
        "[Buyer] CompleteCheckout": 20 * 5 / 95,
        "[Admin] ManagedProducts": 5 * 15 / 53,
        "[Admin] UpdateProduct": 5 * 20 / 53,
    }.items():
        assert abs(counts[f"POST {name}"] / 100 - share) <= 2, name
