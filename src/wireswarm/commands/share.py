"""Where the ready suites and their data are: inside the installed package, or in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

from wireswarm.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent.parent


def shared(name: str) -> Path:
    """The path of a shipped file, such as `locustfiles/chater.py`.

    Raises:
        ConfigurationError: it is in neither place, so the installation is incomplete.
    """
    for root in (_PACKAGE / "share", _PACKAGE.parent.parent):
        if (root / name).exists():
            return root / name
    raise ConfigurationError(f"{name} is missing from this installation; install wireswarm again")
