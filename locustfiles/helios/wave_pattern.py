"""Seasons: from 10 visitors to 100 and back, six times; 30 minutes in all. See `locustfile.py`.

    locust -f locustfiles/helios/wave_pattern.py --headless --host http://localhost:8000

`-t` ends it early.
"""

from __future__ import annotations

from personas import Admin, Browser, Buyer, Searcher
from shapes.load_shapes import WavePattern

__all__ = ["Admin", "Browser", "Buyer", "Searcher", "WavePattern"]
