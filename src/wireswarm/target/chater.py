"""Chater: a food diary that speaks protobuf over HTTP, behind a login that hands out JWTs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby

from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from wireswarm.protos.alcohol_pb2 import (
    AlcoholDay,
    AlcoholEvent,
    GetAlcoholLatestResponse,
    GetAlcoholRangeRequest,
    GetAlcoholRangeResponse,
)
from wireswarm.protos.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from wireswarm.protos.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from wireswarm.protos.eater_photo_pb2 import PhotoMessage, PhotoResponse
from wireswarm.protos.feedback_pb2 import FeedbackRequest, FeedbackResponse
from wireswarm.protos.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from wireswarm.protos.manual_weight_pb2 import ManualWeightRequest, ManualWeightResponse
from wireswarm.protos.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse
from wireswarm.protos.set_language_pb2 import SetLanguageRequest, SetLanguageResponse
from wireswarm.protos.today_food_pb2 import DayTotals, Dish, TodayFood
from wireswarm.target.accounts import Account, Accounts, Record, nutrients
from wireswarm.target.answers import Refusal, answer_json, media_type, read_body
from wireswarm.target.calls import SMALL, Calls
from wireswarm.target.days import DAY_MS, day_of, parse_day, parse_moment, show_day, span_of, start_of
from wireswarm.target.dishes import analyse, total
from wireswarm.target.routing import plain_route
from wireswarm.target.system import Context

PHOTO_LIMIT = 32 * 1024 * 1024
"""Bytes that a photo's message may have."""

_LARGEST = 10_000
"""Percent that a portion can be changed to, so that a day's sum stays within an int32."""

_LOGIN_FIELDS = ("provider", "idToken", "email", "name", "profilePictureURL")


class Chater:
    """The endpoints, and the accounts that they work on. Photos are looked at and not kept."""

    def __init__(self, context: Context) -> None:
        self._tokens = context.tokens
        self._clock = context.clock
        self._accounts = Accounts(context.settings.max_accounts, context.settings.max_records)

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        calls = Calls(self._tokens, self._accounts)
        return [
            calls.post("/eater_receive_photo", PhotoMessage, self._receive_photo, limit=PHOTO_LIMIT),
            calls.get("/eater_get_today", self._today),
            calls.post("/modify_food_record", ModifyFoodRecordRequest, _modify),
            calls.post("/manual_weight", ManualWeightRequest, self._weigh),
            calls.post("/get_recommendation", RecommendationRequest, self._recommend),
            calls.post("/delete_food", DeleteFoodRequest, _delete),
            calls.post("/get_food_custom_date", CustomDateFoodRequest, _custom_date),
            calls.post("/set_language", SetLanguageRequest, _set_language),
            calls.get("/alcohol_latest", self._alcohol_latest),
            calls.post("/alcohol_range", GetAlcoholRangeRequest, _alcohol_range),
            calls.post("/feedback", FeedbackRequest, _feedback),
            plain_route("POST", "/eater_auth", self._login),
        ]

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {}

    def reset(self) -> None:
        """See `System.reset`."""
        self._accounts.reset()

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        if media_type(scope) != "application/json":
            raise Refusal(415, "the content type is not application/json")
        fields = _login_fields(await read_body(receive, SMALL))
        token = self._tokens.issue(fields["email"], fields["name"])
        await answer_json(send, {"token": token, "email": fields["email"]})

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _receive_photo(self, account: Account, request: PhotoMessage) -> PhotoResponse:
        if not request.photo_data:
            raise Refusal(400, "photo_data is empty")
        time = parse_moment(request.time, "time") if request.time else self._now()
        food, portion = analyse(request.photo_data)
        account.add_dish(time, food, portion)
        return PhotoResponse(success=True, message=f"{food.name}, {portion.weight} g, {portion.calories} kcal")

    def _today(self, account: Account) -> TodayFood:
        records = account.dishes(*span_of(day_of(self._now())))
        weight = account.weight(0, sys.maxsize)
        return TodayFood(dishes_today=_messages(records), totals=_totals(records), person_weight=weight)

    def _weigh(self, account: Account, request: ManualWeightRequest) -> ManualWeightResponse:
        _check_owner(account, request.user_email)
        if not 0 < request.weight < math.inf:
            raise Refusal(400, "weight is not a number of kilograms")
        account.add_weight(self._now(), request.weight)
        return ManualWeightResponse(success=True)

    def _recommend(self, account: Account, request: RecommendationRequest) -> RecommendationResponse:
        if request.days < 1:
            raise Refusal(400, "days is less than 1")
        start, end = span_of(day_of(self._now()))
        records = account.dishes(start - (request.days - 1) * DAY_MS, end)
        if not records:
            return RecommendationResponse(recommendation="Nothing was recorded yet: start with a photo.", days=0)
        days = (end - 1 - records[0].time) // DAY_MS + 1
        calories = total(record.portion for record in records).calories // days
        advice = "a smaller portion in the evening" if calories > 2200 else "more vegetables and enough to drink"
        return RecommendationResponse(recommendation=f"At {calories} kcal a day: {advice}.", days=days)

    def _alcohol_latest(self, account: Account) -> GetAlcoholLatestResponse:
        today = day_of(self._now())
        drinks = [record for record in account.dishes(*span_of(today)) if record.food.abv]
        return GetAlcoholLatestResponse(today=_alcohol_day(show_day(today), drinks))


