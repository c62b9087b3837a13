"""What came of one exchange, for callers that would rather look than catch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from wireswarm.errors import RequestFailed
from wireswarm.sample import Failure
from wireswarm.wire.http1 import Response

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The result of a `try_` call, which never raises `RequestFailed`."""

    message: T | None
    """The decoded answer of a success (the response itself where no type was expected); None for a failure."""
    response: Response | None
    """The answer as it came, also of a failure; None where there was none."""
    error: RequestFailed | None = None
    """What the raising kin of the call would have raised; None for a success."""

    @property
    def ok(self) -> bool:
        """Whether the exchange succeeded."""
        return self.error is None

    @property
    def failure(self) -> Failure | None:
        """Why it failed; None for a success."""
        return None if self.error is None else self.error.failure

    @property
    def status(self) -> int:
        """The answer's status, 0 where there was none."""
        return self.response.status if self.response is not None else 0

    def value(self) -> T:
        """The message.

        Raises:
            RequestFailed: there is none, since the exchange failed.
        """
        if self.error is not None:
            raise self.error
        return self.message  # type: ignore[return-value]  # a success has one
