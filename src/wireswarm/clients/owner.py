"""The two sides of a client: the simulated user that it belongs to, and whoever takes what it measured."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Final, NamedTuple, Protocol

from wireswarm.auth.base import Auth
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.stamps import Timing
from wireswarm.sample import Counter, Sample
from wireswarm.wire.http1 import Response


class Reporter(Protocol):
    """Takes what a client measured."""

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        """One exchange, the moment that it was judged. `url` is without query and credentials."""

    def count(self, counter: Counter, amount: int = 1) -> None:
        """Something that is no exchange, and therefore no sample."""

    def abandoned(self) -> None:
        """A request may have been sent, and its task was ended before the answer was judged: no sample tells of it."""

    def refused(self, error: ConfigurationError) -> None:
        """A URL or a redirect leads to a host that may not be hit. Nothing was sent to it; the sample says so too."""


class Discard:
    """A reporter for clients that nobody measures."""

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        """See `Reporter.report`."""

    def count(self, counter: Counter, amount: int = 1) -> None:
        """See `Reporter.count`."""

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
    """What a client takes from the user that it belongs to.

    Properties, so that a user class may narrow them: `host = "http://…"` is a `str`, and no `str | None`.
    """

    @property
    def host(self) -> str | None:
        """The base URL, where the client has none of its own."""

    @property
    def auth(self) -> Auth | None:
        """Credentials, where the client has none of its own."""

    @property
    def content_type(self) -> str | None:
        """Content-Type of bodies."""

    @property
    def timing(self) -> Timing:
        """Which clock ends response times."""

    @property
    def timeout(self) -> float:
        """Seconds for an exchange in all."""

    @property
    def connect_timeout(self) -> float:
        """Seconds for connecting."""

    @property
    def insecure(self) -> bool:
        """Whether certificates go unverified."""

    @property
    def ca_file(self) -> str | PathLike[str] | None:
        """PEM file of the authorities to trust."""

    @property
    def client_cert(self) -> str | PathLike[str] | None:
        """PEM file with the client's own certificate and key."""

    @property
    def proxy(self) -> str | None:
        """Forward proxy, as a URL."""

    @property
    def proxy_auth(self) -> Auth | None:
        """Credentials for the proxy."""

    @property
    def request_failed(self) -> type[RequestFailed]:
        """The exception of a failed exchange."""

    @property
    def reporter(self) -> Reporter:
        """Takes what is measured."""

    @property
    def trace(self) -> Callable[[Trace], None] | None:
        """Called with every exchange in full."""
