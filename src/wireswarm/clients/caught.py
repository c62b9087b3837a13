"""`catch_response=True`, for those who come from Locust's `HttpUser`: judging an answer inside a `with` block."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from wireswarm.errors import RequestFailed, UsageError
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Headers, Response
from wireswarm.wire.jsons import loads

_EMPTY: Final = Response(0, b"", b"", keep_alive=False)
_MAX_MESSAGE: Final = 200
# What is raised to steer a user. By name, since clients know nothing of Locust.
_STEERING: Final = frozenset(
    {"InterruptTaskSet", "RescheduleTask", "RescheduleTaskImmediately", "StopTest", "StopUser"}
)


class CaughtResponse:
    """An answer whose exchange is reported when the `with` block ends.

    Call `failure` or `success` to judge it; otherwise the client's own judgement counts (its status, say). A block that
    raises is a failure too, and the exception goes on; so is an AssertionError, whose text is the message. An exception
    that says nothing of the answer leaves the judgement as it is: the failure of another request, or one that steers
    the user, such as Locust's `StopUser`. Unlike other calls, a failed one does not end the task.

    Without a `with` block the exchange is reported when the object is gone, with what was said of it until then.

    Where there was no answer, `status_code` is 0 and the body is empty.
    """

    def __init__(
        self, response: Response | None, failure: Failure | None, finish: Callable[[Failure | None], object]
    ) -> None:
        """Wait for judgement.

        Args:
            response: the answer, None where there was none.
            failure: what the client itself finds wrong.
            finish: reports the exchange, with the last word on it.
        """
        self._response = _EMPTY if response is None else response
        self._failure = failure
        self._finish: Callable[[Failure | None], object] | None = finish

    @property
    def status_code(self) -> int:
        """The answer's status."""
        return self._response.status

    @property
    def headers(self) -> Headers:
        """The answer's fields."""
        return self._response.headers

    @property
    def content(self) -> bytes:
        """The answer's body."""
        return self._response.body

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self._response.text

    @property
    def ok(self) -> bool:
        """Whether nothing is found wrong so far."""
        return self._failure is None

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            RemoteProtocolError: it is none.
        """
        return loads(self._response.body)

    def success(self) -> None:
        """It is right, whatever its status.

        Raises:
            UsageError: it was reported already, when the `with` block ended.
        """
        self._judge(None)

    def failure(self, message: object) -> None:
        """It is wrong; the message is counted as it is, so keep ids out of it.

        Raises:
            UsageError: it was reported already, when the `with` block ended.
        """
        self._judge(Failure(Reason.CHECK, str(message)[:_MAX_MESSAGE] or "it was called a failure"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was found wrong before is the reason of what follows from it.
        if isinstance(error, Exception) and self._failure is None and not _steers(error):
            self.failure(_message_of(error))
        self._report()

    def __del__(self) -> None:
        self._report()

    def _judge(self, failure: Failure | None) -> None:
        if self._finish is None:
            raise UsageError("success() and failure() come too late: the exchange was reported at the end of its block")
        self._failure = failure

    def _report(self) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(self._failure)


def _steers(error: Exception) -> bool:
    return isinstance(error, RequestFailed) or any(
        kind.__module__ == "locust.exception" and kind.__name__ in _STEERING for kind in type(error).__mro__
    )


def _message_of(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error).partition("\n")[0] or "assertion failed"
    # Its text may have anything in it.
    return f"{type(error).__name__} while the answer was looked at"
