"""Content codings: what others wrote is read, others read what was written, and all that an answer can do wrong."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import cramjam
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError, UsageError
from wireswarm.wire.content_coding import ACCEPT_ENCODING, MAX_CODINGS, compress, decompress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1024 * 1024
CODINGS = ("gzip", "deflate", "br", "zstd", "snappy")
TEXT = b'{"sku": "A1", "amount": 3}\n' * 400


def _raw_deflate(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-15)


def _snappy_by_the_book(data: bytes) -> bytes:
    """A decoder written from snappy's format_description.txt alone, slow and obvious."""
    length = shift = at = 0
    while True:
        byte = data[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    out = bytearray()
    while at < len(data):
        tag, at = data[at], at + 1
        kind = tag & 3
        if kind == 0:
            size = (tag >> 2) + 1
            if size > 60:
                width = size - 60
                size = int.from_bytes(data[at : at + width], "little") + 1
                at += width
            out += data[at : at + size]
            at += size
            continue
        if kind == 1:
            size, offset, at = ((tag >> 2) & 7) + 4, (tag >> 5) << 8 | data[at], at + 1
        else:
            width = 2 if kind == 2 else 4
            size, offset, at = (tag >> 2) + 1, int.from_bytes(data[at : at + width], "little"), at + width
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


# The same formats by other code: cramjam's brotli and gzip are other implementations in Rust.
OTHER_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=1_700_000_000),
    "x-gzip": lambda body: bytes(cramjam.gzip.compress(body)),
    "deflate": zlib.compress,
    "br": lambda body: bytes(cramjam.brotli.compress(body, level=9)),
    "zstd": lambda body: bytes(cramjam.zstd.compress(body, level=7)),
    "snappy": lambda body: bytes(cramjam.snappy.compress_raw(body)),
}
OTHER_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": lambda body: bytes(cramjam.brotli.decompress(body)),
    "zstd": lambda body: bytes(cramjam.zstd.decompress(body)),
    "snappy": _snappy_by_the_book,
}


@pytest.mark.parametrize("coding", OTHER_ENCODERS)
@settings(deadline=None)  # up to 200 KB
@given(body=st.binary(min_size=1, max_size=500), times=st.integers(1, 400))
def test_reads_what_others_compressed(coding: str, body: bytes, times: int) -> None:
    original = body * times
    assert decompress(OTHER_ENCODERS[coding](original), coding, limit=len(original)) == original


@pytest.mark.parametrize("coding", CODINGS)
@settings(deadline=None)  # one of the others is slow and obvious
@given(body=st.binary(max_size=300), times=st.integers(1, 100))
def test_others_read_what_was_compressed(coding: str, body: bytes, times: int) -> None:
    assert OTHER_DECODERS[coding](compress(body * times, coding)) == body * times


@pytest.mark.parametrize("coding", CODINGS)
def test_a_large_body_that_does_not_compress_comes_back(coding: str) -> None:
    body = random.Random(7).randbytes(3 * MIB + 17)
    assert decompress(compress(body, coding), coding, limit=len(body)) == body


@pytest.mark.parametrize("coding", CODINGS)
def test_compressing_saves_and_is_the_same_each_time(coding: str) -> None:
    assert len(compress(TEXT, coding)) < len(TEXT) / 5
    assert compress(TEXT, coding) == compress(TEXT, coding)


def test_snappy_is_the_block_format_that_remote_write_wants() -> None:
    # The length as a varint, then one literal: no stream identifier and no frames.
    assert compress(b"hello", "snappy") == b"\x05\x10hello"


def test_deflate_is_sent_in_the_zlib_format() -> None:
    # RFC 9110, 8.4.1.2: not the bare deflate data.
    assert zlib.decompress(compress(TEXT, "deflate"), wbits=15) == TEXT


