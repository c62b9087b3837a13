"""What is taken out of texts and log records."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wireswarm.auth import SECRETS, RedactingFilter, Secrets, redact

CANARY = "fake-canary-0123456789"
JWT = jwt.encode({"sub": CANARY}, "fake-secret-for-tests-0123456789abcdef")


@given(secrets=st.lists(st.text(min_size=4), max_size=5), text=st.data())
@example(secrets=["****", "Cookie: ***"], text=None)
@example(secrets=["a***b", "fake"], text=None)
@example(secrets=["\ud800fake"], text=None)
def test_no_added_secret_is_left(secrets: list[str], text: Any) -> None:
    register = Secrets()
    for secret in secrets:
        register.add(secret)
    pieces = ["", "*", "a", "Cookie: x", "b", " Bearer ", "&token=", "//", "@", "\n", *secrets]
    drawn = text.draw(st.lists(st.sampled_from(pieces) | st.text(max_size=5))) if text else pieces * 2
    redacted = register.redact("".join(drawn))
    for secret in secrets:
        assert secret not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The basic authentication of Bearer tokens; a cookie, authorization and password are words. Basic auth.",
        "Basic authentication. Bearer authentication, bearer: yes",
        "GET http://localhost:8000/users/@me?limit=10&page=2 failed: status 500",
        "wireswarm.clients.protobuf.client_module.function_name at eyewitness_module.evaluate_everything.now",
        "TEST_USER_TOKEN is not set: for example TEST_USER_TOKEN=fake-token-0123456789",
        "{'max_tokens': 5, \"tokens\": [1, 2]}",
        "// somebody@localhost",
        "TEST_USER_TOKEN: found nothing\nno token: nothing\nX-Api-Key:\nHost: x",
        "-----BEGIN PUBLIC KEY-----",
        "http://localhost/a@b",
        "ewogICJhbGciOiAiSFMyNTYiCn0 alone",
        "Authorization: \nHost: x",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert Secrets().redact(text) == text


@pytest.mark.parametrize(
    "spelling",
    [
        lambda secret: secret,
        lambda secret: urllib.parse.quote(secret, safe=""),
        lambda secret: json.dumps({"key": secret}),
        lambda secret: json.dumps({"key": secret}, ensure_ascii=False),
        repr,
        lambda secret: repr(secret.encode()),
        lambda secret: repr([{"deep": (secret,)}]),
        lambda secret: f"{secret}{secret}{secret[:2]}",
    ],
)
@pytest.mark.parametrize("secret", ["fake", "fake/pass word&more", "fake\"quoted'\\", "fäke-ütf", "fake\nlines\t"])
def test_a_secret_is_found_however_it_is_written(secret: str, spelling: Any) -> None:
    register = Secrets()
    register.add(secret)
    redacted = register.redact(f"before {spelling(secret)} after")
    assert "fake" not in redacted
    assert "fäke" not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


def test_whitespace_around_a_secret_does_not_hide_it() -> None:
    register = Secrets()
    register.add("fake-from-file\n")
    assert register.redact("sent fake-from-file to") == "sent *** to"


def test_of_a_secret_that_contains_another_nothing_is_left() -> None:
    register = Secrets()
    for secret in ("fake", "fake-and-longer", "longer"):
        register.add(secret)
    assert register.redact("fake-and-longer") == "***"


def test_short_secrets_are_left_alone() -> None:
    register = Secrets()
    for secret in ("", "a", "abc", " abc\n"):
        register.add(secret)
    assert len(register) == 1
    assert register.redact("abc abcd") == "abc abcd"


def test_the_register_is_bounded_and_forgets_the_oldest() -> None:
    register = Secrets(limit=3)
    for secret in ("fake-1", "fake-2", "fake-3", "fake-1", "fake-4"):
        register.add(secret)
    assert len(register) == 3
    assert register.redact("fake-1 fake-2 fake-3 fake-4") == "*** fake-2 *** ***"
    register.add("fake-5")
    assert register.redact("fake-1 fake-3 fake-5") == "*** fake-3 ***"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Authorization: Bearer {CANARY}", "Authorization: ***"),
        (f"authorization:Basic {CANARY}==\r\nHost: x", "authorization:***\r\nHost: x"),
        (f"Proxy-Authorization: Digest a, b={CANARY}\nHost: x", "Proxy-Authorization: ***\nHost: x"),
        (f"Cookie: a=1; lorax_sid={CANARY}\nHost: x", "Cookie: ***\nHost: x"),
        (f"Set-Cookie: lorax_sid={CANARY}; Path=/\r\n\r\nbody", "Set-Cookie: ***\r\n\r\nbody"),
        (f"set-cookie:\t{CANARY}", "set-cookie:\t***"),
        (f"b'GET / HTTP/1.1\\r\\nCookie: {CANARY}\\r\\nHost: x'", "b'GET / HTTP/1.1\\r\\nCookie: ***\\r\\nHost: x'"),
        (f"{{'Authorization': 'Bearer {CANARY}', 'Host': 'x'}}", "{'Authorization': '***', 'Host': 'x'}"),
        (f'{{"authorization":"Bearer {CANARY}","a":1}}', '{"authorization":"***","a":1}'),
        (f'"{{\\"Cookie\\": \\"{CANARY}\\", \\"a\\": 1}}"', '"{\\"Cookie\\": \\"***\\", \\"a\\": 1}"'),
        (f"[(b'Cookie', b'{CANARY}'), (b'Host', b'x')]", "[(b'Cookie', b'***'), (b'Host', b'x')]"),
        (f"headers(cookie='a\\'{CANARY}', host='x')", "headers(cookie='***', host='x')"),
        (f"'Set-Cookie': ['{CANARY}', 'b']\nHost", "'Set-Cookie': ***\nHost"),
        (f'Cookie: "{CANARY}\nHost: x', "Cookie: ***\nHost: x"),
        (f"X-Api-Key: {CANARY} {CANARY}\r\nHost: x", "X-Api-Key: ***\r\nHost: x"),
        (
            f"b'GET / HTTP/1.1\\r\\nX-Auth-Token: {CANARY}\\r\\nHost: x'",
            "b'GET / HTTP/1.1\\r\\nX-Auth-Token: ***\\r\\nHost: x'",
        ),
        (f"http://fake-user:{CANARY}@localhost:8000/a", "http://***@localhost:8000/a"),
        (f"at https://{CANARY}@[::1]/ and wss://u:p@{CANARY}@h", "at https://***@[::1]/ and wss://***@h"),
        (f'"http:\\/\\/u:{CANARY}@h\\/"', '"http:\\/\\/***@h\\/"'),
        (f"token {JWT}.", "token ***"),
        (f"token {JWT}, and more", "token ***, and more"),
        (f"a%20{JWT.rsplit('.', 1)[0]}", "a%20***"),
        ("ewogICJhbGciOiAiSFMyNTYiCn0.ewogICJzdWIiOiAxCn0.c2lnbmF0dXJl", "***"),
        (f"'auth': 'Bearer {CANARY}'", "'auth': 'Bearer ***'"),
        ("sent basic ZmFrZTpmYWtl+w== there", "sent basic *** there"),
        (f"?a=1&access_token={CANARY}&b=2", "?a=1&access_token=***&b=2"),
        (f"GET /?API-KEY={CANARY}#top", "GET /?API-KEY=***#top"),
        (f'{{"password": "{CANARY}", "a": 1}}', '{"password": "***", "a": 1}'),
        (f"{{'TEST_JWT_SECRET': '{CANARY}'}}", "{'TEST_JWT_SECRET': '***'}"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----\nb", "***\nb"),
        (f"-----BEGIN PRIVATE KEY-----\\n{CANARY}", "***"),
    ],
)
def test_the_shapes_of_credentials(text: str, expected: str) -> None:
    redacted = Secrets().redact(text)
    assert redacted == expected
    assert Secrets().redact(redacted) == expected


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "eyJaaaaa", "ew", "authorization", 'cookie:"', "Bearer ", "Basic a", "//", '"token', "?token", "\\", " "],
)
def test_hostile_text_does_not_take_long(piece: str) -> None:
    begin = time.process_time()
    Secrets().redact(piece * (50_000 // len(piece)))
    assert time.process_time() - begin < 2


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger whose one handler has the filter, and what it wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("wireswarm.test", logging.DEBUG)
    logger.addHandler(handler)
    SECRETS.add(CANARY)
    yield logger, stream
    handler.close()


def test_a_log_message_is_redacted(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.info("key %s, 100%%", CANARY)
    logger.info("key %(key)s", {"key": CANARY})
    logger.info(f"key {CANARY}, 100%")
    logger.info("http://%s:%s@host", "user", "pass")
    logger.info(ValueError(CANARY))
    logger.info("nothing to %s, 100%%", "hide")
    assert stream.getvalue().splitlines() == [
        "key ***, 100%",
        "key ***",
        "key ***, 100%",
        "http://***@host",
        "***",
        "nothing to hide, 100%",
    ]


def test_arguments_that_do_not_fit_are_logged_redacted(
    log: tuple[logging.Logger, io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, stream = log
    logger.info("key %d", CANARY)
    logger.info("two %s %s", *["fake"])
    assert stream.getvalue().splitlines() == ["'key %d' ('***',)", "'two %s %s' ('fake',)"]
    assert capsys.readouterr().err == ""


def test_an_exception_is_logged_redacted_with_its_causes(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(f"Authorization: Bearer {CANARY}") from error
    except ValueError:
        logger.exception("it failed", stack_info=True)
    written = stream.getvalue()
    assert CANARY not in written
    assert "KeyError: '***'" in written
    assert "ValueError: Authorization: ***" in written
    assert "Stack (most recent call last)" in written


def test_an_exception_without_secrets_stays_an_exception(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    seen: list[logging.LogRecord] = []
    logger.handlers[0].addFilter(lambda record: not seen.append(record))  # type: ignore[func-returns-value]
    try:
        raise ValueError("harmless")
    except ValueError:
        logger.exception("it failed")
    assert "ValueError: harmless" in stream.getvalue()
    (record,) = seen
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)
    logger.error("no exception there", exc_info=True)
    assert "NoneType: None" in stream.getvalue()


def test_the_stack_is_redacted() -> None:
    record = logging.makeLogRecord({"msg": "here", "stack_info": f"Stack:\n  Cookie: {CANARY}"})
    assert RedactingFilter(Secrets()).filter(record)
    assert record.stack_info == "Stack:\n  Cookie: ***"


def test_other_handlers_find_nothing_in_the_record_either() -> None:
    register = Secrets()
    register.add(CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        exc_info = sys.exc_info()
    record = logging.makeLogRecord(
        {"msg": "%s", "args": (CANARY,), "exc_info": exc_info, "url": f"/?q={CANARY}", "size": 3}
    )
    assert RedactingFilter(register).filter(record)
    assert CANARY not in repr(vars(record))
    assert (record.getMessage(), record.url, record.size) == ("***", "/?q=***", 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize("args", [(CANARY, 1), {"key": CANARY, "number": 1}])
def test_arguments_that_the_message_does_not_show_are_redacted(args: Any) -> None:
    register = Secrets()
    register.add(CANARY)
    template = "%.0s%d of it" if isinstance(args, tuple) else "%(number)d of it"
    record = logging.makeLogRecord({"msg": template, "args": args})
    RedactingFilter(register).filter(record)
    assert CANARY not in repr(vars(record))
    assert isinstance(record.args, type(args))


def test_a_record_without_secrets_is_not_changed() -> None:
    record = logging.makeLogRecord({"msg": "%s of %d", "args": ("one", 2), "extra": "harmless"})
    before = dict(vars(record))
    assert RedactingFilter().filter(record)
    assert vars(record) == before


def test_a_cleared_register_forgets_everything() -> None:
    register = Secrets()
    register.add(CANARY)
    assert register.redact(CANARY) == "***"
    register.clear()
    assert len(register) == 0
    assert register.redact(CANARY) == CANARY


def test_the_processs_register_serves_redact() -> None:
    SECRETS.add("fake-process-wide")
    assert redact("it is fake-process-wide") == "it is ***"
