"""Prometheus remote write: a snappy-compressed protobuf message, compiled from a `.proto` when this file is loaded.

    locust -f locustfiles/remote_write.py --host http://localhost:9090

For any receiver of remote write 1.0: Prometheus itself (`--web.enable-remote-write-receiver`), Mimir, VictoriaMetrics,
Thanos. Each user is an instance of its own that sends `REMOTE_WRITE_SERIES` series (100) once a second to
`REMOTE_WRITE_PATH` (`/api/v1/write`).
"""

from __future__ import annotations

import os
import random
import time
import uuid
from typing import Any

from locust import constant_pacing, tag, task

from wireswarm import ProtobufClient, ProtobufUser, load_protos

pb = load_protos("remote_write.proto")

PATH = os.environ.get("REMOTE_WRITE_PATH") or "/api/v1/write"
SERIES = int(os.environ.get("REMOTE_WRITE_SERIES") or 100)


class RemoteWriteUser(ProtobufUser):
    """One instance that reports its metrics."""

    wait_time = constant_pacing(1)
    client = ProtobufClient(headers={"X-Prometheus-Remote-Write-Version": "0.1.0"})

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.instance = f"load-{uuid.uuid4().hex[:12]}"

    @tag("remote_write")
    @task
    def write(self) -> None:
        """Send one sample of every series."""
        now = time.time_ns() // 1_000_000
        self.client.post(
            PATH,
            pb.WriteRequest(timeseries=[self.series(number, now) for number in range(SERIES)]),
            content_encoding="snappy",
            status={200, 204},
        )

    def series(self, number: int, now: int) -> Any:
        """One series with its newest sample."""
        labels = {"__name__": "wireswarm_load", "instance": self.instance, "series": f"{number:04d}"}
        return pb.TimeSeries(
            labels=[pb.Label(name=name, value=value) for name, value in sorted(labels.items())],
            samples=[pb.Sample(value=random.random(), timestamp=now)],
        )
