"""Canary secrets everywhere a run can have them, every request a failure: not one of them is in what the run writes."""

from __future__ import annotations

import base64
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import jwt
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import PATIENCE, LocustProcess, Target, master_port, received, refused, write

LOCUSTFILE = """
import os
from locust import FastHttpUser, HttpUser, constant, tag, task
from wireswarm import BasicAuth, BearerJWT, BearerToken, ProtobufUser, RestUser

TOKEN, PASSWORD, QUERY, KEY = (os.environ[f"TEST_{name}"] for name in ("USER_TOKEN", "PASSWORD", "QUERY", "KEY"))
HEADERS = {"X-Api-Key": KEY}


class Token(ProtobufUser):
    wait_time = constant(0.02)
    fixed_count = 1
    auth = BearerToken.from_env("TEST_USER_TOKEN")

    @task
    def ask(self):
        self.client.get("/health", params={"access_token": QUERY}, headers=HEADERS)

    @tag("path")
    @task
    def write_it_into_the_path(self):
        self.client.get(f"/health?access_token={QUERY}")

    @task
    def stumble(self):
        self.client
        raise ValueError(f"{TOKEN} was not accepted; tried with /?access_token={QUERY}, {{'X-Api-Key': {KEY!r}}}")


class Minted(RestUser):
    wait_time = constant(0.02)
    fixed_count = 1
    auth = BearerJWT.from_env("TEST_JWT_SECRET", claims={"email": "a@example.com"})

    @task
    def ask(self):
        self.client.post("/feedback", json={"password": PASSWORD}, headers=HEADERS)

    @task
    def judge(self):
        self.client.get("/health", status=500, check=lambda answer: f"{TOKEN} was not accepted")

    @task
    def stumble(self):
        self.client
        raise KeyError(self.client._credentials.header().decode())


class Basic(RestUser):
    wait_time = constant(0.02)
    fixed_count = 1
    auth = proxy_auth = BasicAuth.from_env("TEST_USER", "TEST_PASSWORD")
    proxy = os.environ["LOCUST_HOST"]

    @task
    def ask(self):
        self.client.get("/health", headers=HEADERS)

    @task
    def stumble(self):
        self.client
        raise ValueError(PASSWORD)


class Fast(FastHttpUser):
    wait_time = constant(0.02)
    fixed_count = 1

    @task
    def ask(self):
        headers = {"Authorization": f"Bearer {TOKEN}", **HEADERS}
        self.client.post(f"/health?access_token={QUERY}", headers=headers, json={"password": PASSWORD}, name="/health")


class Stock(HttpUser):
    wait_time = constant(0.02)
    fixed_count = 1

    @task
    def ask(self):
        self.client.get(f"/health?access_token={QUERY}", headers=HEADERS)

    @task
    def judge(self):
        with self.client.get("/health", name="judged", catch_response=True) as response:
            response.failure(f"{TOKEN} was not accepted")

    @task
    def refuse(self):
        self.client.get(f"http://127.0.0.1:9/?access_token={QUERY}", name="refused")
"""
STOCK = LOCUSTFILE.replace("fixed_count = 1\n    auth", "abstract = True\n    auth")
"""Without our users, for a host that they refuse."""


