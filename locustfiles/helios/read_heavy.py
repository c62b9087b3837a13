"""Reads alone, for caches and read replicas: 70 browsers to 30 searchers. See `locustfile.py`.

locust -f locustfiles/helios/read_heavy.py --host http://localhost:8000
"""

from __future__ import annotations

import os
from pathlib import Path

import personas

# So that its [defaults] hold where no profile is named.
os.environ.setdefault("WIRESWARM_PROFILE_FILE", str(Path(__file__).with_suffix(".toml")))


class Browser(personas.Browser):
    """Looks around."""

    weight = 70


class Searcher(personas.Searcher):
    """Searches."""

    weight = 30
