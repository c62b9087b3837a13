from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import jwt
import pytest
from google.protobuf.message import Message

from wireswarm.protos.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from wireswarm.protos.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from wireswarm.protos.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from wireswarm.protos.eater_photo_pb2 import PhotoMessage, PhotoResponse
from wireswarm.protos.feedback_pb2 import FeedbackRequest, FeedbackResponse
from wireswarm.protos.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from wireswarm.protos.manual_weight_pb2 import ManualWeightRequest, ManualWeightResponse
from wireswarm.protos.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse
from wireswarm.protos.set_language_pb2 import SetLanguageRequest, SetLanguageResponse
from wireswarm.protos.today_food_pb2 import TodayFood
from wireswarm.target.settings import FAKE_JWT_SECRET

M = TypeVar("M", bound=Message)

PROTOBUF = "application/protobuf"
OTHER_SECRET = "another-secret-of-at-least-32-bytes-length"

LOGIN = {
    "provider": "google",
    "idToken": "test-token",
    "email": "loadtest@example.com",
    "name": "Locust Tester",
    "profilePictureURL": "https://example.com/avatar.png",
}


def token(email: str, *, secret: str = FAKE_JWT_SECRET, lifetime: float = 60, **claims: object) -> str:
    return jwt.encode({"email": email, "exp": time.time() + lifetime, **claims}, secret, algorithm="HS256")


class Account:
    """Calls for one account, on a connection of its own."""

    def __init__(self, address: tuple[str, int], email: str) -> None:
        self.email = email
        self.connection = http.client.HTTPConnection(*address, timeout=10)
        self.authorization: str | None = f"Bearer {token(email)}"

    def call(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = PROTOBUF
    ) -> tuple[int, bytes]:
        headers = {"Authorization": self.authorization} if self.authorization is not None else {}
        if content_type:
            headers["Content-Type"] = content_type
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        assert int(response.headers["Content-Length"]) == len(answer)
        self.headers = response.headers
        return response.status, answer

    def ask(self, path: str, message: Message | None, answer: type[M]) -> M:
        """A call that succeeds."""
        method, body = ("GET", None) if message is None else ("POST", message.SerializeToString())
        status, content = self.call(method, path, body)
        assert status == 200, content
        assert self.headers["Content-Type"] == PROTOBUF
        return answer.FromString(content)

    def refused(self, path: str, message: Message | None) -> tuple[int, str]:
        """A call that is refused: its status and the error's text."""
        method, body = ("GET", None) if message is None else ("POST", message.SerializeToString())
        return error_of(self.call(method, path, body))

    def upload(self, photo: bytes = b"a photo", taken: datetime | None = None) -> int:
        """Upload a photo and return the new dish's time."""
        message = PhotoMessage(
            time=(taken or datetime.now(UTC)).isoformat(), photo_data=photo, photoType="default_prompt"
        )
        known = {dish.time for dish in self.today().dishes_today}
        assert self.ask("/eater_receive_photo", message, PhotoResponse).success
        (new,) = {dish.time for dish in self.today().dishes_today} - known
        return new

    def today(self) -> TodayFood:
        return self.ask("/eater_get_today", None, TodayFood)


def error_of(answer: tuple[int, bytes]) -> tuple[int, str]:
    status, body = answer
    parsed = json.loads(body)
    assert list(parsed) == ["error"]
    return status, parsed["error"]


@pytest.fixture
def account(target: Any) -> Iterator[Account]:
    """An account that nobody else has."""
    account = Account(target.address, f"{uuid.uuid4()}@example.com")
    yield account
    account.connection.close()


EVERY_CALL = [
    ("POST", "/eater_receive_photo"),
    ("GET", "/eater_get_today"),
    ("POST", "/modify_food_record"),
    ("POST", "/manual_weight"),
    ("POST", "/get_recommendation"),
    ("POST", "/delete_food"),
    ("POST", "/get_food_custom_date"),
    ("POST", "/set_language"),
    ("GET", "/alcohol_latest"),
    ("POST", "/alcohol_range"),
    ("POST", "/feedback"),
]
EVERY_POST = [path for method, path in EVERY_CALL if method == "POST"]


