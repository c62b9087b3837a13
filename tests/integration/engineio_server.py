"""An Engine.IO server that does exactly what a test says, packet by packet, over both transports.

It frames, splits and joins by itself, so that a mistake of the client cannot hide behind the same one here, and it
holds the client to the protocol: `EIO`, `transport` and `sid` in every request, one GET and one POST at a time, masked
frames, no payload above `maxPayload`. What breaks a rule is in `violations`, and fails the test at the end of the
`with`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qs

import gevent
from gevent.event import Event
from gevent.queue import Empty, Queue
from scripted_server import PATIENCE, Peer, ScriptedServer, answer

Packet = str | bytes
"""A packet of text with its type digit, or a binary message."""

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

NOOP_SECONDS = 0.02
"""After so long the reference server, which takes 0.1, ends a GET while the client wants to upgrade."""

HANDSHAKE = {"sid": "engine", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}


class Gone(Exception):  # noqa: N818 - it is no error that a client goes
    """The client has gone while the script waited for it: the script is over."""


def frame(opcode: int, payload: bytes, *, final: bool = True, masked: bool = False, reserved: int = 0) -> bytes:
    """A frame of a server; of a broken one, if so asked."""
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + len(payload).to_bytes(8, "big")
    return head + (b"\0\0\0\0" if masked else b"") + payload


def message(packet: Packet) -> bytes:
    """A packet as a WebSocket message in one frame."""
    return frame(BINARY, packet) if isinstance(packet, bytes) else frame(TEXT, packet.encode())


def payload(*packets: Packet) -> bytes:
    """Packets as they stand in a body of long polling."""
    return b"\x1e".join(b"b" + base64.b64encode(p) if isinstance(p, bytes) else p.encode() for p in packets)


def packets_of(body: bytes) -> list[Packet]:
    """The packets of a body of long polling."""
    parts = body.split(b"\x1e")
    return [base64.b64decode(part[1:], validate=True) if part[:1] == b"b" else part.decode() for part in parts]


class Request:
    """An HTTP request."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.path, _, query = self.target.partition("?")
        self.query = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        self.fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return self.fields.get("upgrade", "").lower() == "websocket"


