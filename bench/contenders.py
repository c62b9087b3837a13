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

from cases import (
    ARTILLERY,
    BARE_SOCKET,
    BARE_USER,
    FAST,
    HTTP,
    K6,
    K6_PROTOBUF,
    LOCUST_SOCKETIO,
    WIRESWARM,
    WIRESWARM_JUDGED,
    WIRESWARM_PROGRAM,
    WIRESWARM_SOCKETIO,
    WIRESWARM_UNMEASURED,
    WRK,
    Case,
)
from locustfiles.messages import KINDS, PHOTO_DATA

HERE: Final = Path(__file__).resolve().parent
SOCKETIO: Final = HERE / "socketio"
INSTALL_SOCKETIO: Final = "npm ci --prefix bench/socketio"
_ARTILLERY: Final = SOCKETIO / "node_modules/artillery"
KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "TMPDIR")
SPAWN_RATE: Final = 1000
"""Users that Locust starts per second, at most: so many connect at once without being refused."""


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
    ca_file: Path | None = None
    slow_url: str = ""

    @property
    def report(self) -> Path:
        """Where the contender writes what it saw."""
        return self.folder / "report.json"

    @property
    def spawned(self) -> Path:
        """What is there when all users are."""
        return self.folder / "spawned"

    def environment(self) -> dict[str, str]:
        """All that a contender is told. Nothing else is passed on: proxies and the like would change the work."""
        told = self._messages() if self.case.protocol == "http" else {"WORK": self.case.work}
        told |= {
            "URL": self.url,
            "USERS": self.users,
            "SECONDS": self.seconds,
            "WARM_UP": self.case.warm_up,
            "PACING": self.case.pacing,
            "SLOW_URL": self.slow_url,
            "CA_FILE": self.ca_file or "",
            "TIMES": "1" if self.case.shape in {"pace", "clock"} else "",
            "REPORT": self.report,
            "SPAWNED": self.spawned,
        }
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        return kept | {f"BENCH_{name}": str(value) for name, value in told.items()}

    def _messages(self) -> dict[str, object]:
        kind = KINDS[self.case.message]
        body, photo = self.folder / "body", self.folder / "photo"
        body.write_bytes(kind.make().SerializeToString())
        photo.write_bytes(PHOTO_DATA)
        return {"PATH": kind.path, "MESSAGE": self.case.message, "BODY": body, "PHOTO": photo}


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

    def report(self, job: Job) -> None:
        """Write the small report, where it does not do so itself."""


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
        arguments += ["-u", str(job.users), "-r", str(min(job.users, SPAWN_RATE)), "-t", f"{job.seconds:.0f}s"]
        arguments += ["--loglevel", "ERROR", *(["--stop-timeout", "0"] if job.case.shape == "held" else [])]
        return [sys.executable, "-m", "locust", *arguments]

    def report(self, job: Job) -> None:
        """See `Contender.report`."""


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

    def report(self, job: Job) -> None:
        """See `Contender.report`."""


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

    def report(self, job: Job) -> None:
        """See `Contender.report`."""


@dataclass(frozen=True)
class ArtilleryContender:
    """An Artillery script for its engine `socketio`, with one worker."""

    install: str = INSTALL_SOCKETIO
    variables: Mapping[str, str] = field(
        default_factory=lambda: {"WORKERS": "1", "ARTILLERY_DISABLE_TELEMETRY": "true", "NO_UPDATE_NOTIFIER": "true"}
    )

    def version(self) -> str | None:
        """See `Contender.version`."""
        path = _ARTILLERY / "package.json"
        if node() is None or not path.exists():
            return None
        return f"Artillery {json.loads(path.read_text(encoding='utf-8'))['version']}"

    def command(self, job: Job) -> list[str]:
        """See `Contender.command`."""
        config = {"target": job.url, "phases": [{"duration": 1, "arrivalCount": job.users}]}
        arguments = ["run", "--quiet", "--overrides", json.dumps({"config": config}), "--output", str(_said(job))]
        return [str(node()), str(_ARTILLERY / "bin/run"), *arguments, str(SOCKETIO / f"{job.case.work}.yml")]

    def report(self, job: Job) -> None:
        """See `Contender.report`."""
        if not _said(job).exists():
            return
        counters = json.loads(_said(job).read_text(encoding="utf-8"))["aggregate"]["counters"]
        failures = [f"{count} × {name}" for name, count in counters.items() if name.startswith("errors.")]
        failures += [f"{counters['vusers.failed']} users failed"] if counters.get("vusers.failed") else []
        report = {"requests": counters.get("socketio.emit", 0), "failures": failures, "times": {}}
        job.report.write_text(json.dumps(report), encoding="utf-8")


CONTENDERS: Final[Mapping[str, Contender]] = {
    WIRESWARM: LocustContender("wireswarm_protobuf.py"),
    WIRESWARM_PROGRAM: LocustContender("wireswarm_protobuf.py", {"BENCH_TIMING": "program"}),
    WIRESWARM_JUDGED: LocustContender(
        "wireswarm_protobuf.py", {"WIRESWARM_THRESHOLD": "[p95 < 10s, errors < 1%, p99 < 10s over 10s]"}
    ),
    WIRESWARM_UNMEASURED: LocustContender("wireswarm_protobuf.py", {"BENCH_MEASURING": "off"}),
    FAST: LocustContender("fast_http_user.py"),
    HTTP: LocustContender("http_user.py"),
    K6: K6Contender("raw.js", "go install go.k6.io/k6@latest"),
    K6_PROTOBUF: K6Contender("dist/bundle.js", "go install go.k6.io/k6@latest && npm ci --prefix bench/k6"),
    WRK: WrkContender(),
    WIRESWARM_SOCKETIO: LocustContender("wireswarm_socketio.py"),
    LOCUST_SOCKETIO: LocustContender("stock_socketio.py"),
    ARTILLERY: ArtilleryContender(),
    BARE_SOCKET: LocustContender("bare_socket.py"),
    BARE_USER: LocustContender("bare_user.py"),
}


def read_report(contender: Contender, job: Job) -> dict[str, Any]:
    """What a contender said in the end.

    Raises:
        ContenderError: it said nothing, or that requests failed.
    """
    contender.report(job)
    if not job.report.exists():
        raise ContenderError("it ended without a report")
    report: dict[str, Any] = json.loads(job.report.read_text(encoding="utf-8"))
    if report["failures"]:
        raise ContenderError("; ".join(report["failures"][:3]))
    return report


@cache
def node() -> str | None:
    """The Node.js that was installed with the Socket.IO server and Artillery, or that on the path."""
    own = sorted((SOCKETIO / "node_modules").glob("node-linux-*/bin/node"))
    return str(own[0]) if own else shutil.which("node")


def _said(job: Job) -> Path:
    return job.folder / "artillery.json"


@cache
def _k6() -> str | None:
    # Where `go install` puts it is not always on the path.
    return shutil.which("k6") or shutil.which("k6", path=Path(os.environ.get("GOBIN") or Path.home() / "go/bin"))


def _output(*command: str) -> str:
    # wrk answers its -v with an exit status of 1.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0]
