"""Many writes, for the database: 60 buyers to 40 admins, all of them in a hurry. See `locustfile.py`.

locust -f locustfiles/helios/write_heavy.py --host http://localhost:8000
"""

from __future__ import annotations

import os

import personas
from locust import between

os.environ.setdefault("WIRESWARM_LOAD_PROFILE", "default")


class Buyer(personas.Buyer):
    """Buys."""

    weight = 60
    wait_time = between(1, 2)


class Admin(personas.Admin):
    """Looks after products."""

    weight = 40
    wait_time = between(2, 4)
