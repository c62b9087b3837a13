"""The two sides of a client: the simulated user that it belongs to, and whoever takes what it measured."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Final, NamedTuple, Protocol

from wireswarm.auth.base import Auth
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.stamps import Timing
from wireswarm.sample import Sample
from wireswarm.wire.http1 import Response


class Reporter(Protocol):
    """Takes what a client measured."""

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        """One exchange, the moment that it was judged. `url` is without query and credentials."""

    def abandoned(self) -> None:
        """A request may have been sent, and its task was ended before the answer was judged: no sample tells of it."""

    def refused(self, error: ConfigurationError) -> None:
        """A URL or a redirect leads to a host that may not be hit. Nothing was sent to it; the sample says so too."""


class Discard:
    """A reporter for clients that nobody measures."""

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        """See `Reporter.report`."""

    def abandoned(self) -> None:
        """See `Reporter.abandoned`."""

    def refused(self, error: ConfigurationError) -> None:
        """See `Reporter.refused`."""


DISCARD: Final[Reporter] = Discard()


class Trace(NamedTuple):
    """One exchange in full, for whoever debugs."""

    sample: Sample
    url: str
    request: bytes
    """As it was sent, credentials included: redact before showing it."""
    message: object
    """What the caller passed as the body."""
    response: Response | None
    answer: object
    """What the caller got, None for a failure."""


class Owner(Protocol):
    """What a client takes from the user that it belongs to."""

    host: str | None
    auth: Auth | None
    content_type: str | None
    timing: Timing
    timeout: float
    connect_timeout: float
    insecure: bool
    ca_file: str | PathLike[str] | None
    request_failed: type[RequestFailed]
    reporter: Reporter
    trace: Callable[[Trace], None] | None
