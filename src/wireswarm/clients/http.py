"""The base of every client that speaks HTTP: prepares endpoints, exchanges, judges and measures.

One direction: a call becomes bytes, a connection exchanges them, the answer is judged, and the `Sample` goes to the
reporter. `HttpClient._perform` is that road, and the hot path (`bench/http_throughput.py`).
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Self, TypedDict, overload

from wireswarm.auth.base import Auth, Credentials
from wireswarm.clients.endpoint import Endpoint, PathTemplate, Status
from wireswarm.clients.owner import DISCARD, Owner, Reporter, Trace
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, RemoteProtocolError, RequestFailed
from wireswarm.net.http import HttpConnection
from wireswarm.net.origin import BaseUrl, parse_base_url
from wireswarm.net.stamps import Timing, receive_clock
from wireswarm.sample import Failure, Reason, Sample
from wireswarm.wire.http1 import Response, field_lines

USER_AGENT: Final = "wireswarm"
TIMEOUT: Final = 30.0
"""Seconds for one exchange in all, where nothing else is said."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for connecting, where nothing else is said."""

_MAX_CHECK_MESSAGE: Final = 200


class CallOptions(TypedDict, total=False):
    """What every call of a client takes beside path and body."""

    name: str
    """The request name in statistics and reports; the path template by default."""
    path: Mapping[str, object]
    """Values for the `{parameters}` of the path template."""
    headers: Mapping[str, str]
    """Further headers of this call. Not for credentials: those belong into `auth`."""
    content_type: str
    """Content-Type of the request's body."""
    status: Status
    """The status or statuses that are a success; any 2xx by default. Others fail with reason `status`."""
    max_time: float
    """Seconds; a right answer that took longer fails with reason `late`."""
    check: Callable[[Any], object]
    """Judges the decoded answer: False, a text, or an AssertionError is a failure with reason `check`. The text is
    shown and counted as it is, so keep ids out of it."""
    timeout: float
    """Seconds until the exchange is given up, with reason `deadline`."""


class _Site(NamedTuple):
    # What all users of one declaration share, per base URL.
    base: BaseUrl
    endpoints: dict[tuple[object, ...], Endpoint]


