"""What one core of a load generator does, ours beside the others, in one run.

    make bench                                   # the case `small`; all of them: make bench ARGS="--case all"
    make bench ARGS="--case tls --rounds 3 --seconds 4"

nginx with one worker is pinned to one core; the contenders run in turn on the other, several rounds. What they did is
counted by the server over a window that begins after a warm-up, so that all are measured alike. The cases are in
`cases.py`. Writes `http_<case>.md`, `.json` and `.svg` to `bench/results/`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import nginx
from cases import Case
from measure import SERVER_CORE, Bench
from progress import Progress
from race import race
from slow_server import slow_server


@contextmanager
def serve() -> Iterator[Callable[[Case, Progress], Bench]]:
    """Run nginx, and the endpoint of the case `clock`."""
    with nginx.nginx(SERVER_CORE) as server, slow_server(SERVER_CORE) as slow:
        yield lambda _case, progress: Bench(server, progress, slow)


if __name__ == "__main__":
    try:
        race((__doc__ or "").partition("\n")[0], "http", nginx.version, serve)
    except KeyboardInterrupt:
        sys.exit(130)
