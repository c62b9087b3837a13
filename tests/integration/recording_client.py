"""A Socket.IO client without a user, that keeps what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent

from wireswarm import ConfigurationError, SocketIOClient
from wireswarm.sample import Counter, Failure, Reason, Sample

TRANSPORTS = ["websocket", "polling", "polling,websocket"]
PATIENCE = 10.0
"""Seconds that anything here may take, on a machine that is busy with other tests."""


class Recorder:
    """Implements `wireswarm.clients.owner.Reporter`."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.counted: dict[Counter, int] = {}
        self.abandonments = 0

    def report(self, sample: Sample, response: object, error: object, url: str) -> None:
        self.samples.append(sample)

    def count(self, counter: Counter, amount: int = 1) -> None:
        self.counted[counter] = self.counted.get(counter, 0) + amount

    def abandoned(self) -> None:
        self.abandonments += 1

    def refused(self, error: ConfigurationError) -> None:
        raise error


class RecordingClient(SocketIOClient):
    """See the module."""

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, **{"timeout": PATIENCE, **settings})
        self.recorder = Recorder()
        self._reporter = self.recorder

    @property
    def names(self) -> list[str]:
        """The names of all samples."""
        return [sample.name for sample in self.recorder.samples]

    @property
    def failures(self) -> list[tuple[str, Failure]]:
        """The failed ones, by name."""
        return [(sample.name, sample.failure) for sample in self.recorder.samples if sample.failure is not None]

    @property
    def reasons(self) -> list[tuple[str, Reason]]:
        """The failed ones, by name, with their reasons."""
        return [(name, failure.reason) for name, failure in self.failures]

    def counted(self, counter: Counter) -> int:
        """So many times that was counted."""
        return self.recorder.counted.get(counter, 0)


@contextmanager
def recording(url: str, **settings: Any) -> Iterator[RecordingClient]:
    """A client, which is closed at the end."""
    client = RecordingClient(url, **settings)
    try:
        yield client
    finally:
        client.close()


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something that nothing tells of."""
    with gevent.Timeout(seconds, AssertionError("it does not come true")):
        while not condition():
            gevent.sleep(0.005)
