"""The reference target as integration tests meet it: a process of its own on a free port."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, Any
from urllib.parse import urlsplit

import gevent
import pytest

START = 30
"""Seconds that a target may take until it listens, on a machine that is busy with other tests."""

COMMAND = (sys.executable, "-m", "wireswarm.target")


class TargetProcess:
    """A running reference target. Ends with SIGTERM at the end of the `with`."""

    def __init__(self, options: Sequence[str], environment: Mapping[str, str], command: Sequence[str]) -> None:
        # A file: nobody reads it while the target runs, and a pipe would fill up.
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self.process = subprocess.Popen(
            [*command, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **environment},
        )
        self.url = ""

    def __enter__(self) -> TargetProcess:
        assert self.process.stdout is not None
        with gevent.Timeout(START):
            line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), f"{line!r} {self.errors()}"
        self.url = line.removeprefix("listening on ").strip()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.process.terminate()
            self.process.wait(timeout=10)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()  # type: ignore[union-attr]
            self._errors.close()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def errors(self) -> str:
        """What it has written to standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def counters(self) -> dict[str, dict[str, int]]:
        """Received and answered requests by endpoint."""
        endpoints: dict[str, dict[str, int]] = self._control("GET", "/_target/counters")["endpoints"]
        return endpoints

    def reset(self) -> None:
        """Counts at zero, no accounts, the faults from their beginning."""
        self._control("POST", "/_target/reset")

    def _control(self, method: str, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            parsed: dict[str, Any] = json.loads(body)
            return parsed
        finally:
            connection.close()


@pytest.fixture
def start_target() -> Iterator[Callable[..., TargetProcess]]:
    """Starts targets of one's own: `start_target(latency="50ms", error_rate=0.1, seed=7)`.

    `environment=` adds variables, `command=` is another way to start it.
    """
    with ExitStack() as stack:

        def start(
            *, environment: Mapping[str, str] | None = None, command: Sequence[str] = COMMAND, **knobs: object
        ) -> TargetProcess:
            options = [f"--{name.replace('_', '-')}={value}" for name, value in knobs.items()]
            return stack.enter_context(TargetProcess(options, environment or {}, command))

        yield start


@pytest.fixture(scope="session")
def target() -> Iterator[TargetProcess]:
    """A target without faults, shared by all tests: `reset()` it, or use accounts of one's own."""
    with TargetProcess([], {}, COMMAND) as running:
        yield running
