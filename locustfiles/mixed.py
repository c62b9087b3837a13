"""Protobuf, Socket.IO and JSON in one swarm, and one user whose flow goes over all three.

    locust -f locustfiles/mixed.py --headless -u 40 -r 40 -t 20s --host http://localhost:8000

`DiaryUser` is Chater's, `SocketUser` and `BrowserUser` are Lorax's: the environment variables of `chater.py` and
`lorax.py` hold for them. `AllWaysUser` signs in with JSON, uploads a photo as protobuf, tells of it over Socket.IO, and
looks at the result over HTTP. All of them meet one host, and only the reference target is all of these systems at once.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import chater
import lorax
from locust import between, tag, task

from wireswarm import (
    ConfigurationError,
    Flow,
    LoginToken,
    NoAuth,
    ProtobufClient,
    RestClient,
    SocketIOClient,
    WireUser,
    step,
)
from wireswarm.protos.delete_food_pb2 import DeleteFoodRequest
from wireswarm.protos.eater_photo_pb2 import PhotoMessage
from wireswarm.protos.today_food_pb2 import TodayFood

HOST = os.environ.get("TARGET_HOST") or "http://localhost:8000"


class DiaryUser(chater.ChaterUser):
    """Protobuf over HTTP, with a JWT that is signed here."""

    host = HOST


class SocketUser(lorax.LoraxSocketUser):
    """Socket.IO."""

    host = HOST


class BrowserUser(lorax.LoraxHttpUser):
    """JSON over HTTP, with a session cookie."""

    host = HOST


class AllWaysUser(WireUser):
    """Somebody who needs all three."""

    host = HOST
    wait_time = between(0.5, 1.5)
    auth = LoginToken(lambda user: user.log_in())
    client = ProtobufClient()
    login = RestClient(auth=NoAuth())
    live = SocketIOClient(transports=lorax.TRANSPORTS if lorax.are_transports(lorax.TRANSPORTS) else "websocket")

    photo: ClassVar[bytes]

    @classmethod
    def prepare(cls) -> None:
        """Read the photo once."""
        path = chater.setting("TEST_PHOTO_PATH", str(chater.DEFAULT_PHOTO))
        try:
            cls.photo = Path(path).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"TEST_PHOTO_PATH: cannot read {path}: {error.strerror}; name a file with a photo"
            ) from None

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.email = f"loadtest-{uuid.uuid4().hex}@example.com"

    def log_in(self) -> str:
        """A JWT for an identity, by JSON."""
        identity = {
            "provider": "google",
            "idToken": "test-token",
            "email": self.email,
            "name": "Locust Tester",
            "profilePictureURL": "https://example.com/avatar.png",
        }
        return jwt_in(
            self.login.post("/eater_auth", json=identity, expect=dict, check=lambda found: bool(jwt_in(found)))
        )

    @tag("all_ways")
    @task
    class AllWays(Flow["AllWaysUser"]):
        """Sign in, upload a photo, tell of it, look at what it has become."""

        think_time = between(0.1, 0.3)

        @step
        def sign_in(self) -> None:
            """As somebody who has just come."""
            self.user.auth.renew(self.user)

        @step
        def upload(self) -> None:
            """A photo, as protobuf."""
            taken = datetime.now(UTC).replace(microsecond=0)
            self.taken = chater.unix_ms(taken)
            photo = PhotoMessage(time=taken.isoformat(), photo_data=self.user.photo, photoType="default_prompt")
            self.user.client.post("/eater_receive_photo", photo, content_type=chater.PROTOBUF)
            self.defer(self.delete_record)

        @step
        def announce(self) -> None:
            """An event that tells of it, acknowledged."""
            self.defer(self.user.live.disconnect)
            self.user.live.connect(auth={"email": self.user.email})
            news = {"email": self.user.email, "taken": self.taken}
            self.user.live.call("message-with-ack", news, check=lambda heard: heard == news or "another event's answer")

        @step
        def look(self) -> None:
            """The record that it has become, by HTTP."""
            self.user.client.poll(
                "/eater_get_today",
                expect=TodayFood,
                until=lambda food: any(dish.time == self.taken for dish in food.dishes_today),
                first=0.5,
                attempts=8,
            )

        def delete_record(self) -> None:
            """Leave nothing behind."""
            record = DeleteFoodRequest(time=self.taken)
            self.user.client.post("/delete_food", record, content_type=chater.GRPC_PROTO)


def jwt_in(answer: dict[str, Any]) -> str:
    """The JWT in a login's answer; empty where there is none."""
    return next((value for value in answer.values() if isinstance(value, str) and value.count(".") == 2), "")
