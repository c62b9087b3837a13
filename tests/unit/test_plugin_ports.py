"""Which ports a run would listen on, and what is said of one that is taken. A bound socket is no connection."""

from __future__ import annotations

import socket
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import pytest

from wireswarm.plugin.ports import port_problems


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def options(**given: Any) -> Namespace:
    free: dict[str, Any] = {"web_host": "127.0.0.1", "web_port": 0, "master_bind_host": "127.0.0.1"}
    roles = {"worker": False, "headless": False, "master": False, "processes": None, "master_bind_port": 0}
    return Namespace(**{**free, **roles, **given})


def test_free_ports_are_no_problem() -> None:
    assert port_problems(options(master=True)) == []


def test_a_web_port_that_is_taken_is_told(taken: int) -> None:
    expected = [f"--web-port {taken}: cannot listen on 127.0.0.1: Address already in use"]
    assert port_problems(options(web_port=taken)) == expected
    assert port_problems(options(web_port=taken, headless=True)) == []
    assert port_problems(options(web_port=taken, worker=True)) == []


@pytest.mark.parametrize("role", [{"master": True}, {"processes": 2}])
@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", "127.0.0.1"), ("*", "this machine")])
def test_a_masters_port_that_is_taken_is_told(role: dict[str, Any], host: str, told: str, taken: int) -> None:
    found = port_problems(options(**role, master_bind_host=host, master_bind_port=taken))
    assert found == [f"--master-bind-port {taken}: cannot listen on {told}: Address already in use"]
    assert port_problems(options(master_bind_host=host, master_bind_port=taken)) == []
