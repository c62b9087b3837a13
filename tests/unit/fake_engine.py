"""A Socket.IO server without a network: engines that answer at once, in the greenlet that sends. For `engine=`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time_ns
from typing import Any

from fake_user import Recorder, User
from manual_clock import ManualClock

from wireswarm.clients.socketio import SocketIOClient
from wireswarm.net.engineio import EngineEvents
from wireswarm.net.transport import EngineRequest
from wireswarm.sample import Failure, Sample
from wireswarm.wire.socketio import decode

LATER = 2**62
"""A stamp from the future."""


class FakeServer:
    """Makes engines, and answers: CONNECT with a session id, and an event with an id by what `answers` has for it."""

    def __init__(self, *opens: BaseException | None) -> None:
        self.opens = list(opens)
        self.answers: dict[str, Callable[[FakeEngine, Any], object]] = {}
        self.refusals: dict[str, bytes] = {}
        self.engines: list[FakeEngine] = []

    def __call__(self, events: EngineEvents) -> FakeEngine:
        engine = FakeEngine(self, events)
        self.engines.append(engine)
        return engine

    @property
    def engine(self) -> FakeEngine:
        return self.engines[-1]


class FakeEngine:
    """Implements `wireswarm.net.engineio.Engine`."""

    def __init__(self, server: FakeServer, events: EngineEvents) -> None:
        self.server, self.events = server, events
        self.transport = ""
        self.opened = self.upgrade_ns = 0
        self.sent: list[tuple[bytes, list[bytes]]] = []
        self.farewell: list[bytes] | None = None
        self.closed = 0
        self.room = True
        self.request: EngineRequest | None = None
        self.unseen: tuple[bytes, int] | None = None
        """A packet that has arrived, and when, which only a look finds."""

    def open(self, request: EngineRequest, timeout: float, connect_timeout: float) -> None:
        self.request, self.timeouts = request, (timeout, connect_timeout)
        result = self.server.opens.pop(0) if self.server.opens else None
        if result is not None:
            raise result
        self.transport, self.opened = request.transports[-1], time_ns()

    def send(self, packet: bytes, attachments: Sequence[bytes] = ()) -> bool:
        self.sent.append((packet, list(attachments)))
        if packet.startswith(b"40"):
            space = packet[2:].partition(b"{")[0]
            refusal = self.server.refusals.get(space.decode())
            if refusal != b"silence":
                self.say(b'40%b{"sid":"sid-%b"}' % (space, space) if refusal is None else b"44" + space + refusal)
        elif packet[1:2] in b"25":
            event = decode(packet)
            answer = self.server.answers.get(event.data[0])
            if answer is not None:
                answer(self, event)
        return self.room

    def drain(self, timeout: float) -> None:
        raise TimeoutError

    def look(self) -> None:
        if self.unseen is not None:
            packet, stamp = self.unseen
            self.unseen = None
            self.say(packet, stamp=stamp)

    def close(self, packets: Sequence[bytes] | None = None) -> None:
        self.closed += 1
        if self.farewell is None and packets is not None:
            self.farewell = list(packets)

    def say(self, packet: bytes, *attachments: bytes, stamp: int = 0) -> None:
        """Let a packet arrive."""
        self.events.message(packet, stamp, time_ns())
        for data in attachments:
            self.events.attachment(data, stamp, time_ns())

    def lose(self, failure: Failure) -> None:
        """End the connection."""
        self.events.lost(failure)


def acks(body: bytes, *attachments: bytes, stamp: Callable[[], int] = int) -> Callable[[FakeEngine, Any], object]:
    """An answer that acknowledges: `acks(b'["ok"]')`."""

    def answer(engine: FakeEngine, event: Any) -> None:
        head = b"46%d-" % len(attachments) if attachments else b"43"
        space = b"" if event.namespace == "/" else event.namespace.encode() + b","
        engine.say(b"%b%b%d%b" % (head, space, event.id, body), *attachments, stamp=stamp())

    return answer


def says(packet: bytes, *attachments: bytes) -> Callable[[FakeEngine, Any], object]:
    """An answer that is another packet."""
    return lambda engine, event: engine.say(packet, *attachments)


class SioUser(User):
    client_cert = proxy = proxy_auth = None


class SioCase:
    """A user with a Socket.IO client, and the server that it talks to."""

    def __init__(
        self, where: str | None = None, *opens: BaseException | None, auth: Any = None, **settings: Any
    ) -> None:
        self.server = FakeServer(*opens)
        self.clock = ManualClock()
        declared = SocketIOClient(where, engine=self.server, clock=self.clock, **settings)
        self.user = type("OneUser", (SioUser,), {"client": declared, "auth": auth})()
        self.client: SocketIOClient = self.user.client
        self.reporter: Recorder = self.user.reporter

    @property
    def sent(self) -> list[bytes]:
        return [packet for packet, _ in self.server.engine.sent]

    @property
    def last(self) -> Sample:
        return self.reporter.samples[-1]