class WebSocketPeer:
    """The server's side of a WebSocket."""

    def __init__(self, peer: Peer, violate: Callable[[str], object]) -> None:
        self.peer = peer
        self._violate = violate
        self.close_code: int | None = None
        """What the client has closed the connection with."""

    def switch(self, request: Request) -> None:
        """Answer the opening handshake."""
        key = request.fields["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def send(self, *packets: Packet) -> None:
        """Send packets."""
        self.peer.send(b"".join(map(message, packets)))

    def frame(self) -> tuple[int, bytes] | None:
        """The client's next frame; None where it has closed the connection."""
        head = self._take(2)
        if head is None:
            return None
        if not head[1] & 0x80:
            self._violate("a frame is not masked")
        length = head[1] & 0x7F
        if length > 125:
            length = int.from_bytes(self._take(2 if length == 126 else 8) or b"", "big")
        mask = self._take(4)
        data = self._take(length)
        if mask is None or data is None:
            return None
        repeated = (mask * (len(data) // 4 + 1))[: len(data)]
        data = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(data), "big")
        if head[0] & 0x70 or not head[0] & 0x80:
            self._violate("a frame has a reserved bit, or is a fragment")
        if head[0] & 0xF == CLOSE:
            self.close_code = int.from_bytes(data[:2], "big")
        return head[0] & 0xF, data

    def packet(self) -> Packet | None:
        """The client's next packet; None where it closes the connection."""
        while True:
            found = self.frame()
            if found is None or found[0] == CLOSE:
                return None
            if found[0] in {TEXT, BINARY}:
                return found[1].decode() if found[0] == TEXT else found[1]

    def _take(self, count: int) -> bytes | None:
        peer = self.peer
        while len(peer.received) < count:
            try:
                if not peer._receive():
                    return None
            except OSError:
                return None  # this side has closed it
        data, peer.received = peer.received[:count], peer.received[count:]
        return data


class Session:
    """The server's side of one Engine.IO connection, for a script that runs in a greenlet of its own."""

    def __init__(self, server: EngineServer, transport: str, sid: str) -> None:
        self.server = server
        self.transport = transport
        self.sid = sid
        self.in_flight = {"GET": 0, "POST": 0}
        self.websocket: WebSocketPeer | None = None
        self.polls: list[Peer] = []
        """The connections on which a GET waits."""
        self.received: list[Packet] = []
        """All that the client has sent so far, but pongs."""
        self.pongs: list[str] = []
        self.upgraded = Event()
        self._is_probed = False
        self.hold_posts = Event()
        """POSTs are answered while it is set."""
        self.hold_posts.set()
        self._inbox: Queue[Packet | None] = Queue()
        self._outbox: list[bytes] = []
        self._news = Event()
        self._is_over = False

    def send(self, *packets: Packet) -> None:
        """Send packets, in one payload or one TCP segment."""
        if self.websocket is not None and self.transport == "websocket":
            self.websocket.send(*packets)
        else:
            self.send_payload(payload(*packets))

    def send_payload(self, body: bytes) -> None:
        """Answer the next GET with just that."""
        self._outbox.append(body)
        self._news.set()

    def receive(self) -> Packet:
        """The next packet of the client; pongs do not count.

        Raises:
            Gone: the client has closed the connection.
        """
        try:
            packet = self._inbox.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("the client does not send what the script waits for") from None
        if packet is None:
            raise Gone
        return packet

    def expect(self, *packets: Packet) -> None:
        """Receive just these packets."""
        for packet in packets:
            found = self.receive()
            assert found == packet, f"expected {packet!r}, got {found!r}"

    def accept(self, *namespaces: str) -> None:
        """Accept these namespaces, as soon as they are asked for."""
        for namespace in namespaces or ("/",):
            prefix = "" if namespace == "/" else f"{namespace},"
            found = self.receive()
            assert isinstance(found, str)
            assert found.startswith(f"40{prefix}"), found
            self.send(f'40{prefix}{{"sid":"socket-{namespace}"}}')

    def ended(self) -> list[Packet]:
        """Wait until the client is gone; what it still sent."""
        rest = []
        while True:
            try:
                rest.append(self.receive())
            except Gone:
                return rest

    def close(self) -> None:
        """Close every TCP connection in good order."""
        for peer in self._peers():
            peer.close()

    def reset(self) -> None:
        """Reset every TCP connection."""
        for peer in self._peers():
            peer.reset()

    # What the server calls.

    def arrived(self, packet: Packet) -> None:
        """The client has sent a packet."""
        if isinstance(packet, str) and packet[:1] == "3":
            self.pongs.append(packet)
            return
        self.received.append(packet)
        self._inbox.put(packet)

    def over(self) -> None:
        """The client, or the server, is gone."""
        self._is_over = True
        self._news.set()
        self._inbox.put(None)

    def poll(self, peer: Peer) -> bytes | None:
        """The body of a GET, as soon as there is one; None where there will be none."""
        self.polls.append(peer)
        try:
            while not self._outbox:
                if self._is_over or self.upgraded.is_set():
                    return None
                self._news.clear()
                if not self._news.wait(NOOP_SECONDS if self._is_probed else PATIENCE):
                    assert self._is_probed, "nobody answers a GET"
                    return b"6"
            return self._outbox.pop(0)
        finally:
            self.polls.remove(peer)

    def end_polls(self) -> None:
        """From now on no GET waits for long, as the client wants to end polling."""
        self._is_probed = True
        self._news.set()

    def use_websocket(self, websocket: WebSocketPeer) -> None:
        """Go on over a WebSocket; what is left over for polling goes there."""
        self.websocket, self.transport = websocket, "websocket"
        for body in self._outbox:
            websocket.send(*packets_of(body))
        self._outbox.clear()
        self.upgraded.set()
        self._news.set()

    def _peers(self) -> list[Peer]:
        return [*self.server.peers]


def echo(session: Session) -> None:
    """Acknowledge every event with its own values."""
    session.accept()
    while True:
        packet = session.receive()
        assert isinstance(packet, str)
        if packet.startswith("42"):
            id_, _, values = packet[2:].partition("[")
            values = values.partition(",")[2] or "]"
            if id_:
                session.send(f"43{id_}[{values}")


Script = Callable[[Session], object]


class EngineServer:
    """Runs a script for every session; use it in a `with`, whose end raises what went wrong in one."""

    def __init__(
        self,
        script: Script = Session.accept,
        *,
        tls: ssl.SSLContext | None = None,
        upgrade: Callable[[Session, WebSocketPeer], object] | None = None,
        probed: bool = True,
        polling_fields: tuple[bytes, ...] = (),
        close_posts: bool = False,
        **handshake: object,
    ) -> None:
        """Make a server.

        Args:
            script: what it does once a connection is open.
            tls: for https.
            upgrade: what it does with a WebSocket that wants to take over, in place of what the protocol says.
            probed: whether an upgrade is offered.
            polling_fields: further fields of the answers of long polling.
            close_posts: close the connection after the answer to a POST, without saying so.
            handshake: what it says, where that is not `HANDSHAKE`.
        """
        self._script = script
        self._upgrade = upgrade or _upgrade
        self._fields = polling_fields
        self._close_posts = close_posts
        self.handshake = {**HANDSHAKE, **({"upgrades": ["websocket"]} if probed else {}), **handshake}
        self.sessions: list[Session] = []
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.peers: list[Peer] = []
        self._scripts: list[gevent.Greenlet[..., Any]] = []
        self._server = ScriptedServer(self._serve, tls=tls)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        for session in self.sessions:
            session.over()
            session.hold_posts.set()
        self._server.__exit__(kind, error, traceback)
        gevent.joinall(self._scripts, timeout=PATIENCE)
        stuck = [script for script in self._scripts if not script.ready()]
        gevent.killall(self._scripts)
        if kind is None:
            assert not stuck, "a script waits for what does not come"
            for script in self._scripts:
                script.get()
            assert not self.violations, self.violations

    @property
    def accepted(self) -> int:
        """How many TCP connections there were."""
        return self._server.accepted

    @property
    def session(self) -> Session:
        """The session; the last one of several, of which none was open at the same time."""
        return self.sessions[-1]

    def _serve(self, peer: Peer) -> None:
        self.peers.append(peer)
        try:
            while data := peer.request():
                request = Request(data)
                self.requests.append(request)
                self._judge(request)
                if request.is_websocket:
                    self._serve_websocket(peer, request)
                    return
                if not self._serve_polling(peer, request):
                    return
        except OSError:
            return  # this side has closed the connection, or the client has
        finally:
            self.peers.remove(peer)

    def _serve_websocket(self, peer: Peer, request: Request) -> None:
        websocket = WebSocketPeer(peer, self.violations.append)
        websocket.switch(request)
        if "sid" in request.query:
            session = self._session_of(request)
            if self._upgrade(session, websocket) is False:
                return
        else:
            session = self._begin("websocket")
            session.websocket = websocket
            self._open(session)
        while (packet := websocket.packet()) is not None:
            session.arrived(packet)
        session.over()

    def _serve_polling(self, peer: Peer, request: Request) -> bool:
        if "sid" not in request.query:
            session = self._begin("polling")
            self._open(session)
            body = session.poll(peer)
        else:
            session = self._session_of(request)
            if session.in_flight[request.method]:
                self.violations.append(f"two {request.method}s at a time")
                return False
            session.in_flight[request.method] += 1
            try:
                body = session.poll(peer) if request.method == "GET" else self._posted(session, request)
            finally:
                session.in_flight[request.method] -= 1
        if body is None:
            return False
        peer.send(answer(body, b"Content-Type: text/plain; charset=UTF-8", *self._fields))
        return not (self._close_posts and request.method == "POST")

    def _posted(self, session: Session, request: Request) -> bytes:
        limit = self.handshake["maxPayload"] or HANDSHAKE["maxPayload"]
        try:
            packets = packets_of(request.body)
        except (UnicodeDecodeError, binascii.Error):
            self.violations.append(f"no payload: {request.body!r}")
            return b"ok"
        if len(request.body) > int(str(limit)) and len(packets) > 1:
            self.violations.append(f"a payload of {len(request.body)} bytes, where {limit} are allowed")
        for packet in packets:
            session.arrived(packet)
        session.hold_posts.wait(PATIENCE)
        if "1" in packets:
            session.over()
        return b"ok"

    def _begin(self, transport: str) -> Session:
        # Each has a name of its own: the farewell of one may come when the next is open already.
        number = len(self.sessions)
        sid = str(self.handshake["sid"])
        session = Session(self, transport, f"{sid}-{number}" if number else sid)
        self.sessions.append(session)
        return session

    def _open(self, session: Session) -> None:
        handshake = {name: value for name, value in self.handshake.items() if value is not None}
        handshake["sid"] = session.sid
        if session.transport == "websocket":
            handshake["upgrades"] = []
        session.send(f"0{json.dumps(handshake)}")
        self._scripts.append(gevent.spawn(self._run, session))

    def _run(self, session: Session) -> None:
        with suppress(Gone):
            self._script(session)

    def _judge(self, request: Request) -> None:
        expected = "websocket" if request.is_websocket else "polling"
        if (request.query.get("EIO"), request.query.get("transport")) != ("4", expected):
            self.violations.append(f"a request for {request.target}")
        sids = {session.sid for session in self.sessions} | (set() if request.method == "POST" else {None})
        if request.query.get("sid") not in sids:
            self.violations.append(f"a request without its session, or with another: {request.target}")
        if request.method not in ({"GET"} if request.is_websocket else {"GET", "POST"}):
            self.violations.append(f"a {request.method}")

    def _session_of(self, request: Request) -> Session:
        return next(session for session in self.sessions if session.sid == request.query.get("sid"))


def _upgrade(session: Session, websocket: WebSocketPeer) -> bool:
    """What the protocol says."""
    found = websocket.packet()
    if found is None:
        return False
    assert found == "2probe", found
    websocket.send("3probe")
    session.end_polls()
    found = websocket.packet()
    if found is None:
        return False
    assert found == "5", found
    session.use_websocket(websocket)
    return True
