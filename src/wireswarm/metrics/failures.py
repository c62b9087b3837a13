"""Failures by class: what failed, how, and how often; with a bound on how many classes there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from wireswarm.auth import SECRETS
from wireswarm.errors import RequestFailed
from wireswarm.metrics.tally import OTHER, plain_text
from wireswarm.sample import Failure

MAX_ERRORS: Final = 1_000
"""More classes than that are counted together."""
MAX_TEXT: Final = 200
"""Characters of a message that are kept."""
_MAX_RAW: Final = 4_000

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")


class ErrorKey(NamedTuple):
    """Failures that are counted as equal."""

    type: str
    name: str
    reason: str
    """A `wireswarm.sample.Reason`; for another client's failure the exception's type."""
    message: str


OTHER_ERRORS: Final = ErrorKey("*", OTHER, OTHER, OTHER)


@dataclass(slots=True)
class ErrorCount:
    """How often, and between which seconds of the run."""

    count: int
    first_s: float
    last_s: float

    def merge(self, count: int, first_s: float, last_s: float) -> None:
        """Add further ones."""
        self.count += count
        self.first_s = min(self.first_s, first_s)
        self.last_s = max(self.last_s, last_s)


class ErrorBook:
    """Counts failures in one process until they are reported."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        self._known: set[ErrorKey] = set()
        self._counts: dict[ErrorKey, ErrorCount] = {}

    def add(self, request_type: str, name: str, failure: Failure | None, exception: object, now_s: float) -> None:
        """Count a failure: what a client of ours says of it, or else the exception."""
        if failure is None and isinstance(exception, RequestFailed):
            failure = exception.failure
        if failure is not None:
            key = ErrorKey(request_type, name, failure.reason.value, plain_text(failure.message)[:MAX_TEXT])
        else:
            kind, text = type(exception).__name__, str(exception)
            key = ErrorKey(
                request_type, name, "error" if isinstance(exception, str) else kind, self._stable(kind, text)
            )
        if key not in self._known:
            if len(self._known) < MAX_ERRORS:
                self._known.add(key)
            else:
                key = OTHER_ERRORS
        counted = self._counts.get(key)
        if counted is None:
            self._counts[key] = ErrorCount(1, now_s, now_s)
        else:
            counted.count += 1
            counted.last_s = now_s

    def take(self) -> list[list[object]]:
        """What was counted since the last time, for a message."""
        counts, self._counts = self._counts, {}
        return [[*key, error.count, error.first_s, error.last_s] for key, error in counts.items()]

    def _stable(self, kind: str, text: str) -> str:
        # Redaction takes long. Texts that repeat are looked up, and those that are all different end as "(other)".
        text = text[:_MAX_RAW]
        known = self._texts.get((kind, text))
        if known is None:
            if len(self._known) >= MAX_ERRORS and len(self._texts) >= MAX_ERRORS:
                return OTHER
            known = stable_text(text)
            if len(self._texts) < MAX_ERRORS:
                self._texts[kind, text] = known
        return known


def stable_text(text: str) -> str:
    """The first line of an error's text, bounded, without secrets and without addresses in memory."""
    line = plain_text(text[:_MAX_RAW]).strip().partition("\n")[0]
    return SECRETS.redact(_ADDRESS.sub("0x…", line))[:MAX_TEXT]  # in this order: half a secret is not recognised
