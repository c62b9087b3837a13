"""Locust's default client, on requests, with the same protobuf work."""

import work
from locust import HttpUser, constant, task


class Contender(HttpUser):
    """Posts as fast as it can, or at the case's pace."""

    host = work.HOST
    wait_time = work.WAIT

    def on_start(self) -> None:
        """Begin somewhere within the pace."""
        self.client.verify = work.CA_FILE or True
        work.stagger()

    @task
    def post(self) -> None:
        """One request."""
        response = self.client.post(work.PATH, data=work.message().SerializeToString(), headers=work.HEADERS)
        answer = work.ANSWER.FromString(response.content)
        assert answer.success


if work.SLOW_HOST:

    class Slow(HttpUser):
        """The one user whose response times are looked at, while the others keep the core busy."""

        host = work.SLOW_HOST
        fixed_count = 1
        wait_time = constant(0)

        @task
        def post(self) -> None:
            """One request."""
            response = self.client.post("/slow", data=work.message().SerializeToString(), headers=work.HEADERS)
            answer = work.ANSWER.FromString(response.content)
            assert answer.success
