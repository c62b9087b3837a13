"""Chater: food tracking by photo, protobuf over HTTP with JWT.

    locust -f locustfiles/chater.py --tags full_flow --host http://localhost:8000

Tags: `full_flow`, `custom_date`, `language`, `alcohol`, `feedback`, `auth`. Profiles are in `chater.toml`.

Environment (all optional):

==========================  =======================================================================================
TARGET_HOST                 the host, where `--host` is not given; then EATER_TARGET_HOST; then http://localhost:8000
TEST_USER_TOKEN             a JWT that all users share; without it every user is an account of its own, with a JWT
                            signed with TEST_JWT_SECRET, which a test system has to share
TEST_USER_EMAIL             the account of TEST_USER_TOKEN
TEST_PHOTO_PATH, _TYPE      the photo to upload (test_data/photo.png), and the prompt it is for (default_prompt)
TEST_RECOMMENDATION_DAYS    1
TEST_CUSTOM_DATE            a day, dd-MM-yyyy; yesterday
TEST_LANGUAGE_CODE          en
TEST_ALCOHOL_START, _END    first and last day, dd-MM-yyyy; the last seven days
TEST_FEEDBACK_TEXT          Load test feedback message
TEST_AUTH_PROVIDER, _TOKEN, _EMAIL, _NAME, _PROFILE_URL    what the login sends
==========================  =======================================================================================
"""

from __future__ import annotations

import json
import os
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from locust import between, tag, task

from wireswarm import (
    BearerJWT,
    BearerToken,
    ConfigurationError,
    Flow,
    NoAuth,
    ProtobufClient,
    ProtobufUser,
    Response,
    step,
)
from wireswarm.protos.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from wireswarm.protos.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from wireswarm.protos.delete_food_pb2 import DeleteFoodRequest
from wireswarm.protos.eater_photo_pb2 import PhotoMessage
from wireswarm.protos.feedback_pb2 import FeedbackRequest
from wireswarm.protos.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from wireswarm.protos.manual_weight_pb2 import ManualWeightRequest
from wireswarm.protos.modify_food_record_pb2 import ModifyFoodRecordRequest
from wireswarm.protos.set_language_pb2 import SetLanguageRequest
from wireswarm.protos.today_food_pb2 import Dish, TodayFood

PROTOBUF = "application/protobuf"
GRPC_PROTO = "application/grpc+proto"

FAKE_JWT_SECRET = "wireswarm-obviously-fake-secret-for-tests"  # noqa: S105 - the reference target's default
DATE_FORMAT = "%d-%m-%Y"
DEFAULT_PHOTO = Path(__file__).resolve().parent.parent / "test_data" / "photo.png"

USER_TOKEN = os.environ.get("TEST_USER_TOKEN", "")


def setting(name: str, default: str) -> str:
    """An environment variable's value; one that is empty counts as not set."""
    return os.environ.get(name) or default


