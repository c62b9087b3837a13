"""How each contender is found, started and asked for what it saw itself.

All are told what to do by the same variables of the environment, `BENCH_…`, and write the same small report in the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

from cases import FAST, HTTP, K6, K6_PROTOBUF, WIRESWARM, WIRESWARM_PROGRAM, WRK, Case
from locustfiles.messages import KINDS, PHOTO_DATA

HERE: Final = Path(__file__).resolve().parent
KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "TMPDIR")


class ContenderError(Exception):
    """A contender did not do its work, so there is no figure for it."""


@dataclass(frozen=True)
class Job:
    """One run of one contender."""

    case: Case
    url: str
    users: int
    seconds: float
    """How long the contender makes load in all."""
    folder: Path
    """For what it reads and writes."""
    ca_file: Path
    slow_url: str = ""

    @property
    def report(self) -> Path:
        """Where the contender writes what it saw."""
        return self.folder / "report.json"

    def environment(self) -> dict[str, str]:
        """All that a contender is told. Nothing else is passed on: proxies and the like would change the work."""
        kind = KINDS[self.case.message]
        body, photo = self.folder / "body", self.folder / "photo"
        body.write_bytes(kind.make().SerializeToString())
        photo.write_bytes(PHOTO_DATA)
        told = {
            "URL": self.url,
            "PATH": kind.path,
            "MESSAGE": self.case.message,
            "BODY": body,
            "PHOTO": photo,
            "USERS": self.users,
            "SECONDS": self.seconds,
            "WARM_UP": self.case.warm_up,
            "PACING": self.case.pacing,
            "SLOW_URL": self.slow_url,
            "CA_FILE": self.ca_file,
            "TIMES": "" if self.case.shape == "throughput" else "1",
            "REPORT": self.report,
        }
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        return kept | {f"BENCH_{name}": str(value) for name, value in told.items()}


class Contender(Protocol):
    """Something that makes load."""

    @property
    def install(self) -> str:
        """How it is installed."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Further variables of its environment."""

    def version(self) -> str | None:
        """Which version is installed, if any."""

    def command(self, job: Job) -> list[str]:
        """How it is run."""


@dataclass(frozen=True)
class LocustContender:
    """A locustfile, headless, one process."""

    locustfile: str
    variables: Mapping[str, str] = field(default_factory=dict)
    install: str = "with this checkout"

    def version(self) -> str:
        """See `Contender.version`."""
        return f"Wireswarm {version('wireswarm')} and Locust {version('locust')}"

    def command(self, job: Job) -> list[str]:
        """See `Contender.command`."""
        arguments = ["-f", str(HERE / "locustfiles" / self.locustfile), "--headless", "--only-summary"]
        arguments += ["-u", str(job.users), "-r", str(job.users), "-t", f"{job.seconds:.0f}s", "--loglevel", "ERROR"]
        return [sys.executable, "-m", "locust", *arguments]


@dataclass(frozen=True)
class K6Contender:
    """A k6 script, with one core for Go's scheduler as well."""

    script: str
    install: str
    variables: Mapping[str, str] = field(default_factory=lambda: {"GOMAXPROCS": "1", "K6_NO_USAGE_REPORT": "true"})

    def version(self) -> str | None:
        """See `Contender.version`."""
        path = _k6()
        if path is None or not (HERE / "k6" / self.script).exists():
            return None
        return _output(path, "version").partition("(")[0].strip()

    def command(self, job: Job) -> list[str]:
        """See `Contender.command`."""
        return [str(_k6()), "run", "--quiet", "--address", "", str(HERE / "k6" / self.script)]


@dataclass(frozen=True)
class WrkContender:
    """wrk with one thread: what one core and the server can do at best."""

    install: str = "apt-get install wrk (Debian)"
    variables: Mapping[str, str] = field(default_factory=dict)

    def version(self) -> str | None:
        """See `Contender.version`."""
        path = shutil.which("wrk")
        return None if path is None else _output(path, "-v").partition("[")[0].strip()

    def command(self, job: Job) -> list[str]:
        """See `Contender.command`."""
        arguments = ["-t", "1", "-c", str(job.users), "-d", f"{job.seconds:.0f}s", "-s", str(HERE / "wrk/post.lua")]
        return ["wrk", *arguments, job.url + KINDS[job.case.message].path]


CONTENDERS: Final[Mapping[str, Contender]] = {
    WIRESWARM: LocustContender("wireswarm_protobuf.py"),
    WIRESWARM_PROGRAM: LocustContender("wireswarm_protobuf.py", {"BENCH_TIMING": "program"}),
    FAST: LocustContender("fast_http_user.py"),
    HTTP: LocustContender("http_user.py"),
    K6: K6Contender("raw.js", "go install go.k6.io/k6@latest"),
    K6_PROTOBUF: K6Contender("dist/bundle.js", "go install go.k6.io/k6@latest && npm ci --prefix bench/k6"),
    WRK: WrkContender(),
}


def read_report(job: Job) -> dict[str, Any]:
    """What a contender said in the end.

    Raises:
        ContenderError: it said nothing, or that requests failed.
    """
    if not job.report.exists():
        raise ContenderError("it ended without a report")
    report: dict[str, Any] = json.loads(job.report.read_text(encoding="utf-8"))
    if report["failures"]:
        raise ContenderError("; ".join(report["failures"][:3]))
    return report


@cache
def _k6() -> str | None:
    # Where `go install` puts it is not always on the path.
    return shutil.which("k6") or shutil.which("k6", path=Path(os.environ.get("GOBIN") or Path.home() / "go/bin"))


def _output(*command: str) -> str:
    # wrk answers its -v with an exit status of 1.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0]
