"""Reads alone, for caches and read replicas: 70 browsers to 30 searchers. See `locustfile.py`.

locust -f locustfiles/helios/read_heavy.py --host http://localhost:8000
"""

from __future__ import annotations

import os

import personas

os.environ.setdefault("WIRESWARM_LOAD_PROFILE", "default")


class Browser(personas.Browser):
    """Looks around."""

    weight = 70


class Searcher(personas.Searcher):
    """Searches."""

    weight = 30
