"""`catch_response=True`, for those who come from Locust's `HttpUser`: judging an answer inside a `with` block."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Headers, Response
from wireswarm.wire.jsons import loads

_EMPTY: Final = Response(0, b"", b"", keep_alive=False)
_MAX_MESSAGE: Final = 200


class CaughtResponse:
    """An answer whose exchange is reported when the `with` block ends.

    Call `failure` or `success` to judge it; otherwise the client's own judgement counts (its status, say). A block that
    raises is a failure too, and the exception goes on. Unlike other calls, a failed one does not end the task.

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
        self._finish = finish

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
        """It is right, whatever its status."""
        self._failure = None

    def failure(self, message: object) -> None:
        """It is wrong; the message is counted as it is, so keep ids out of it."""
        self._failure = Failure(Reason.CHECK, str(message)[:_MAX_MESSAGE])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, AssertionError):
            self.failure(str(error).partition("\n")[0] or "assertion failed")
        elif isinstance(error, Exception) and self._failure is None:
            self.failure(f"{type(error).__name__} while the answer was looked at")
        self._finish(self._failure)