@pytest.mark.parametrize("level", range(10))
def test_deflate_without_its_header_is_understood(level: int) -> None:
    for body in (b"x", TEXT, os.urandom(1000)):
        compressor = zlib.compressobj(level, wbits=-15)
        raw = compressor.compress(body) + compressor.flush()
        assert decompress(raw, "deflate", limit=MIB) == body
        assert decompress(zlib.compress(body, level), "deflate", limit=MIB) == body


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_members_in_a_row_are_one_body(coding: str, size: int) -> None:
    # Incompressible, so that members begin and end within the steps of reading, and across them.
    pieces = [random.Random(seed).randbytes(size) for seed in range(3)]
    body = b"".join(compress(piece, coding) for piece in pieces)
    assert decompress(body, coding, limit=3 * size) == b"".join(pieces)
    with pytest.raises(RemoteProtocolError, match="is larger than"):
        decompress(body, coding, limit=3 * size - 1)


def test_thousands_of_empty_members_are_an_empty_body() -> None:
    assert decompress(gzip.compress(b"") * 5000, "gzip", limit=0) == b""


def test_frames_that_zstd_wants_skipped_are_skipped() -> None:
    skippable = (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    body = skippable + compress(b"one", "zstd") + skippable + compress(b"two", "zstd") + skippable
    assert decompress(body, "zstd", limit=6) == b"onetwo"


class TestCodings:
    @pytest.mark.parametrize("codings", ["", "identity", " ,\t, ", "Identity, IDENTITY", ", ".join(["identity"] * 9)])
    def test_none_leaves_the_body_alone(self, codings: str) -> None:
        assert decompress(TEXT, codings, limit=0) is TEXT

    @pytest.mark.parametrize(
        "codings", ["deflate, gzip", "Deflate,,GZIP ,", "identity\t, deflate,x-gzip", "deflate,X-GZip"]
    )
    def test_the_last_one_named_is_undone_first(self, codings: str) -> None:
        body = compress(compress(TEXT, "deflate"), "gzip")
        assert decompress(body, codings, limit=MIB) == TEXT

    def test_the_limit_holds_at_every_stage(self) -> None:
        body = compress(compress(bytes(MIB), "gzip"), "br")
        with pytest.raises(RemoteProtocolError, match="gzip body is larger than 65536 bytes when decompressed"):
            decompress(body, "gzip, br", limit=65536)
        # gzip makes a kilobyte of the megabyte of zeros, so it is brotli's turn here.
        with pytest.raises(RemoteProtocolError, match="br body is larger than 100 bytes when decompressed"):
            decompress(body, "gzip, br", limit=100)

    @pytest.mark.parametrize("codings", ["compress", "gzip, exi", "sdch, gzip", "gzip; q=1", "br\x00"])
    def test_an_unknown_one_is_an_error_that_names_the_known(self, codings: str) -> None:
        with pytest.raises(RemoteProtocolError) as caught:
            decompress(compress(TEXT, "gzip"), codings, limit=MIB)
        assert str(caught.value) == "the answer has a content coding other than gzip, deflate, br, zstd"

    def test_more_than_anyone_needs_are_refused(self) -> None:
        body = TEXT
        for _ in range(MAX_CODINGS + 1):
            body = compress(body, "gzip")
        inner = decompress(body, "gzip", limit=MIB)
        assert decompress(inner, ", ".join(["gzip"] * MAX_CODINGS), limit=MIB) == TEXT
        with pytest.raises(RemoteProtocolError, match=r"^the answer has more than 5 content codings$"):
            decompress(body, ", ".join(["gzip"] * (MAX_CODINGS + 1)), limit=MIB)

    @pytest.mark.parametrize("codings", ["gzip", "deflate", "br", "zstd", "snappy", "deflate, gzip"])
    def test_an_empty_body_is_empty_under_any(self, codings: str) -> None:
        # As an answer to HEAD, or one with status 304, has it.
        assert decompress(b"", codings, limit=0) == b""

    def test_a_body_that_becomes_empty_on_the_way_stays_so(self) -> None:
        assert decompress(compress(b"", "gzip"), "deflate, gzip", limit=MIB) == b""

    def test_what_is_offered_is_what_is_understood(self) -> None:
        assert ACCEPT_ENCODING == "gzip, deflate, br, zstd"
        for coding in ACCEPT_ENCODING.split(", "):
            assert decompress(compress(TEXT, coding), coding, limit=len(TEXT)) == TEXT

    @pytest.mark.parametrize("coding", ["", "GZIP", "identity", "x-gzip", "lz4", "gzip, br"])
    def test_a_request_is_compressed_in_a_known_one_only(self, coding: str) -> None:
        with pytest.raises(UsageError, match="not a content coding to compress with: gzip, deflate, br, snappy, zstd"):
            compress(b"x", coding)

    def test_a_python_without_zstd_does_without_that_one(self) -> None:
        program = (
            "import sys\n"
            "sys.modules['compression.zstd'] = sys.modules['backports.zstd'] = None\n"
            "from wireswarm.wire.content_coding import ACCEPT_ENCODING, compress, decompress\n"
            "print(ACCEPT_ENCODING)\n"
            "print(decompress(compress(b'works', 'gzip'), 'gzip', limit=9).decode())\n"
            "try: decompress(b'x', 'zstd', limit=9)\n"
            "except Exception as error: print(repr(error))\n"
        )
        shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert shown.stdout.splitlines() == [
            "gzip, deflate, br",
            "works",
            "RemoteProtocolError('the answer has a content coding other than gzip, deflate, br')",
        ]


class TestDamage:
    @pytest.mark.parametrize("coding", CODINGS)
    def test_a_body_that_was_cut_anywhere(self, coding: str) -> None:
        body = compress(random.Random(3).randbytes(30) + TEXT[:300], coding)
        for length in range(1, len(body)):
            with pytest.raises(RemoteProtocolError, match=f"^the answer's {coding} body is damaged$"):
                decompress(body[:length], coding, limit=MIB)

    @pytest.mark.parametrize("named", CODINGS)
    @pytest.mark.parametrize("coding", CODINGS)
    def test_one_coding_under_the_name_of_another(self, coding: str, named: str) -> None:
        if coding != named:
            with pytest.raises(RemoteProtocolError, match=f"^the answer's {named} body is "):
                decompress(compress(TEXT, coding), named, limit=MIB)

    def test_deflate_without_its_header_that_was_cut(self) -> None:
        body = _raw_deflate(TEXT[:300])
        for length in range(1, len(body)):
            with pytest.raises(RemoteProtocolError, match=r"^the answer's deflate body is damaged$"):
                decompress(body[:length], "deflate", limit=MIB)

    @pytest.mark.parametrize("coding", CODINGS)
    @pytest.mark.parametrize("rest", [b"\x00", b"\n", b"garbage after the end"])
    def test_a_body_with_something_behind_its_end(self, coding: str, rest: bytes) -> None:
        with pytest.raises(RemoteProtocolError, match=f"^the answer's {coding} body is damaged$"):
            decompress(compress(TEXT, coding) + rest, coding, limit=MIB)

    @pytest.mark.parametrize("coding", ["deflate", "br", "snappy"])
    def test_two_bodies_where_the_format_has_one(self, coding: str) -> None:
        with pytest.raises(RemoteProtocolError, match="is damaged"):
            decompress(compress(TEXT, coding) * 2, coding, limit=MIB)

    @pytest.mark.parametrize(("coding", "header", "trailer"), [("gzip", 10, 8), ("deflate", 2, 4)])
    def test_a_flipped_bit_does_not_pass_the_check(self, coding: str, header: int, trailer: int) -> None:
        body = compress(TEXT[:200], coding)
        for at in range(header, len(body)):
            broken = body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]
            with pytest.raises(RemoteProtocolError, match=f"^the answer's {coding} body is damaged$"):
                decompress(broken, coding, limit=MIB)
        assert len(body) > header + trailer

    def test_a_zstd_body_whose_checksum_is_wrong(self) -> None:
        body = zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1})
        assert decompress(body, "zstd", limit=MIB) == TEXT
        with pytest.raises(RemoteProtocolError, match=r"^the answer's zstd body is damaged$"):
            decompress(body[:-1] + bytes([body[-1] ^ 1]), "zstd", limit=MIB)

    def test_a_zlib_body_that_needs_a_dictionary_nobody_has(self) -> None:
        compressor = zlib.compressobj(zdict=b"sku amount")
        body = compressor.compress(TEXT) + compressor.flush()
        with pytest.raises(RemoteProtocolError, match=r"^the answer's deflate body is damaged$"):
            decompress(body, "deflate", limit=MIB)

    def test_a_zstd_window_that_http_does_not_allow(self) -> None:
        # RFC 9659: 8 MiB at most. Browsers refuse more, and so the message says what it is.
        for log, allowed in ((23, True), (24, False), (27, False)):
            compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
            body = compressor.compress(b"begun before its size was known") + compressor.flush()
            if allowed:
                assert decompress(body, "zstd", limit=100) == b"begun before its size was known"
                continue
            with pytest.raises(RemoteProtocolError) as caught:
                decompress(body, "zstd", limit=100)
            assert str(caught.value) == "the answer's zstd body needs a window above 8 MiB (RFC 9659)"

    @pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "snappy"])
    @given(body=st.binary(max_size=200), limit=st.integers(0, 300))
    @example(b"\xff\xff\xff\xff\xff\xff", 300)
    @example(b"\xff\xff\xff\xff\x0f\x00", 300)
    @example(b"\x1f\x8b\x08\x1c", 300)
    def test_any_bytes_give_a_body_within_the_limit_or_that_error(self, coding: str, body: bytes, limit: int) -> None:
        try:
            assert len(decompress(body, coding, limit=limit)) <= limit
        except RemoteProtocolError as error:
            assert str(error).startswith("the answer's ")  # noqa: PT017 - both outcomes are fine

    @pytest.mark.parametrize("coding", CODINGS)
    @given(data=st.data())
    def test_a_body_with_bytes_replaced_gives_no_other_error(self, coding: str, data: st.DataObject) -> None:
        body = bytearray(compress(TEXT, coding))
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        try:
            assert len(decompress(bytes(body), coding, limit=2 * len(TEXT))) <= 2 * len(TEXT)
        except RemoteProtocolError as error:
            assert str(error).startswith(f"the answer's {coding} body ")  # noqa: PT017


