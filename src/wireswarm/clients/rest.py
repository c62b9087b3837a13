"""JSON, forms and uploads over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, TypeVar, Unpack, overload

from wireswarm.clients.caught import CaughtResponse
from wireswarm.clients.http import HttpClient
from wireswarm.clients.options import CallOptions
from wireswarm.clients.outcome import Outcome
from wireswarm.clients.polling import ATTEMPTS, CAP, FACTOR, FIRST, poll_until
from wireswarm.errors import RemoteProtocolError, RequestFailed, UsageError
from wireswarm.sample import Failure
from wireswarm.wire.form import CONTENT_TYPE as FORM
from wireswarm.wire.form import Params, encode_form
from wireswarm.wire.http1 import Response
from wireswarm.wire.jsons import dumps, loads
from wireswarm.wire.multipart import Files, encode_multipart, random_boundary

T = TypeVar("T")

JSON: Final = "application/json"

# What a JSON document can be, in Python; `object` is any.
_TYPES: Final = (dict, list, str, int, float, bool, object)

# The first choice of a boundary for the whole process, so that the head of an upload can be prepared once.
_BOUNDARY: Final = random_boundary()


class RestOptions(CallOptions, total=False):
    """What every call of a `RestClient` takes beside its path: the options of every client, and one kind of body."""

    json: Any
    """Anything that JSON can say; None is its null."""
    data: Params | bytes | str
    """A form's fields, or a body that is ready, of the client's `content_type`."""
    files: Files
    """Uploads, by the names of their fields; `data` are further fields then."""


class _Body(NamedTuple):
    content: bytes
    content_type: str | None

    def __bytes__(self) -> bytes:
        return self.content


class RestClient(HttpClient):
    """JSON, forms and uploads: `client.post("/orders", json={"sku": "A1"}, expect=dict)`.

    With `expect` a call returns the answer's JSON, which has to be of that type (`dict`, `list`, or `object` for any);
    an answer without a body is none. Without it a call returns the `Response`, whose `json()` it is as well.

    It raises `RequestFailed` where the exchange failed; `try_request` returns an `Outcome` instead, and
    `catch_response=True` is what it is in Locust: see `CaughtResponse`.

    All raise `UsageError` for calls that cannot mean anything (two bodies, a type that JSON does not have), and
    `ConfigurationError` where there is no host or are no credentials.
    """

    default_content_type = JSON

    def _encode(self, message: _Body | None) -> bytes:
        return b"" if message is None else message.content

    def _decode(self, expect: type[Any] | None, response: Response) -> Any:
        if expect is None:
            return response
        if not response.body:
            raise RemoteProtocolError("the answer has no body, where JSON was expected")
        value = loads(response.body)
        if not isinstance(value, expect):
            raise RemoteProtocolError(f"the answer is JSON, but not a {expect.__name__}")
        return value

    def _call(self, method: str, path: str, expect: Any, catch_response: bool, options: RestOptions) -> Any:
        message = _take_body(options)
        if expect is not None:
            _check_expectation(method, expect)
        if catch_response:
            return self._catch(method, path, message, expect, options)
        return self._perform(method, path, message, expect, options)[0]

    def _catch(
        self, method: str, path: str, message: _Body | None, expect: Any, options: CallOptions
    ) -> CaughtResponse:
        measured = self._measure(method, path, message, expect, options)

        def finish(failure: Failure | None) -> None:
            with suppress(RequestFailed):  # it is reported; whoever catches responses goes on
                self._finish(measured.judged(failure))

        return CaughtResponse(measured.response, measured.sample.failure, finish)

    @overload
    def request(self, method: str, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def request(
        self, method: str, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]
    ) -> CaughtResponse: ...
    @overload
    def request(self, method: str, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def request(
        self,
        method: str,
        path: str,
        /,
        *,
        expect: Any = None,
        catch_response: bool = False,
        **options: Unpack[RestOptions],
    ) -> Any:
        """Any method, upper case."""
        return self._call(method, path, expect, catch_response, options)

    @overload
    def try_request(
        self, method: str, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]
    ) -> Outcome[T]: ...
    @overload
    def try_request(self, method: str, path: str, /, **options: Unpack[RestOptions]) -> Outcome[Response]: ...
    def try_request(
        self, method: str, path: str, /, *, expect: Any = None, **options: Unpack[RestOptions]
    ) -> Outcome[Any]:
        """`request` that returns what came of it."""
        message = _take_body(options)
        if expect is not None:
            _check_expectation(method, expect)
        return self._attempt(method, path, message, expect, options)

    @overload
    def get(self, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def get(self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]) -> CaughtResponse: ...
    @overload
    def get(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def get(
        self, path: str, /, *, expect: Any = None, catch_response: bool = False, **options: Unpack[RestOptions]
    ) -> Any:
        """Ask for a resource (GET)."""
        return self._call("GET", path, expect, catch_response, options)

    @overload
    def head(
        self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]
    ) -> CaughtResponse: ...
    @overload
    def head(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def head(self, path: str, /, *, catch_response: bool = False, **options: Unpack[RestOptions]) -> Any:
        """Ask for a resource's head (HEAD)."""
        return self._call("HEAD", path, None, catch_response, options)

    @overload
    def options(self, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def options(
        self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]
    ) -> CaughtResponse: ...
    @overload
    def options(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def options(
        self, path: str, /, *, expect: Any = None, catch_response: bool = False, **options: Unpack[RestOptions]
    ) -> Any:
        """Ask what can be done (OPTIONS)."""
        return self._call("OPTIONS", path, expect, catch_response, options)

    @overload
    def post(self, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def post(
        self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]
    ) -> CaughtResponse: ...
    @overload
    def post(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def post(
        self, path: str, /, *, expect: Any = None, catch_response: bool = False, **options: Unpack[RestOptions]
    ) -> Any:
        """Post (POST)."""
        return self._call("POST", path, expect, catch_response, options)

    @overload
    def put(self, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def put(self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]) -> CaughtResponse: ...
    @overload
    def put(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def put(
        self, path: str, /, *, expect: Any = None, catch_response: bool = False, **options: Unpack[RestOptions]
    ) -> Any:
        """Put something in a resource's place (PUT)."""
        return self._call("PUT", path, expect, catch_response, options)

    @overload
    def patch(self, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def patch(
        self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]
    ) -> CaughtResponse: ...
    @overload
    def patch(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def patch(
        self, path: str, /, *, expect: Any = None, catch_response: bool = False, **options: Unpack[RestOptions]
    ) -> Any:
        """Change a resource (PATCH)."""
        return self._call("PATCH", path, expect, catch_response, options)

    @overload
    def delete(self, path: str, /, *, expect: type[T], **options: Unpack[RestOptions]) -> T: ...
    @overload
    def delete(
        self, path: str, /, *, catch_response: Literal[True], **options: Unpack[RestOptions]
    ) -> CaughtResponse: ...
    @overload
    def delete(self, path: str, /, **options: Unpack[RestOptions]) -> Response: ...
    def delete(
        self, path: str, /, *, expect: Any = None, catch_response: bool = False, **options: Unpack[RestOptions]
    ) -> Any:
        """Delete a resource (DELETE)."""
        return self._call("DELETE", path, expect, catch_response, options)

    def poll(
        self,
        path: str,
        /,
        *,
        expect: type[T],
        until: Callable[[T], object],
        first: float = FIRST,
        factor: float = FACTOR,
        cap: float = CAP,
        attempts: int = ATTEMPTS,
        deadline: float | None = None,
        **options: Unpack[RestOptions],
    ) -> T:
        """GET again and again until `until` is true of the answer, which is returned.

        Every request is an exchange of its own; the waits are nobody's response time.

        Args:
            path: the path template.
            expect: the JSON answer's type.
            until: true of the answer that ends the poll.
            first: seconds between the first request, which goes out at once, and the second.
            factor: each wait is the one before times this.
            cap: seconds that no wait exceeds.
            attempts: at most this many requests.
            deadline: seconds in all; no limit beside `attempts` by default.
            **options: of each request.

        Raises:
            RequestFailed: a request failed, or the condition did not come true in time (reason `poll`).
        """
        return poll_until(
            lambda: self.get(path, expect=expect, **options),
            until,
            self.clock,
            failed=self.request_failed,
            first=first,
            factor=factor,
            cap=cap,
            attempts=attempts,
            deadline=deadline,
        )


def _check_expectation(method: str, expect: Any) -> None:
    if expect not in _TYPES:
        raise UsageError(f"expect= is dict, list, str, int, float, bool, or object for any JSON, not {expect!r}")
    if method == "HEAD":
        raise UsageError("the answer to HEAD has no body to expect anything of")


def _take_body(options: RestOptions) -> _Body | None:
    # Takes the body's options out, and puts in the Content-Type that follows from them. JSON's is the client's own, so
    # that it can be a dialect such as application/vnd.api+json.
    if not options:
        return None
    has_json, data, files = "json" in options, options.pop("data", None), options.pop("files", None)
    value = options.pop("json", None)
    if has_json:
        if data is not None or files:
            raise UsageError("a request has one body: json=, or data= and files=")
        return _Body(dumps(value), None)
    body = _body(data, files)
    if body is not None and body.content_type is not None:
        options.setdefault("content_type", body.content_type)
    return body


def _body(data: Params | bytes | str | None, files: Files | None) -> _Body | None:
    if files:
        if isinstance(data, str | bytes):
            raise UsageError("files= takes its further fields in data= as names and values")
        content_type, content = encode_multipart(data, files, boundary=_boundaries())
        return _Body(content, content_type)
    if data is None:
        return None
    if isinstance(data, str):
        try:
            return _Body(data.encode(), None)
        except UnicodeEncodeError:
            raise UsageError("data= is not valid Unicode") from None
    return _Body(data, None) if isinstance(data, bytes) else _Body(encode_form(data), FORM)


def _boundaries() -> Callable[[], str]:
    first = iter((_BOUNDARY,))
    return lambda: next(first, None) or random_boundary()
