"""Whether an answer is a success, in this order: its status, its body, the caller's check, its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from wireswarm.clients.endpoint import Endpoint
from wireswarm.clients.options import CallOptions
from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response

MAX_CHECK_MESSAGE: Final = 200
"""At most so many characters of what a check says are shown."""

_FAILED: Final = Failure(Reason.CHECK, "check failed")


def judge(
    endpoint: Endpoint,
    response: Response,
    decode: Callable[[Any, Response], Any],
    expect: Any,
    options: CallOptions,
    took_ns: int,
) -> tuple[Any, Failure | None]:
    """The decoded answer, where it came so far, and what is wrong with it. On the hot path.

    Args:
        endpoint: says which statuses are a success.
        response: the answer as it came.
        decode: turns it into what the caller expects; raises RemoteProtocolError where it is something else, and
            RequestFailed where it says itself that it is an error.
        expect: what the caller expects.
        options: of the call.
        took_ns: how long the exchange took.
    """
    if not endpoint.accepted(response.status):
        return None, Failure(Reason.STATUS, f"status {response.status}")
    try:
        answer = decode(expect, response)
    except RemoteProtocolError as error:
        return None, Failure(Reason.DECODE, str(error))
    except RequestFailed as error:
        return None, error.failure
    if not options:
        return answer, None
    return answer, judge_value(answer, options.get("check"), options.get("max_time"), took_ns)


def judge_value(
    value: object, check: Callable[[Any], object] | None, max_time: float | None, took_ns: int
) -> Failure | None:
    """What is wrong with an answer that came as it should.

    Args:
        value: what the caller gets.
        check: the caller's own.
        max_time: seconds that it may have taken.
        took_ns: how long it took.
    """
    failure = _checked(check, value) if check is not None else None
    if failure is None and max_time is not None and took_ns > max_time * 1e9:
        failure = Failure(Reason.LATE, f"slower than {max_time:g} s")
    return failure


def _checked(check: Callable[[Any], object], answer: Any) -> Failure | None:
    try:
        verdict = check(answer)
    except AssertionError as error:
        verdict = str(error).partition("\n")[0] or False
    except Exception as error:
        # The exchange has happened and has to be counted, whatever the check makes of its answer.
        verdict = f"it raised {type(error).__name__}"
    if verdict is False:
        return _FAILED
    if isinstance(verdict, str) and verdict:
        return Failure(Reason.CHECK, f"check failed: {verdict[:MAX_CHECK_MESSAGE]}")
    return None
