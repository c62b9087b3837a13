"""Uploads: parsed by Werkzeug and the standard library, and compared to the bytes that urllib3 writes."""

from __future__ import annotations

import email.parser
import email.policy
import io
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata
from werkzeug.formparser import parse_form_data

from wireswarm.errors import UsageError
from wireswarm.wire.multipart import encode_multipart, guess_content_type, random_boundary

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# What means something inside a quoted string, which parsers treat in more than one way.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\%'), min_size=1)
CONTENT_TYPES = st.sampled_from(["image/jpeg", "application/jsonl", "text/plain; charset=utf-8"])


File = tuple[str, str | None, bytes, str | None]
"""Name, filename, content and content type."""


def _fixed(text: str) -> Callable[[], str]:
    return lambda: text


def _parse(content_type: str, body: bytes) -> tuple[list[tuple[str, str]], list[File]]:
    # As a server sees it: fields, and files.
    environ = {
        "wsgi.input": io.BytesIO(body),
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
    }
    _, form, uploads = parse_form_data(environ)
    files: list[File] = []
    for name, several in uploads.lists():
        for upload in several:
            files.append((name, upload.filename, upload.read(), upload.content_type))
            upload.close()
    return [(name, value) for name, values in form.lists() for value in values], files


def _parts(content_type: str, body: bytes) -> list[EmailMessage]:
    # The standard library reads MIME, which multipart/form-data is a kind of.
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"Content-Type: %b\r\n\r\n%b" % (content_type.encode(), body))
    assert not message.defects
    return list(message.iter_parts())  # type: ignore[attr-defined]


def test_the_bytes_of_an_upload() -> None:
    content_type, body = encode_multipart(
        {"task": "summarise", "tags": ["a", "b"], "dry": True, "skip": None},
        {"file": ("a.jsonl", b'{"id": 1}\n', "application/jsonl")},
        boundary=_fixed("fixed"),
    )
    assert content_type == "multipart/form-data; boundary=fixed"
    assert body == (
        b'--fixed\r\nContent-Disposition: form-data; name="task"\r\n\r\nsummarise\r\n'
        b'--fixed\r\nContent-Disposition: form-data; name="tags"\r\n\r\na\r\n'
        b'--fixed\r\nContent-Disposition: form-data; name="tags"\r\n\r\nb\r\n'
        b'--fixed\r\nContent-Disposition: form-data; name="dry"\r\n\r\ntrue\r\n'
        b'--fixed\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n'
        b'Content-Type: application/jsonl\r\n\r\n{"id": 1}\n\r\n'
        b"--fixed--\r\n"
    )


@given(
    data=st.lists(st.tuples(NAMES, TEXT), max_size=4, unique_by=lambda pair: pair[0]),
    files=st.lists(st.tuples(NAMES, NAMES, st.binary(), CONTENT_TYPES), max_size=4, unique_by=lambda file: file[0]),
)
def test_a_server_reads_what_was_given(data: list[tuple[str, str]], files: list[tuple[str, str, bytes, str]]) -> None:
    content_type, body = encode_multipart(data, [(name, tuple(rest)) for name, *rest in files])  # type: ignore[misc]
    assert _parse(content_type, body) == (data, files)


@given(
    data=st.lists(st.tuples(TEXT, TEXT), max_size=4),
    files=st.lists(st.tuples(TEXT, st.tuples(TEXT.filter(bool), st.binary(), CONTENT_TYPES)), max_size=4),
)
def test_the_bytes_are_those_of_urllib3(
    data: list[tuple[str, str]], files: list[tuple[str, tuple[str, bytes, str]]]
) -> None:
    boundary = random_boundary()
    expected, _ = encode_multipart_formdata([*data, *files], boundary)
    assert encode_multipart(data, files, boundary=_fixed(boundary)) == (
        f"multipart/form-data; boundary={boundary}",
        expected,
    )


@given(st.lists(st.binary(), min_size=1, max_size=4))
def test_the_standard_library_finds_the_same_parts(contents: list[bytes]) -> None:
    files = [("file", (f"{number}.bin", content)) for number, content in enumerate(contents)]
    parts = _parts(*encode_multipart(None, files))
    assert [part.get_filename() for part in parts] == [filename for _, (filename, _) in files]
    assert {part.get_content_type() for part in parts} == {"application/octet-stream"}
    assert {part.get_param("name", header="content-disposition") for part in parts} == {"file"}
    assert len(parts) == len(contents)