class Canaries:
    """Secrets of one test, and the forms in which they could show."""

    def __init__(self) -> None:
        def canary() -> str:
            return f"canary-{secrets.token_hex(12)}"

        self.user_info = canary()
        self.environment = {
            "TEST_USER_TOKEN": jwt.encode({"email": canary()}, canary() + canary()),
            "TEST_JWT_SECRET": canary() + canary(),
            "TEST_USER": "somebody",
            "TEST_PASSWORD": f"{canary()} /+ä",
            "TEST_QUERY": canary(),
            "TEST_KEY": canary(),
        }
        _, *parts = self.environment["TEST_USER_TOKEN"].split(".")
        values = [*self.environment.values(), self.user_info, *parts]
        self._forms = {form for value in values if value != "somebody" for form in _forms(value)}

    def host(self, target: Target) -> str:
        """The target with user and password."""
        return target.url.replace("://", f"://somebody:{self.user_info}@")

    def assert_in_none_of(self, texts: Mapping[str, str]) -> None:
        """Assert that none shows in these texts, by what they are."""
        for what, text in texts.items():
            for form in self._forms:
                assert form not in text, f"{what}: {text[max(0, text.index(form) - 200) :][:400]}"
            # Tokens that were minted in the run.
            found = re.search(r"eyJ[\w-]{10,}\.[\w-]+", text)
            assert not found, f"{what}: {found}"


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), secret.encode().hex())
    yield from (repr(secret)[1:-1], repr(secret.encode())[2:-1])
    # Base64, wherever in a longer text it stands.
    for before in range(3):
        data = b"\0" * before + secret.encode()
        for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
            yield encoded.decode()[-(-before * 4 // 3) : len(data) * 4 // 3]


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def failing(start_target: Callable[..., Target]) -> Target:
    return start_target(error_rate=1)


def written(folder: Path, run: LocustProcess) -> dict[str, str]:
    """Everything that a run has written, by what it is."""
    paths = (path for path in folder.rglob("*") if path.suffix not in {".py", ".pyc"} and path.is_file())
    files = {path.name: path.read_text("utf-8") for path in paths}
    return files | {"output": run.output}


def command_lines(group: int) -> dict[str, str]:
    """What the process list shows of a process group, by process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == group:
                found[process.name] = (process / "cmdline").read_text("utf-8").replace("\0", " ")
        except (ProcessLookupError, FileNotFoundError):
            pass  # it has ended
    return found


ENOUGH = 300
"""So many requests, that every user has done each of its tasks."""
ALL = ("--headless", "--loglevel", "DEBUG", "-u", 5, "-r", 5, "-t", "60s", "-s", 5)


@pytest.mark.parametrize("kind", ["local", "processes", "stock"])
def test_no_secret_is_in_what_a_run_writes(kind: str, canaries: Canaries, failing: Target, tmp_path: Path) -> None:
    path = tmp_path / kind
    files = ("--csv", path, "--csv-full-history", "--html", f"{path}.html", "--logfile", f"{path}.log")
    ours = (
        "--results",
        tmp_path / "results",
        "--samples",
        tmp_path / "samples.jsonl",
        "--threshold",
        "GET *: p95 < 1us",
    )
    # With it, the tables are not printed.
    more = {"local": ("--json-file", path), "processes": ("--processes", 2, *master_port()), "stock": ("--json",)}[kind]
    host = canaries.host(failing) if kind == "stock" else failing.url
    environment = canaries.environment | {"LOCUST_HOST": host}
    locustfile = write(tmp_path, STOCK if kind == "stock" else LOCUSTFILE)
    with LocustProcess(locustfile, *ALL, *files, *ours, *more, environment=environment) as run:
        run.until(lambda: received(failing.counters()).total() >= ENOUGH)
        processes = command_lines(run.process.pid)
        run.signal(signal.SIGTERM)
        assert run.end() == 3, run.output
    texts = written(tmp_path, run)

    assert len(processes) == (3 if kind == "processes" else 1)
    assert set(texts) >= {"summary.json", "report.html", "junit.xml", "summary.md"}
    assert any(name.startswith("samples") for name in texts)
    assert set(texts) >= {"output", f"{kind}.log", f"{kind}.html", f"{kind}_failures.csv", f"{kind}_exceptions.csv"}
    canaries.assert_in_none_of(texts | processes)
    # Where they would have been.
    assert "access_token=***" in texts[f"{kind}_stats.csv"]
    assert "*** was not accepted" in texts[f"{kind}_failures.csv"]
    for name in ("summary.json", "report.html"):
        assert "*** was not accepted" in texts[name], name
    if kind == "stock":
        assert "//***@127.0.0.1" in texts["stock.html"]
    else:
        assert "*** was not accepted; tried with" in texts[f"{kind}_exceptions.csv"]
        assert "*** was not accepted; tried with" in texts[f"{kind}.html"]
        assert "*** was not accepted; tried with" in texts[f"{kind}.log"]


def test_our_users_refuse_a_host_with_a_password_and_do_not_show_it(
    canaries: Canaries, failing: Target, tmp_path: Path
) -> None:
    environment = canaries.environment | {"LOCUST_HOST": canaries.host(failing)}
    with LocustProcess(write(tmp_path, LOCUSTFILE), *ALL, environment=environment) as run:
        said = refused(run)
    assert "auth = BasicAuth(...)" in said[0]
    canaries.assert_in_none_of({"output": run.output})
    assert received(failing.counters()).total() == 0


def test_no_secret_is_in_what_try_shows(canaries: Canaries, failing: Target, tmp_path: Path) -> None:
    path = write(tmp_path, LOCUSTFILE)
    environment = {**os.environ, **canaries.environment, "LOCUST_HOST": failing.url}
    chosen = ("Token", "Minted", "Basic", "Fast", "Stock")
    ended = subprocess.run(
        [sys.executable, "-m", "wireswarm", "try", str(path), "--headers", "--loglevel", "DEBUG", *chosen],
        env=environment,
        timeout=PATIENCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "X-Api-Key: ***" in ended.stdout
    assert "*** was not accepted; tried with" in ended.stdout
    assert "status 500" in ended.stdout
    canaries.assert_in_none_of({"stdout": ended.stdout, "stderr": ended.stderr})
