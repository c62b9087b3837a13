"""What one core of a load generator does over Socket.IO, ours beside the others, in one run.

    make bench-socketio                          # the case `emits`; all of them: make bench-socketio ARGS="--case all"
    make bench-socketio ARGS="--case idle"

Node.js with the reference server `socket.io` is pinned to one core; the contenders run in turn on the other, several
rounds. What they did is counted by the server over a window that begins after a warm-up. The cases are in `cases.py`.
Writes `socketio_<case>.md`, `.json` and `.svg` to `bench/results/`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import socketio_server
from cases import Case
from measure import SERVER_CORE, Bench
from progress import Progress
from race import race


@contextmanager
def serve() -> Iterator[Callable[[Case, Progress], Bench]]:
    """Run the reference server."""
    with socketio_server.socketio_server(SERVER_CORE) as server:
        yield lambda case, progress: Bench(server.counting(case.counter or "namespaces"), progress)


if __name__ == "__main__":
    try:
        race((__doc__ or "").partition("\n")[0], "socketio", socketio_server.version, serve)
    except KeyboardInterrupt:
        sys.exit(130)
