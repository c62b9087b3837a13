"""Where the ready suites are found."""

from __future__ import annotations

import pytest

from wireswarm import ConfigurationError
from wireswarm.commands.share import shared


@pytest.mark.parametrize("name", ["locustfiles/chater.py", "locustfiles/chater.toml", "test_data/photo.png"])
def test_what_is_shipped_is_found(name: str) -> None:
    assert shared(name).is_file()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nope\.py is missing"):
        shared("locustfiles/nope.py")
