"""REST, GraphQL and remote write over real connections: what a server that is not ours makes of what we send."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from io import BytesIO
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import cramjam
import pytest
from gevent.pywsgi import WSGIServer
from werkzeug.formparser import parse_form_data

from wireswarm.auth.bearer import BearerToken
from wireswarm.clients.graphql import GraphQLClient
from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.clients.rest import RestClient
from wireswarm.errors import RequestFailed
from wireswarm.net.guard import GUARD
from wireswarm.protos import load_protos
from wireswarm.sample import Failure, Reason

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

REMOTE_WRITE = Path(__file__).parents[2] / "locustfiles" / "remote_write.proto"

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
    "snappy": lambda body: bytes(cramjam.snappy.compress_raw(body)),
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
    "snappy": lambda body: bytes(cramjam.snappy.decompress_raw(body)),
}

Environ = dict[str, Any]
Answer = tuple[int, list[tuple[str, str]], bytes]


class Server:
    """A WSGI server on a free port, which notes what it was asked."""

    def __init__(self, answer: Callable[[Environ], Answer]) -> None:
        self.requests: list[Environ] = []
        self._answer = answer
        self._server = WSGIServer(("127.0.0.1", 0), self._serve, log=None, error_log=None)

    def __enter__(self) -> Server:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(timeout=1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _serve(self, environ: Environ, start_response: Callable[..., object]) -> list[bytes]:
        environ["body"] = environ["wsgi.input"].read()
        self.requests.append(environ)
        status, fields, body = self._answer(environ)
        start_response(f"{status} X", [*fields, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Environ], Answer]], Server]]:
    """Starts servers of one's own."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(Server(answer))


@pytest.fixture
def client_of() -> Iterator[Callable[..., Any]]:
    """Makes clients of one's own: `client_of(RestClient, url, cookies=True)`."""
    with ExitStack() as stack:

        def make(kind: type[Any], *args: Any, **settings: Any) -> Any:
            client = kind(*args, **{"timeout": 10.0, **settings})
            stack.callback(client.close)
            return client

        yield make


def echo(environ: Environ) -> Answer:
    """What was asked, as JSON."""
    asked = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "type": environ.get("CONTENT_TYPE"),
        "body": environ["body"].decode("latin-1"),
    }
    return 200, [("Content-Type", "application/json")], json.dumps(asked).encode()


def test_methods_bodies_and_queries(serve: Any, client_of: Any) -> None:
    client = client_of(RestClient, serve(echo).url + "/api")
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        asked = client.request(method, "/a/{b}", path={"b": "ä/"}, params={"q": "x y&"}, json={"a": 1}, expect=dict)
        assert asked["method"] == method
        assert asked["path"].encode("latin-1").decode() == "/api/a/ä/"
        assert asked["query"] == "q=x+y%26"
        assert (asked["type"], asked["body"]) == ("application/json", '{"a":1}')
    response = client.head("/a")
    assert (response.status, response.body) == (200, b"")
    assert client.get("/a", expect=dict)["body"] == "", "the connection is at the next answer"


def test_a_form_is_what_a_parser_takes_it_for(serve: Any, client_of: Any) -> None:
    found: list[Any] = []

    def take(environ: Environ) -> Answer:
        found.append(parse_form_data({**environ, "wsgi.input": BytesIO(environ["body"])})[1].to_dict(flat=False))
        return 204, [], b""

    data = {"name": "ä b+&=%", "n": [1, 2.5], "yes": True, "none": None, "lines": "a\r\nb"}
    client_of(RestClient, serve(take).url).post("/", data=data)
    assert found == [{"name": ["ä b+&=%"], "n": ["1", "2.5"], "yes": ["true"], "lines": ["a\r\nb"]}]


def test_an_upload_is_what_a_parser_takes_it_for(serve: Any, client_of: Any) -> None:
    found: list[Any] = []

    def take(environ: Environ) -> Answer:
        _, form, files = parse_form_data({**environ, "wsgi.input": BytesIO(environ["body"])})
        parts = []
        for name, file in files.items(multi=True):
            parts.append((name, file.filename, file.mimetype, file.read()))
            file.close()
        found.append((form.to_dict(flat=False), parts))
        return 201, [], b""

    photo = bytes(range(256)) * 1000 + b"\r\n--"
    client_of(RestClient, serve(take).url).post(
        "/",
        data={"title": 'ä "x"', "tags": ["a", "b"]},
        files={
            "photo": ("Käse.png", photo),
            "notes": [("a.txt", "ä", "text/markdown"), ("b", b"")],
            "meta": (None, '{"a": 1}', "application/json"),
        },
    )
    form, parts = found[0]
    assert form == {"title": ['ä "x"'], "tags": ["a", "b"], "meta": ['{"a": 1}']}
    assert parts == [
        ("photo", "Käse.png", "image/png", photo),
        ("notes", "a.txt", "text/markdown", "ä".encode()),
        ("notes", "b", "application/octet-stream", b""),
    ]


