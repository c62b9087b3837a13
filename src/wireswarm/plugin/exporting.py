"""`--prometheus-port`, `--influxdb`, `--samples`: the exporters of a run, in Locust.

Prometheus and InfluxDB get the whole swarm from the master, or from the only process. Samples are written where they
are measured, one file per worker.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Response, request
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from prometheus_client import CollectorRegistry

from wireswarm.errors import ConfigurationError
from wireswarm.exporters import (
    HttpSender,
    InfluxPusher,
    Live,
    SampleWriter,
    ScrapeServer,
    expose,
    parse_influxdb_url,
    registry_of,
    worker_path,
)
from wireswarm.exporters.sample_file import problems_of as problems_of_file
from wireswarm.exporters.scrape import problems_of as problems_of_port
from wireswarm.plugin.measuring import results_of

logger = logging.getLogger(__name__)

JUDGEMENTS = "wireswarm_judgements"
"""Attribute of an `Environment`: the newest judgement of every threshold."""
VALIDITY = "wireswarm_validity"
"""Attribute of an `Environment`: the newest look at the run's validity; its `state` is shown."""


def add_export_options(group: Any) -> None:
    """Add the options to a group of Locust's parser."""
    group.add_argument(
        "--prometheus-port",
        metavar="<port>",
        type=port_number,
        default=0,
        env_var="WIRESWARM_PROMETHEUS_PORT",
        help="Serve /metrics for Prometheus at this port, on --web-host's address; the web UI's port has it anyway.",
    )
    group.add_argument(
        "--influxdb",
        metavar="<url>",
        default="",
        env_var="WIRESWARM_INFLUXDB",
        help="Write to InfluxDB while the test runs: http://HOST:8086/?db=NAME, or ?org=NAME&bucket=NAME for version "
        "2. Credentials are read from WIRESWARM_INFLUXDB_USER and _PASSWORD, or _TOKEN.",
    )
    group.add_argument(
        "--samples",
        metavar="<filename>",
        default="",
        env_var="WIRESWARM_SAMPLES",
        help="Write a line of JSON per request to this .jsonl or .jsonl.gz file; a worker's is named -w0, -w1 …",
    )


def port_number(text: str) -> int:
    """An option's value as a port, 0 for none.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if text.isascii() and text.isdigit() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a port from 1 to 65535, or 0 for none")


def export_problems(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Everything that is wrong with the options of exporters. For the one process that decides whether to start."""
    problems = []
    if options.prometheus_port and not options.worker:
        if not options.headless and options.prometheus_port == options.web_port:
            problems.append(f"--prometheus-port {options.prometheus_port}: this is the web UI's, which has /metrics")
        else:
            problems += problems_of_port(_host(options), options.prometheus_port)
    if options.influxdb and not options.worker:
        try:
            parse_influxdb_url(options.influxdb, environ)
        except ConfigurationError as error:
            problems += error.problems
    if options.samples and not options.master:  # a master has no samples, and may not have the folder
        problems += problems_of_file(options.samples)
    return problems


def install_exporters(environment: Environment) -> None:
    """Export that environment's runs as its options say, and under its web UI's `/metrics`.

    To be called when whatever else listens to the stop of a test, to complete the results, has been installed.

    Raises:
        ConfigurationError: an option is wrong, or the port has been taken.
    """
    if isinstance(environment.runner, WorkerRunner):
        _Samples(environment)
        return
    options = environment.parsed_options or argparse.Namespace()
    if not isinstance(environment.runner, MasterRunner):
        _Samples(environment)
    exports = _Exports(environment)
    if getattr(options, "influxdb", ""):
        exports.write_to_influxdb(options.influxdb)
    registry = registry_of(exports.look)
    if environment.web_ui is not None:
        _add_route(environment, registry)
    if getattr(options, "prometheus_port", 0):
        exports.serve(registry, _host(options), options.prometheus_port)


def look_at(environment: Environment, lost: Mapping[str, int]) -> Live:
    """A run as exporters see it."""
    runner, attributes = environment.runner, vars(environment)
    if isinstance(runner, MasterRunner):
        workers = Counter(node.state for node in runner.clients.all)
    else:
        workers = Counter(() if runner is None else (runner.state,))
    return Live(
        results=results_of(environment),
        users=0 if runner is None else runner.user_count,
        workers=workers,
        judgements=tuple(attributes.get(JUDGEMENTS) or ()),
        validity=getattr(attributes.get(VALIDITY), "state", ""),
        lost=lost,
    )


class _Exports:
    """What the master, or the only process, exports for all."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._pusher: InfluxPusher | None = None

    def look(self) -> Live:
        lost = {} if self._pusher is None else {"influxdb": self._pusher.lost}
        return look_at(self._environment, lost)

    def write_to_influxdb(self, url: str) -> None:
        target = parse_influxdb_url(url, os.environ)
        pusher = self._pusher = InfluxPusher(self.look, HttpSender(target), str(target))
        events = self._environment.events
        events.test_stop.add_listener(lambda **_: pusher.gather())  # before a next test begins at nothing
        events.quit.add_listener(lambda **_: pusher.finish())
        pusher.start()

    def serve(self, registry: CollectorRegistry, host: str, port: int) -> None:
        server = ScrapeServer(registry, host, port)
        logger.info("Metrics for Prometheus at http://%s:%d/metrics", host or "0.0.0.0", server.port)  # noqa: S104
        self._environment.events.quit.add_listener(lambda **_: server.stop())


class _Samples:
    """The file of one process: open while a test runs."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        # A worker's own, which the master's options replace.
        self._own = getattr(environment.parsed_options, "samples", "")
        self._writer: SampleWriter | None = None
        self._had: set[Path] = set()
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stop.add_listener(self._close)
        environment.events.quit.add_listener(self._close)

    def _on_test_start(self, **_kwargs: Any) -> None:
        name = getattr(self._environment.parsed_options, "samples", "") or self._own
        if not name or self._writer is not None:
            return
        runner = self._environment.runner
        path = worker_path(Path(name), runner.worker_index if isinstance(runner, WorkerRunner) else None)
        try:
            self._writer = SampleWriter(path, append=path in self._had)
        except OSError as error:
            logger.error("--samples: %s: %s; nothing is written", path, error.strerror)
            return
        self._had.add(path)
        self._environment.events.request.add_listener(self._writer.on_request)
        self._writer.start()

    def _close(self, **_kwargs: Any) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self._environment.events.request.remove_listener(writer.on_request)
            writer.close()


def _add_route(environment: Environment, registry: CollectorRegistry) -> None:
    web_ui = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return

    def metrics() -> Response:
        body, content_type = expose(registry, request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    # Under --web-login it is a page like others: whoever scrapes without a login takes --prometheus-port.
    base = getattr(environment.parsed_options, "web_base_path", None) or ""
    web_ui.app.add_url_rule(
        f"{base.rstrip('/')}/metrics", "wireswarm_metrics", web_ui.auth_required_if_enabled(metrics)
    )


def _host(options: argparse.Namespace) -> str:
    # The same answer to "who may see this run" as the web UI's; for Locust "*" is all as well.
    host = str(getattr(options, "web_host", "") or "")
    return "" if host == "*" else host
