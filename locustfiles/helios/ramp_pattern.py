"""A trend: from no visitors to 100, held, and back; 20 minutes in all. See `locustfile.py`.

    locust -f locustfiles/helios/ramp_pattern.py --headless --host http://localhost:8000

`-t` ends it early.
"""

from __future__ import annotations

from personas import Admin, Browser, Buyer, Searcher
from shapes.load_shapes import RampPattern

__all__ = ["Admin", "Browser", "Buyer", "RampPattern", "Searcher"]
