"""What depends on the date, on a clock that stands still; the rest is in the integration tests."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from manual_clock import ManualClock

from wireswarm.protos.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from wireswarm.protos.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from wireswarm.protos.eater_photo_pb2 import PhotoMessage
from wireswarm.protos.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from wireswarm.protos.manual_weight_pb2 import ManualWeightRequest
from wireswarm.protos.today_food_pb2 import TodayFood
from wireswarm.target.app import create_app
from wireswarm.target.dishes import analyse
from wireswarm.target.settings import FAKE_JWT_SECRET, TargetSettings
from wireswarm.target.tokens import Tokens

EMAIL = "a@example.com"

WINE = next(photo for photo in map(str.encode, map(str, range(1000))) if analyse(photo)[0].name == "Red wine")
LAGER = next(photo for photo in map(str.encode, map(str, range(1000))) if analyse(photo)[0].name == "Lager")
PASTA = next(photo for photo in map(str.encode, map(str, range(1000))) if analyse(photo)[0].name.startswith("Pasta"))


class Diary:
    """One account's calls on an application without a server, at the clock's time."""

    def __init__(self, clock: ManualClock, **settings: Any) -> None:
        self.clock = clock
        self.app = create_app(TargetSettings(**settings), clock=clock.time)
        self._token = Tokens(FAKE_JWT_SECRET, clock.time).issue(EMAIL, "A")

    def call(self, method: str, path: str, message: Message | None = None) -> tuple[int, bytes]:
        body = message.SerializeToString() if message else b""
        headers = [(b"authorization", f"Bearer {self._token}".encode()), (b"content-type", b"application/protobuf")]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(part: Any) -> None:
            sent.append(part)

        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        run(self.app(scope, receive, send))  # type: ignore[arg-type]
        return sent[0]["status"], sent[1]["body"]

    def photo(self, taken: datetime | None, photo: bytes) -> None:
        time = taken.isoformat() if taken else ""
        status, _ = self.call("POST", "/eater_receive_photo", PhotoMessage(time=time, photo_data=photo))
        assert status == 200

    def today(self) -> TodayFood:
        return TodayFood.FromString(self.call("GET", "/eater_get_today")[1])

    def on(self, date: str) -> CustomDateFoodResponse:
        body = self.call("POST", "/get_food_custom_date", CustomDateFoodRequest(date=date))[1]
        return CustomDateFoodResponse.FromString(body)

    def recommend(self, days: int) -> RecommendationResponse:
        body = self.call("POST", "/get_recommendation", RecommendationRequest(days=days))[1]
        return RecommendationResponse.FromString(body)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what never waits, without an event loop."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.fixture
def diary(clock: ManualClock) -> Diary:
    clock.now = datetime(2024, 1, 15, 23, 59, 59, 500_000, tzinfo=UTC).timestamp()
    return Diary(clock)


def test_a_dish_has_the_photos_time_and_its_day(diary: Diary) -> None:
    now = datetime.fromtimestamp(diary.clock.now, UTC)
    diary.photo(now, PASTA)
    diary.photo(now, WINE)
    diary.photo(now - timedelta(days=1), LAGER)
    moment = int(diary.clock.now * 1000)
    assert [(dish.time, dish.name) for dish in diary.today().dishes_today] == [
        (moment, "Pasta with tomato sauce"),
        (moment + 1, "Red wine"),
    ]
    yesterday = diary.on("14-01-2024")
    assert (yesterday.date, [dish.name for dish in yesterday.dishes]) == ("14-01-2024", ["Lager"])
    assert yesterday.totals.weight == yesterday.dishes[0].weight
    assert [dish.name for dish in diary.on("15-01-2024").dishes] == ["Pasta with tomato sauce", "Red wine"]
    assert list(diary.on("16-01-2024").dishes) == []


def test_a_photo_without_a_time_is_of_now(diary: Diary) -> None:
    diary.photo(None, PASTA)
    assert diary.today().dishes_today[0].time == int(diary.clock.now * 1000)


def test_today_ends_at_midnight_utc(diary: Diary) -> None:
    diary.photo(None, PASTA)
    diary.call("POST", "/manual_weight", ManualWeightRequest(user_email=EMAIL, weight=70.5))
    diary.clock.advance(0.499)
    assert len(diary.today().dishes_today) == 1
    diary.clock.advance(0.001)
    assert list(diary.today().dishes_today) == []
    assert diary.today().totals.calories == 0
    # The weight is still the last one, but not one of the new day.
    assert diary.today().person_weight == 70.5
    assert diary.on("15-01-2024").person_weight == 70.5
    assert diary.on("16-01-2024").person_weight == 0


def test_alcohol_is_what_was_drunk(diary: Diary) -> None:
    now = datetime.fromtimestamp(diary.clock.now, UTC)
    for days, photo in [(0, WINE), (0, PASTA), (0, WINE), (1, PASTA), (2, LAGER), (9, WINE)]:
        diary.photo(now - timedelta(days=days), photo)
    today = GetAlcoholLatestResponse.FromString(diary.call("GET", "/alcohol_latest")[1]).today
    _, wine = analyse(WINE)
    assert (today.date, today.drinks, today.quantity_ml) == ("15-01-2024", 2, 2 * wine.weight)
    assert today.calories == 2 * wine.calories
    assert [(event.drink_name, event.quantity_ml, event.abv) for event in today.events] == [
        ("Red wine", wine.weight, 13.0)
    ] * 2
    request = GetAlcoholRangeRequest(start_date="09-01-2024", end_date="15-01-2024")
    days = GetAlcoholRangeResponse.FromString(diary.call("POST", "/alcohol_range", request)[1]).days
    assert [(day.date, [event.drink_name for event in day.events]) for day in days] == [
        ("13-01-2024", ["Lager"]),
        ("15-01-2024", ["Red wine", "Red wine"]),
    ]


def test_a_recommendation_rests_on_the_days_that_there_are(diary: Diary) -> None:
    assert diary.recommend(7).days == 0
    now = datetime.fromtimestamp(diary.clock.now, UTC)
    for days in (0, 2, 2, 20):
        diary.photo(now - timedelta(days=days), PASTA)
    assert [diary.recommend(days).days for days in (1, 2, 3, 7, 30, 2**31 - 1)] == [1, 1, 3, 3, 21, 21]
    assert "vegetables" in diary.recommend(7).recommendation
    for _ in range(20):
        diary.photo(now, PASTA)
    assert "smaller portion" in diary.recommend(1).recommendation


def test_what_is_kept_is_bounded(clock: ManualClock) -> None:
    diary = Diary(clock, max_records=3)
    for number in range(5):
        diary.photo(None, b"photo %d" % number)
        clock.advance(1)
    newest = [dish.time for dish in diary.today().dishes_today]
    assert newest == [int(clock.now * 1000) - 1000 * age for age in (3, 2, 1)]
