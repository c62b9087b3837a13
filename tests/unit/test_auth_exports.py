"""What `wireswarm.auth` offers."""

from __future__ import annotations

import subprocess
import sys

from wireswarm import auth


def test_every_public_name_is_there_and_documented() -> None:
    assert auth.__all__ == sorted(auth.__all__, key=lambda name: (not name.isupper(), name))
    for name in auth.__all__:
        assert getattr(auth, name).__doc__, name


def test_importing_it_does_not_load_locust() -> None:
    # Locust patches the standard library on import, which a script that only mints tokens does not ask for.
    code = "import sys, wireswarm.auth; sys.exit('locust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
