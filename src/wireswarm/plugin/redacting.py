"""Credentials stay out of Locust's tables: of requests, failures and exceptions, on screen, in CSV, HTML and JSON.

All of these are made of what Locust keeps in memory, so that is where they are taken out. What listeners of its events
get is left as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import locust.html
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.stats import EntriesDict, RequestStats, StatsEntry, StatsError

from wireswarm.auth import redact

_REMEMBERED: Final = 1024


def install_redaction(environment: Environment) -> None:
    """Have that environment's tables redacted, and what its worker tells the master."""
    _redact_tables()
    if isinstance(environment.runner, WorkerRunner):
        hook = environment.events.user_error
        # The master may not know what is secret to this worker, such as a token that it was given by the target.
        hook._handlers = [_redacted_first(h) if h.__module__ == Runner.__module__ else h for h in hook._handlers]


@functools.cache
def _redact_tables() -> None:
    EntriesDict.__missing__ = _missing(EntriesDict.__missing__)  # type: ignore[method-assign]
    RequestStats.log_error = _log_error(RequestStats.log_error)  # type: ignore[method-assign]
    Runner.log_exception = _log_exception(Runner.log_exception)  # type: ignore[method-assign]
    # The user and password of a stock user's host.
    locust.html.render_template_from = _without_user_info(locust.html.render_template_from)


# A text that has been in a table before it became known as a secret is no secret any more.
@functools.lru_cache(maxsize=_REMEMBERED)
def _clean(text: str) -> str:
    return redact(text)


def _missing(original: Callable[[EntriesDict, Any], StatsEntry]) -> Callable[[EntriesDict, Any], StatsEntry]:
    # The name of a stock user's request is its URL, with the query. Called once for every name that needs no change, so
    # that the others pay for it.
    @functools.wraps(original)
    def missing(self: EntriesDict, key: tuple[str, str]) -> StatsEntry:
        name, method = key
        clean = _clean(name), method
        return dict.__getitem__(self, clean) if clean in self else original(self, clean)

    return missing


def _log_error(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def log_error(self: RequestStats, method: str, name: str, error: Exception | str | None) -> None:
        text = StatsError.parse_error(error)
        clean = _clean(text)
        original(self, method, _clean(name), error if clean == text else clean)

    return log_error


def _log_exception(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def log_exception(self: Runner, node_id: str, msg: str, formatted_tb: str) -> None:
        original(self, node_id, redact(msg), redact(formatted_tb))

    return log_exception


def _redacted_first(handler: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(handler)
    def tell(user_instance: Any, exception: BaseException, tb: TracebackType | None, **kwargs: Any) -> None:
        handler(user_instance, Exception(redact(str(exception))), tb, **kwargs)

    return tell


def _without_user_info(original: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(original)
    def render(file: str, *args: Any, **kwargs: Any) -> str:
        values = kwargs.get("template_args")
        if values is not None and "host" in values:
            kwargs["template_args"] = values | {"host": redact(values["host"])}
        return original(file, *args, **kwargs)

    return render
