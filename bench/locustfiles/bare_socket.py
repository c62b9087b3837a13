"""A user with a TCP connection that nothing comes over: the least that a connection can need."""

from urllib.parse import urlsplit

import gevent
import socket_work as work
from gevent import socket
from locust import User, task


class Contender(User):
    """Connects and sleeps."""

    host = work.HOST

    def on_start(self) -> None:
        """Connect."""
        url = urlsplit(str(work.HOST))
        self.connection = socket.create_connection((url.hostname, url.port))

    @task
    def work(self) -> None:
        """Nothing."""
        gevent.sleep(3600)
