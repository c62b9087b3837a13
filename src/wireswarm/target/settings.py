"""How the reference target behaves: its faults, its secret and the bounds of its memory."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from wireswarm.errors import ConfigurationError

FAKE_JWT_SECRET = "wireswarm-obviously-fake-secret-for-tests"  # noqa: S105 - public on purpose, it guards nothing
"""Signs and checks JWTs unless `TEST_JWT_SECRET` is set. Of 32 bytes or more, as RFC 7518, section 3.2 demands."""

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_HEAVIEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """What the reference target is started with.

    Raises:
        ConfigurationError: A value is out of its range; lists every such value.
    """

    latency: float = 0.0
    """Seconds that every request or event waits before it takes effect; uvloop counts them in whole milliseconds."""
    jitter: float = 0.0
    """Seconds by which a wait is longer or shorter than `latency`, uniformly; at most `latency`."""
    error_rate: float = 0.0
    """Share of the requests and events, 0 to 1, that get a 500 or an error and have no effect."""
    capacity: float | None = None
    """Requests and events a second that are served, one after the other; None for as many as the machine can."""
    seed: int = 0
    """Seeds jitter and errors. The n-th request or event since the start or last reset always meets the same fate."""
    jwt_secret: str = field(default=FAKE_JWT_SECRET, repr=False)
    """The HS256 secret that tokens are signed and checked with."""
    max_accounts: int = 100_000
    """Accounts kept in memory. Beyond that the one that was idle for longest is forgotten."""
    max_records: int = 1_000
    """Dishes, weights and feedback texts kept for one account, each. Beyond that the oldest goes."""
    max_sessions: int = 100_000
    """Lorax sessions kept in memory. Beyond that the one that was idle for longest is forgotten."""
    max_checkouts: int = 10_000
    """Checkouts of the shop kept in memory, and as many orders. Beyond that the one that was idle for longest goes."""
    max_drafts: int = 1_000
    """Products that the shop's staff has created, kept in memory. Beyond that the oldest goes."""
    sio_ping_interval: float = 25.0
    """Seconds between an answered heartbeat of a Socket.IO connection and the next one."""
    sio_ping_timeout: float = 20.0
    """Seconds in which a client has to answer a heartbeat, before its connection is closed."""
    sio_connect_timeout: float = 45.0
    """Seconds in which a Socket.IO connection has to connect to a namespace, before it is closed."""
    batch_prefix: str = "/ai/v1"
    """What the paths of files and batches begin with."""
    batch_time: float = 3.0
    """Seconds that a batch takes, from validating to completed."""
    batch_line_errors: float = 0.0
    """Share of a batch's requests, 0 to 1, that fail; always the same ones, by their `custom_id`."""
    max_files: int = 10_000
    """Files of the batch API kept in memory. Beyond that the oldest goes."""
    max_file_bytes: int = 256 * 1024 * 1024
    """Bytes that these files have in all. Beyond that the oldest ones go."""
    max_batches: int = 10_000
    """Batches kept in memory. Beyond that the oldest goes."""
    execution_time: float = 2.0
    """Seconds after which the execution of a workflow has completed."""
    heavy_time: float = 0.2
    """Seconds that the platform's heavy endpoints take."""
    heavy_bytes: int = 64 * 1024
    """Bytes of their answers, roughly."""
    max_items: int = 20_000
    """Workspaces, workflows, executions and documents kept in memory, each. Beyond that the oldest goes."""

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ConfigurationError(problems)

    def _problems(self) -> Iterator[str]:
        # Written so that NaN fails too.
        if not 0 <= self.latency < math.inf:
            yield f"latency is {self.latency:g} s: it must be 0 or longer"
        elif not 0 <= self.jitter <= self.latency:
            # A longer one would need waits below zero; cutting those off would shift the mean.
            yield f"jitter is {self.jitter:g} s: it must be from 0 to the latency, {self.latency:g} s"
        if not 0 <= self.error_rate <= 1:
            yield f"error rate is {self.error_rate:g}: it must be from 0 to 1"
        if self.capacity is not None and not 0 < self.capacity < math.inf:
            yield f"capacity is {self.capacity:g}/s: it must be above 0"
        if not self.jwt_secret:
            yield "the JWT secret is empty"
        if self.max_accounts < 1:
            yield f"max_accounts is {self.max_accounts}: it must be at least 1"
        if self.max_records < 1:
            yield f"max_records is {self.max_records}: it must be at least 1"
        if self.max_sessions < 1:
            yield f"max_sessions is {self.max_sessions}: it must be at least 1"
        for name in ("max_checkouts", "max_drafts"):
            if getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}: it must be at least 1"
        yield from self._problems_of_batches()
        yield from self._problems_of_the_platform()
        times = (
            ("ping interval", self.sio_ping_interval),
            ("ping timeout", self.sio_ping_timeout),
            ("connect timeout", self.sio_connect_timeout),
        )
        # The handshake tells the first two in whole milliseconds.
        for name, seconds in times:
            if not 0.001 <= seconds < math.inf:
                yield f"the Socket.IO {name} is {seconds:g} s: it must be 0.001 s or longer"

    def _problems_of_batches(self) -> Iterator[str]:
        if not _PREFIX.fullmatch(self.batch_prefix):
            yield f"the batch API's prefix is {self.batch_prefix!r}: it must be a path such as /ai/v1"
        if not 0 <= self.batch_time < math.inf:
            yield f"batch time is {self.batch_time:g} s: it must be 0 or longer"
        if not 0 <= self.batch_line_errors <= 1:
            yield f"the share of failing batch lines is {self.batch_line_errors:g}: it must be from 0 to 1"
        for name in ("max_files", "max_file_bytes", "max_batches"):
            if getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}: it must be at least 1"

    def _problems_of_the_platform(self) -> Iterator[str]:
        if not 0 <= self.execution_time < math.inf:
            yield f"execution time is {self.execution_time:g} s: it must be 0 or longer"
        if not 0 <= self.heavy_time < math.inf:
            yield f"heavy time is {self.heavy_time:g} s: it must be 0 or longer"
        if not 0 <= self.heavy_bytes <= _HEAVIEST:
            yield f"heavy_bytes is {self.heavy_bytes}: it must be from 0 to {_HEAVIEST}"
        if self.max_items < 1:
            yield f"max_items is {self.max_items}: it must be at least 1"


def secret_from(environment: Mapping[str, str]) -> str:
    """The JWT secret: `TEST_JWT_SECRET`, or the fake one where that is not set or empty."""
    return environment.get("TEST_JWT_SECRET") or FAKE_JWT_SECRET