class TestBombs:
    @pytest.mark.parametrize("coding", CODINGS)
    @settings(deadline=None)
    @given(size=st.integers(1, 300_000), short=st.integers(1, 300_000))
    def test_the_limit_is_exact(self, coding: str, size: int, short: int) -> None:
        body = compress(bytes(size), coding)
        assert decompress(body, coding, limit=size) == bytes(size)
        with pytest.raises(RemoteProtocolError, match=f"^the answer's {coding} body is larger than "):
            decompress(body, coding, limit=max(size - short, 0))

    def test_the_message_has_the_limit_as_people_write_it(self) -> None:
        body = compress(bytes(3 * MIB), "gzip")
        with pytest.raises(
            RemoteProtocolError, match=r"^the answer's gzip body is larger than 2 MiB when decompressed$"
        ):
            decompress(body, "gzip", limit=2 * MIB)

    @pytest.mark.parametrize("coding", CODINGS)
    def test_they_stop_long_before_they_fill_the_memory(self, coding: str) -> None:
        body = OTHER_ENCODERS[coding](bytes(128 * MIB))
        tracemalloc.start()
        try:
            with pytest.raises(RemoteProtocolError, match="is larger than 1 MiB when decompressed"):
                decompress(body, coding, limit=MIB)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 6 * MIB

    def test_snappy_that_claims_more_than_it_has_is_not_believed(self) -> None:
        four_gigabytes = b"\xff\xff\xff\xff\x0f"
        with pytest.raises(
            RemoteProtocolError, match=r"^the answer's snappy body is larger than 1 MiB when decompressed$"
        ):
            decompress(four_gigabytes + b"\x00x", "snappy", limit=MIB)
        with pytest.raises(RemoteProtocolError, match=r"^the answer's snappy body is damaged$"):
            decompress(b"\x80\x80\x04" + b"\x00x", "snappy", limit=MIB)


def test_brotli_is_new_enough_to_stop() -> None:
    # Before 1.2 it has no `output_buffer_limit`, and a kilobyte becomes a gigabyte in one call.
    out = brotli.Decompressor().process(brotli.compress(bytes(8 * MIB)), output_buffer_limit=1000)
    assert 0 < len(out) < MIB
