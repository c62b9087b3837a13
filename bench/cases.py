"""What is measured: each case with its load, its contenders, and whom they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

WIRESWARM: Final = "Wireswarm ProtobufUser"
WIRESWARM_PROGRAM: Final = 'Wireswarm, timing = "program"'
WIRESWARM_JUDGED: Final = "Wireswarm, with thresholds"
WIRESWARM_UNMEASURED: Final = "Wireswarm, not measured"
FAST: Final = "Locust FastHttpUser"
HTTP: Final = "Locust HttpUser"
K6: Final = "k6, raw bytes"
K6_PROTOBUF: Final = "k6, protobufjs"
WRK: Final = "wrk (the limit)"

WIRESWARM_SOCKETIO: Final = "Wireswarm SocketIOUser"
LOCUST_SOCKETIO: Final = "Locust SocketIOUser"
ARTILLERY: Final = "Artillery"
BARE_USER: Final = "bare Locust User"
BARE_SOCKET: Final = "User with a bare socket"

Shape = Literal["throughput", "pace", "clock", "held"]
"""What is measured, and which table and picture a case gets. `held`: connections that are open and do nothing."""


@dataclass(frozen=True)
class Case:
    """One load, for several contenders."""

    name: str
    title: str
    """Of the report."""
    description: str
    """What is measured, a sentence or two."""
    contenders: tuple[str, ...]
    protocol: Literal["http", "socketio"] = "http"
    """Which server it needs, and how the files of its results begin."""
    unit: str = "requests"
    """What the server counts."""
    counter: str = ""
    """The name of that count, where the server has several."""
    work: str = ""
    """What the contenders do, where they can do several things."""
    shape: Shape = "throughput"
    baseline: str = FAST
    message: Literal["small", "photo"] = "small"
    users: int = 50
    fewer_users: int = 0
    """Where the shape is `held`: beside how many it is seen what one more costs; 0 where that is not looked at."""
    pacing: float = 0.0
    """Seconds from one request of a user to its next; 0 for no wait."""
    tls: bool = False
    rounds: int = 5
    seconds: float = 5.0
    warm_up: float = 2.0


_ALL: Final = (WIRESWARM, FAST, HTTP, K6, K6_PROTOBUF, WRK)

CASES: Final = {
    case.name: case
    for case in (
        Case("small", "HTTP throughput of one core", "Small protobuf message, 50 users without wait.", _ALL),
        Case(
            "photo",
            "Photo uploads of one core",
            "A message with a photo of 200 KB in it, 50 users without wait. nginx reads it all before it answers.",
            _ALL,
            message="photo",
        ),
        Case(
            "tls",
            "HTTPS throughput of one core",
            "Small protobuf message over TLS 1.3, kept-alive connections, 50 users without wait.",
            _ALL,
            tls=True,
        ),
        Case(
            "users",
            "A thousand users at a pace",
            "1,000 users, each with a small request every half second: 2,000 requests/s are asked for.",
            (WIRESWARM, FAST, HTTP, K6, K6_PROTOBUF),
            shape="pace",
            users=1000,
            pacing=0.5,
            seconds=10.0,
            warm_up=5.0,
        ),
        Case(
            "clock",
            "Whose response times can be believed on a busy core",
            "One user calls an endpoint that answers after 20 ms, first alone, then while 49 users without wait keep "
            "the load generator's core busy. The endpoint takes as long in both.",
            (WIRESWARM, FAST, K6, K6_PROTOBUF),
            shape="clock",
            seconds=10.0,
        ),
        Case(
            "stamps",
            "What the kernel's receive stamps cost",
            "Small protobuf message, 50 users without wait, with the kernel's stamps (the default) and without.",
            (WIRESWARM, WIRESWARM_PROGRAM),
            baseline=WIRESWARM_PROGRAM,
            rounds=10,
        ),
        Case(
            "measuring",
            "What measuring and judging cost",
            "Small protobuf message, 50 users without wait: with recorder, validity and three thresholds, one of them "
            "over a window, and without any of these, with nothing but Locust's own statistics.",
            (WIRESWARM_JUDGED, WIRESWARM_UNMEASURED),
            baseline=WIRESWARM_UNMEASURED,
            rounds=10,
        ),
        Case(
            "emits",
            "Acknowledged Socket.IO emits of one core",
            "A small JSON object emitted and acknowledged, over and over, on 50 WebSocket connections.",
            (WIRESWARM_SOCKETIO, LOCUST_SOCKETIO, ARTILLERY),
            protocol="socketio",
            unit="emits",
            counter="acks",
            work="emits",
            baseline=LOCUST_SOCKETIO,
        ),
        Case(
            "connects",
            "Socket.IO connects of one core",
            "50 users connect (TCP, WebSocket, Engine.IO and the namespace) and disconnect, over and over.",
            (WIRESWARM_SOCKETIO, LOCUST_SOCKETIO),
            protocol="socketio",
            unit="connects",
            counter="namespaces",
            work="connects",
            baseline=LOCUST_SOCKETIO,
            rounds=3,
        ),
        Case(
            "memory",
            "Memory of an idle Socket.IO connection",
            "What each further user with an open connection that does nothing adds to the process.",
            (WIRESWARM_SOCKETIO, LOCUST_SOCKETIO, BARE_SOCKET, BARE_USER),
            protocol="socketio",
            unit="connections",
            work="idle",
            shape="held",
            baseline=BARE_USER,
            users=2500,
            fewer_users=500,
            rounds=1,
            seconds=3.0,
        ),
        Case(
            "idle",
            "Ten thousand idle Socket.IO connections",
            "10,000 users in one process, each with an open connection, that do nothing but answer the server's pings.",
            (WIRESWARM_SOCKETIO,),
            protocol="socketio",
            unit="connections",
            work="idle",
            shape="held",
            baseline=WIRESWARM_SOCKETIO,
            users=10_000,
            rounds=1,
            seconds=60.0,
        ),
    )
}