@pytest.mark.parametrize(
    "files",
    [
        {"file": ("a.png", b"one")},
        [("file", ("a.png", b"one"))],
        [["file", ("a.png", "one")]],
        {"file": [("a.png", b"one", "image/png")]},
        iter([("file", ("a.png", b"one", None))]),
    ],
)
def test_a_file_in_every_way_that_people_write_it(files: Any) -> None:
    assert _parse(*encode_multipart(files=files)) == ([], [("file", "a.png", b"one", "image/png")])


def test_several_files_of_one_field_keep_their_order() -> None:
    expected = [("file", "b.txt", b"2", "text/plain"), ("file", "a.txt", b"1", "text/plain")]
    several = [("b.txt", b"2"), ("a.txt", b"1")]
    assert _parse(*encode_multipart(files={"file": several})) == ([], expected)
    assert _parse(*encode_multipart(files=[("file", file) for file in several])) == ([], expected)


def test_a_file_without_a_name_takes_that_of_its_field() -> None:
    assert _parse(*encode_multipart(files={"photo.jpg": b"\xff\xd8"})) == (
        [],
        [("photo.jpg", "photo.jpg", b"\xff\xd8", "image/jpeg")],
    )


def test_a_part_with_a_content_type_and_no_filename_is_a_field() -> None:
    content_type, body = encode_multipart(files={"meta": (None, '{"a": 1}', "application/json"), "plain": (None, "x")})
    assert _parse(content_type, body) == ([("meta", '{"a": 1}'), ("plain", "x")], [])
    meta, plain = _parts(content_type, body)
    assert (meta["content-type"], plain["content-type"]) == ("application/json", None)


def test_an_upload_of_nothing_is_its_end_alone() -> None:
    for data, files in ((None, None), ({}, {}), ([], []), ({"a": None}, {"a": []})):
        assert encode_multipart(data, files, boundary=_fixed("b"))[1] == b"--b--\r\n"  # type: ignore[arg-type]


def test_names_are_quoted_as_browsers_do() -> None:
    _, body = encode_multipart(
        {'na"me\r\n': "1"}, {"fi;le\\%22": ('caf\u00e9 "x"\r\nX-Injected: 1.txt', b"")}, boundary=_fixed("b")
    )
    assert b'name="na%22me%0D%0A"\r\n' in body
    assert 'name="fi;le\\%22"; filename="café %22x%22%0D%0AX-Injected: 1.txt"\r\n'.encode() in body


