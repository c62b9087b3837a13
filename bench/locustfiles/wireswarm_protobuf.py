"""Our contender: a protobuf message posted and its answer decoded, by `ProtobufUser`."""

import os
from importlib import import_module

import work
from locust import constant, task

from wireswarm import ProtobufUser
from wireswarm.metrics import Recorder
from wireswarm.plugin.measuring import RECORDER

if os.environ.get("BENCH_MEASURING") == "off":  # which no user can do: only Locust's own statistics are left
    attaching = import_module("wireswarm.plugin.attach")  # the package has a function of that name
    attaching.install_judging = lambda _environment: None
    # One that nobody listens with, for those that ask for it.
    attaching.install_measuring = lambda environment: setattr(environment, RECORDER, Recorder())


class Contender(ProtobufUser):
    """Posts as fast as it can, or at the case's pace."""

    host = work.HOST
    wait_time = work.WAIT
    timing = "program" if os.environ.get("BENCH_TIMING") == "program" else "kernel"
    ca_file = work.CA_FILE

    def on_start(self) -> None:
        """Begin somewhere within the pace."""
        work.stagger()

    @task
    def post(self) -> None:
        """One request."""
        answer = self.client.post(work.PATH, work.message(), expect=work.ANSWER)
        assert answer.success


if work.SLOW_HOST:

    class Slow(ProtobufUser):
        """The one user whose response times are looked at, while the others keep the core busy."""

        host = work.SLOW_HOST
        fixed_count = 1
        wait_time = constant(0)

        @task
        def post(self) -> None:
            """One request."""
            answer = self.client.post("/slow", work.message(), expect=work.ANSWER)
            assert answer.success
