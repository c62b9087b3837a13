"""Locust's own `SocketIOUser`, on python-socketio, with the same work."""

import gevent
import socket_work as work
from locust import constant, task
from locust.contrib.socketio import SocketIOUser


class Contender(SocketIOUser):
    """Emits or connects as fast as it can, or does nothing."""

    host = work.HOST
    wait_time = constant(0)

    def on_start(self) -> None:
        """Connect."""
        if work.WORK != "connects":
            self._connect()

    @task
    def work(self) -> None:
        """One emit, one connect, or nothing."""
        # While it connects, python-socketio swallows the exception by which Locust ends a user; so the last half second
        # is spent asleep.
        if work.WORK == "emits":
            assert self.sio.call(work.EVENT, work.ORDER) == work.ACCEPTED
        elif work.WORK == "connects" and not work.is_over():
            self._connect()
            self.sio.disconnect()
        else:
            gevent.sleep(3600)

    def _connect(self) -> None:
        # A thousand that connect at once take longer than the second that python-socketio waits.
        self.sio.connect(work.HOST, transports=["websocket"], wait_timeout=30)