class TestRedirects:
    def test_across_two_servers_without_the_credentials(self, serve: Any, client_of: Any) -> None:
        there = serve(echo)
        here = serve(lambda environ: (307, [("Location", f"{there.url}/there?a=1")], b"moved"))
        auth = BearerToken("abc")
        client = client_of(RestClient, here.url, auth=auth, headers={"X-Api-Key": "key"}, follow_redirects=True)
        asked = client.post("/here", json={"a": 1}, headers={"X-Call": "1"}, expect=dict)
        assert asked == {
            "method": "POST",
            "path": "/there",
            "query": "a=1",
            "type": "application/json",
            "body": '{"a":1}',
        }
        secrets = ("HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_X_CALL")
        assert [here.requests[0].get(name) for name in secrets] == ["Bearer abc", "key", "1"]
        assert [there.requests[0].get(name) for name in secrets] == [None, None, None]
        assert there.requests[0]["HTTP_HOST"] == there.url.removeprefix("http://")

    def test_from_post_to_get_on_one_connection(self, serve: Any, client_of: Any) -> None:
        def answer(environ: Environ) -> Answer:
            return (303, [("Location", "done")], b"") if environ["REQUEST_METHOD"] == "POST" else echo(environ)

        server = serve(answer)
        client = client_of(RestClient, server.url, auth=BearerToken("abc"))
        asked = client.post("/orders/new", json={"a": 1}, follow_redirects=True, expect=dict)
        assert (asked["method"], asked["path"], asked["body"]) == ("GET", "/orders/done", "")
        assert not asked["type"]
        assert [environ["HTTP_AUTHORIZATION"] for environ in server.requests] == ["Bearer abc"] * 2
        assert len({environ["REMOTE_PORT"] for environ in server.requests}) == 1

    def test_a_loop(self, serve: Any, client_of: Any) -> None:
        server = serve(lambda environ: (302, [("Location", "/")], b""))
        with pytest.raises(RequestFailed) as caught:
            client_of(RestClient, server.url).get("/", follow_redirects=3)
        assert caught.value.failure == Failure(Reason.REDIRECT, "more redirects than are followed")
        assert len(server.requests) == 4

    def test_a_host_that_is_not_allowed_is_not_even_connected_to(self, serve: Any, client_of: Any) -> None:
        there = serve(echo)
        here = serve(lambda environ: (302, [("Location", there.url)], b""))
        client = client_of(RestClient, here.url, follow_redirects=True)
        GUARD.allow_only([here.url.removeprefix("http://")])
        try:
            for url in ("/", there.url):
                with pytest.raises(RequestFailed) as caught:
                    client.get(url)
                assert caught.value.failure.reason is Reason.FORBIDDEN
        finally:
            GUARD.allow_only(())
        assert (len(here.requests), there.requests) == (1, [])


def test_cookies_there_and_back(serve: Any, client_of: Any) -> None:
    def answer(environ: Environ) -> Answer:
        cookies = {name: morsel.value for name, morsel in SimpleCookie(environ.get("HTTP_COOKIE", "")).items()}
        visits = int(cookies.get("visits", 0)) + 1
        fields = [("Set-Cookie", f"visits={visits}; Path=/; HttpOnly"), ("Set-Cookie", "tls=1; Secure")]
        return 200, fields, json.dumps(cookies).encode()

    url = serve(answer).url
    client = client_of(RestClient, url, cookies=True)
    assert [client.get("/a/b", expect=dict) for _ in range(3)] == [{}, {"visits": "1"}, {"visits": "2"}]
    assert client_of(RestClient, url).get("/", expect=dict) == {}


class TestCodings:
    @pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
    def test_answers(self, coding: str, serve: Any, client_of: Any) -> None:
        value = {"dishes": ["soup"] * 10_000}

        def answer(environ: Environ) -> Answer:
            assert environ["HTTP_ACCEPT_ENCODING"] == coding
            return 200, [("Content-Encoding", coding)], PACK[coding](json.dumps(value).encode())

        client = client_of(RestClient, serve(answer).url, accept_encoding=coding)
        assert client.get("/", expect=dict) == value
        assert client.head("/").body == b""
        assert client.get("/").json() == value

    @pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "snappy"])
    def test_bodies(self, coding: str, serve: Any, client_of: Any) -> None:
        server = serve(lambda environ: (204, [], b""))
        client_of(RestClient, server.url).post("/", json=["soup"] * 10_000, content_encoding=coding)
        [environ] = server.requests
        assert environ["HTTP_CONTENT_ENCODING"] == coding
        assert int(environ["CONTENT_LENGTH"]) == len(environ["body"]) < 10_000
        assert json.loads(UNPACK[coding](environ["body"])) == ["soup"] * 10_000

    def test_remote_write(self, serve: Any, client_of: Any) -> None:
        pb = load_protos(REMOTE_WRITE)
        series = [
            {"labels": [{"name": "__name__", "value": "up"}, {"name": "n", "value": str(n)}], "samples": [{"value": n}]}
            for n in range(500)
        ]
        request = pb.WriteRequest(timeseries=series)
        server = serve(lambda environ: (204, [], b""))
        client_of(ProtobufClient, server.url).post("/api/v1/write", request, content_encoding="snappy")
        [environ] = server.requests
        assert (environ["HTTP_CONTENT_ENCODING"], environ["CONTENT_TYPE"]) == ("snappy", "application/x-protobuf")
        body = cramjam.snappy.decompress_raw(environ["body"])
        assert pb.WriteRequest.FromString(bytes(body)) == request


def test_graphql(serve: Any, client_of: Any) -> None:
    def answer(environ: Environ) -> Answer:
        asked = json.loads(environ["body"])
        if asked["operationName"] == "Wrong":
            return 400, [], b'{"errors": [{"message": "m", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}'
        return 200, [], json.dumps({"data": asked["variables"]}).encode()

    client = client_of(GraphQLClient, serve(answer).url, accept_encoding="gzip")
    assert client.execute("query Right($a: Int) { x(a: $a) }", {"a": 1}) == {"a": 1}
    failure = client.try_execute("query Wrong { x }").failure
    assert failure == Failure(Reason.ERROR, "GRAPHQL_VALIDATION_FAILED")
