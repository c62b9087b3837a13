"""One step of `wireswarm capacity`, as a process of its own: `python -m wireswarm.commands.capacity_step FILE ARGS…`.

FILE is a `wireswarm.capacity.Request`, ARGS are Locust's.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import locust  # first: it patches the standard library, which has to be before anything imports ssl
import msgspec
from locust.env import Environment

from wireswarm.capacity.model import Request
from wireswarm.plugin.load import load
from wireswarm.plugin.step import install_step


def main() -> None:
    """Become Locust, with everything of ours loaded. Ends the process."""
    from locust.main import main as locust_main

    _, file, *arguments = sys.argv
    request = msgspec.json.decode(Path(file).read_bytes(), type=Request)
    sys.argv = ["locust", *arguments]
    load()

    def on_init(environment: Environment, **_kwargs: Any) -> None:
        install_step(environment, request)

    locust.events.init.add_listener(on_init)  # after the one that attaches us
    locust_main()


if __name__ == "__main__":
    main()
