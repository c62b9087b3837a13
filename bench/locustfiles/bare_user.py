"""A user that does nothing: what Locust itself needs for one."""

import gevent
import socket_work as work
from locust import User, task


class Contender(User):
    """Sleeps."""

    host = work.HOST

    @task
    def work(self) -> None:
        """Nothing."""
        gevent.sleep(3600)
