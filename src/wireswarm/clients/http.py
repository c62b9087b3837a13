"""The base of every client that speaks HTTP: prepares endpoints, exchanges, judges and measures.

One direction: a call becomes bytes, a connection exchanges them, the answer is judged, and the `Sample` goes to the
reporter. `HttpClient._perform` is that road, and the hot path (`bench/http_throughput.py`).
"""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from time import time
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self, overload

from wireswarm.auth.base import Auth, Credentials
from wireswarm.clients.endpoint import Endpoint
from wireswarm.clients.judging import judge
from wireswarm.clients.options import CallOptions
from wireswarm.clients.outcome import Outcome
from wireswarm.clients.owner import DISCARD, Owner, Reporter, Trace
from wireswarm.clients.pool import ConnectionPool
from wireswarm.clients.redirecting import hops_allowed, next_hop
from wireswarm.clients.site import Site
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, RemoteProtocolError, RequestFailed
from wireswarm.net.guard import GUARD
from wireswarm.net.http import Connect, Connection, HttpConnection
from wireswarm.net.origin import BaseUrl, Origin, parse_base_url
from wireswarm.net.stamps import Timing, receive_clock
from wireswarm.net.tls import TlsSettings, context_for
from wireswarm.sample import Failure, Reason, Sample
from wireswarm.wire.content_coding import compress, decompress
from wireswarm.wire.cookies import CookieJar
from wireswarm.wire.http1 import Response, field_line, field_lines
from wireswarm.wire.http1_body import MAX_BODY_BYTES

TIMEOUT: Final = 30.0
"""Seconds for one exchange in all, where nothing else is said."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for connecting, where nothing else is said."""

_COOKIES: Final = "_wireswarm_cookies"
_TOO_MANY: Final = Failure(Reason.REDIRECT, "more redirects than are followed")


