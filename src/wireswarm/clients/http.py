"""The base of every client that speaks HTTP: prepares endpoints, exchanges, judges and measures.

One direction: a call becomes bytes, a connection exchanges them, the answer is judged, and the `Sample` goes to the
reporter. `HttpClient._perform` is that road, and the hot path (`bench/http_throughput.py`).
"""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self, overload

from wireswarm.auth.base import Auth, Credentials
from wireswarm.clients.endpoint import Endpoint, PathTemplate, merge_fields
from wireswarm.clients.judging import judge
from wireswarm.clients.options import CallOptions
from wireswarm.clients.owner import DISCARD, Owner, Reporter, Trace
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.http import Connect, Connection, HttpConnection
from wireswarm.net.origin import BaseUrl, parse_base_url
from wireswarm.net.stamps import Timing, receive_clock
from wireswarm.net.tls import TlsSettings, context_for
from wireswarm.sample import Failure, Sample
from wireswarm.wire.http1 import Response, field_lines

USER_AGENT: Final = "wireswarm"
TIMEOUT: Final = 30.0
"""Seconds for one exchange in all, where nothing else is said."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for connecting, where nothing else is said."""
MAX_ENDPOINTS: Final = 1000
"""So many endpoints are kept prepared. Only paths with ids written into them, instead of `{id}`, make more."""


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
        insecure: bool | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        timing: Timing | None = None,
        clock: Clock = SYSTEM_CLOCK,
        connect: Connect = HttpConnection,
    ) -> None:
        """Declare or make a client. Raises nothing: what is wrong shows when it is first used, or by `--check`.

        Args:
            base_url: an absolute URL, or a path below the user's host such as `/api`; the user's host by default.
            auth: credentials; the user's `auth` by default.
            headers: sent with every request.
            content_type: of every body; the user's `content_type`, or that of the kind of client, by default.
            timeout: seconds for one exchange in all; the user's, or 30, by default.
            connect_timeout: seconds for connecting; the user's, or 5, by default.
            insecure: True lets anybody answer in an https server's place; the user's, or False, by default.
            ca_file: PEM file of the authorities whose certificates are trusted; the user's, or the system's own, by
                default.
            timing: which clock says when an answer arrived, `"kernel"` (where there is one) or `"program"`.
            clock: what waits between the requests of a poll.
            connect: makes the connections; tests pass one that needs no network.
        """
        self.base_url = base_url
        self.auth = auth
        # Read-only, because every user of a declaration shares them, and endpoints are prepared from them once.
        self.headers: Mapping[str, str] = MappingProxyType(dict(headers or {}))
        self.content_type = content_type
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.insecure = insecure
        self.ca_file = ca_file
        self.timing = timing
        self.clock = clock
        self._connect = connect
        self._tls = TlsSettings()
        self._sites: dict[str, _Site] = {}
        self._site: _Site | None = None
        self._credentials: Credentials | None = None
        self._reporter: Reporter = DISCARD
        self._idle: list[Connection] = []

    @overload
    def __get__(self, user: None, owner: type) -> Self: ...
    @overload
    def __get__(self, user: Owner, owner: type) -> Self: ...
    def __get__(self, user: Owner | None, owner: type) -> Self:
        """The declaration itself on the class; on a user, the user's own client, made on first use."""
        if user is None:
            return self
        # Found under this name, before this descriptor, from now on: at the cost of a plain attribute.
        name = next(name for cls in owner.__mro__ for name, value in vars(cls).items() if value is self)
        client = vars(user).get(name)
        if client is None:
            client = copy.copy(self)
            client._adopt(user)
            vars(user)[name] = client
        return client

    def close(self) -> None:
        """Close the connections. The client can be used again."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

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
        self.insecure = getattr(user, "insecure", False) if self.insecure is None else self.insecure
        self.ca_file = getattr(user, "ca_file", None) if self.ca_file is None else self.ca_file
        self.timing = self.timing or user.timing
        self.content_type = self.content_type or user.content_type
        self.auth = self.auth if self.auth is not None else user.auth
        self._open(user.host, user)

    def _open(self, host: str | None, user: object) -> _Site:
        key = host or ""
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = _Site(self.resolve_base(host), {})
        self.timeout = TIMEOUT if self.timeout is None else self.timeout
        self.connect_timeout = CONNECT_TIMEOUT if self.connect_timeout is None else self.connect_timeout
        self._tls = TlsSettings(bool(self.insecure), None if self.ca_file is None else os.fspath(self.ca_file))
        if site.base.origin.scheme == "https":
            context_for(self._tls)  # says now what is wrong with the file
        self._credentials = self.auth.for_user(user) if self.auth is not None else None
        self._site = site
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
        answer: Any = None
        try:
            response, failure, sent, done, read = self._exchange(site, method, request, options)
            if response is not None:
                answer, failure = judge(endpoint, response, self._decode, expect, options, done - sent)
        except BaseException:
            # The task was killed, or a gevent.Timeout of its own ended it, or the answer made its code stumble.
            self._reporter.abandoned()
            raise
        length, status = (0, 0) if response is None else (len(response.body), response.status)
        sample = Sample(method, endpoint.name, sent, done, read, len(body), length, status, failure)
        error = None if failure is None else self.request_failed(failure, response)
        self._reporter.report(sample, response, error, url)
        if self.trace is not None:
            self.trace(Trace(sample, url, request, message, response, answer))
        if error is None:
            return answer, response  # type: ignore[return-value]  # without a failure there is a response
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, which would hold it

    def _exchange(
        self, site: _Site, method: str, request: bytes, options: CallOptions
    ) -> tuple[Response | None, Failure | None, int, int, int]:
        # The moments come along, since the connection is another greenlet's by the time they are looked at.
        idle = self._idle
        connection = idle.pop() if idle else self._connection(site)
        response = failure = None
        try:
            response = connection.exchange(
                method,
                request,
                (options.get("timeout") if options else None) or self.timeout,  # type: ignore[arg-type]  # set by _open
                self.connect_timeout,  # type: ignore[arg-type]
            )
        except RequestFailed as error:
            failure = error.failure
        # Any other exception has closed the connection, which is then forgotten.
        if idle is self._idle:
            idle.append(connection)
        else:
            connection.close()  # as the client was in the meantime
        return response, failure, connection.sent, connection.done, connection.read

    def _endpoint(self, site: _Site, method: str, template: str, has_body: bool, options: CallOptions) -> Endpoint:
        content_type = (self.content_type or self.default_content_type) if has_body else None
        key: tuple[object, ...] = (method, template, content_type)
        if options:
            status = options.get("status")
            key += (
                options.get("name"),
                status if status is None or isinstance(status, int) else frozenset(status),
                options.get("content_type"),
                frozenset(name.lower() for name in options.get("headers", ())),
            )
        endpoint = site.endpoints.get(key)
        if endpoint is None:
            if len(site.endpoints) >= MAX_ENDPOINTS:
                site.endpoints.clear()
            endpoint = site.endpoints[key] = self._new_endpoint(site, method, template, content_type, options)
        return endpoint

    def _new_endpoint(
        self, site: _Site, method: str, template: str, content_type: str | None, options: CallOptions
    ) -> Endpoint:
        base, own = site.base, options.get("content_type")
        fields = merge_fields(
            {"Host": base.origin.authority, "User-Agent": USER_AGENT, "Accept": "*/*"},
            {"Content-Type": content_type} if content_type else {},
            self.headers,
            {"Content-Type": own} if own and content_type else {},
        )
        replaced = [name.lower() for name in options.get("headers", ())]
        name, status = options.get("name"), options.get("status")
        return Endpoint(
            method, PathTemplate(template), base, fields=fields, replaced=replaced, name=name, status=status
        )

    def _request(self, endpoint: Endpoint, head: bytes, body: bytes, options: CallOptions) -> bytes:
        if self._credentials is not None and not endpoint.is_authorized:
            head += self._credentials.header()
        if options and "headers" in options:
            head += field_lines(options["headers"].items())
        if body or endpoint.always_has_length:
            return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        return head + b"\r\n"

    def _connection(self, site: _Site) -> Connection:
        return self._connect(site.base.origin, receive_clock(self.timing or "kernel"), self._tls)
