"""Protobuf messages over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Unpack, overload

from google.protobuf.message import Message

from wireswarm.clients.http import HttpClient
from wireswarm.clients.options import CallOptions
from wireswarm.clients.outcome import Outcome
from wireswarm.clients.polling import ATTEMPTS, CAP, FACTOR, FIRST, poll_until
from wireswarm.wire.http1 import Response
from wireswarm.wire.protobuf import M, decode, encode

CONTENT_TYPE: Final = "application/x-protobuf"

Body = Message | bytes | None
"""What a request carries: a message, bytes that are one already, or nothing."""


class ProtobufClient(HttpClient):
    """Sends protobuf messages and decodes the answers: `client.post("/orders", pb.Create(sku="A1"), expect=pb.Order)`.

    Every call takes the path template, a message (or bytes, or nothing), `expect`, and the options of `CallOptions`.
    With `expect` it returns a message of that type, without it the `Response`. It raises `RequestFailed` where the
    exchange failed, which the request's event says too; `try_get` and its kin return an `Outcome` instead.

    All raise `UsageError` for calls that cannot mean anything (a missing path parameter, a line break in a header),
    and `ConfigurationError` where there is no host or are no credentials.
    """

    default_content_type = CONTENT_TYPE

    def _encode(self, message: Body) -> bytes:
        return encode(message)

    def _decode(self, expect: type[Message] | None, response: Response) -> Any:
        return response if expect is None else decode(expect, response.body)

    @overload
    def get(self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]) -> M: ...
    @overload
    def get(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Response: ...
    def get(self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Ask for a resource (GET)."""
        return self._perform("GET", template, message, expect, options)[0]

    @overload
    def post(self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]) -> M: ...
    @overload
    def post(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Response: ...
    def post(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Any:
        """Post a message (POST)."""
        return self._perform("POST", template, message, expect, options)[0]

    @overload
    def put(self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]) -> M: ...
    @overload
    def put(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Response: ...
    def put(self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Put a message in a resource's place (PUT)."""
        return self._perform("PUT", template, message, expect, options)[0]

    @overload
    def patch(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> M: ...
    @overload
    def patch(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Response: ...
    def patch(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Any:
        """Change a resource by a message (PATCH)."""
        return self._perform("PATCH", template, message, expect, options)[0]

    @overload
    def delete(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> M: ...
    @overload
    def delete(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Response: ...
    def delete(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Any:
        """Delete a resource (DELETE)."""
        return self._perform("DELETE", template, message, expect, options)[0]

    @overload
    def try_get(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> Outcome[M]: ...
    @overload
    def try_get(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Outcome[Response]: ...
    def try_get(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Outcome[Any]:
        """`get` that returns what came of it."""
        return self._attempt("GET", template, message, expect, options)

    @overload
    def try_post(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> Outcome[M]: ...
    @overload
    def try_post(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Outcome[Response]: ...
    def try_post(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Outcome[Any]:
        """`post` that returns what came of it."""
        return self._attempt("POST", template, message, expect, options)

    @overload
    def try_put(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> Outcome[M]: ...
    @overload
    def try_put(self, template: str, message: Body = None, /, **options: Unpack[CallOptions]) -> Outcome[Response]: ...
    def try_put(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Outcome[Any]:
        """`put` that returns what came of it."""
        return self._attempt("PUT", template, message, expect, options)

    @overload
    def try_patch(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> Outcome[M]: ...
    @overload
    def try_patch(
        self, template: str, message: Body = None, /, **options: Unpack[CallOptions]
    ) -> Outcome[Response]: ...
    def try_patch(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Outcome[Any]:
        """`patch` that returns what came of it."""
        return self._attempt("PATCH", template, message, expect, options)

    @overload
    def try_delete(
        self, template: str, message: Body = None, /, *, expect: type[M], **options: Unpack[CallOptions]
    ) -> Outcome[M]: ...
    @overload
    def try_delete(
        self, template: str, message: Body = None, /, **options: Unpack[CallOptions]
    ) -> Outcome[Response]: ...
    def try_delete(
        self, template: str, message: Body = None, /, *, expect: Any = None, **options: Unpack[CallOptions]
    ) -> Outcome[Any]:
        """`delete` that returns what came of it."""
        return self._attempt("DELETE", template, message, expect, options)

    def poll(
        self,
        template: str,
        /,
        *,
        expect: type[M],
        until: Callable[[M], object],
        first: float = FIRST,
        factor: float = FACTOR,
        cap: float = CAP,
        attempts: int = ATTEMPTS,
        deadline: float | None = None,
        **options: Unpack[CallOptions],
    ) -> M:
        """GET again and again until `until` is true of the answer, which is returned.

        Every request is an exchange of its own; the waits are nobody's response time.

        Args:
            template: the path template.
            expect: the answer's type.
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
            lambda: self.get(template, expect=expect, **options),
            until,
            self.clock,
            failed=self.request_failed,
            first=first,
            factor=factor,
            cap=cap,
            attempts=attempts,
            deadline=deadline,
        )
