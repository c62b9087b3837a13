"""The base of every client that speaks HTTP: prepares endpoints, exchanges, judges and measures.

One direction: a call becomes bytes, a connection exchanges them, the answer is judged, and the `Sample` goes to the
reporter. `HttpClient._perform` is that road, and the hot path (`bench/http_throughput.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import time_ns
from typing import Any, Final, NamedTuple

from wireswarm.clients.declaration import CONNECT_TIMEOUT, TIMEOUT, Declaration
from wireswarm.clients.endpoint import Endpoint
from wireswarm.clients.judging import judge
from wireswarm.clients.options import CallOptions, check_options
from wireswarm.clients.outcome import Outcome
from wireswarm.clients.owner import Trace
from wireswarm.clients.redirecting import hops_allowed, next_hop
from wireswarm.clients.site import Site, split_url
from wireswarm.errors import ConfigurationError, RemoteProtocolError, RequestFailed
from wireswarm.net.guard import GUARD
from wireswarm.net.origin import Origin
from wireswarm.sample import Failure, Reason, Sample
from wireswarm.wire.content_coding import compress, decompress
from wireswarm.wire.cookies import CookieJar
from wireswarm.wire.http1 import Response, field_line, field_lines
from wireswarm.wire.http1_body import MAX_BODY_BYTES

__all__ = ["CONNECT_TIMEOUT", "TIMEOUT", "HttpClient", "Measured"]

_TOO_MANY: Final = Failure(Reason.REDIRECT, "more redirects than are followed")
_FORBIDDEN: Final = Failure(Reason.FORBIDDEN, "host is not allowed")


class Measured(NamedTuple):
    """An exchange that was made and judged, and is still to be reported."""

    sample: Sample
    url: str
    """As far as a log may show it."""
    site: Site
    endpoint: Endpoint
    request: bytes
    """As it was sent; empty where nothing was."""
    message: object
    response: Response | None
    answer: Any

    def judged(self, failure: Failure | None) -> Measured:
        """The same exchange with another judgement."""
        answer = None if failure is not None else self.answer
        return self._replace(sample=self.sample._replace(failure=failure), answer=answer)


class HttpClient(Declaration, ABC):
    """One simulated user's client to one base URL.

    As a class attribute of a `User` it is a declaration: each user gets a client of its own on first use, which takes
    what the declaration leaves open (host, credentials, timeouts) from the user. It also works by itself:
    `ProtobufClient("http://127.0.0.1:8000")`.

    A call may have an absolute URL in place of a path. Where its origin is another one than the base URL's, neither the
    client's credentials nor its headers go there.

    It keeps one connection for every greenlet that uses it at the same time, so one for an ordinary user.
    """

    default_content_type: str
    """Content-Type of a body, where nothing else is said; each kind of client has its own."""

    @abstractmethod
    def _encode(self, message: Any) -> bytes:
        """A request's body."""

    @abstractmethod
    def _decode(self, expect: Any, response: Response) -> Any:
        """What the caller gets. Raises RemoteProtocolError where the answer is something else."""

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that the base URL's host has set; None where there is none, or no jar is kept."""
        site = self._site or self._open(None, None)
        return None if self._jar is None else self._jar.get(name, site.base.origin.host, self.clock.time())

    def clear_cookies(self) -> None:
        """Forget all cookies, as a new visitor; those of the user's other clients too, which share the jar."""
        if self._jar is not None:
            self._jar.clear()

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
        if template[:1] != "/":
            site, template, options = self._locate(site, template, options)
        content_type = None if message is None else self.content_type or self.default_content_type
        endpoint = site.endpoint(method, template, content_type, self.accept_encoding, self.headers, options)
        body = self._encode(message)
        if not options and not self.follow_redirects:
            return self._send(site, endpoint, endpoint.prepare(None), body, message, expect, options)
        return self._measure_as_asked(site, endpoint, body, message, expect, options)

    def _locate(self, own: Site, url: str, options: CallOptions) -> tuple[Site, str, CallOptions]:
        # A call with a URL, as the same with a path.
        if "://" not in url:
            return own, url, options  # no path either, as the endpoint will say
        origin, target = split_url(url)
        if options.get("name") is None:
            options = {**options, "name": str(origin) + target.partition("?")[0]}
        return self._site_of(origin), target, options

    def _measure_as_asked(
        self, site: Site, endpoint: Endpoint, body: bytes, message: Any, expect: Any, options: CallOptions
    ) -> Measured:
        # The part of the road that calls with options take, and all calls of clients that follow redirects.
        check_options(options)
        hops = hops_allowed(options.get("follow_redirects", self.follow_redirects))
        if "content_encoding" in options and message is not None:
            body = compress(body, options["content_encoding"])
        prepared = endpoint.prepare(options.get("path"), options.get("params"))
        if site is not self._site and (failure := self._forbidden(site.base.origin)) is not None:
            now = time_ns()
            sample = Sample(endpoint.method, endpoint.name, now, now, now, 0, 0, 0, failure)
            return Measured(sample, prepared[1], site, endpoint, b"", message, None, None)
        measured = self._send(site, endpoint, prepared, body, message, expect, options)
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
            response, failure, sent, done, read, phases = self._pool.exchange(
                site.base.origin,
                endpoint.method,
                request,
                timeout,  # type: ignore[arg-type]  # set by _open, as the next one is
                self.connect_timeout,  # type: ignore[arg-type]
            )
            if response is not None:
                length, status = len(response.body), response.status
                if self._jar is not None:
                    self._keep_cookies(self._jar, site.base.origin, head, response)
                if self.accept_encoding is not None:
                    failure = _decoded(response)
                if failure is None or not endpoint.accepted(status):
                    answer, failure = judge(endpoint, response, self._decode, expect, options, done - sent)
        except BaseException:
            # The task was killed, or a gevent.Timeout of its own ended it, or the answer made its code stumble.
            self._reporter.abandoned()
            raise
        sample = Sample(
            endpoint.method, endpoint.name, sent, done, read, len(body), length, status, failure, None, phases
        )
        return Measured(sample, url, site, endpoint, request, message, response, answer)

    def _finish(self, measured: Measured) -> tuple[Any, Response]:
        sample, url, _, _, request, message, response, answer = measured
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
        if self._jar is not None:
            head += self._cookies(self._jar, site.base.origin, head, endpoint, options)
        if options and "headers" in options:
            head += field_lines(options["headers"].items())
        if body or endpoint.always_has_length:
            return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        return head + b"\r\n"

    def _cookies(self, jar: CookieJar, origin: Origin, head: bytes, endpoint: Endpoint, options: CallOptions) -> bytes:
        # There is one Cookie field at most (RFC 6265, 5.4), and what the caller gives goes before the jar's.
        if "cookie" in endpoint.fields or any(name.lower() == "cookie" for name in options.get("headers", ())):
            return b""
        cookies = jar.header(origin.host, _target(head), origin.scheme == "https", self.clock.time())
        return field_line("Cookie", cookies) if cookies else b""

    def _keep_cookies(self, jar: CookieJar, origin: Origin, head: bytes, response: Response) -> None:
        lines = response.headers.get_all("set-cookie")
        if lines:
            jar.store(origin.host, _target(head), lines, self.clock.time())

    def _follow(self, measured: Measured, body: bytes, expect: Any, options: CallOptions, hops: int) -> Measured:
        # Each answer that leads on is reported as what it is, a success; the last one is what the caller gets. One
        # whose status the caller takes for a success leads nowhere.
        while (response := measured.response) is not None and not measured.endpoint.accepted(response.status):
            url = str(measured.site.base.origin) + _target(measured.request)
            try:
                hop = next_hop(url, measured.endpoint, response, options)
            except RemoteProtocolError as error:
                return measured.judged(Failure(Reason.REDIRECT, str(error)))
            if hop is None:
                break
            failure = self._forbidden(hop.origin) if hops else _TOO_MANY
            if failure is not None:
                return measured.judged(failure)
            hops -= 1
            self._finish(measured.judged(None))
            body, message = (body, measured.message) if hop.keeps_body else (b"", None)
            site, prepared, options = self._site_of(hop.origin), hop.endpoint.prepare(None), hop.options
            measured = self._send(site, hop.endpoint, prepared, body, message, expect, options)
        return measured

    def _forbidden(self, origin: Origin) -> Failure | None:
        try:
            GUARD.check(origin)
        except ConfigurationError as error:
            self._reporter.refused(error)
            return _FORBIDDEN
        return None


def _target(request: bytes) -> str:
    # Path and query of a request, or of its head.
    return request.split(b" ", 2)[1].decode("ascii")


def _decoded(response: Response) -> Failure | None:
    codings = response.headers.get("content-encoding")
    if not codings:
        return None
    try:
        response.body = decompress(response.body, codings, limit=MAX_BODY_BYTES)
    except RemoteProtocolError as error:
        return Failure(Reason.DECODE, str(error))
    return None
