"""Credentials in logs, and in the tracebacks of greenlets that failed."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from wireswarm.auth import RedactingFilter
from wireswarm.auth.redaction import SECRETS
from wireswarm.plugin.logs import redact_logs

SECRET = "obviously-fake-secret-for-tests"


def handlers() -> list[logging.Handler]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    return [handler for logger in loggers for handler in getattr(logger, "handlers", ())]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Filters and gevent's stream are the process's, and other tests' too."""
    SECRETS.add(SECRET)
    filters = [(handler, list(handler.filters)) for handler in handlers()]
    hub: Any = gevent.get_hub()
    stream = hub.exception_stream
    yield
    hub.exception_stream = stream
    for handler, before in filters:
        handler.filters[:] = before


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger with a handler of its own, as Locust's are, and what that has written."""
    text = io.StringIO()
    logger, handler = logging.getLogger("wireswarm.test_plugin_logs"), logging.StreamHandler(text)
    logger.addHandler(handler)
    yield logger, text
    logger.removeHandler(handler)


def test_every_handler_that_there_is_redacts(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, text = log

    redact_logs()
    logger.error("login with %s", SECRET)

    assert text.getvalue() == "login with ***\n"
    assert all(any(isinstance(f, RedactingFilter) for f in handler.filters) for handler in handlers())


def test_doing_so_again_does_nothing_more(log: tuple[logging.Logger, io.StringIO]) -> None:
    redact_logs()
    redact_logs()

    (handler,) = log[0].handlers
    assert len(handler.filters) == 1


def test_what_ends_a_greenlet_is_printed_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError(f"cannot log in with {SECRET}")

    redact_logs()
    gevent.spawn(fail).join(5)

    printed = capsys.readouterr().err
    assert "ValueError: cannot log in with ***" in printed
    assert "Traceback" in printed
    assert SECRET not in printed.replace(repr(SECRET), "")
