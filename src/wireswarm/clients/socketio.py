"""Socket.IO 5 over Engine.IO 4: acknowledged emits, answers and pushes, measured.

One direction: a call becomes a packet, the event loop reads what comes back and notes when, whoever waits is woken at
once, and a `Sample` of type `SIO` goes to the reporter. `SocketIOClient.call` is the hot path
(`bench/socketio_emits.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import time_ns
from typing import Any, Final

from wireswarm.clients.judging import judge_value
from wireswarm.clients.outcome import Outcome
from wireswarm.clients.sio_answers import Answer, Wait, unpack
from wireswarm.clients.sio_connecting import ConnectingClient, attempt
from wireswarm.clients.sio_handling import REQUEST_TYPE
from wireswarm.clients.sio_session import Session
from wireswarm.clients.sio_settings import label
from wireswarm.errors import UsageError
from wireswarm.net.waiting import Waiter
from wireswarm.sample import Counter, Failure, Reason, Sample
from wireswarm.wire.socketio import encode_event, prefix_of

_NOT_CONNECTED: Final = Failure(Reason.CLOSED, "not connected")
_NO_ACK: Final = Failure(Reason.DEADLINE, "no acknowledgement within the deadline")
_NO_EVENT: Final = Failure(Reason.DEADLINE, "the event did not come within the deadline")
_NOT_READ: Final = Failure(Reason.DEADLINE, "the server did not take what was sent within the deadline")


class SocketIOClient(ConnectingClient):
    """One simulated user's Socket.IO connection, in the vocabulary of python-socketio, without its threads.

    As a class attribute of a `User` it is a declaration: each user gets a client of its own on first use, which takes
    what the declaration leaves open (host, credentials, timeouts) from the user, and is disconnected when the user
    ends. It also works by itself: `SocketIOClient("http://127.0.0.1:8000")`.

    Everything is measured under the request type `SIO`:

    =============================  ================================================================================
    `connect`                      from the first byte to the last namespace's acceptance; its phases apart. With
                                   other namespaces than `/` the name is `connect /a,/b`.
    the event's name               `call`: from the emit to its acknowledgement. `/chat message` in a namespace.
    `EVENT -> REPLY`               `emit_and_wait`: from the emit to the event that answers it.
    `push EVENT`                   `on_push`: from the time that the event carries to its arrival.
    `disconnect`, `wait EVENT`     failures only: a connection that was lost while nobody waited for anything, an event
                                   that never came.
    =============================  ================================================================================

    Emits without an answer, events that nobody waited for, disconnects, reconnects and bytes are counted, not timed.

    An answer ends when the kernel received it, whatever else the user or the process is doing then. Where several
    packets were read at once, all have the time of the last.

    The server's pings are answered by the event loop. Handlers run one after the other, in the order of their events,
    in a greenlet of the client's own, so they may wait, `call` and `emit`, and delay nothing but each other.
    """

    def emit(self, event: str, data: object = None, *, namespace: str | None = None) -> None:
        """Send an event that is not acknowledged. Returns when it is on its way, and is counted.

        Args:
            event: its name.
            data: one argument, of whatever JSON can say, with `bytes` in it as they are; a tuple for several or none.
            namespace: the client's by default.

        Raises:
            RequestFailed: there is no connection, and nothing was sent; or the server does not read.
            UsageError: the data cannot be sent, or the event's name is reserved.
        """
        space = self.namespace if namespace is None else namespace
        packet, attachments = encode_event(prefix_of(space), b"", event, data)
        session = self._session
        began = time_ns()
        failure: Failure | None = _NOT_CONNECTED
        if session is not None and space in session.namespaces:
            failure = self._send(session, packet, attachments)
        if failure is None:
            self._reporter.count(Counter.SIO_EMITTED)
        else:
            self._finish(label(space, event), began, None, failure, packet, data)

    def call(
        self,
        event: str,
        data: object = None,
        *,
        namespace: str | None = None,
        timeout: float | None = None,
        name: str | None = None,
        check: Callable[[Any], object] | None = None,
        max_time: float | None = None,
    ) -> Any:
        """Send an event, and wait for its acknowledgement.

        Args:
            event: its name.
            data: see `emit`.
            namespace: the client's by default.
            timeout: seconds until it is given up, with reason `deadline`.
            name: the request name; the event's by default.
            check: judges what is returned, as for other clients.
            max_time: seconds; a right answer that took longer fails with reason `late`.

        Returns:
            The value that the server acknowledged with; a tuple of several, None for none.

        Raises:
            RequestFailed: there was no acknowledgement, or not the right one.
            UsageError: see `emit`.
        """
        space = self.namespace if namespace is None else namespace
        prefix = prefix_of(space)
        session = self._session
        if session is None or space not in session.namespaces:
            packet, _ = encode_event(prefix, b"", event, data)
            return self._finish(name or label(space, event), time_ns(), None, _NOT_CONNECTED, packet, data)
        waiter = self._idle.pop() if self._idle else Waiter()
        waiter.expect()
        id_, key = session.expect_ack(prefix, waiter)
        try:
            packet, attachments = encode_event(prefix, id_, event, data)
            sent = time_ns()
            session.send(packet, attachments)
            found = waiter.wait(self._patience(timeout))
        except TimeoutError:
            found = _rescue(session, waiter, sent, self._patience(timeout)) or _NO_ACK
        except UsageError:
            raise
        except BaseException:
            # The task was killed, or a gevent.Timeout of its own ended it.
            self._reporter.abandoned()
            raise
        finally:
            session.forget_ack(key)
            self._idle.append(waiter)
        if name is None:
            name = event if space == "/" else label(space, event)
        return self._finish(name, sent, found, None, packet, data, attachments, check, max_time)

    def try_call(self, event: str, data: object = None, **options: Any) -> Outcome[Any]:
        """`call` that returns what came of it."""
        return attempt(lambda: self.call(event, data, **options))

    def wait_for(
        self,
        event: str,
        match: Callable[[Any], object] | None = None,
        timeout: float | None = None,
        namespace: str | None = None,
    ) -> Any:
        """Wait for an event of the server. That is not measured, as nobody asked for it; one that never comes fails.

        Only what arrives from now on counts, so ask with `emit_and_wait`. An event ends one wait, the oldest that it
        fits.

        Args:
            event: its name.
            match: of its data (as it would be returned), whether this is the one. It runs in the event loop and must
                not wait.
            timeout: seconds until it is given up, with reason `deadline`.
            namespace: the client's by default.

        Returns:
            The event's data: the one argument; a tuple of several, None for none.

        Raises:
            RequestFailed: it did not come, or there is no connection.
        """
        space = self.namespace if namespace is None else namespace
        began = time_ns()
        found = self._await(self._session, space, event, match, self._patience(timeout), None)
        if isinstance(found, Answer):
            return unpack(found.values)
        return self._finish(f"wait {label(space, event)}", began, found, None, b"", None)

    def emit_and_wait(
        self,
        event: str,
        data: object = None,
        *,
        reply: str,
        match: Callable[[Any], object] | None = None,
        timeout: float | None = None,
        namespace: str | None = None,
        name: str | None = None,
        check: Callable[[Any], object] | None = None,
        max_time: float | None = None,
    ) -> Any:
        """Send an event, and wait for the event that answers it.

        Args:
            event: its name.
            data: see `emit`.
            reply: the name of the answer.
            match: see `wait_for`.
            timeout: seconds until it is given up, with reason `deadline`.
            namespace: of both; the client's by default.
            name: the request name; `EVENT -> REPLY` by default.
            check: see `call`.
            max_time: see `call`.

        Returns:
            The answer's data; see `wait_for`.

        Raises:
            RequestFailed: the answer did not come, or is not the right one.
            UsageError: see `emit`.
        """
        space = self.namespace if namespace is None else namespace
        packet, attachments = encode_event(prefix_of(space), b"", event, data)
        began = time_ns()
        found = self._await(self._session, space, reply, match, self._patience(timeout), (packet, attachments))
        name = name or label(space, f"{event} -> {reply}")
        return self._finish(name, began, found, None, packet, data, attachments, check, max_time)

    def try_emit_and_wait(self, event: str, data: object = None, **options: Any) -> Outcome[Any]:
        """`emit_and_wait` that returns what came of it."""
        return attempt(lambda: self.emit_and_wait(event, data, **options))

    def _send(self, session: Session, packet: bytes, attachments: list[bytes]) -> Failure | None:
        session.is_engaged = True
        try:
            if not session.send(packet, attachments):
                session.engine.drain(self._patience(None))
        except TimeoutError:
            return _NOT_READ
        except BaseException:
            self._reporter.abandoned()
            raise
        finally:
            session.is_engaged = False
        return session.failure

    def _await(
        self,
        session: Session | None,
        namespace: str,
        event: str,
        match: Callable[[Any], object] | None,
        timeout: float,
        packet: tuple[bytes, list[bytes]] | None,
    ) -> Any:
        if session is None or namespace not in session.namespaces:
            return _NOT_CONNECTED
        waiter = self._idle.pop() if self._idle else Waiter()
        waiter.expect()
        wait = Wait(namespace, event, match, waiter)
        session.expect_event(wait)
        began = time_ns()
        try:
            if packet is not None:
                session.send(*packet)
            return waiter.wait(timeout)
        except TimeoutError:
            return _rescue(session, waiter, began, timeout) or _NO_EVENT
        except BaseException:
            if packet is not None:
                self._reporter.abandoned()
            raise
        finally:
            session.forget_event(wait)
            self._idle.append(waiter)

    def _finish(
        self,
        name: str,
        sent: int,
        found: Any,
        failure: Failure | None,
        packet: bytes,
        data: object,
        attachments: Iterable[bytes] = (),
        check: Callable[[Any], object] | None = None,
        max_time: float | None = None,
    ) -> Any:
        # Judges and reports what a wait has ended with. On the hot path.
        value = None
        size = 0
        if isinstance(found, Answer):
            values, size, stamp, read = found
            done = stamp if sent < stamp <= read else read
            value = values[0] if len(values) == 1 else tuple(values) if values else None
            if check is not None or max_time is not None:
                failure = judge_value(value, check, max_time, done - sent)
        elif isinstance(found, Exception):
            if packet:
                self._reporter.abandoned()
            raise found
        else:
            done = read = time_ns()
            failure = failure or found
        length = len(packet)
        if attachments:
            length += sum(map(len, attachments))
        sample = Sample(REQUEST_TYPE, name, sent, done, read, length, size, 0, failure)
        if failure is None and self.trace is None:
            self._reporter.report(sample, None, None, self._url)
        else:
            self._report(sample, packet, data, value, None)
        return value


def _rescue(session: Session, waiter: Waiter, sent: int, seconds: float) -> Answer | None:
    # The deadline has passed, but maybe while something else held up this process, and the answer was there in time.
    session.engine.look()
    found = waiter.delivered()
    return found if isinstance(found, Answer) and found.done(sent) - sent <= seconds * 1e9 else None
