"""What is measured: each case with its load, its contenders, and whom they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

WIRESWARM: Final = "Wireswarm ProtobufUser"
WIRESWARM_PROGRAM: Final = 'Wireswarm, timing = "program"'
FAST: Final = "Locust FastHttpUser"
HTTP: Final = "Locust HttpUser"
K6: Final = "k6, raw bytes"
K6_PROTOBUF: Final = "k6, protobufjs"
WRK: Final = "wrk (the limit)"

Shape = Literal["throughput", "pace", "clock"]
"""Which table and picture a case gets."""


@dataclass(frozen=True)
class Case:
    """One load, for several contenders."""

    name: str
    title: str
    """Of the report."""
    description: str
    """What is measured, a sentence or two."""
    contenders: tuple[str, ...]
    shape: Shape = "throughput"
    baseline: str = FAST
    message: Literal["small", "photo"] = "small"
    users: int = 50
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
    )
}