class HttpClient(ABC):
    """One simulated user's client to one base URL.

    As a class attribute of a `User` it is a declaration: each user gets a client of its own on first use, which takes
    what the declaration leaves open (host, credentials, timeouts) from the user. It also works by itself:
    `ProtobufClient("http://127.0.0.1:8000")`.

    It keeps one connection for every greenlet that uses it at the same time, so one for an ordinary user.
    """

    request_failed: type[RequestFailed] = RequestFailed
    """The exception of a failed exchange; under Locust one that also ends the task, without a traceback."""
    trace: Callable[[Trace], None] | None = None
    """Called with every exchange in full, for debugging."""
    default_content_type: str
    """Content-Type of a body, where nothing else is said; each kind of client has its own."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        timing: Timing | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Declare or make a client. Raises nothing: what is wrong shows when it is first used, or by `--check`.

        Args:
            base_url: an absolute URL, or a path below the user's host such as `/api`; the user's host by default.
            auth: credentials; the user's `auth` by default.
            headers: sent with every request.
            content_type: of every body; the user's `content_type`, or that of the kind of client, by default.
            timeout: seconds for one exchange in all; the user's, or 30, by default.
            connect_timeout: seconds for connecting; the user's, or 5, by default.
            timing: which clock says when an answer arrived, `"kernel"` (where there is one) or `"program"`.
            clock: what waits between the requests of a poll.
        """
        self.base_url = base_url
        self.auth = auth
        self.headers = dict(headers or {})
        self.content_type = content_type
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.timing = timing
        self.clock = clock
        self._attribute = ""
        self._sites: dict[str, _Site] = {}
        self._site: _Site | None = None
        self._credentials: Credentials | None = None
        self._reporter: Reporter = DISCARD
        self._idle: list[HttpConnection] = []

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    @overload
    def __get__(self, user: None, owner: type) -> Self: ...
    @overload
    def __get__(self, user: Owner, owner: type) -> Self: ...
    def __get__(self, user: Owner | None, owner: type) -> Self:
        """The declaration itself on the class; on a user, the user's own client, made on first use."""
        if user is None:
            return self
        client = copy.copy(self)
        client._adopt(user)
        # Found before this descriptor from now on, at the cost of a plain attribute.
        vars(user)[self._attribute] = client
        return client

    def close(self) -> None:
        """Close the connections. The client can be used again."""
        while self._idle:
            self._idle.pop().close()

    def resolve_base(self, host: str | None) -> BaseUrl:
        """Where this client's requests go, for a user of that host.

        Raises:
            ConfigurationError: there is no host, or it is no URL.
        """
        url = self.base_url or ""
        if not url or url.startswith("/"):
            if not host:
                raise ConfigurationError(
                    "there is no host to send requests to: pass --host, as in http://127.0.0.1:8000"
                )
            return parse_base_url(host.rstrip("/") + url)
        return parse_base_url(url, source="base_url")

    def _adopt(self, user: Owner) -> None:
        self._idle = []
        self._reporter = user.reporter
        self.request_failed = user.request_failed
        self.trace = user.trace
        self.timeout = user.timeout if self.timeout is None else self.timeout
        self.connect_timeout = user.connect_timeout if self.connect_timeout is None else self.connect_timeout
        self.timing = self.timing or user.timing
        self.content_type = self.content_type or user.content_type
        self.auth = self.auth if self.auth is not None else user.auth
        self._open(user.host, user)

    def _open(self, host: str | None, user: object) -> _Site:
        key = host or ""
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = _Site(self.resolve_base(host), {})
        self._site = site
        self.timeout = TIMEOUT if self.timeout is None else self.timeout
        self.connect_timeout = CONNECT_TIMEOUT if self.connect_timeout is None else self.connect_timeout
        self._credentials = self.auth.for_user(user) if self.auth is not None else None
        return site

    @abstractmethod
    def _encode(self, message: Any) -> bytes:
        """A request's body."""

    @abstractmethod
    def _decode(self, expect: Any, response: Response) -> Any:
        """What the caller gets. Raises RemoteProtocolError where the answer is something else."""

    def _perform(
        self, method: str, template: str, message: Any, expect: Any, options: CallOptions
    ) -> tuple[Any, Response]:
        # The road of one request, in one direction.
        site = self._site or self._open(None, None)
        endpoint = self._endpoint(site, method, template, message is not None, options)
        body = self._encode(message)
        head, url = endpoint.prepare(options.get("path") if options else None)
        request = self._request(endpoint, head, body, options)
        connection = self._idle.pop() if self._idle else self._connection(site)
        response: Response | None = None
        answer = failure = None
        try:
            response = connection.exchange(
                method,
                request,
                (options.get("timeout") if options else None) or self.timeout,  # type: ignore[arg-type]  # set by _open
                self.connect_timeout,  # type: ignore[arg-type]
            )
        except RequestFailed as error:
            failure = error.failure
        except BaseException:
            # The task was killed, or a gevent.Timeout of its own ended it.
            self._reporter.abandoned()
            raise
        self._idle.append(connection)
        sent, done = connection.sent, connection.done
        if response is not None:
            answer, failure = self._judge(endpoint, response, expect, options, done - sent)
            sample = Sample(
                method,
                endpoint.name,
                sent,
                done,
                connection.read,
                len(body),
                len(response.body),
                response.status,
                failure,
            )
        else:
            sample = Sample(method, endpoint.name, sent, done, connection.read, len(body), 0, 0, failure)
        failed = None if failure is None else self.request_failed(failure, response)
        if self.trace is not None:
            self.trace(Trace(sample, url, request, message, response, answer))
        self._reporter.report(sample, response, failed, url)
        if failed is not None:
            raise failed
        return answer, response  # type: ignore[return-value]  # without a failure there is a response

    def _judge(
        self, endpoint: Endpoint, response: Response, expect: Any, options: CallOptions, took_ns: int
    ) -> tuple[Any, Failure | None]:
        if not endpoint.accepted(response.status):
            return None, Failure(Reason.STATUS, f"status {response.status}")
        try:
            answer = self._decode(expect, response)
        except RemoteProtocolError as error:
            return None, Failure(Reason.DECODE, str(error))
        if options:
            check = options.get("check")
            failure = _checked(check, answer) if check is not None else None
            max_time = options.get("max_time")
            if failure is None and max_time is not None and took_ns > max_time * 1e9:
                failure = Failure(Reason.LATE, f"slower than {max_time:g} s")
            return answer, failure
        return answer, None

    def _endpoint(self, site: _Site, method: str, template: str, has_body: bool, options: CallOptions) -> Endpoint:
        name = status = content_type = None
        if options:
            name, status, content_type = options.get("name"), options.get("status"), options.get("content_type")
            if status is not None and not isinstance(status, int):
                status = frozenset(status)
        key = (method, template, has_body, self.content_type, content_type, name, status)
        endpoint = site.endpoints.get(key)
        if endpoint is None:
            fields = [("Host", site.base.origin.authority), ("User-Agent", USER_AGENT), ("Accept", "*/*")]
            fields += self.headers.items()
            if has_body:
                fields.append(("Content-Type", content_type or self.content_type or self.default_content_type))
            endpoint = Endpoint(method, PathTemplate(template), site.base, fields=fields, name=name, status=status)
            site.endpoints[key] = endpoint
        return endpoint

    def _request(self, endpoint: Endpoint, head: bytes, body: bytes, options: CallOptions) -> bytes:
        if self._credentials is not None:
            head += self._credentials.header()
        if options and "headers" in options:
            head += field_lines(options["headers"].items())
        if body or endpoint.always_has_length:
            return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        return head + b"\r\n"

    def _connection(self, site: _Site) -> HttpConnection:
        return HttpConnection(site.base.origin, receive_clock(self.timing or "kernel"))


def _checked(check: Callable[[Any], object], answer: Any) -> Failure | None:
    try:
        verdict = check(answer)
    except AssertionError as error:
        verdict = str(error).partition("\n")[0] or False
    if verdict is False:
        return Failure(Reason.CHECK, "check failed")
    if isinstance(verdict, str):
        return Failure(Reason.CHECK, f"check failed: {verdict[:_MAX_CHECK_MESSAGE]}")
    return None
