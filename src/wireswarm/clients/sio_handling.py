"""What a Socket.IO client is told, and what it does with the events that come by themselves: handlers and pushes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar, overload

from wireswarm.auth.base import Auth
from wireswarm.clients.declaration import TIMEOUT, Declaration
from wireswarm.clients.owner import Owner, Trace
from wireswarm.clients.sio_answers import Event
from wireswarm.clients.sio_handlers import Handler, Handlers, Push, TimeUnit
from wireswarm.clients.sio_reconnect import Reconnect
from wireswarm.clients.sio_session import Session
from wireswarm.clients.sio_settings import Asked, label, take_transports
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import RequestFailed
from wireswarm.net.crew import Crew
from wireswarm.net.engineio import Engine, EngineConnection, EngineEvents
from wireswarm.net.http import Connect, http_connection
from wireswarm.net.origin import BaseUrl
from wireswarm.net.stamps import Timing
from wireswarm.net.waiting import Waiter
from wireswarm.sample import Counter, Sample
from wireswarm.wire.http1 import Response
from wireswarm.wire.socketio import encode_ack, prefix_of

H = TypeVar("H", bound=Handler)

REQUEST_TYPE: Final = "SIO"
"""The request type of everything that is measured here."""


class HandlingClient(Declaration):
    """A `SocketIOClient`'s settings, its handlers, and its reports."""

    def __init__(
        self,
        where: str | None = None,
        *,
        namespace: str = "/",
        socketio_path: str = "socket.io",
        query: Mapping[str, str] | None = None,
        transports: str | Iterable[str] = ("websocket",),
        reconnect: bool | Reconnect = False,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        insecure: bool | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        client_cert: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        proxy_auth: Auth | None = None,
        cookies: bool = False,
        timing: Timing | None = None,
        clock: Clock = SYSTEM_CLOCK,
        connect: Connect = http_connection,
        engine: Callable[[EngineEvents], Engine] = EngineConnection,
    ) -> None:
        """Declare or make a client. Raises nothing: what is wrong shows when it is first used, or by `--check`.

        Args:
            where: a namespace, such as `/updates`, or the absolute URL of a server; the user's host by default.
            namespace: what calls and `connect` use where they name none.
            socketio_path: below the server's URL.
            query: parameters of the connection's requests. They are in no report.
            transports: `websocket`, `polling`, or both, for an upgrade: `"polling,websocket"` or a tuple.
            reconnect: whether to connect again after the connection was lost, and when; see `Reconnect`. Not after the
                server has sent the client away.
            auth: credentials for the HTTP requests; the user's `auth` by default. What Socket.IO itself calls auth is
                an argument of `connect`.
            headers: of the HTTP requests.
            timeout: seconds for a connect, an acknowledgement or an event; the user's, or 30, by default.
            connect_timeout: seconds for connecting to the server; the user's, or 5, by default.
            insecure: see `Declaration`, as for the next four.
            ca_file: PEM file of the authorities to trust.
            client_cert: PEM file with the client's own certificate.
            proxy: forward proxy.
            proxy_auth: for the proxy.
            cookies: send the cookies of the jar that the user's clients share.
            timing: which clock says when an answer arrived, `"kernel"` (where there is one) or `"program"`.
            clock: what waits between attempts to reconnect.
            connect: makes the HTTP connections of polling.
            engine: makes the connections; tests pass one that needs no network.
        """
        is_namespace = where is not None and where.startswith("/")
        super().__init__(
            None if is_namespace else where,
            auth=auth,
            headers=headers,
            timeout=timeout,
            connect_timeout=connect_timeout,
            insecure=insecure,
            ca_file=ca_file,
            client_cert=client_cert,
            proxy=proxy,
            proxy_auth=proxy_auth,
            cookies=cookies,
            timing=timing,
            clock=clock,
            connect=connect,
        )
        self.namespace = where if where is not None and is_namespace else namespace
        self.socketio_path = socketio_path
        self.query = query
        self.transports = transports
        self.reconnect = reconnect
        self._make_engine = engine
        self._handlers: Handlers | None = None
        self._session: Session | None = None
        self._asked: Asked | None = None
        self._crew: Crew | None = None
        self._reconnecting: Crew | None = None
        self._idle: list[Waiter] = []
        self._url = ""

    @overload
    def on(self, event: str, handler: H, namespace: str | None = None) -> H: ...
    @overload
    def on(self, event: str, handler: None = None, namespace: str | None = None) -> Callable[[H], H]: ...
    def on(self, event: str, handler: H | None = None, namespace: str | None = None) -> H | Callable[[H], H]:
        """Have a handler called for an event; without one, a decorator: `@client.on("price")`.

        A handler gets the event's arguments; what it returns is the acknowledgement, where the server wants one (a
        tuple for several values). Those that nothing handles are acknowledged without values at once.

        Args:
            event: its name; `*` for all that have no handler of their own, which get the name first; `connect` and
                `disconnect`, whose handler gets the reason.
            handler: the function. A client has one for each event.
            namespace: the client's by default.
        """
        space = self.namespace if namespace is None else namespace
        prefix_of(space)
        if handler is None:
            return lambda function: self.on(event, function, namespace)
        self._own_handlers().add(space, event, handler)
        return handler

    def on_push(
        self,
        event: str,
        sent_at: Callable[[Any], float | None],
        *,
        unit: TimeUnit = "s",
        namespace: str | None = None,
    ) -> None:
        """Measure how long an event of the server is under way: a sample `push EVENT` for each.

        The server's clock and this machine's have to agree. An event that says it was sent after it arrived is a
        failure with reason `decode`, and so is one without a number where one should be.

        Args:
            event: its name.
            sent_at: of the event's data, the Unix time of its sending; None for an event that carries none.
            unit: of that time: `s`, `ms`, `us` or `ns`.
            namespace: the client's by default.
        """
        self._own_handlers().add_push(self.namespace if namespace is None else namespace, event, sent_at, unit)

    def on_event(self, session: Session, event: Event) -> None:
        """See `Listener.on_event`."""
        handlers = self._handlers
        push = None if handlers is None else handlers.push(event.namespace, event.name)
        found = None if handlers is None else handlers.find(event.namespace, event.name)
        if push is not None:
            self._own_crew().do(self._measure_push, push, event)
        elif not event.claimed:
            self._reporter.count(Counter.SIO_RECEIVED)
        if found is not None:
            self._own_crew().do(self._handle, session, event, *found)
        elif event.id is not None:
            session.send(*encode_ack(prefix_of(event.namespace), event.id, ()))

    def resolve_base(self, host: str | None) -> BaseUrl:
        """See `Declaration.resolve_base`.

        Raises:
            ConfigurationError: also where there are no such transports.
        """
        take_transports(self.transports)
        return super().resolve_base(host)

    def _adopt(self, user: Owner) -> None:
        self._handlers = None if self._handlers is None else self._handlers.copy()
        self._session = self._asked = self._crew = self._reconnecting = None
        self._idle = []
        super()._adopt(user)

    def _report(self, sample: Sample, packet: bytes, data: object, value: object, response: Response | None) -> None:
        failure = sample.failure
        error = None if failure is None else self.request_failed(failure, response)
        self._reporter.report(sample, response, error, self._url)
        if self.trace is not None:
            self.trace(Trace(sample, self._url, packet, data, response, value))
        if error is None:
            return
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, which would hold it

    def _report_quietly(self, sample: Sample) -> None:
        with suppress(RequestFailed):  # there is no task that it could end
            self._report(sample, b"", None, None, None)

    def _handle(self, session: Session, event: Event, handler: Handler, is_for_any: bool) -> None:
        try:
            value = handler(event.name, *event.values) if is_for_any else handler(*event.values)
        except RequestFailed:
            value = None  # it is reported
        if event.id is not None:
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            session.send(*encode_ack(prefix_of(event.namespace), event.id, values))

    def _measure_push(self, push: Push, event: Event) -> None:
        sample = push.sample(REQUEST_TYPE, f"push {label(event.namespace, event.name)}", event)
        if sample is None:
            self._reporter.count(Counter.SIO_RECEIVED)
        else:
            self._report_quietly(sample)

    def _tell(self, namespaces: Iterable[str], event: str, *args: object) -> None:
        if self._handlers is None:
            return
        for namespace in namespaces:
            handler = self._handlers.own(namespace, event)
            if handler is not None:
                self._own_crew().do(handler, *args)

    def _patience(self, timeout: float | None) -> float:
        return timeout if timeout is not None else self.timeout if self.timeout is not None else TIMEOUT

    def _own_crew(self) -> Crew:
        if self._crew is None:
            self._crew = Crew()
        return self._crew

    def _own_handlers(self) -> Handlers:
        if self._handlers is None:
            self._handlers = Handlers()
        return self._handlers
