"""Load testing on Locust for protobuf and authenticated APIs, with numbers that can be trusted.

In a locustfile, `import wireswarm` (or from it) also loads the plug-in: options, checks, iterations. The names are
imported when they are first used, because `locust`, which some of them need, replaces parts of the standard library,
and the reference target must run without that.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from wireswarm._version import __version__

if TYPE_CHECKING:
    from wireswarm.auth import BasicAuth, BearerJWT, BearerToken, LoginToken, NoAuth
    from wireswarm.clients.graphql import GraphQLClient
    from wireswarm.clients.outcome import Outcome
    from wireswarm.clients.protobuf import ProtobufClient
    from wireswarm.clients.rest import RestClient
    from wireswarm.clients.sio_reconnect import Reconnect
    from wireswarm.clients.socketio import SocketIOClient
    from wireswarm.data import DataFile, MessageGenerator, generate
    from wireswarm.errors import (
        ConfigurationError,
        RemoteProtocolError,
        RequestFailed,
        UsageError,
        WireswarmError,
    )
    from wireswarm.flows import Flow, step
    from wireswarm.load import Constant, Product, Shape, Spike, Stage, Stages, Steps, Sum, Wave, ramp
    from wireswarm.plugin import attach
    from wireswarm.plugin.once import once_per_swarm
    from wireswarm.plugin.shaping import PlanShape
    from wireswarm.protos.loader import load_protos
    from wireswarm.reports.validate import validate_results
    from wireswarm.sample import Failure, Reason, Sample
    from wireswarm.users import GraphQLUser, ProtobufUser, RestUser, SocketIOUser, WireUser
    from wireswarm.wire.http1 import Response

_HOMES = {
    "BasicAuth": "wireswarm.auth",
    "BearerJWT": "wireswarm.auth",
    "BearerToken": "wireswarm.auth",
    "ConfigurationError": "wireswarm.errors",
    "Constant": "wireswarm.load",
    "DataFile": "wireswarm.data",
    "Failure": "wireswarm.sample",
    "Flow": "wireswarm.flows",
    "GraphQLClient": "wireswarm.clients.graphql",
    "GraphQLUser": "wireswarm.users",
    "LoginToken": "wireswarm.auth",
    "MessageGenerator": "wireswarm.data",
    "NoAuth": "wireswarm.auth",
    "Outcome": "wireswarm.clients.outcome",
    "PlanShape": "wireswarm.plugin.shaping",
    "Product": "wireswarm.load",
    "ProtobufClient": "wireswarm.clients.protobuf",
    "ProtobufUser": "wireswarm.users",
    "Reason": "wireswarm.sample",
    "Reconnect": "wireswarm.clients.sio_reconnect",
    "RemoteProtocolError": "wireswarm.errors",
    "RequestFailed": "wireswarm.errors",
    "Response": "wireswarm.wire.http1",
    "RestClient": "wireswarm.clients.rest",
    "RestUser": "wireswarm.users",
    "Sample": "wireswarm.sample",
    "Shape": "wireswarm.load",
    "SocketIOClient": "wireswarm.clients.socketio",
    "SocketIOUser": "wireswarm.users",
    "Spike": "wireswarm.load",
    "Stage": "wireswarm.load",
    "Stages": "wireswarm.load",
    "Steps": "wireswarm.load",
    "Sum": "wireswarm.load",
    "UsageError": "wireswarm.errors",
    "Wave": "wireswarm.load",
    "WireUser": "wireswarm.users",
    "WireswarmError": "wireswarm.errors",
    "attach": "wireswarm.plugin",
    "generate": "wireswarm.data",
    "load_protos": "wireswarm.protos.loader",
    "once_per_swarm": "wireswarm.plugin.once",
    "ramp": "wireswarm.load",
    "step": "wireswarm.flows",
    "validate_results": "wireswarm.reports.validate",
}

__all__ = [
    "BasicAuth",
    "BearerJWT",
    "BearerToken",
    "ConfigurationError",
    "Constant",
    "DataFile",
    "Failure",
    "Flow",
    "GraphQLClient",
    "GraphQLUser",
    "LoginToken",
    "MessageGenerator",
    "NoAuth",
    "Outcome",
    "PlanShape",
    "Product",
    "ProtobufClient",
    "ProtobufUser",
    "Reason",
    "Reconnect",
    "RemoteProtocolError",
    "RequestFailed",
    "Response",
    "RestClient",
    "RestUser",
    "Sample",
    "Shape",
    "SocketIOClient",
    "SocketIOUser",
    "Spike",
    "Stage",
    "Stages",
    "Steps",
    "Sum",
    "UsageError",
    "Wave",
    "WireUser",
    "WireswarmError",
    "__version__",
    "attach",
    "generate",
    "load_protos",
    "once_per_swarm",
    "ramp",
    "step",
    "validate_results",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'wireswarm' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__


if "locust.main" in sys.modules:
    # A locustfile, imported by the `locust` command.
    from wireswarm.plugin import load

    load()
