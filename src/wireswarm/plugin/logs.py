"""Credentials stay out of what a Locust process writes for people: its logs, and the ends of greenlets that failed."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import gevent

from wireswarm.auth import RedactingFilter, redact


def redact_logs() -> None:
    """Have every log handler that there is, and gevent's tracebacks, redacted; doing so again does nothing more.

    Locust sets its handlers up between parsing the options and its `init` event, after which nothing is logged without.
    What a worker's log shows in the web UI is taken from such a handler.
    """
    named = [known for known in logging.root.manager.loggerDict.values() if isinstance(known, logging.Logger)]
    for handler in {handler for logger in (logging.root, *named) for handler in logger.handlers}:
        if not any(isinstance(known, RedactingFilter) for known in handler.filters):
            handler.addFilter(RedactingFilter())
    # An exception that ends a user, in its `on_start`, is logged by Locust and then printed by gevent as it is.
    gevent.get_hub().exception_stream = cast("TextIO", _RedactedErrors())


class _RedactedErrors:
    # sys.stderr is looked up each time, as gevent itself does.
    def write(self, text: str) -> int:
        return sys.stderr.write(redact(text))

    def flush(self) -> None:
        sys.stderr.flush()
