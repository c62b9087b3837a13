"""What every call of a client takes beside path and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from wireswarm.clients.endpoint import Status
from wireswarm.errors import UsageError
from wireswarm.wire.form import Params


class CallOptions(TypedDict, total=False):
    """What every call of a client takes beside path and body."""

    name: str
    """The request name in statistics and reports; the path template by default."""
    path: Mapping[str, object]
    """Values for the `{parameters}` of the path template."""
    params: Params
    """Query parameters, added to those that the path has. They are in no report."""
    headers: Mapping[str, str]
    """Further headers of this call, in place of those that the client would send. Credentials belong into `auth`,
    where they are kept out of logs and reports."""
    content_type: str
    """Content-Type of the request's body."""
    content_encoding: str
    """Compresses the request's body: `gzip`, `deflate`, `br`, `zstd` or `snappy`."""
    follow_redirects: bool | int
    """How many redirects to follow; True is 10. Each hop is an exchange of its own."""
    status: Status
    """The status or statuses that are a success; any 2xx by default. Others fail with reason `status`. A redirect that
    is one of them is not followed."""
    max_time: float
    """Seconds; a right answer that took longer fails with reason `late`."""
    check: Callable[[Any], object]
    """Judges the decoded answer: False, a text that is not empty, or an exception is a failure with reason `check`. The
    text, or that of an AssertionError, is shown and counted as it is, so keep ids out of it."""
    timeout: float
    """Seconds until the exchange is given up, with reason `deadline`."""


def check_options(options: CallOptions) -> None:
    """Refuse options that no call has: a misspelt `timeout` must not go unnoticed.

    Raises:
        UsageError: there is one.
    """
    known = CallOptions.__optional_keys__
    if not known.issuperset(options):
        unknown = ", ".join(sorted(options.keys() - known))
        raise UsageError(f"a call has no option {unknown}; it takes {', '.join(sorted(known))}")
