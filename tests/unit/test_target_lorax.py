"""The parts of the target's Lorax that need no server: sessions, made-up files, uploads taken apart, listeners."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.target.answers import Refusal
from wireswarm.target.listeners import Listeners
from wireswarm.target.lorax_sessions import MAX_UPLOADS, PROJECTS, Sessions, Trees
from wireswarm.target.multipart import Part, parse_multipart
from wireswarm.wire.multipart import encode_multipart


def run(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run what never waits, without an event loop."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_sessions_are_bounded_and_the_idle_one_goes() -> None:
    sessions = Sessions(2)
    first, second = sessions.create(), sessions.create()
    assert sessions.find(first.sid) is first
    third = sessions.create()
    assert len(sessions) == 2
    assert sessions.find(second.sid) is None
    assert (sessions.find(first.sid), sessions.find(third.sid)) == (first, third)
    sessions.reset()
    assert sessions.find(first.sid) is None


@pytest.mark.parametrize("sid", [None, 1, "", [], {}])
def test_what_is_no_identifier_is_no_session(sid: object) -> None:
    sessions = Sessions(2)
    sessions.create()
    assert sessions.find(sid) is None


def test_a_session_keeps_the_names_that_came_last() -> None:
    session = Sessions(1).create()
    for number in range(MAX_UPLOADS + 2):
        session.upload(f"{number}.trees")
        session.upload("again.trees")
    assert len(session.uploads) == MAX_UPLOADS
    assert session.uploads[-2:] == [f"{MAX_UPLOADS + 1}.trees", "again.trees"]
    assert not session.has("Uploads", "0.trees")
    assert session.has("Uploads", "again.trees")


def test_a_session_has_the_projects_files() -> None:
    session = Sessions(1).create()
    assert all(session.has(project, file) for project, files in PROJECTS.items() for file in files)
    assert not session.has("Nowhere", "small.csv")
    assert not session.has("Uploads", "small.csv")


def test_files_are_made_up_always_alike() -> None:
    trees, again, other = Trees("P", "a.trees"), Trees("P", "a.trees"), Trees("P", "b.trees")
    assert trees.config("P", "a.trees") == again.config("P", "a.trees")
    assert trees.layout([0, 1], sparse=False) == again.layout([0, 1], sparse=False)
    assert trees.layout([0], sparse=False) != other.layout([0], sparse=False)
    assert trees.layout([0], sparse=False) != trees.layout([1], sparse=False)
    assert trees.layout([], sparse=False) == b""


def test_intervals_cover_the_genome_in_order() -> None:
    config: dict[str, Any] = Trees("P", "a.trees").config("P", "a.trees")
    intervals = config["intervals"]
    assert len(intervals) == config["num_trees"]
    assert intervals == sorted(set(intervals))
    assert (intervals[0], intervals[-1] < config["genome_length"]) == (0, True)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"', exclude_categories=["Cc", "Cs"]), min_size=1)


@given(st.lists(st.tuples(NAMES, NAMES, st.binary()), min_size=1, max_size=4))
def test_what_is_encoded_is_taken_apart(files: list[tuple[str, str, bytes]]) -> None:
    sent = [(name, (filename, content)) for name, filename, content in files]
    content_type, body = encode_multipart({"field": "value"}, sent)
    assert parse_multipart(content_type, body) == [
        Part("field", None, b"value"),
        *(Part(name, filename, content) for name, filename, content in files),
    ]


HEAD = b'Content-Disposition: form-data; name="file"; filename="a"\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\n%s\r\nx\r\n--b--" % HEAD,
        b"\r\n--b\r\n%s\r\nx\r\n--b--\r\nepilogue" % HEAD,
        b"--b  \r\nContent-Type: text/plain\r\n%s\r\nx\r\n--b--\r\n" % HEAD.lower().replace(b"form-data", b"FORM-DATA"),
    ],
)
def test_forms_as_others_write_them(body: bytes) -> None:
    assert parse_multipart('Multipart/Form-Data; charset=utf-8; boundary="b"', body) == [Part("file", "a", b"x")]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("", b"", 415),
        ("text/plain; boundary=b", b"", 415),
        ("multipart/form-data", b"", 415),
        ("multipart/form-data; boundary=", b"", 415),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n%s\r\nx" % HEAD, 400),
        ("multipart/form-data; boundary=b", b"--b\r\n%s\r\nx\r\n--c--" % HEAD, 400),
        ("multipart/form-data; boundary=b", b"before\r\n--b--", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n%s--b--" % HEAD, 400),
        ("multipart/form-data; boundary=\xff", b"--b--", 400),
    ],
)
def test_forms_that_are_none(content_type: str, body: bytes, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        parse_multipart(content_type, body)
    assert refusal.value.status == status


@given(st.binary())
def test_any_body_is_taken_apart_or_refused(body: bytes) -> None:
    for text in (body, b"--b\r\n" + body + b"\r\n--b--"):
        with suppress(Refusal):
            parse_multipart("multipart/form-data; boundary=b", text)


class FakeClient:
    namespace = "/"


async def nothing(_call: Any) -> None:
    pass


def test_two_answers_to_one_event_are_a_mistake() -> None:
    listeners = Listeners()
    listeners.on("a", nothing)
    listeners.on("a", nothing, namespace="/b")
    with pytest.raises(ValueError, match="two systems answer the event a of /"):
        listeners.on("a", nothing)
    assert listeners.find("/b", "a")
    assert listeners.find("/c", "a") is None


def test_the_first_that_takes_a_client_greets_it_alone() -> None:
    asked: list[str] = []

    def greets(name: str, takes: bool) -> Any:
        async def connected(_client: Any, payload: object) -> bool:
            asked.append(f"{name} {payload}")
            return takes

        return connected

    listeners = Listeners()
    for name, takes in (("a", False), ("b", True), ("c", True)):
        listeners.on_connect(greets(name, takes))
    listeners.on_connect(greets("d", True), namespace="/d")
    run(listeners.connected(FakeClient(), "x"))  # type: ignore[arg-type]
    assert asked == ["a x", "b x"]
    assert [listeners.has_namespace(name) for name in ("/", "/d", "/e")] == [True, True, False]


def test_everyone_learns_that_a_client_left() -> None:
    left: list[str] = []
    listeners = Listeners()
    listeners.on_disconnect(lambda _client: left.append("a"))
    listeners.on_disconnect(lambda _client: left.append("b"))
    listeners.on_disconnect(lambda _client: left.append("c"), namespace="/c")
    listeners.left(FakeClient())  # type: ignore[arg-type]
    assert left == ["a", "b"]
