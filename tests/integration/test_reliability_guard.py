"""The target guard: not a connection to a host that is not allowed, wherever it came from, and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, failures, master_port, refused, reported, write
from scripted_server import Peer, ScriptedServer, answer

HEADLESS = ("--headless", "--only-summary", "-u", 2, "-r", 2)
LIMIT = ("-t", "30s", "-s", 5)


class Hosts:
    """The host that is allowed, which redirects to the one that is not."""

    def __init__(self, stack: ExitStack) -> None:
        self.forbidden = stack.enter_context(ScriptedServer(Peer.end))
        self.allowed = stack.enter_context(ScriptedServer(self._answer))
        self.requests: list[bytes] = []

    def _answer(self, peer: Peer) -> None:
        while request := peer.request():
            path = request.split(b" ")[1]
            self.requests.append(path)
            if path == b"/moved":
                peer.send(answer(b"", b"Location: %b/there" % self.forbidden.url.encode(), status=b"307 Moved"))
            else:
                peer.send(answer(b"hello"))

    @property
    def allowed_hosts(self) -> str:
        """The option's value."""
        return self.allowed.url.removeprefix("http://")


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(stack)


def locustfile(folder: Path, task: str, *, host: str | None = None) -> Path:
    return write(
        folder,
        f"""
from locust import constant, task
from wireswarm import ProtobufUser, RestUser


class Visitor(ProtobufUser):
    host = {host!r}
    wait_time = constant(0.05)

    @task
    def visit(self):
        {task}
""",
    )


def by_option(hosts: Hosts, folder: Path) -> tuple[object, ...]:
    """The list as an option."""
    return "--allowed-hosts", hosts.allowed_hosts


def by_profile(hosts: Hosts, folder: Path) -> tuple[object, ...]:
    """The list in the profile file."""
    text = f'[profiles.guarded]\nallowed_hosts = ["staging.example.com", "{hosts.allowed_hosts}"]\n'
    write(folder, text, "locustfile.toml")
    return "--load-profile", "guarded"


Way = Callable[[Hosts, Path], tuple[object, ...]]


@pytest.mark.parametrize("way", [by_option, by_profile])
@pytest.mark.parametrize("where", ["--host", "class", "stock", "base_url"])
def test_a_declared_host_that_is_not_allowed_is_refused_before_the_start(
    where: str, way: Way, hosts: Hosts, tmp_path: Path
) -> None:
    forbidden = hosts.forbidden.url
    path = locustfile(tmp_path, "self.client.get('/')", host=forbidden if where == "class" else None)
    if where == "stock":
        write(
            tmp_path, path.read_text().replace("(ProtobufUser)", "(HttpUser)").replace("constant", "HttpUser, constant")
        )
    elif where == "base_url":
        more = f"    other = ProtobufClient({forbidden!r})\n"
        write(tmp_path, "from wireswarm import ProtobufClient\n" + path.read_text() + "\n" + more)
    host = {"class": (), "base_url": ("--host", hosts.allowed.url)}.get(where, ("--host", forbidden))
    with LocustProcess(path, *HEADLESS, *LIMIT, *host, *way(hosts, tmp_path)) as run:
        said = refused(run)
    assert len(said) == 1, said
    origin = forbidden.removeprefix("http://")
    assert said[0].startswith(f"error: {origin} is not one of the allowed hosts: ")
    assert said[0].endswith("nothing was sent to it")
    assert (hosts.allowed.accepted, hosts.forbidden.accepted) == (0, 0)


TASKS = {
    "url": "self.client.get('/here'); self.client.get('{forbidden}/there')",
    "redirect": "self.client.get('/moved', follow_redirects=True)",
}
"""Ways to a host that only show while the run goes on."""


@pytest.mark.parametrize("way", [by_option, by_profile])
@pytest.mark.parametrize("kind", TASKS)
def test_a_url_and_a_redirect_end_the_run(kind: str, way: Way, hosts: Hosts, tmp_path: Path) -> None:
    path, report = locustfile(tmp_path, TASKS[kind].format(forbidden=hosts.forbidden.url)), tmp_path / "run"
    options = (*HEADLESS, *LIMIT, "--host", hosts.allowed.url, "--json-file", report)
    with LocustProcess(path, *options, *way(hosts, tmp_path)) as run:
        assert run.end() == 2, run.output
    assert_ended(run, kind, hosts, report)


@pytest.mark.parametrize("kind", TASKS)
def test_of_workers_as_well(kind: str, hosts: Hosts, tmp_path: Path) -> None:
    path = locustfile(tmp_path, TASKS[kind].format(forbidden=hosts.forbidden.url))
    port, common = master_port(), (*HEADLESS, *LIMIT, "--host", hosts.allowed.url)
    with ExitStack() as stack:
        forked = ("--processes", 2, *master_port(), *by_option(hosts, tmp_path), "--json-file", tmp_path / "forks")
        forks = LocustProcess(path, *common, *forked)
        leading = ("--master", *port, "--expect-workers", 2, "--json-file", tmp_path / "master")
        master = LocustProcess(path, *common, *leading, *by_profile(hosts, tmp_path))
        workers = [LocustProcess(path, "--worker", *port) for _ in range(2)]
        for process in (forks, master, *workers):
            stack.enter_context(process)
        for run in (forks, master):
            assert run.end() == 2, run.output
        for worker in workers:
            worker.end()
    for run, name in ((forks, "forks"), (master, "master")):
        assert_ended(run, kind, hosts, tmp_path / name, processes=3)


def assert_ended(run: LocustProcess, kind: str, hosts: Hosts, report: Path, *, processes: int = 1) -> None:
    """Every process said why, once; the request that was not sent is a failed one; nobody was connected to."""
    said = [line for line in run.lines if "is not one of the allowed hosts" in line]
    assert 1 <= len(said) <= processes, run.output
    assert all("ERROR" in line for line in said)
    assert "Traceback" not in run.output
    assert hosts.forbidden.accepted == 0
    assert set(hosts.requests) == ({b"/here"} if kind == "url" else {b"/moved"})
    name = f"GET {hosts.forbidden.url}/there" if kind == "url" else "GET /moved"
    assert set(failures(report)) == {name}
    assert failures(report)[name] == reported(report)[name] <= 20
