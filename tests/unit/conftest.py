"""What unit tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from manual_clock import ManualClock

from wireswarm.auth.redaction import SECRETS


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still at 2023-11-14 22:13:20 UTC until the test moves it."""
    return ManualClock()


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """The secrets that one test made up are ordinary words in the texts of another."""
    yield
    SECRETS.clear()
