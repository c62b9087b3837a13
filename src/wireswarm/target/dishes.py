"""What the target takes a photo for: a portion of something on its menu, the same for the same photo."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple


class Food(NamedTuple):
    """One thing on the menu; its numbers are for 100 grams."""

    name: str
    ingredients: tuple[str, ...]
    calories: float
    carbohydrates: float
    sugar: float
    fats: float
    proteins: float
    abv: float = 0.0
    """Alcohol by volume, percent. What has some is also a drink of the day."""


MENU = (
    Food("Pasta with tomato sauce", ("pasta", "tomatoes", "olive oil"), 131, 24.9, 3.2, 1.8, 4.6),
    Food("Chicken with rice", ("rice", "chicken breast", "peas"), 152, 18.1, 0.6, 3.4, 12.3),
    Food("Caesar salad", ("lettuce", "chicken breast", "parmesan", "croutons"), 127, 5.6, 1.7, 8.4, 7.9),
    Food("Porridge with berries", ("oats", "milk", "blueberries"), 96, 14.8, 5.1, 2.3, 3.6),
    Food("Margherita pizza", ("wheat flour", "mozzarella", "tomatoes"), 239, 30.4, 3.1, 8.6, 10.2),
    Food("Lentil soup", ("lentils", "carrots", "onions"), 62, 9.2, 1.9, 1.1, 3.8),
    Food("Salmon with potatoes", ("potatoes", "salmon", "dill"), 139, 10.7, 0.8, 6.5, 9.4),
    Food("Yoghurt with honey", ("yoghurt", "honey"), 91, 11.9, 11.4, 2.9, 4.2),
    Food("Vegetable curry", ("chickpeas", "cauliflower", "coconut milk"), 108, 10.3, 3.4, 5.9, 3.7),
    Food("Apple", ("apple",), 52, 13.8, 10.4, 0.2, 0.3),
    Food("Red wine", ("red wine",), 85, 2.6, 0.6, 0.0, 0.1, abv=13.0),
    Food("Lager", ("lager",), 43, 3.6, 0.1, 0.0, 0.5, abv=4.9),
)

_LIGHTEST, _HEAVIEST = 80, 500
"""Grams of a portion as photographed."""


class Portion(NamedTuple):
    """How much of a food there is, and what that amounts to."""

    weight: int
    """Grams; for a drink also taken for millilitres."""
    calories: int
    """Kilocalories."""
    carbohydrates: float
    """Grams, and so the rest."""
    sugar: float
    fats: float
    proteins: float

    def scaled(self, percentage: int) -> Portion:
        """The same dish at another size, in percent of this one."""
        factor = percentage / 100
        return Portion(round(self.weight * factor), round(self.calories * factor), *(n * factor for n in self[2:]))


def analyse(photo: bytes) -> tuple[Food, Portion]:
    """What a photo shows. CRC-32, because it must cost little for a photo of megabytes and guards nothing."""
    checksum = zlib.crc32(photo)
    food = MENU[checksum % len(MENU)]
    weight = _LIGHTEST + (checksum >> 8) % (_HEAVIEST - _LIGHTEST + 1)
    hundreds = weight / 100
    nutrients = (food.carbohydrates, food.sugar, food.fats, food.proteins)
    return food, Portion(weight, round(food.calories * hundreds), *(round(n * hundreds, 1) for n in nutrients))


def total(portions: Iterable[Portion]) -> Portion:
    """The sum, which is all zeros for no portions."""
    columns = list(zip(*portions, strict=True))
    return Portion(*map(sum, columns)) if columns else Portion(0, 0, 0.0, 0.0, 0.0, 0.0)
