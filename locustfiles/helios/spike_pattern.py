"""Anomalies: three flash sales, from 20 visitors to 200; 18 minutes in all. See `locustfile.py`.

    locust -f locustfiles/helios/spike_pattern.py --headless --host http://localhost:8000

`-t` ends it early.
"""

from __future__ import annotations

from personas import Admin, Browser, Buyer, Searcher
from shapes.load_shapes import SpikePattern

__all__ = ["Admin", "Browser", "Buyer", "Searcher", "SpikePattern"]
