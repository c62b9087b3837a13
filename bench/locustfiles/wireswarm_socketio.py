"""Our contender over Socket.IO, by `SocketIOUser`."""

import gevent
import socket_work as work
from locust import constant, task

from wireswarm import SocketIOUser


class Contender(SocketIOUser):
    """Emits or connects as fast as it can, or does nothing."""

    host = work.HOST
    wait_time = constant(0)

    def on_start(self) -> None:
        """Connect."""
        if work.WORK != "connects":
            self.client.connect()

    @task
    def work(self) -> None:
        """One emit, one connect, or nothing."""
        if work.WORK == "emits":
            assert self.client.call(work.EVENT, work.ORDER) == work.ACCEPTED
        elif work.WORK == "connects":
            self.client.connect()
            self.client.disconnect()
        else:
            gevent.sleep(3600)
