"""Exceptions whose type says who is at fault.

==========================  =====================================================================
`ConfigurationError`        whoever set up the run: a bad option, file, environment variable
`UsageError`                whoever wrote the locustfile: a call that cannot mean anything
`RequestFailed`             the system under test, or the way to it
`RemoteProtocolError`       the system under test: it does not speak the protocol it claims
==========================  =====================================================================

Errors of third-party libraries are translated to these where the library is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wireswarm.sample import Failure
    from wireswarm.wire.http1 import Response


class WireswarmError(Exception):
    """Base of every exception that this package raises."""


class ConfigurationError(WireswarmError):
    """The run cannot start as it was asked for. Lists every problem that was found, not only the first.

    Under Locust and in the `wireswarm` command it ends the process with exit code 2 and one line per problem,
    before any load is sent. Never put a credential into a problem's text.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class UsageError(WireswarmError):
    """A call from a locustfile that cannot mean anything, such as a path template without its value."""


class RemoteProtocolError(WireswarmError):
    """The peer sent bytes that its protocol does not allow, or ended in the middle of a message."""


class RequestFailed(WireswarmError):  # noqa: N818 - a failed request is an outcome of a load test, not an error of it
    """One exchange with the system under test failed; `failure` has the reason and a stable message.

    Its text has no id, address or byte count in it, so that equal failures are counted as one.
    """

    def __init__(self, failure: Failure, response: Response | None = None) -> None:
        self.failure = failure
        self.response = response
        """The answer as it came, where there was one."""
        super().__init__(failure.message)

    def __repr__(self) -> str:
        # Locust shows and groups failures by repr().
        return self.failure.message