def day(name: str, days_ago: int) -> str:
    """A day from the environment, or that many days before today (UTC)."""
    text = setting(name, (datetime.now(UTC) - timedelta(days=days_ago)).strftime(DATE_FORMAT))
    try:
        datetime.strptime(text, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ConfigurationError(f"{name}: found {text!r}; allowed: a day as dd-MM-yyyy, such as 15-01-2024") from None
    return text


def recently_today() -> datetime:
    """A moment of the last minute, and of today. Not just now: users that share an account must not share moments."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = max(now - timedelta(milliseconds=random.randrange(60_000)), today)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def unix_ms(moment: datetime) -> int:
    """A moment in Unix milliseconds."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


class ChaterUser(ProtobufUser):
    """Somebody who tracks what they eat."""

    host = setting("TARGET_HOST", setting("EATER_TARGET_HOST", "http://localhost:8000"))
    wait_time = between(0.5, 1.5)
    auth = (
        BearerToken.from_env("TEST_USER_TOKEN", jwt=True)
        if USER_TOKEN
        else BearerJWT(
            setting("TEST_JWT_SECRET", FAKE_JWT_SECRET),
            lifetime=48 * 3600,
            claims=lambda user: {"email": user.email},
        )
    )
    login = ProtobufClient(auth=NoAuth())

    photo: ClassVar[bytes]
    photo_type = setting("TEST_PHOTO_TYPE", "default_prompt")
    recommendation_days: ClassVar[int]
    custom_date: ClassVar[str]
    alcohol_range: ClassVar[GetAlcoholRangeRequest]

    @classmethod
    def prepare(cls) -> None:
        """Read the photo and the environment once, and say everything that is wrong with them."""
        problems: list[str] = []
        path = setting("TEST_PHOTO_PATH", str(DEFAULT_PHOTO))
        try:
            cls.photo = Path(path).read_bytes()
        except OSError as error:
            problems.append(f"TEST_PHOTO_PATH: cannot read {path}: {error.strerror}; name a file with a photo")
        days = setting("TEST_RECOMMENDATION_DAYS", "1")
        if days.isascii() and days.isdigit() and 0 < int(days) < 10_000:
            cls.recommendation_days = int(days)
        else:
            problems.append(f"TEST_RECOMMENDATION_DAYS: found {days!r}; allowed: a number of days, 1 to 9999")
        try:
            cls.custom_date = day("TEST_CUSTOM_DATE", 1)
            cls.alcohol_range = GetAlcoholRangeRequest(
                start_date=day("TEST_ALCOHOL_START", 6), end_date=day("TEST_ALCOHOL_END", 0)
            )
        except ConfigurationError as error:
            problems += error.problems
        if problems:
            raise ConfigurationError(problems)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        own = f"loadtest-{uuid.uuid4().hex}@example.com"
        self.email = setting("TEST_USER_EMAIL", "test@example.com") if USER_TOKEN else own

    @tag("full_flow")
    @task
    class FullFlow(Flow["ChaterUser"]):
        """Upload a photo, double its portion, weigh in, ask for advice, look at the result, delete the record."""

        think_time = between(0.1, 0.3)
        dish = Dish()

        @step
        def upload(self) -> None:
            """Send a photo, and find the record that it became."""
            user = self.user
            taken, self.sent = recently_today(), unix_ms(datetime.now(UTC))
            self.taken = unix_ms(taken)
            photo = PhotoMessage(time=taken.isoformat(), photo_data=user.photo, photoType=user.photo_type)
            user.client.post("/eater_receive_photo", photo, content_type=PROTOBUF)
            self.deletion = self.defer(self.delete_record)
            self.dish = self.record_in(self.today_once(self.record_in)) or self.dish

        @step
        def modify(self) -> None:
            """Double the portion (200 %)."""
            change = ModifyFoodRecordRequest(time=self.dish.time, user_email=self.user.email, percentage=200)
            self.user.client.post("/modify_food_record", change, content_type=GRPC_PROTO)

        @step
        def weigh(self) -> None:
            """Log the body's weight."""
            weight = ManualWeightRequest(user_email=self.user.email, weight=72.5)
            self.user.client.post("/manual_weight", weight, content_type=GRPC_PROTO)

        @step
        def recommend(self) -> None:
            """Ask for recommendations."""
            days = RecommendationRequest(days=self.user.recommendation_days)
            self.user.client.post("/get_recommendation", days, content_type=PROTOBUF, expect=RecommendationResponse)

        @step
        def check_portion(self) -> None:
            """The record shows the doubled portion."""
            doubled = self.dish.weight * 2
            self.today_once(
                lambda food: any(d.time == self.dish.time and d.weight == doubled for d in food.dishes_today)
            )

        @step
        def delete(self) -> None:
            """Delete the record, and see that it is gone."""
            self.deletion()
            self.today_once(lambda food: all(d.time != self.dish.time for d in food.dishes_today))

        def record_in(self, food: TodayFood) -> Dish | None:
            """The photo's record: of the photo's moment, or of a later one where the system has dated it itself."""
            of_that_moment = [dish for dish in food.dishes_today if dish.time == self.taken]
            later = [dish for dish in food.dishes_today if dish.time >= self.sent]
            return next(iter(of_that_moment or later), None)

        def delete_record(self) -> None:
            """Delete the record, also where the flow has ended before it was found."""
            if not self.dish.time:
                food = self.user.client.get("/eater_get_today", expect=TodayFood)
                self.dish = self.record_in(food) or self.dish
            if self.dish.time:
                record = DeleteFoodRequest(time=self.dish.time)
                self.user.client.post("/delete_food", record, content_type=GRPC_PROTO)

        def today_once(self, until: Any) -> TodayFood:
            """Today's food, once something is true of it: a real back end works on it after it has answered."""
            return self.user.client.poll("/eater_get_today", expect=TodayFood, until=until, first=0.5, attempts=8)

    @tag("custom_date")
    @task
    def custom_date_query(self) -> None:
        """What was eaten on a day."""
        self.client.post(
            "/get_food_custom_date",
            CustomDateFoodRequest(date=self.custom_date),
            content_type=PROTOBUF,
            expect=CustomDateFoodResponse,
        )

    @tag("language")
    @task
    def set_language(self) -> None:
        """Choose a language."""
        language = SetLanguageRequest(user_email=self.email, language_code=setting("TEST_LANGUAGE_CODE", "en"))
        self.client.post("/set_language", language, content_type=GRPC_PROTO)

    @tag("alcohol")
    @task
    def alcohol_latest(self) -> None:
        """Today's drinks."""
        self.client.get("/alcohol_latest", expect=GetAlcoholLatestResponse)

    @tag("alcohol")
    @task
    def alcohol_days(self) -> None:
        """The drinks of several days."""
        self.client.post("/alcohol_range", self.alcohol_range, content_type=GRPC_PROTO, expect=GetAlcoholRangeResponse)

    @tag("feedback")
    @task
    def submit_feedback(self) -> None:
        """Say what one thinks."""
        feedback = FeedbackRequest(
            time=datetime.now(UTC).isoformat(),
            userEmail=self.email,
            feedback=setting("TEST_FEEDBACK_TEXT", "Load test feedback message"),
        )
        self.client.post("/feedback", feedback, content_type=GRPC_PROTO)

    @tag("auth")
    @task
    def eater_auth(self) -> None:
        """Log in by way of an identity provider."""
        identity = {
            "provider": setting("TEST_AUTH_PROVIDER", "google"),
            "idToken": setting("TEST_AUTH_TOKEN", "test-token"),
            "email": setting("TEST_AUTH_EMAIL", "loadtest@example.com"),
            "name": setting("TEST_AUTH_NAME", "Locust Tester"),
            "profilePictureURL": setting("TEST_AUTH_PROFILE_URL", "https://example.com/avatar.png"),
        }
        self.login.post(
            "/eater_auth", json.dumps(identity).encode(), content_type="application/json", check=holds_a_jwt
        )


def holds_a_jwt(response: Response) -> str | None:
    """What is wrong with a login's answer, None where a JWT is in it."""
    try:
        values = json.loads(response.body).values()
    except (ValueError, AttributeError):
        return "the answer is not a JSON object"
    return None if any(str(value).count(".") == 2 for value in values) else "the answer has no JWT"
