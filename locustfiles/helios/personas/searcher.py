"""Somebody who knows what they want, more or less."""

from __future__ import annotations

import random
from typing import Any

from common.graphql_client import (
    NEXT_RESULTS,
    REFINE_SEARCH,
    SEARCH_BY_PRICE,
    SEARCH_PRODUCTS,
    SEARCH_SORTED,
    Operation,
    ShopUser,
)
from common.utils import CHANNEL, search_terms
from locust import between, tag, task

PRICES = ((0, 25), (25, 50), (50, 100), (100, 1000))
SORTS = (("MINIMAL_PRICE", "ASC"), ("MINIMAL_PRICE", "DESC"), ("NAME", "ASC"))
RESULTS = 20


class Searcher(ShopUser):
    """A quarter of all visitors: search, filter, sort, search again."""

    persona = "Searcher"
    weight = 25
    wait_time = between(1, 3)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.term = ""
        self.next_page: str | None = None

    @tag("read", "search")
    @task(40)
    def search(self) -> None:
        """Search for a word."""
        self.find(SEARCH_PRODUCTS, self.word())

    @tag("read", "search", "filter")
    @task(20)
    def search_by_price(self) -> None:
        """Search for a word within a range of prices."""
        low, high = random.choice(PRICES)
        self.find(SEARCH_BY_PRICE, self.word(), where={"price": {"range": {"gte": low, "lte": high}}})

    @tag("read", "search", "sort")
    @task(15)
    def search_sorted(self) -> None:
        """Search for a word, and sort what there is."""
        field, direction = random.choice(SORTS)
        self.find(SEARCH_SORTED, self.word(), sortBy={"field": field, "direction": direction})

    @tag("read", "search")
    @task(10)
    def refine(self) -> None:
        """The last search with another word."""
        self.find(REFINE_SEARCH, " ".join([*self.term.split()[:1], self.word()]))

    @tag("read", "search")
    @task(15)
    def view_result(self) -> None:
        """A product that was found."""
        self.look_at(self.product())

    @tag("read", "search")
    @task(5)
    def paginate(self) -> None:
        """The next page of the last search, or a search's first where it has no more."""
        more = {"after": self.next_page} if self.next_page else {}
        self.find(NEXT_RESULTS, self.term if more else self.word(), **more)

    def find(self, wanted: Operation, term: str, **variables: Any) -> None:
        """Search, and keep in mind what for."""
        page = self.list_products(wanted, channel=CHANNEL, search=term, first=RESULTS, **variables)["pageInfo"]
        # Only a search without filter and order goes on without them.
        plain = page["hasNextPage"] and not variables.keys() - {"after"}
        self.term, self.next_page = term, page["endCursor"] if plain else None

    def word(self) -> str:
        """Something to search for: one of the terms given, or a word from the name of a product."""
        terms = search_terms() or [word for word in self.product()["name"].split() if word.isalpha()]
        return random.choice(terms or [self.product()["name"]])