def test_the_full_flow(account: Account) -> None:
    before = int(time.time() * 1000)
    new = account.upload()
    assert before <= new <= int(time.time() * 1000)
    (dish,) = account.today().dishes_today
    assert dish.name
    assert dish.ingredients
    assert dish.calories > 0
    modify = ModifyFoodRecordRequest(time=new, user_email=account.email, percentage=200)
    assert account.ask("/modify_food_record", modify, ModifyFoodRecordResponse).success
    weight = ManualWeightRequest(user_email=account.email, weight=71.5)
    assert account.ask("/manual_weight", weight, ManualWeightResponse).success
    advice = account.ask("/get_recommendation", RecommendationRequest(days=1), RecommendationResponse)
    assert (advice.days, bool(advice.recommendation)) == (1, True)
    today = account.today()
    (doubled,) = today.dishes_today
    assert (doubled.calories, doubled.weight) == (2 * dish.calories, 2 * dish.weight)
    for nutrient in ("carbohydrates", "sugar", "fats", "proteins"):
        assert getattr(doubled.nutrients, nutrient) == 2 * getattr(dish.nutrients, nutrient)
    assert (today.totals.calories, today.totals.weight) == (doubled.calories, doubled.weight)
    assert today.person_weight == 71.5
    assert account.ask("/delete_food", DeleteFoodRequest(time=new), DeleteFoodResponse).success
    assert list(account.today().dishes_today) == []


@pytest.mark.parametrize("path", EVERY_POST)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/protobuf",
        "application/x-protobuf",
        "application/grpc+proto",
        "application/octet-stream",
        "Application/Protobuf; charset=binary",
    ],
)
def test_messages_are_accepted_under_each_of_their_types(account: Account, path: str, content_type: str) -> None:
    # An empty message is a message, so that what it lacks is found out, and not that it is none.
    status, body = account.call("POST", path, b"", content_type)
    assert status in {400, 403, 404}, body
    assert b"the body is not" not in body


@pytest.mark.parametrize("path", EVERY_POST)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "protobuf", None])
def test_messages_of_another_type_are_refused(account: Account, path: str, content_type: str | None) -> None:
    status, text = error_of(account.call("POST", path, b"", content_type))
    assert (status, text.startswith("the content type is not one of application/grpc+proto, ")) == (415, True)


@pytest.mark.parametrize("path", EVERY_POST)
@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05ab", b"{}"])
def test_what_is_no_message_is_refused(account: Account, path: str, body: bytes) -> None:
    status, text = error_of(account.call("POST", path, body))
    assert (status, text.startswith("the body is not a ")) == (400, True)


def test_a_string_that_is_not_utf8_is_refused(account: Account) -> None:
    answer = account.call("POST", "/get_food_custom_date", b"\x0a\x01\xff")
    assert error_of(answer) == (400, "the body is not a CustomDateFoodRequest")


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        (None, "the Authorization header is missing"),
        ("", "the Authorization header is not 'Bearer' and a token"),
        ("Basic YWRtaW46cGFzc3dvcmQ=", "the Authorization header is not 'Bearer' and a token"),
        ("Bearer nonsense", "the token is malformed"),
        (f"Bearer {token('a@example.com', lifetime=-1)}", "the token has expired"),
        (f"Bearer {token('a@example.com', secret=OTHER_SECRET)}", "the token's signature is wrong"),
        (f"Bearer {token('')}", "the token is malformed"),
    ],
)
def test_every_call_needs_a_token(
    account: Account, method: str, path: str, authorization: str | None, text: str
) -> None:
    account.authorization = authorization
    body = b"what it says is not looked at" if method == "POST" else None
    assert error_of(account.call(method, path, body)) == (401, text)
    assert account.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_may_name_its_account_as_subject(account: Account) -> None:
    account.upload()
    account.authorization = "Bearer " + jwt.encode(
        {"sub": account.email, "exp": time.time() + 60}, FAKE_JWT_SECRET, algorithm="HS256"
    )
    assert len(account.today().dishes_today) == 1


def test_the_connection_survives_a_refusal_before_the_body_was_read(account: Account) -> None:
    account.today()
    socket = account.connection.sock
    account.authorization, known = None, account.authorization
    assert account.call("POST", "/eater_receive_photo", b"x" * 1_000_000)[0] == 401
    account.authorization = known
    assert len(account.today().dishes_today) == 0
    assert account.connection.sock is socket


