"""Says how far it is: a line that is rewritten on a terminal, a line per step elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Final

WIDTH: Final = 100


class Progress:
    """On standard error. `total` is how many seconds all of it will take, about."""

    def __init__(self, total: float) -> None:
        self._began = time.monotonic()
        self._total = total
        self._prefix = ""
        self._rewrites = sys.stderr.isatty()

    def step(self, prefix: str) -> None:
        """The next contender's turn."""
        self._prefix = prefix
        self._show("")

    def wait(self, seconds: float, doing: str) -> None:
        """Wait, and say how long for."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._rewrites:
                self._show(f"{doing}, {left:.0f} s")
            # Without a terminal nobody looks, and every wake-up disturbs the measurement.
            time.sleep(min(left, 1.0) if self._rewrites else left)

    def done(self, text: str) -> None:
        """What came of the step."""
        end = "\r" + " " * WIDTH + "\r" if self._rewrites else ""
        print(f"{end}{self._clock()} {self._prefix} {text}", file=sys.stderr, flush=True)

    def _show(self, doing: str) -> None:
        if self._rewrites:
            text = f"{self._clock()} {self._prefix} {doing}"
            print("\r" + text[:WIDTH].ljust(WIDTH), end="", file=sys.stderr, flush=True)
        else:
            print(f"{self._clock()} {self._prefix} …", file=sys.stderr, flush=True)

    def _clock(self) -> str:
        passed = time.monotonic() - self._began
        return f"[{passed // 60:.0f}:{passed % 60:02.0f} of about {self._total // 60:.0f}:{self._total % 60:02.0f}]"