@given(name=TEXT, filename=TEXT)
def test_no_name_ends_its_line_or_its_quotes(name: str, filename: str) -> None:
    _, body = encode_multipart({name: ""}, {name: (filename, b"")}, boundary=_fixed("b"))
    heads = [line for line in body.split(b"\r\n") if line.startswith(b"Content-Disposition")]
    assert [head.count(b'"') for head in heads] == [2, 4]
    assert len(re.split(rb"\r|\n", body.replace(b"\r\n", b"\n"))) == 4 + 5 + 1 + 1


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("photo.jpg", "image/jpeg"),
        ("PHOTO.JPEG", "image/jpeg"),
        ("photo.webp", "image/webp"),
        ("a.pdf", "application/pdf"),
        ("a.json", "application/json"),
        ("a.csv", "text/csv"),
        ("backup.tar.gz", "application/gzip"),
        ("a.txt.bz2", "application/x-bzip2"),
        ("a.xz", "application/x-xz"),
        ("a.txt.Z", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_the_content_type_is_that_of_the_ending(filename: str, content_type: str) -> None:
    assert guess_content_type(filename) == content_type
    assert _parts(*encode_multipart(files={"f": (filename, b"")}))[0]["content-type"] == content_type


def test_the_machines_own_table_is_not_asked() -> None:
    # Two workers on different images must send the same bytes.
    program = (
        "import mimetypes; mimetypes.add_type('application/x-here-alone', '.jpg')\n"
        "from wireswarm.wire.multipart import guess_content_type\n"
        "print(guess_content_type('a.jpg'))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "image/jpeg\n"


class TestBoundary:
    def test_one_that_occurs_in_the_content_is_drawn_again(self) -> None:
        drawn = iter(["one", "two", "three"])
        content_type, body = encode_multipart(
            {"a": "--one and"}, {"f": b"\r\n--two--\r\n"}, boundary=lambda: next(drawn)
        )
        assert content_type == "multipart/form-data; boundary=three"
        assert _parse(content_type, body) == (
            [("a", "--one and")],
            [("f", "f", b"\r\n--two--\r\n", "application/octet-stream")],
        )

    @given(st.lists(st.sampled_from(["a", "b", "--", "\r\n", ""])))
    def test_no_content_ends_its_part(self, pieces: list[str]) -> None:
        content = "".join(pieces)
        short = map("".join, itertools.cycle(itertools.product("abc", repeat=2)))
        try:
            body = encode_multipart({"x": content}, boundary=lambda: next(short))
        except UsageError:
            assert "--a" in content or "--b" in content
            return
        assert _parse(*body) == ([("x", content)], [])

    def test_a_source_that_never_has_another_one_is_asked_ten_times(self) -> None:
        drawn: list[str] = []

        def draw() -> str:
            drawn.append("same")
            return "same"

        with pytest.raises(
            UsageError, match=r"every boundary that was drawn for a multipart body occurs in its content"
        ):
            encode_multipart({"a": "--same"}, boundary=draw)
        assert len(drawn) == 10

    def test_they_are_random_by_default(self) -> None:
        first, second = (encode_multipart({"a": "1"})[0] for _ in range(2))
        assert first != second
        assert re.fullmatch(r"multipart/form-data; boundary=[0-9a-f]{32}", first)

    @pytest.mark.parametrize("text", ["", "a" * 71, "with space", "semi;colon", 'quo"te', "a\r\n", "caf\u00e9", "a/b"])
    def test_what_would_need_quotes_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not a boundary: 1 to 70 of the characters"):
            encode_multipart({"a": "1"}, boundary=_fixed(text))

    @pytest.mark.parametrize("text", ["a", "a" * 70, "----WebKitFormBoundary7MA4YWxkTrZu0gW", "'+_.-"])
    def test_what_needs_none_is_taken(self, text: str) -> None:
        assert _parse(*encode_multipart({"a": "1"}, boundary=_fixed(text))) == ([("a", "1")], [])


@pytest.mark.parametrize(
    ("data", "files", "problem"),
    [
        ({"a": object()}, None, "the value of 'a' is of type object"),
        ("a=b", None, "form and query parameters are a mapping or a list of pairs, not str"),
        (None, b"bytes", "files are a mapping or a list of pairs, not bytes"),
        (None, ["file"], "files are a mapping or a list of pairs; one item is no pair"),
        (None, {1: b""}, "files have names of type str, not int"),
        (None, {"f": io.BytesIO(b"x")}, "the content of 'f' is bytes or str, not BytesIO; read a file once, before"),
        (None, {"f": ("a.txt", io.BytesIO(b"x"))}, "the content of 'f' is bytes or str, not BytesIO; read a file once"),
        (None, {"f": ("a.txt", None)}, "the content of 'f' is bytes or str, not NoneType"),
        (None, {"f": ("a.txt",)}, "the file 'f' is no (filename, content) or (filename, content, content type)"),
        (None, {"f": ("a", b"", "text/plain", {"X": "1"})}, "the file 'f' is no (filename, content) or"),
        (None, {"f": (b"a.txt", b"")}, "the filename of 'f' is a str or None, not bytes"),
        (None, {"f": ("a.txt", b"", "text/plain\r\nX-Injected: 1")}, "the content type of 'f' has a line break"),
        (None, {"f": ("a.txt", b"", "")}, "the content type of 'f' has a line break or another character"),
        (None, {"f": ("a.txt", b"", 7)}, "the content type of 'f' has a line break or another character"),
        (None, {"f": ("a\udcff", b"")}, "the name of a field or file is not valid Unicode"),
        ({"f\udcff": "1"}, None, "the name of a field or file is not valid Unicode"),
        (None, {"f": ("a", "\udcff")}, "the content of 'f' is not valid Unicode"),
    ],
)
def test_what_is_no_upload_is_refused(data: Any, files: Any, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        encode_multipart(data, files)
    assert str(caught.value).startswith(problem)
