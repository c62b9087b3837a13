"""What does not verify fails by default, by a class of its own, and who opts out is named by the run."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from certificates import DAY, Authority
from locust_process import LocustProcess, failures, master_port, reported, write
from scripted_server import Peer, ScriptedServer, answer

REASONS = {
    "expired": "certificate does not verify: certificate has expired",
    "other_host": "certificate does not verify: it is for another host",
    "self_signed": "certificate does not verify: self-signed certificate",
    "unknown_authority": "certificate does not verify: unable to get local issuer certificate",
}


class Servers:
    """One https server for every kind of certificate, and one whose certificate is right."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        authority, stranger = Authority(folder), Authority(folder, "stranger")
        self.ca_file = authority.path
        pairs = {
            "good": authority.sign("good", "127.0.0.1"),
            "expired": authority.sign("expired", "127.0.0.1", since=-3 * DAY, until=-DAY),
            "other_host": authority.sign("other_host", "elsewhere.example"),
            "self_signed": Authority(folder, "itself").sign("self_signed", "127.0.0.1", itself=True),
            "unknown_authority": stranger.sign("unknown_authority", "127.0.0.1"),
        }
        self.requests = dict.fromkeys(pairs, 0)
        self.urls = {}
        for name, pair in pairs.items():
            server = ScriptedServer(lambda peer, name=name: self._answer(name, peer), tls=pair.server_context())
            self.urls[name] = stack.enter_context(server).url

    def _answer(self, name: str, peer: Peer) -> None:
        while peer.request():
            self.requests[name] += 1
            peer.send(answer(b"hello"))

    def locustfile(self, folder: Path, *, insecure: bool) -> Path:
        """A class with a client for every server."""
        clients = "\n".join(f"    {name} = ProtobufClient({url!r})" for name, url in self.urls.items())
        asks = "\n".join(f"        self.{name}.try_get('/', name='{name}')" for name in self.urls)
        text = f"""
from locust import task
from wireswarm import ProtobufClient, WireUser


class Visitor(WireUser):
    host = "https://nowhere.invalid"
    ca_file = {str(self.ca_file)!r}
    insecure = {insecure}
{clients}

    @task
    def visit(self):
{asks}
"""
        return write(folder, text, f"{'insecure' if insecure else 'secure'}.py")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack, tmp_path)


def run(servers: Servers, folder: Path, *options: object, insecure: bool) -> tuple[LocustProcess, Path]:
    report = folder / "run"
    options = ("--headless", "--iterations", 3, "--json-file", report, "--csv", report, *options)
    with LocustProcess(servers.locustfile(folder, insecure=insecure), *options) as process:
        assert process.end() == (0 if insecure else 1), process.output
    return process, report


def test_each_wrong_certificate_fails_by_default_with_a_message_of_its_own(servers: Servers, tmp_path: Path) -> None:
    process, report = run(servers, tmp_path, insecure=False)

    assert servers.requests == dict.fromkeys(REASONS, 0) | {"good": 3}, "no byte of a request"
    assert failures(report) == {f"GET {name}": 3 for name in REASONS}
    assert reported(report) == {f"GET {name}": 3 for name in servers.urls}
    with Path(f"{report}_failures.csv").open(encoding="utf-8") as file:
        assert {row["Name"]: (row["Error"], row["Occurrences"]) for row in csv.DictReader(file)} == {
            name: (message, "3") for name, message in REASONS.items()
        }
    assert "not verified" not in process.output


@pytest.mark.parametrize("distributed", [False, True], ids=["local", "processes"])
def test_the_opt_out_works_and_is_noted_before_the_run_and_at_its_end(
    distributed: bool, servers: Servers, tmp_path: Path
) -> None:
    options = ("--processes", 2, *master_port()) if distributed else ()
    process, report = run(servers, tmp_path, *options, insecure=True)

    assert servers.requests == dict.fromkeys(servers.urls, 3)
    assert not failures(report)
    names = ", ".join(f"Visitor.{name}" for name in servers.urls)
    noted = [line for line in process.lines if f"TLS certificates are not verified by {names}:" in line]
    assert len(noted) == 2, process.output
    assert "WARNING" in noted[0]
    assert noted[1].startswith("TLS"), "at the end, with the tables"
    done = next(line for line in process.lines if "iterations are done" in line)
    assert process.lines.index(noted[0]) < process.lines.index(done) < process.lines.index(noted[1])
