"""Compressed bodies, of requests and of answers. No network."""

from __future__ import annotations

import gzip
import sys
from typing import Any

import brotli  # type: ignore[import-untyped]
import cramjam
import pytest
from fake_network import Answer
from fake_user import Case, body_of, fields_of, reply
from google.protobuf.wrappers_pb2 import StringValue

from wireswarm.clients.graphql import GraphQLClient
from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.clients.rest import RestClient
from wireswarm.errors import UsageError
from wireswarm.sample import Failure, Reason
from wireswarm.wire.content_coding import compress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b'{"dishes": "' + b"soup " * 100 + b'"}'
CODINGS = ["gzip", "deflate", "br", "zstd", "snappy"]
DAMAGED = Failure(Reason.DECODE, "the answer's gzip body is damaged")


def case_of(*answers: Answer, **settings: Any) -> Case[RestClient]:
    return Case(RestClient, *answers, **{"accept_encoding": "gzip, br", **settings})


class TestAnswers:
    def test_they_are_asked_for(self) -> None:
        case = case_of(reply())
        case.client.get("/a")
        assert fields_of(case.network.sent[0])["accept-encoding"] == "gzip, br"

    def test_by_default_they_are_not(self) -> None:
        case = case_of(reply(compress(BODY, "gzip"), content_encoding="gzip"), accept_encoding=None)
        assert case.client.get("/a").body == compress(BODY, "gzip"), "whoever has not asked gets it as it came"
        assert "accept-encoding" not in fields_of(case.network.sent[0])

    @pytest.mark.parametrize("coding", CODINGS)
    def test_the_value_is_decoded_and_the_length_is_that_of_the_wire(self, coding: str) -> None:
        packed = compress(BODY, coding)
        case = case_of(reply(packed, content_encoding=coding), reply(packed, Content_Encoding=coding.upper()))
        assert set(case.client.get("/a", expect=dict)) == {"dishes"}
        assert case.client.get("/a").body == BODY
        assert [sample.response_bytes for sample in case.reporter.samples] == [len(packed)] * 2

    def test_several_codings(self) -> None:
        packed = compress(compress(BODY, "gzip"), "br")
        assert case_of(reply(packed, content_encoding="gzip, br")).client.get("/a").body == BODY

    @pytest.mark.parametrize("fields", [{}, {"content_encoding": "identity"}, {"content_encoding": ""}])
    def test_one_without(self, fields: dict[str, str]) -> None:
        assert case_of(reply(BODY, **fields)).client.get("/a").body == BODY

    def test_head_has_none_to_decode(self) -> None:
        case = case_of(reply(content_encoding="gzip"))
        assert case.client.head("/a").body == b""

    def test_of_other_clients(self) -> None:
        message = StringValue(value="hello" * 100)
        packed = compress(message.SerializeToString(), "br")
        protobuf = Case(ProtobufClient, reply(packed, content_encoding="br"), accept_encoding="br")
        assert protobuf.client.get("/a", expect=StringValue) == message
        packed = compress(b'{"data": {"a": 1}}', "gzip")
        graphql = Case(GraphQLClient, reply(packed, content_encoding="gzip"), accept_encoding="gzip")
        assert graphql.client.execute("{ a }") == {"a": 1}

    def test_a_damaged_one_is_a_failure(self) -> None:
        case = case_of(reply(compress(BODY, "gzip")[:-1], content_encoding="gzip"))
        assert case.client.try_request("GET", "/a").failure == DAMAGED
        assert case.reporter.abandonments == 0

    def test_one_that_nobody_knows_is_a_failure(self) -> None:
        failure = case_of(reply(BODY, content_encoding="x-secret")).client.try_request("GET", "/a").failure
        assert failure is not None
        assert failure.reason is Reason.DECODE
        assert "x-secret" not in failure.message

    def test_the_status_is_the_first_thing_that_is_wrong(self) -> None:
        case = case_of(reply(b"<html>", 502, content_encoding="gzip"))
        assert case.client.try_request("GET", "/a").failure == Failure(Reason.STATUS, "status 502")

    def test_errors_are_decoded_too(self) -> None:
        case = case_of(reply(compress(BODY, "gzip"), 400, content_encoding="gzip"))
        response = case.client.try_request("GET", "/a").response
        assert response is not None
        assert response.body == BODY

    def test_a_redirect_with_a_damaged_one_leads_on_all_the_same(self) -> None:
        moved = reply(b"<html>", 302, location="/b", content_encoding="gzip")
        assert case_of(moved, reply(b"x"), follow_redirects=True).client.get("/a").body == b"x"


class TestRequests:
    @pytest.mark.parametrize(
        ("coding", "unpack"),
        [
            ("gzip", gzip.decompress),
            ("br", brotli.decompress),
            ("zstd", zstd.decompress),
            ("snappy", lambda body: bytes(cramjam.snappy.decompress_raw(body))),
        ],
    )
    def test_the_body_is_compressed(self, coding: str, unpack: Any) -> None:
        case = case_of(reply())
        case.client.post("/a", data=BODY, content_encoding=coding)
        [request] = case.network.sent
        fields = fields_of(request)
        assert unpack(body_of(request)) == BODY
        assert fields["content-encoding"] == coding
        assert int(fields["content-length"]) == len(body_of(request)) < len(BODY)
        assert case.reporter.samples[0].request_bytes == len(body_of(request)), "as it was on the wire"

    def test_of_a_message(self) -> None:
        message = StringValue(value="hello" * 100)
        case = Case(ProtobufClient, reply())
        case.client.post("/a", message, content_encoding="snappy", content_type="application/x-protobuf")
        sent = bytes(cramjam.snappy.decompress_raw(body_of(case.network.sent[0])))
        assert StringValue.FromString(sent) == message

    def test_one_without_a_body_stays_so(self) -> None:
        case = case_of(reply(), reply())
        case.client.get("/a", content_encoding="gzip")
        case.client.post("/a", content_encoding="gzip")
        for request in case.network.sent:
            assert body_of(request) == b""
            assert "content-encoding" not in fields_of(request)

    def test_an_empty_body_is_one(self) -> None:
        case = case_of(reply())
        case.client.post("/a", data=b"", content_encoding="gzip")
        assert gzip.decompress(body_of(case.network.sent[0])) == b""

    def test_calls_with_and_without(self) -> None:
        case = case_of(reply(), reply())
        case.client.post("/a", data=BODY, content_encoding="gzip")
        case.client.post("/a", data=BODY)
        assert [fields_of(request).get("content-encoding") for request in case.network.sent] == ["gzip", None]

    def test_one_that_there_is_not(self) -> None:
        case = case_of()
        with pytest.raises(UsageError, match="'zip' is not a content coding"):
            case.client.post("/a", data=BODY, content_encoding="zip")
        assert case.network.sent == []
