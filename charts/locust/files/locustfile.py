"""A minimal example: every user asks for one path. Bring your own with `locustfile.inline`; see the chart's README."""

import os

from locust import HttpUser, between, task

PATH = os.environ.get("EXAMPLE_PATH", "/")


class ExampleUser(HttpUser):
    """Whoever looks at the page every few seconds."""

    wait_time = between(1, 3)

    @task
    def look(self) -> None:
        """One GET request."""
        self.client.get(PATH)
