"""Suites of one's own: what `wireswarm new` reads, and what it writes.

A source (`.proto` files, an OpenAPI document, a list of Socket.IO events, a HAR recording) is read into a `Suite`, and
every file of the suite is a function of that.
"""

from __future__ import annotations

from wireswarm.scaffold.events import read_events
from wireswarm.scaffold.example import read_example
from wireswarm.scaffold.har import read_har
from wireswarm.scaffold.model import Suite
from wireswarm.scaffold.openapi import read_openapi
from wireswarm.scaffold.project import files_of, write_files
from wireswarm.scaffold.protobuf import read_protos
from wireswarm.scaffold.stub import stub_server

__all__ = [
    "Suite",
    "files_of",
    "read_events",
    "read_example",
    "read_har",
    "read_openapi",
    "read_protos",
    "stub_server",
    "write_files",
]