def test_a_photo_is_the_same_dish_again_at_another_time(account: Account) -> None:
    taken = datetime.now(UTC)
    first, second = account.upload(b"x" * 500_000, taken), account.upload(b"x" * 500_000, taken)
    assert (first, second) == (int(taken.timestamp() * 1000), first + 1)
    one, other = account.today().dishes_today
    assert (one.name, one.calories, one.nutrients) == (other.name, other.calories, other.nutrients)


def test_photos_that_are_refused(account: Account) -> None:
    assert account.refused("/eater_receive_photo", PhotoMessage()) == (400, "photo_data is empty")
    never = PhotoMessage(time="never", photo_data=b"x")
    assert account.refused("/eater_receive_photo", never) == (400, "time is not a time as ISO 8601")
    status, body = account.call("POST", "/eater_receive_photo", b"x" * (32 * 1024 * 1024 + 1))
    assert (status, json.loads(body)) == (413, {"error": "the body is longer than 33554432 bytes"})


def test_a_message_without_a_file_is_small(account: Account) -> None:
    status, text = error_of(account.call("POST", "/feedback", b"x" * 65_537))
    assert (status, text) == (413, "the body is longer than 65536 bytes")


def test_modifications_that_are_refused(account: Account) -> None:
    new = account.upload()

    def refused(**fields: Any) -> tuple[int, str]:
        request = {"time": new, "user_email": account.email, "percentage": 200, **fields}
        return account.refused("/modify_food_record", ModifyFoodRecordRequest(**request))

    assert refused(time=new + 1) == (404, "no dish of that time")
    assert refused(user_email="another@example.com") == (403, "the token is another user's")
    assert refused(user_email="") == (403, "the token is another user's")
    for percentage in (0, -200, 10_001):
        assert refused(percentage=percentage) == (400, "percentage is not one from 1 to 10000")


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_are_none(account: Account, weight: float) -> None:
    request = ManualWeightRequest(user_email=account.email, weight=weight)
    assert account.refused("/manual_weight", request) == (400, "weight is not a number of kilograms")


def test_calls_for_another_user(account: Account) -> None:
    for path, request in [
        ("/manual_weight", ManualWeightRequest(user_email="b@example.com", weight=70)),
        ("/set_language", SetLanguageRequest(user_email="b@example.com", language_code="en")),
        ("/feedback", FeedbackRequest(userEmail="b@example.com", feedback="good")),
    ]:
        assert account.refused(path, request) == (403, "the token is another user's")


@pytest.mark.parametrize("days", [0, -1])
def test_recommendations_look_back_a_day_or_more(account: Account, days: int) -> None:
    assert account.refused("/get_recommendation", RecommendationRequest(days=days)) == (400, "days is less than 1")


def test_a_dish_is_deleted_once(account: Account) -> None:
    new = account.upload()
    assert account.ask("/delete_food", DeleteFoodRequest(time=new), DeleteFoodResponse).success
    assert account.refused("/delete_food", DeleteFoodRequest(time=new)) == (404, "no dish of that time")


def test_food_of_another_day(account: Account) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    message = PhotoMessage(time=yesterday.isoformat(), photo_data=b"late")
    assert account.ask("/eater_receive_photo", message, PhotoResponse).success
    request = CustomDateFoodRequest(date=f"{yesterday:%d-%m-%Y}")
    food = account.ask("/get_food_custom_date", request, CustomDateFoodResponse)
    assert (food.date, len(food.dishes), food.totals.weight) == (request.date, 1, food.dishes[0].weight)
    for date in ("", "2024-01-15", "32-01-2024"):
        refused = account.refused("/get_food_custom_date", CustomDateFoodRequest(date=date))
        assert refused == (400, "date is not a date as dd-MM-yyyy")


def test_the_language(account: Account) -> None:
    german = SetLanguageRequest(user_email=account.email, language_code="de")
    assert account.ask("/set_language", german, SetLanguageResponse).success
    none = SetLanguageRequest(user_email=account.email)
    assert account.refused("/set_language", none) == (400, "language_code is empty")


