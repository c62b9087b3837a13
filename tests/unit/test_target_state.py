from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.target.accounts import Account, Accounts
from wireswarm.target.answers import Refusal
from wireswarm.target.days import DAY_MS, day_of, parse_day, parse_moment, show_day, span_of, start_of
from wireswarm.target.dishes import MENU, Portion, analyse, total
from wireswarm.target.recent import Recent

FOOD, PORTION = analyse(b"a photo")


def test_recent_keeps_what_was_used_last() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, False, True)
    recent.put("a", 4)
    recent.put("d", 5)
    assert recent.get("a") == 4
    assert recent.get("c") is None
    recent.discard("a")
    recent.discard("a")
    assert len(recent) == 1
    recent.clear()
    assert len(recent) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8))), st.integers(1, 5))
def test_recent_never_exceeds_its_bound_and_has_what_was_written_last(
    steps: list[tuple[bool, int]], limit: int
) -> None:
    recent: Recent[int, str] = Recent(limit)
    for write, key in steps:
        if write:
            recent.put(key, f"value {key}")
            assert recent.get(key) == f"value {key}"
        else:
            assert recent.get(key) in {None, f"value {key}"}
        assert len(recent) <= limit


def test_an_account_keeps_the_last_of_each_kind() -> None:
    account = Account("a@example.com", 3)
    for number in range(5):
        account.add_dish(number, FOOD, PORTION)
        account.add_weight(number, 70.0 + number)
        account.add_feedback(f"text {number}")
    assert [record.time for record in account.dishes(0, 10)] == [2, 3, 4]
    assert account.feedback == ("text 2", "text 3", "text 4")
    assert account.weight(0, 10) == 74.0
    assert account.weight(0, 4) == 73.0
    assert account.weight(0, 2) == 0.0


def test_a_dish_takes_the_next_free_millisecond() -> None:
    account = Account("a@example.com", 10)
    assert [account.add_dish(time, FOOD, PORTION).time for time in (5, 5, 6, 5)] == [5, 6, 7, 8]


def test_dishes_are_listed_oldest_first_and_found_by_their_time() -> None:
    account = Account("a@example.com", 10)
    for time in (30, 10, 20):
        account.add_dish(time, FOOD, PORTION)
    assert [record.time for record in account.dishes(10, 30)] == [10, 20]
    assert account.dish(20) is not None
    assert account.remove_dish(20)
    assert not account.remove_dish(20)
    assert account.dish(20) is None


def test_the_account_that_was_idle_for_longest_is_forgotten() -> None:
    accounts = Accounts(2, 10)
    accounts.of("a").language = "de"
    accounts.of("b").language = "fr"
    assert accounts.of("a").language == "de"
    accounts.of("c")
    assert len(accounts) == 2
    assert accounts.of("a").language == "de"
    assert accounts.of("b").language == "en"
    accounts.reset()
    assert len(accounts) == 0


def test_a_size_is_relative_to_the_photo() -> None:
    record = Account("a@example.com", 10).add_dish(0, FOOD, PORTION)
    original = record.message
    for _ in range(2):
        record.resize(200)
        assert record.portion == Portion(*(2 * number for number in PORTION))
        assert record.message.weight == 2 * original.weight
        assert record.message.nutrients.proteins == 2 * original.nutrients.proteins
    record.resize(100)
    assert record.portion == PORTION
    assert record.message == original
    assert record.message is record.message


@given(st.binary())
def test_the_same_photo_is_the_same_plausible_dish(photo: bytes) -> None:
    food, portion = analyse(photo)
    assert analyse(photo) == (food, portion)
    assert food in MENU
    assert 80 <= portion.weight <= 500
    assert 20 <= portion.calories <= 1500
    assert min(portion) >= 0


def test_photos_differ() -> None:
    dishes = {analyse(b"%d" % number) for number in range(1000)}
    assert len(dishes) > 700
    assert {food for food, _ in dishes} == set(MENU)


def test_totals() -> None:
    assert total([]) == Portion(0, 0, 0.0, 0.0, 0.0, 0.0)
    assert total([PORTION, PORTION]) == PORTION.scaled(200)


@given(st.dates())
def test_days_are_written_as_they_are_read(day: date) -> None:
    assert parse_day(show_day(day), "date") == day
    start, end = span_of(day)
    assert (day_of(start), day_of(end - 1), end - start) == (day, day, DAY_MS)
    assert start_of(day) == start


def test_a_day_begins_at_midnight_utc() -> None:
    assert start_of(date(1970, 1, 2)) == DAY_MS
    assert day_of(-1) == date(1969, 12, 31)
    assert show_day(date(2024, 1, 5)) == "05-01-2024"


NO_DAYS = ("", "2024-01-15", "15-1-2024", "30-02-2024", "00-01-2024", "15-13-2024", "15-01-24", "15-01-2024\n")


@pytest.mark.parametrize("text", [*NO_DAYS, "٠١-٠١-٢٠٢٤"])
def test_days_that_are_none(text: str) -> None:
    with pytest.raises(Refusal, match=r"^start_date is not a date as dd-MM-yyyy$") as refused:
        parse_day(text, "start_date")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:01.500Z", 1500),
        ("1970-01-01T00:00:01.999999+00:00", 1999),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:02", 2000),
        ("1970-01-02", DAY_MS),
        ("1970-01-01T00:00:00+23:59", -(24 * 60 - 1) * 60_000),
    ],
)
def test_moments(text: str, moment: int) -> None:
    assert parse_moment(text, "time") == moment


@pytest.mark.parametrize("text", ["", "now", "12:00", "1700000000000", "1969-12-31T23:00:00Z", "3000-01-01T00:00:00Z"])
def test_moments_that_are_none(text: str) -> None:
    with pytest.raises(Refusal, match=r"^time is (not a time as ISO 8601|out of range)$") as refused:
        parse_moment(text, "time")
    assert refused.value.status == 400
