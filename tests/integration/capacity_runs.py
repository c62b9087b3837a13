"""`wireswarm capacity` as people run it: a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOCUSTFILE = """
from locust import task
from wireswarm import RestUser


class Visitor(RestUser):
    @task
    def look(self):
        self.client.get("/health")
"""

PATIENCE = 120


def write(folder: Path) -> Path:
    """The locustfile: one task, one request."""
    path = folder / "visits.py"
    path.write_text(LOCUSTFILE, "utf-8")
    return path


@contextmanager
def started(locustfile: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "wireswarm", "capacity", locustfile.name, "--results", "found", *arguments]
    with subprocess.Popen(
        command, cwd=locustfile.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def found(locustfile: Path, *arguments: str, patience: float = PATIENCE) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was printed, and what was found."""
    with started(locustfile, *arguments) as process:
        output, _ = process.communicate(timeout=patience)
    (folder,) = (locustfile.parent / "found").iterdir()
    assert "Content-Security-Policy" in (folder / "report.html").read_text("utf-8")
    return process.returncode, output, json.loads((folder / "capacity.json").read_text("utf-8"))
