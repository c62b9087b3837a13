"""A profile's variables on workers."""

from __future__ import annotations

from argparse import Namespace

import pytest
from fake_runners import FakeMaster, FakeWorker
from locust.env import Environment

from wireswarm.plugin.variables import VARIABLES, as_option, install_variables


def test_a_worker_sets_what_is_not_set_before_anybody_hears_of_the_test() -> None:
    environ, seen = {"MINE": "stays"}, []
    environment = Environment(parsed_options=Namespace())
    environment.events.test_start.add_listener(lambda **_: seen.append(dict(environ)))
    FakeWorker(environment)
    install_variables(environment, environ)
    # Locust sets the options that it is sent on the worker's own.
    setattr(environment.parsed_options, VARIABLES, as_option({"MINE": "no", "OTHER": "é = 1"}))
    environment.events.test_start.fire(environment=environment)
    assert seen == [{"MINE": "stays", "OTHER": "é = 1"}]


@pytest.mark.parametrize("options", [None, Namespace(), Namespace(**{VARIABLES: ""})])
def test_without_any_nothing_is_set(options: Namespace | None) -> None:
    environ: dict[str, str] = {}
    environment = Environment(parsed_options=options)
    FakeWorker(environment)
    install_variables(environment, environ)
    environment.events.test_start.fire(environment=environment)
    assert environ == {}
    assert as_option({}) == ""


def test_a_master_has_set_them_already() -> None:
    environment = Environment(parsed_options=Namespace(**{VARIABLES: as_option({"A": "1"})}))
    FakeMaster(environment)
    environ: dict[str, str] = {}
    install_variables(environment, environ)
    environment.events.test_start.fire(environment=environment)
    assert environ == {}
