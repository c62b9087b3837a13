"""A `Sample` as Locust's standard request event, so that everything that works with Locust works with our samples.

See https://docs.locust.io/en/stable/api.html#event-hooks for the event. Beside Locust's own keywords it has `sample`,
with the exact times in nanoseconds, and its context has the sample's `phases` where they are known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from wireswarm.errors import RequestFailed
from wireswarm.sample import Sample
from wireswarm.wire.http1 import Response

DUE: Final = "wireswarm_due"
"""Attribute of a user: when its flow or task was due, in the nanoseconds of samples, until a sample has it."""


def fire_request(
    fire: Callable[..., Any],
    context: dict[str, Any],
    sample: Sample,
    response: Response | None,
    error: RequestFailed | None,
    url: str | None,
) -> None:
    """Fire the request event for one sample; times in (fractional) milliseconds and seconds, as Locust has them."""
    if sample.phases is not None:
        context = {"phases": sample.phases, **context}  # a copy, since a user's context may be the same every time
    fire(
        request_type=sample.type,
        name=sample.name,
        response_time=(sample.done - sample.sent) / 1e6,
        response_length=sample.response_bytes,
        response=response,
        context=context,
        exception=error,
        start_time=sample.sent / 1e9,
        url=url,
        sample=sample,
    )
