"""How one exchange looks in `wireswarm try`."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from wireswarm.auth import SECRETS
from wireswarm.clients.owner import Trace
from wireswarm.clients.rest import _take_body
from wireswarm.commands.show import show_event, show_exchange
from wireswarm.protos.set_language_pb2 import SetLanguageRequest, SetLanguageResponse
from wireswarm.sample import Failure, Reason, Sample
from wireswarm.wire.http1 import Response

REQUEST = b"POST /set_language HTTP/1.1\r\nAuthorization: Bearer canary-token-1234\r\n\r\nbody"


def shown(trace: Trace, *, headers: bool = False) -> str:
    out = StringIO()
    show_exchange(Console(file=out, width=120), trace, headers=headers)
    return out.getvalue()


def trace_of(*, failure: Failure | None = None, body: bytes = b"\x08\x01", answer: object = None) -> Trace:
    response = Response(200, b"HTTP/1.1 200 OK\r\nX-Served-By: a", body, True)
    sample = Sample("POST", "/set_language", 0, 2_500_000, 2_500_000, 4, len(body), 200, failure)
    message = SetLanguageRequest(user_email="a@example.com", language_code="en")
    return Trace(sample, "http://h/set_language", REQUEST, message, response, answer)


def test_messages_are_shown_by_field() -> None:
    text = shown(trace_of(answer=SetLanguageResponse(success=True, message="ok")))

    assert "POST /set_language  200  2.5 ms" in text
    assert "→ chater.SetLanguageRequest" in text
    assert 'language_code: "en"' in text
    assert "← chater.SetLanguageResponse" in text
    assert "success: true" in text


def test_headers_are_shown_on_demand_without_credentials() -> None:
    with_headers = shown(trace_of(), headers=True)

    assert "X-Served-By: a" in with_headers
    assert "canary-token-1234" not in with_headers
    assert "X-Served-By" not in shown(trace_of())


def test_a_known_secret_in_a_body_is_not_shown() -> None:
    SECRETS.add("canary-in-the-body")

    assert "canary-in-the-body" not in shown(trace_of(body=b"you sent canary-in-the-body"))


def test_a_failure_says_why() -> None:
    text = shown(trace_of(failure=Failure(Reason.CHECK, "check failed: no [dish]")))

    assert "failed: check failed: no [dish] (check)" in text


def test_an_exchange_without_answer() -> None:
    failure = Failure(Reason.REFUSED, "connection refused")
    sample = Sample("GET", "/x", 0, 1, 1, 0, 0, 0, failure)

    text = shown(Trace(sample, "http://h/x", b"GET /x HTTP/1.1\r\n\r\n", None, None, None))

    assert "no answer" in text
    assert "connection refused" in text


@pytest.mark.parametrize(
    ("failure", "expected"), [(None, "ok  1.0 ms"), (Failure(Reason.CHECK, "check failed"), "failed  1.0 ms")]
)
def test_an_answer_of_a_protocol_without_status_codes(failure: Failure | None, expected: str) -> None:
    sample = Sample("SIO", "order", 0, 1_000_000, 1_000_000, 20, 10, 0, failure)

    text = shown(Trace(sample, "http://h", b"", {"sku": "A1"}, None, {"accepted": True}))

    assert f"SIO order  {expected}" in text
    assert "no answer" not in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', '{"a": 1}'),
        (b"\x00\x01\xff", "3 bytes: 00 01 ff"),
        (bytes(range(40)), "40 bytes: 00 01"),
        (b"x" * 500, "x" * 100 + " …"),
        (b"\n".join([b"line"] * 30), "… 18 more lines"),
    ],
    ids=["text", "binary", "long binary", "long line", "many lines"],
)
def test_bodies_are_shown_as_far_as_they_can_be_read(body: bytes, expected: str) -> None:
    assert expected in shown(trace_of(body=body))


def test_what_a_rest_call_sent_is_shown_as_it_was_sent() -> None:
    body = _take_body({"json": {"sku": "A1", "note": "naïve"}})

    assert '→ {"sku":"A1","note":"naïve"}' in shown(trace_of()._replace(message=body))


def test_events_of_other_clients() -> None:
    out = StringIO()
    console = Console(file=out, width=120)

    show_event(console, "GET", "/stock", 12.34, None)
    show_event(console, "FLOW", "full_flow", 5, "step modify: status 500")

    assert "GET /stock  ok  12.3 ms" in out.getvalue()
    assert "FLOW full_flow  failed: step modify: status 500  5.0 ms" in out.getvalue()
