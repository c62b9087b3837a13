"""Who does not verify certificates is named."""

from __future__ import annotations

from typing import Any

import pytest
from locust import FastHttpUser, HttpUser, User
from locust.env import Environment

from wireswarm import ProtobufClient, ProtobufUser, RestClient, WireUser
from wireswarm.plugin.insecure import insecure_clients, install_insecure

HTTPS, HTTP = "https://127.0.0.1:8443", "http://127.0.0.1:8000"


class Secure(ProtobufUser):
    """Nothing to name."""


class Mixed(WireUser):
    api = ProtobufClient(insecure=True)
    login = RestClient()


class Careless(WireUser):
    insecure = True
    api = ProtobufClient()
    login = RestClient(insecure=False)


class Heir(Careless):
    login = RestClient()  # type: ignore[assignment]


class Fast(FastHttpUser): ...


class Careful(FastHttpUser):
    insecure = False


class Stock(HttpUser): ...


@pytest.mark.parametrize(
    ("cls", "host", "names"),
    [
        (Secure, HTTPS, []),
        (Mixed, HTTPS, ["Mixed.api"]),
        (Mixed, None, ["Mixed.api"]),
        (Careless, HTTP, ["Careless.api"]),
        (Heir, HTTPS, ["Heir.api", "Heir.login"]),
        (Fast, HTTPS, ["Fast.client"]),
        (Fast, HTTP, []),
        (Fast, None, []),
        (Careful, HTTPS, []),
        (Stock, HTTPS, []),
    ],
)
def test_who_is_named(cls: type[User], host: str | None, names: list[str]) -> None:
    assert insecure_clients([cls], host) == names


def test_a_class_can_have_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fast, "host", HTTPS.upper())
    assert insecure_clients([Secure, Fast, Mixed]) == ["Fast.client", "Mixed.api"]


def lines(caplog: Any, *classes: type[User], run: bool = True) -> list[tuple[str, str]]:
    environment = Environment(user_classes=list(classes), host=HTTPS)
    environment.create_local_runner()
    install_insecure(environment)
    with caplog.at_level("INFO"):
        if run:
            environment.events.test_start.fire(environment=environment)
        environment.events.quit.fire(exit_code=0)
    ours = ("wireswarm.plugin.insecure", "locust.stats_logger")
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name in ours]


def test_a_warning_before_the_run_and_a_line_at_its_end(caplog: Any) -> None:
    line = "TLS certificates are not verified by Mixed.api, Fast.client: anybody can answer in the target's place."
    assert lines(caplog, Secure, Mixed, Fast) == [("WARNING", line), ("INFO", line)]


@pytest.mark.parametrize(("classes", "run"), [([Secure], True), ([Mixed], False)])
def test_nothing_to_say(classes: list[type[User]], run: bool, caplog: Any) -> None:
    assert lines(caplog, *classes, run=run) == []
