"""Many writes, for the database: 60 buyers to 40 admins, all of them in a hurry. See `locustfile.py`.

locust -f locustfiles/helios/write_heavy.py --host http://localhost:8000
"""

from __future__ import annotations

import os
from pathlib import Path

import personas
from locust import between

# So that its [defaults] hold where no profile is named.
os.environ.setdefault("WIRESWARM_PROFILE_FILE", str(Path(__file__).with_suffix(".toml")))


class Buyer(personas.Buyer):
    """Buys."""

    weight = 60
    wait_time = between(1, 2)


class Admin(personas.Admin):
    """Looks after products."""

    weight = 40
    wait_time = between(2, 4)
