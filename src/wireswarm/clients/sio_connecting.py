"""How a Socket.IO client connects, disconnects, and connects again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import time_ns
from typing import Any, Final

from wireswarm.clients.outcome import Outcome
from wireswarm.clients.sio_answers import Answer
from wireswarm.clients.sio_handling import REQUEST_TYPE, HandlingClient
from wireswarm.clients.sio_reconnect import Reconnect, reconnect_policy
from wireswarm.clients.sio_session import DISCONNECTED, Session
from wireswarm.clients.sio_settings import (
    Asked,
    Payload,
    connect_name,
    fields_of,
    take_namespaces,
    take_transports,
    target_of,
)
from wireswarm.clients.site import Site
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.net.crew import Crew
from wireswarm.net.guard import GUARD
from wireswarm.net.origin import BaseUrl
from wireswarm.net.transport import EngineRequest
from wireswarm.net.waiting import Waiter
from wireswarm.sample import Counter, Failure, Reason, Sample, SocketPhases
from wireswarm.wire.cookies import CookieJar
from wireswarm.wire.http1 import Response, field_line

_NO_NAMESPACE: Final = Failure(Reason.DEADLINE, "no answer to the namespace connect within the deadline")


class ConnectingClient(HandlingClient):
    """A `SocketIOClient`'s connection."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._session is not None

    @property
    def namespaces(self) -> dict[str, str]:
        """The namespaces that are connected, with the session's id in each."""
        return {} if self._session is None else dict(self._session.namespaces)

    @property
    def sid(self) -> str | None:
        """The session's id in the client's own namespace; None while it is not connected."""
        return self.sid_of(self.namespace)

    @property
    def transport(self) -> str | None:
        """`websocket` or `polling`; None while there is no connection."""
        return None if self._session is None else self._session.engine.transport

    def sid_of(self, namespace: str) -> str | None:
        """The session's id in a namespace; None while it is not connected."""
        return None if self._session is None else self._session.namespaces.get(namespace)

    def connect(
        self,
        namespaces: str | Iterable[str] | None = None,
        *,
        auth: Payload | None = None,
        headers: Mapping[str, str] | None = None,
        transports: str | Iterable[str] | None = None,
        timeout: float | None = None,
        name: str | None = None,
    ) -> None:
        """Connect, and wait until the server has accepted every namespace. A connection that there is, is ended first.

        Events that the server sends around its acceptance of the last namespace, before it or right behind it, even in
        one piece with it, are not missed by a `wait_for` that comes next. What comes earlier in another namespace goes
        to the handlers alone: for such a greeting, use `on`.

        Args:
            namespaces: one or several; the client's by default.
            auth: what to tell the server of who is asking (a mapping, or a function that makes it for each attempt);
                each namespace gets it. It is in no report.
            headers: further headers, in place of those that the client would send.
            transports: other transports than the client's.
            timeout: seconds for all of it.
            name: the request name.

        Raises:
            RequestFailed: there is no connection; a refused namespace is the reason `connect_error`.
            UsageError: there is no such namespace or header.
            ConfigurationError: there is no host, no transport, or the host may not be hit.
        """
        spaces = take_namespaces(namespaces, self.namespace)
        asked = Asked(
            spaces,
            auth,
            headers or {},
            take_transports(self.transports if transports is None else transports),
            self._patience(timeout),
            name or connect_name(spaces),
        )
        self.disconnect()
        self._connect_as_asked(asked)

    def try_connect(self, namespaces: str | Iterable[str] | None = None, **options: Any) -> Outcome[None]:
        """`connect` that returns what came of it."""
        return attempt(lambda: self.connect(namespaces, **options))

    def disconnect(self) -> None:
        """Disconnect from every namespace, and end the connection, without waiting. Waits in other greenlets fail."""
        self._asked = None
        if self._reconnecting is not None:
            self._reconnecting.close()
        session, self._session = self._session, None
        if session is not None:
            namespaces = list(session.namespaces)
            session.close()
            self._count_bytes(session)
            self._tell(namespaces, "disconnect", "client disconnect")

    def close(self) -> None:
        """Disconnect, and end what handlers are doing. The client can be used again."""
        handlers, self._handlers = self._handlers, None
        self.disconnect()
        self._handlers = handlers
        if self._crew is not None:
            self._crew.close()
        for waiter in self._idle:
            waiter.close()
        self._idle.clear()
        super().close()

    def on_lost(self, session: Session, namespaces: Iterable[str], failure: Failure, *, missed: bool) -> None:
        """See `Listener.on_lost`."""
        if session is not self._session:
            return
        self._reporter.count(Counter.SIO_DISCONNECTS)
        if session.failure is not None:
            self._session = None
            self._count_bytes(session)
        if missed:
            self._own_crew().do(self._report_loss, time_ns(), failure)
        self._tell(namespaces, "disconnect", failure.message)
        policy = reconnect_policy(self.reconnect)
        if policy is not None and self._asked is not None and self._session is None and failure is not DISCONNECTED:
            if self._reconnecting is None:
                self._reconnecting = Crew()
            self._reconnecting.do(self._reconnect, policy, self._asked)

    def on_alive(self, session: Session) -> None:
        """See `Listener.on_alive`."""
        self._count_bytes(session)

    def _connect_as_asked(self, asked: Asked) -> None:
        site = self._site or self._open(None, None)
        GUARD.check(site.base.origin)
        request = self._request(site, asked)
        session = Session(self, self._make_engine)
        waiter = Waiter()
        found: Any = None
        response = None
        began = time_ns()
        try:
            session.engine.open(request, asked.timeout, self.connect_timeout)  # type: ignore[arg-type]  # set by _open
            if session.failure is None:
                session.connect(asked.namespaces, asked.auth() if callable(asked.auth) else asked.auth, waiter)
                found = waiter.wait(asked.timeout - (time_ns() - began) / 1e9)
            else:
                found = session.failure
        except RequestFailed as error:
            found, response = error.failure, error.response
        except TimeoutError:
            found = _NO_NAMESPACE
        except UsageError:
            session.close()
            raise
        except BaseException:
            session.close()
            self._reporter.abandoned()
            raise
        finally:
            waiter.close()
        if isinstance(found, Answer) and session.failure is None:
            session.connected()
            previous, self._session = self._session, session
            self._asked = asked
            if previous is not None:  # another greenlet's
                previous.close()
        else:
            session.close()
            self._count_bytes(session)
        self._report_connect(asked, session, began, found, response)

    def _report_connect(
        self, asked: Asked, session: Session, began: int, found: Any, response: Response | None
    ) -> None:
        size, read, phases = 0, time_ns(), None
        done, failure = read, found if isinstance(found, Failure) else session.failure
        if isinstance(found, Answer):
            size, read, done = found.size, found.read, found.done(began)
            opened, upgrade = max(session.engine.opened - began, 0), session.engine.upgrade_ns
            phases = SocketPhases(opened, upgrade, max(done - began - opened - upgrade, 0))
        status = 0 if response is None else response.status
        sample = Sample(REQUEST_TYPE, asked.name, began, done, read, session.sent, size, status, failure, phases=phases)
        self._report(sample, b"", None, None, response)
        if failure is None:
            self._tell(asked.namespaces, "connect")

    def _request(self, site: Site, asked: Asked) -> EngineRequest:
        base = site.base
        path, target = target_of(base, self.socketio_path, self.query)
        self._url = f"{base.origin}{path}"
        fields, names = fields_of(base, self.headers, asked.headers)
        if self._credentials is not None and "authorization" not in names:
            fields += self._credentials.header()
        if self._jar is not None and "cookie" not in names:
            fields += self._cookies(self._jar, base, path)
        return EngineRequest(self._route(base.origin), target, fields, asked.transports, self._connect)

    def _cookies(self, jar: CookieJar, base: BaseUrl, path: str) -> bytes:
        cookies = jar.header(base.origin.host, path, base.origin.scheme == "https", self.clock.time())
        return field_line("Cookie", cookies) if cookies else b""

    def _reconnect(self, policy: Reconnect, asked: Asked) -> None:
        attempt = 0
        while self._session is None:
            self.clock.sleep(policy.wait(attempt))
            attempt += 1
            self._reporter.count(Counter.SIO_RECONNECTS)
            try:
                self._connect_as_asked(asked)
            except RequestFailed:
                continue  # it is reported

    def _report_loss(self, at: int, failure: Failure) -> None:
        self._report_quietly(Sample(REQUEST_TYPE, "disconnect", at, at, at, 0, 0, 0, failure))

    def _count_bytes(self, session: Session) -> None:
        if session.sent:
            self._reporter.count(Counter.SIO_BYTES_SENT, session.sent)
        if session.received:
            self._reporter.count(Counter.SIO_BYTES_RECEIVED, session.received)
        session.sent = session.received = 0


def attempt(function: Callable[[], Any]) -> Outcome[Any]:
    """What comes of a call that may raise RequestFailed."""
    try:
        return Outcome(function(), None)
    except RequestFailed as error:
        # Without the traceback, which would keep the frames of the call alive for as long as the outcome.
        return Outcome(None, error.response, error.with_traceback(None))