def test_alcohol(account: Account) -> None:
    # Of twelve things on the menu two are drinks.
    for number in range(60):
        account.upload(b"photo %d" % number)
    today = account.ask("/alcohol_latest", None, GetAlcoholLatestResponse).today
    assert today.drinks == len(today.events) > 0
    assert today.quantity_ml == sum(event.quantity_ml for event in today.events)
    days = GetAlcoholRangeRequest(start_date="01-01-2024", end_date=today.date)
    assert list(account.ask("/alcohol_range", days, GetAlcoholRangeResponse).days) == [today]


def test_ranges_that_are_none(account: Account) -> None:
    def refused(start: str, end: str) -> tuple[int, str]:
        return account.refused("/alcohol_range", GetAlcoholRangeRequest(start_date=start, end_date=end))

    assert refused("02-01-2024", "01-01-2024") == (400, "start_date is after end_date")
    assert refused("2024-01-01", "01-01-2024") == (400, "start_date is not a date as dd-MM-yyyy")
    assert refused("01-01-2024", "") == (400, "end_date is not a date as dd-MM-yyyy")


def test_feedback(account: Account) -> None:
    good = FeedbackRequest(time="2024-01-15T12:00:00Z", userEmail=account.email, feedback="good")
    assert account.ask("/feedback", good, FeedbackResponse).success
    for empty in ("", " \n"):
        request = FeedbackRequest(userEmail=account.email, feedback=empty)
        assert account.refused("/feedback", request) == (400, "feedback is empty")


def test_a_login_gives_a_token_that_is_good_for_its_email(account: Account) -> None:
    account.authorization = None
    status, body = account.call("POST", "/eater_auth", json.dumps(LOGIN).encode(), "application/json; charset=utf-8")
    answer = json.loads(body)
    assert (status, answer["email"]) == (200, "loadtest@example.com")
    claims = jwt.decode(answer["token"], FAKE_JWT_SECRET, algorithms=["HS256"])
    assert claims["email"] == "loadtest@example.com"
    assert claims["exp"] - claims["iat"] == 48 * 3600
    account.authorization, account.email = f"Bearer {answer['token']}", "loadtest@example.com"
    weight = ManualWeightRequest(user_email="loadtest@example.com", weight=70)
    assert account.ask("/manual_weight", weight, ManualWeightResponse).success


@pytest.mark.parametrize("missing", LOGIN)
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_login_needs_every_field(account: Account, missing: str, value: object) -> None:
    fields = {**LOGIN, missing: value}
    for body in (fields, {name: value for name, value in fields.items() if name != missing}):
        answer = account.call("POST", "/eater_auth", json.dumps(body).encode(), "application/json")
        assert error_of(answer) == (400, f"missing or not text: {missing}")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 60_000])
def test_a_login_that_is_not_json(account: Account, body: bytes) -> None:
    answer = account.call("POST", "/eater_auth", body, "application/json")
    assert error_of(answer) == (400, "the body is not JSON")


def test_a_login_that_is_something_else(account: Account) -> None:
    assert error_of(account.call("POST", "/eater_auth", b"[]", "application/json")) == (
        400,
        "the body is not a JSON object",
    )
    assert error_of(account.call("POST", "/eater_auth", json.dumps(LOGIN).encode(), PROTOBUF)) == (
        415,
        "the content type is not application/json",
    )


def test_a_thousand_accounts_do_not_see_each_other(target: Any) -> None:
    crowd = Account(target.address, "")
    times = {}
    for number in range(1000):
        crowd.email = f"crowd-{number}@example.com"
        crowd.authorization = f"Bearer {token(crowd.email)}"
        photo = PhotoMessage(time="", photo_data=b"photo %d" % number)
        assert crowd.ask("/eater_receive_photo", photo, PhotoResponse).success
        weight = ManualWeightRequest(user_email=crowd.email, weight=50 + number)
        assert crowd.ask("/manual_weight", weight, ManualWeightResponse).success
        times[crowd.authorization] = number
    for authorization, number in times.items():
        crowd.authorization = authorization
        today = crowd.today()
        assert (len(today.dishes_today), today.person_weight) == (1, 50 + number)
    crowd.connection.close()
