"""Writes one line per request, without the load waiting for it.

A request costs the load an entry in a bounded queue. Lines are made between requests, a few at a time, in the load's
own thread: another thread would hold Python's lock for up to five milliseconds at a time. Compressing and writing,
which need no lock, are done in gevent's thread pool.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import gevent
from gevent.lock import RLock

from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.exporters.pacing import Pause, let_others_run
from wireswarm.exporters.queue import BoundedQueue
from wireswarm.exporters.sample_file import SampleFile
from wireswarm.exporters.samples import Encoder, Foreign, foreign
from wireswarm.sample import Sample

logger = logging.getLogger(__name__)

LIMIT: Final = 100_000
"""How many samples wait to be written: some seconds at full load, 30 MB at most."""
IDLE: Final = 0.2
"""Seconds between two looks at the queue."""
_CHUNK: Final = 64
_BLOCK: Final = 256 * 1024


class SampleWriter:
    """Writes the requests of one test in one process to a file.

    Args:
        path: the file.
        append: whether to keep what it has, as for the second test of a web UI.
        limit: how many samples wait at most; what has no room is dropped and counted.
        clock: says when other people's events came.
        pause: called between two pieces of work, to let the load go on.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        append: bool = False,
        limit: int = LIMIT,
        clock: Clock = SYSTEM_CLOCK,
        pause: Pause = let_others_run,
    ) -> None:
        self._file = SampleFile(path, append=append)
        self._queue: BoundedQueue[Sample | Foreign] = BoundedQueue(limit)
        self._put = self._queue.put
        self._encoder = Encoder()
        self._clock = clock
        self._pause = pause
        self._writing = RLock()
        self._greenlet: gevent.Greenlet[Any, Any] | None = None
        self._failed = 0
        self.untimed = 0
        """Events whose response time is no time, such as None."""
        self.written = 0
        """Samples that are in the file."""

    @property
    def path(self) -> Path:
        """Where the lines go."""
        return self._file.path

    @property
    def lost(self) -> int:
        """Samples for which there was no room, in the queue or on the disk."""
        return self._queue.dropped + self._failed

    def on_request(
        self,
        request_type: object = "",
        name: object = "",
        response_time: object = None,
        response_length: object = 0,
        exception: object = None,
        response: object = None,
        sample: Sample | None = None,
        context: object = None,
        start_time: object = None,
        url: object = None,
        **_kwargs: Any,
    ) -> None:
        """Listener of Locust's request event. Hot path."""
        # The last parameters are named so that no dictionary has to be filled with them.
        if sample is not None:
            self._put(sample)
            return
        event = foreign(
            request_type, name, response_time, response_length, exception, response, int(self._clock.time() * 1e9)
        )
        if event is None:
            self.untimed += 1
        else:
            self._put(event)

    def start(self) -> None:
        """Begin to write, in a greenlet of its own."""
        self._greenlet = gevent.spawn(self._write_again_and_again)

    def write_all(self) -> None:
        """Write everything that waits."""
        with self._writing:
            block: list[str] = []
            samples = size = 0
            while len(self._queue):
                # A backlog is worked off in longer pieces, so that it does not grow for ever.
                items = self._queue.take(max(_CHUNK, len(self._queue) // 16))
                lines = list(self._encoder.lines(items))
                block += lines
                samples += len(items)
                size += sum(map(len, lines))
                if size >= _BLOCK or not len(self._queue):
                    self._write(block, samples)
                    block, samples, size = [], 0, 0
                self._pause()

    def close(self) -> None:
        """Write everything, close the file, and tell what is missing in it."""
        if self._greenlet is not None:
            with self._writing:
                self._greenlet.kill()
        self.write_all()
        try:
            self._file.close()
        except OSError as error:
            self._fail(0, error)
        if self.lost:
            logger.warning("%s: %d samples are missing; there was no room for them", self.path, self.lost)
        if self.untimed:
            logger.warning("%s: %d requests without a response time are left out", self.path, self.untimed)

    def _write_again_and_again(self) -> None:
        while True:
            self._clock.sleep(IDLE)
            self.write_all()

    def _write(self, block: list[str], samples: int) -> None:
        data = "".join(block).encode()
        try:
            gevent.get_hub().threadpool.apply(self._file.write, (data,))
        except OSError as error:
            self._fail(samples, error)
        else:
            self.written += samples

    def _fail(self, samples: int, error: OSError) -> None:
        if not self._failed:
            logger.error("%s: cannot be written: %s", self.path, error.strerror)
        self._failed += samples