def _login_fields(body: bytes) -> dict[str, str]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise Refusal(400, "the body is not a JSON object")
    if missing := [name for name in _LOGIN_FIELDS if not (isinstance(fields.get(name), str) and fields[name])]:
        raise Refusal(400, f"missing or not text: {', '.join(missing)}")
    return fields


def _check_owner(account: Account, email: str) -> None:
    if email != account.email:
        raise Refusal(403, "the token is another user's")


def _modify(account: Account, request: ModifyFoodRecordRequest) -> ModifyFoodRecordResponse:
    _check_owner(account, request.user_email)
    if not 1 <= request.percentage <= _LARGEST:
        raise Refusal(400, f"percentage is not one from 1 to {_LARGEST}")
    record = account.dish(request.time)
    if record is None:
        raise Refusal(404, "no dish of that time")
    record.resize(request.percentage)
    return ModifyFoodRecordResponse(success=True)


def _delete(account: Account, request: DeleteFoodRequest) -> DeleteFoodResponse:
    if not account.remove_dish(request.time):
        raise Refusal(404, "no dish of that time")
    return DeleteFoodResponse(success=True)


def _custom_date(account: Account, request: CustomDateFoodRequest) -> CustomDateFoodResponse:
    span = span_of(parse_day(request.date, "date"))
    records = account.dishes(*span)
    return CustomDateFoodResponse(
        date=request.date,
        dishes=_messages(records),
        totals=_totals(records),
        person_weight=account.weight(*span),
    )


def _set_language(account: Account, request: SetLanguageRequest) -> SetLanguageResponse:
    _check_owner(account, request.user_email)
    if not request.language_code:
        raise Refusal(400, "language_code is empty")
    account.language = request.language_code
    return SetLanguageResponse(success=True)


def _alcohol_range(account: Account, request: GetAlcoholRangeRequest) -> GetAlcoholRangeResponse:
    start, end = parse_day(request.start_date, "start_date"), parse_day(request.end_date, "end_date")
    if start > end:
        raise Refusal(400, "start_date is after end_date")
    drinks = [record for record in account.dishes(start_of(start), start_of(end) + DAY_MS) if record.food.abv]
    days = groupby(drinks, key=lambda record: show_day(day_of(record.time)))
    return GetAlcoholRangeResponse(days=[_alcohol_day(day, list(drunk)) for day, drunk in days])


def _feedback(account: Account, request: FeedbackRequest) -> FeedbackResponse:
    _check_owner(account, request.userEmail)
    if not request.feedback.strip():
        raise Refusal(400, "feedback is empty")
    account.add_feedback(request.feedback)
    return FeedbackResponse(success=True)


def _messages(records: Sequence[Record]) -> list[Dish]:
    return [record.message for record in records]


def _totals(records: Sequence[Record]) -> DayTotals:
    portion = total(record.portion for record in records)
    return DayTotals(calories=portion.calories, weight=portion.weight, nutrients=nutrients(portion))


def _alcohol_day(date: str, drinks: Sequence[Record]) -> AlcoholDay:
    events = [
        AlcoholEvent(
            time=record.time,
            drink_name=record.food.name,
            quantity_ml=record.portion.weight,
            abv=record.food.abv,
            calories=record.portion.calories,
        )
        for record in drinks
    ]
    drunk = total(record.portion for record in drinks)
    return AlcoholDay(date=date, drinks=len(events), quantity_ml=drunk.weight, calories=drunk.calories, events=events)
