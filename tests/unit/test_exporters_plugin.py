"""The options of exporters, and how they get into an environment."""

from __future__ import annotations

import argparse
import json
import os
from argparse import Namespace
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import msgpack
import pytest
from live_run import LiveRun, judged, sample
from locust.env import Environment

from wireswarm.metrics import Validity
from wireswarm.plugin.exporting import (
    JUDGEMENTS,
    VALIDITY,
    add_export_options,
    export_problems,
    install_exporters,
    look_at,
    port_number,
)
from wireswarm.plugin.measuring import RESULTS


def parse(*args: str) -> argparse.Namespace:
    from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments

    parser = get_empty_argument_parser()
    setup_parser_arguments(parser)
    if "--influxdb" not in parser.format_help():
        add_export_options(parser.add_argument_group("exports"))
    options: argparse.Namespace = parser.parse_args(["--headless", *args])
    return options


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("LOCUST_", "WIRESWARM_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_nothing_is_exported_unless_it_is_asked_for() -> None:
    options = parse()
    assert (options.prometheus_port, options.influxdb, options.samples) == (0, "", "")
    assert export_problems(options, {}) == []


def test_options_come_from_the_environment_too_and_can_be_sent_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_PROMETHEUS_PORT", "9646")
    monkeypatch.setenv("WIRESWARM_INFLUXDB", "http://h/?db=x")
    monkeypatch.setenv("WIRESWARM_SAMPLES", "out.jsonl")
    options = parse()
    ours = {name: vars(options)[name] for name in ("prometheus_port", "influxdb", "samples")}
    assert ours == {"prometheus_port": 9646, "influxdb": "http://h/?db=x", "samples": "out.jsonl"}
    assert msgpack.loads(msgpack.dumps(ours)) == ours


@pytest.mark.parametrize("text", ["-1", "65536", "http", "", "８０"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="allowed: a port from 1 to 65535"):
        port_number(text)


def test_every_problem_is_told_at_once() -> None:
    options = parse("--samples", "out.txt", "--influxdb", "http://h")
    assert len(export_problems(options, {})) == 2


def test_the_web_uis_port_has_the_metrics_already() -> None:
    options = parse("--prometheus-port", "8089")
    options.headless = False
    assert export_problems(options, {}) == ["--prometheus-port 8089: this is the web UI's, which has /metrics"]


def test_each_process_is_asked_only_about_what_it_does() -> None:
    options = parse("--influxdb", "nonsense", "--samples", "out.txt")
    options.worker = True
    assert [problem.split(":")[0] for problem in export_problems(options, {})] == ["--samples"]
    options.worker, options.master = False, True
    assert {problem.split(":")[0] for problem in export_problems(options, {})} == {"--influxdb"}


def local(**options: Any) -> Environment:
    environment = Environment(parsed_options=Namespace(**options))
    environment.create_local_runner()
    install_exporters(environment)
    return environment


def fire(environment: Environment, **event: Any) -> None:
    environment.events.request.fire(
        **({"request_type": "GET", "name": "/x", "response_time": 1.0, "response_length": 0, "exception": None} | event)
    )


def lines(path: Path) -> list[Any]:
    return [line for line in map(json.loads, path.read_text("utf-8").splitlines()) if line["type"] == "Point"]


def test_samples_are_written_while_a_test_runs(tmp_path: Path) -> None:
    environment = local(samples=str(tmp_path / "out.jsonl"))
    events = environment.events
    fire(environment, sample=sample(1))
    for count in (1, 2):
        events.test_start.fire(environment=environment)
        for _ in range(count):
            fire(environment, sample=sample(1))
        events.test_stop.fire(environment=environment)
        assert len(lines(tmp_path / "out.jsonl")) == sum(range(count + 1)), "a second test is appended"
    fire(environment, sample=sample(1))
    events.quit.fire(exit_code=0)
    assert len(lines(tmp_path / "out.jsonl")) == 3


def test_a_file_that_cannot_be_opened_is_told_and_the_test_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    environment = local(samples=str(tmp_path / "file" / "out.jsonl"))
    environment.events.test_start.fire(environment=environment)
    fire(environment, sample=sample(1))
    environment.events.test_stop.fire(environment=environment)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "nothing is written" in caplog.text


def test_without_options_nothing_listens_to_requests() -> None:
    environment = Environment()
    environment.create_local_runner()
    before = len(environment.events.request._handlers)
    install_exporters(environment)
    environment.events.test_start.fire(environment=environment)
    assert len(environment.events.request._handlers) == before


def test_a_look_at_an_environment() -> None:
    environment, run = Environment(), LiveRun()
    runner = environment.create_local_runner()
    run.request(1)
    run.report()
    judgements = judged(run.results, "p95 < 1s")
    vars(environment).update({RESULTS: run.results, JUDGEMENTS: judgements, VALIDITY: Validity("DEGRADED", ["late"])})
    live = look_at(environment, {"influxdb": 1})
    assert live.results is run.results
    assert live.workers == Counter({runner.state: 1})
    assert list(live.judgements) == judgements
    assert (live.validity, live.lost, live.users) == ("DEGRADED", {"influxdb": 1}, 0)


def test_a_look_before_anything_is_known() -> None:
    live = look_at(Environment(), {})
    assert (live.results, live.users, live.validity, list(live.judgements)) == (None, 0, "", [])


def test_influxdb_is_written_to_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = []

    def post(_session: object, url: str, **options: Any) -> SimpleNamespace:
        bodies.append((url, options["params"], options["data"]))
        return SimpleNamespace(status_code=204)

    monkeypatch.setattr("requests.Session.post", post)
    environment, run = Environment(parsed_options=Namespace(influxdb="http://h/?db=x")), LiveRun()
    environment.create_local_runner()
    vars(environment)[RESULTS] = run.results
    install_exporters(environment)
    run.request(1)
    run.report()
    environment.events.test_stop.fire(environment=environment)
    gevent.sleep(0)
    run.results.restart()
    environment.events.quit.fire(exit_code=0)
    assert {(url, tuple(params.items())) for url, params, _ in bodies} == {("http://h/write", (("db", "x"),))}
    assert [body.count(b",type=GET count=1i") for _, _, body in bodies] == [1, 0]