class Measured(NamedTuple):
    """An exchange that was made and judged, and is still to be reported."""

    sample: Sample
    url: str
    """As far as a log may show it."""
    endpoint: Endpoint
    request: bytes
    message: object
    response: Response | None
    answer: Any


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
        accept_encoding: str | None = None,
        cookies: bool = False,
        follow_redirects: bool | int = False,
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
            accept_encoding: codings that answers may have, such as `"gzip, br"`, and are decoded from; none by default.
            cookies: keep the cookies that the server sets, in a jar that the user's clients share.
            follow_redirects: how many redirects to follow; True is 10. Each hop is an exchange of its own.
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
        self.accept_encoding = accept_encoding
        self.cookies = cookies
        self.follow_redirects = follow_redirects
        self.timing = timing
        self.clock = clock
        self._connect = connect
        self._tls = TlsSettings()
        self._sites: dict[str, Site] = {}
        self._site: Site | None = None
        self._credentials: Credentials | None = None
        self._jar: CookieJar | None = None
        self._reporter: Reporter = DISCARD
        self._pool = ConnectionPool(self._connection)

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
        self._pool.close()

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
        self._pool = ConnectionPool(self._connection)
        self._reporter = user.reporter
        self.request_failed = user.request_failed
        self.trace = user.trace
        self.timeout = user.timeout if self.timeout is None else self.timeout
        self.connect_timeout = user.connect_timeout if self.connect_timeout is None else self.connect_timeout
        self.insecure = user.insecure if self.insecure is None else self.insecure
        self.ca_file = user.ca_file if self.ca_file is None else self.ca_file
        self.timing = self.timing or user.timing
        self.content_type = self.content_type or user.content_type
        self.auth = self.auth if self.auth is not None else user.auth
        self._open(user.host, user)

    def _open(self, host: str | None, user: object) -> Site:
        key = host or ""
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = Site(self.resolve_base(host))
        GUARD.check(site.base.origin)
        self.timeout = TIMEOUT if self.timeout is None else self.timeout
        self.connect_timeout = CONNECT_TIMEOUT if self.connect_timeout is None else self.connect_timeout
        self._tls = TlsSettings(bool(self.insecure), None if self.ca_file is None else os.fspath(self.ca_file))
        if site.base.origin.scheme == "https":
            context_for(self._tls)  # says now what is wrong with the file
        self._credentials = self.auth.for_user(user) if self.auth is not None else None
        if self.cookies:
            self._jar = CookieJar() if user is None else vars(user).setdefault(_COOKIES, CookieJar())
        self._site = site
        return site

    def _connection(self, origin: Origin) -> Connection:
        return self._connect(origin, receive_clock(self.timing or "kernel"), self._tls)

    @abstractmethod
    def _encode(self, message: Any) -> bytes:
        """A request's body."""

    @abstractmethod
    def _decode(self, expect: Any, response: Response) -> Any:
        """What the caller gets. Raises RemoteProtocolError where the answer is something else."""

    def _perform(
        self, method: str, template: str, message: Any, expect: Any, options: CallOptions
    ) -> tuple[Any, Response]:
        measured = self._measure(method, template, message, expect, options)
        return self._finish(measured)

    def _attempt(self, method: str, template: str, message: Any, expect: Any, options: CallOptions) -> Outcome[Any]:
        try:
            answer, response = self._perform(method, template, message, expect, options)
        except RequestFailed as error:
            # Without the traceback, which would keep the frames of the call alive for as long as the outcome.
            return Outcome(None, error.response, error.with_traceback(None))
        return Outcome(answer, response)

    def _measure(self, method: str, template: str, message: Any, expect: Any, options: CallOptions) -> Measured:
        # The road of one request, in one direction, up to its report.
        site = self._site or self._open(None, None)
        content_type = None if message is None else self.content_type or self.default_content_type
        endpoint = site.endpoint(method, template, content_type, self.accept_encoding, self.headers, options)
        body = self._encode(message)
        if not options and not self.follow_redirects:
            return self._send(site, endpoint, endpoint.prepare(None), body, message, expect, options)
        if "content_encoding" in options:
            body = compress(body, options["content_encoding"])
        prepared = endpoint.prepare(options.get("path"), options.get("params"))
        measured = self._send(site, endpoint, prepared, body, message, expect, options)
        hops = hops_allowed(options.get("follow_redirects", self.follow_redirects))
        return self._follow(measured, body, expect, options, hops) if hops else measured

    def _send(
        self,
        site: Site,
        endpoint: Endpoint,
        prepared: tuple[bytes, str],
        body: bytes,
        message: Any,
        expect: Any,
        options: CallOptions,
    ) -> Measured:
        head, url = prepared
        request = self._request(site, endpoint, head, body, options)
        timeout = options["timeout"] if options and "timeout" in options else self.timeout
        answer: Any = None
        length = status = 0
        try:
            response, failure, sent, done, read = self._pool.exchange(
                site.base.origin,
                endpoint.method,
                request,
                timeout,  # type: ignore[arg-type]  # set by _open, as the next one is
                self.connect_timeout,  # type: ignore[arg-type]
            )
            if response is not None:
                length, status = len(response.body), response.status
                if self._jar is not None:
                    self._keep_cookies(self._jar, site, url, response)
                if self.accept_encoding is not None:
                    failure = _decoded(response)
                if failure is None:
                    answer, failure = judge(endpoint, response, self._decode, expect, options, done - sent)
        except BaseException:
            # The task was killed, or a gevent.Timeout of its own ended it, or the answer made its code stumble.
            self._reporter.abandoned()
            raise
        sample = Sample(endpoint.method, endpoint.name, sent, done, read, len(body), length, status, failure)
        return Measured(sample, url, endpoint, request, message, response, answer)

    def _finish(self, measured: Measured) -> tuple[Any, Response]:
        sample, url, _, request, message, response, answer = measured
        failure = sample.failure
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

    def _request(self, site: Site, endpoint: Endpoint, head: bytes, body: bytes, options: CallOptions) -> bytes:
        # Credentials are for the client's own origin.
        if self._credentials is not None and not endpoint.is_authorized and site.is_own:
            head += self._credentials.header()
        if options and "headers" in options:
            head += field_lines(options["headers"].items())
        if self._jar is not None:
            origin, path = site.base.origin, head.split(b" ", 2)[1].decode("ascii")
            cookies = self._jar.header(origin.host, path, origin.scheme == "https", time())
            head += field_line("Cookie", cookies) if cookies else b""
        if body or endpoint.always_has_length:
            return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        return head + b"\r\n"

    def _keep_cookies(self, jar: CookieJar, site: Site, url: str, response: Response) -> None:
        lines = response.headers.get_all("set-cookie")
        if lines:
            origin = site.base.origin
            jar.store(origin.host, url.removeprefix(str(origin)), lines, time())

    def _follow(self, measured: Measured, body: bytes, expect: Any, options: CallOptions, hops: int) -> Measured:
        # Each hop that leads on is reported as what it is, a success; the last answer is what the caller gets.
        own = None if self._site is None else self._site.base.origin
        while measured.response is not None:
            try:
                hop = next_hop(measured.url, measured.endpoint, measured.response, options)
                if hop is None:
                    break
                if not hops:
                    return _failed(measured, _TOO_MANY)
                GUARD.check(hop.site.base.origin)
            except RequestFailed as error:
                return _failed(measured, error.failure)
            hops -= 1
            self._finish(measured._replace(sample=measured.sample._replace(failure=None)))
            hop.site.is_own = hop.site.base.origin == own
            body, message = (body, measured.message) if hop.keeps_body else (b"", None)
            prepared = hop.endpoint.prepare(None)
            measured = self._send(hop.site, hop.endpoint, prepared, body, message, expect, hop.options)
        return measured


def _failed(measured: Measured, failure: Failure) -> Measured:
    return measured._replace(sample=measured.sample._replace(failure=failure), answer=None)


def _decoded(response: Response) -> Failure | None:
    codings = response.headers.get("content-encoding")
    if not codings:
        return None
    try:
        response.body = decompress(response.body, codings, limit=MAX_BODY_BYTES)
    except RemoteProtocolError as error:
        return Failure(Reason.DECODE, str(error))
    return None
