"""What the target remembers of its accounts: dishes, weights, feedback and a language, in bounded memory."""

from __future__ import annotations

from wireswarm.protos.today_food_pb2 import Dish, Nutrients
from wireswarm.target.dishes import Food, Portion
from wireswarm.target.recent import Recent


class Record:
    """A dish as it was photographed, and the size that it was changed to."""

    __slots__ = ("_message", "_photographed", "food", "portion", "time")

    def __init__(self, time: int, food: Food, portion: Portion) -> None:
        self.time = time
        """Unix milliseconds; the record's key in its account."""
        self.food = food
        self.portion = portion
        self._photographed = portion
        self._message: Dish | None = None

    def resize(self, percentage: int) -> None:
        """Set the size in percent of what was photographed, however often it was changed since."""
        self.portion = self._photographed.scaled(percentage)
        self._message = None

    @property
    def message(self) -> Dish:
        """The dish as it goes over the wire. Kept, because a list of 50 dishes would cost four times as much."""
        if self._message is None:
            self._message = Dish(
                time=self.time,
                name=self.food.name,
                calories=self.portion.calories,
                weight=self.portion.weight,
                nutrients=nutrients(self.portion),
                ingredients=self.food.ingredients,
            )
        return self._message


def nutrients(portion: Portion) -> Nutrients:
    """A portion's nutrients as they go over the wire."""
    return Nutrients(
        carbohydrates=portion.carbohydrates, sugar=portion.sugar, fats=portion.fats, proteins=portion.proteins
    )


class Account:
    """One account's records, the last `limit` of each kind."""

    __slots__ = ("_dishes", "_feedback", "_limit", "_weights", "email", "language")

    def __init__(self, email: str, limit: int) -> None:
        self.email = email
        self.language = "en"
        self._limit = limit
        # Lists, not deques: an empty deque takes 700 bytes, and there may be 100,000 accounts.
        self._dishes: dict[int, Record] = {}
        self._weights: list[tuple[int, float]] = []
        self._feedback: list[str] = []

    def add_dish(self, time: int, food: Food, portion: Portion) -> Record:
        """Record a dish at that moment, or in the next millisecond that has none. The first recorded makes room."""
        while time in self._dishes:
            time += 1
        record = self._dishes[time] = Record(time, food, portion)
        if len(self._dishes) > self._limit:
            del self._dishes[next(iter(self._dishes))]
        return record

    def dish(self, time: int) -> Record | None:
        """The dish of exactly that moment."""
        return self._dishes.get(time)

    def remove_dish(self, time: int) -> bool:
        """Remove a dish; False when there is none of that moment."""
        return self._dishes.pop(time, None) is not None

    def dishes(self, start: int, end: int) -> list[Record]:
        """The dishes from `start` to before `end`, Unix milliseconds, oldest first."""
        return sorted((r for r in self._dishes.values() if start <= r.time < end), key=_time_of)

    def add_weight(self, time: int, kilograms: float) -> None:
        """Record the person's own weight."""
        self._weights.append((time, kilograms))
        del self._weights[: -self._limit]

    def weight(self, start: int, end: int) -> float:
        """The weight last entered from `start` to before `end`, Unix milliseconds; 0 when there is none."""
        return next((kilograms for time, kilograms in reversed(self._weights) if start <= time < end), 0.0)

    def add_feedback(self, text: str) -> None:
        """Keep a text."""
        self._feedback.append(text)
        del self._feedback[: -self._limit]

    @property
    def feedback(self) -> tuple[str, ...]:
        """The texts kept, oldest first."""
        return tuple(self._feedback)


class Accounts:
    """The accounts by email. Beyond `max_accounts` the one that was idle for longest is forgotten."""

    def __init__(self, max_accounts: int, max_records: int) -> None:
        self._accounts: Recent[str, Account] = Recent(max_accounts)
        self._max_records = max_records

    def __len__(self) -> int:
        return len(self._accounts)

    def of(self, email: str) -> Account:
        """An account, new if it was not known."""
        account = self._accounts.get(email)
        if account is None:
            account = Account(email, self._max_records)
            self._accounts.put(email, account)
        return account

    def reset(self) -> None:
        """Forget all accounts."""
        self._accounts.clear()


def _time_of(record: Record) -> int:
    return record.time
