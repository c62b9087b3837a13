"""The shop's catalogue: what it sells, found by category, words, price and order, and changed by its staff."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

from graphql import GraphQLError

from wireswarm.target.recent import Recent
from wireswarm.target.shop_goods import Node, draft, make_categories, make_product_type, make_products, moment

MOST_ROWS = 100
"""Of one page, as in Saleor."""
LONGEST_SEARCH = 250
MOST_IN_FILTER = 100
"""Entries of a filter's list."""
_KEPT_RESULTS = 100
_ORDERS: Mapping[str, Callable[[Node], Any]] = {
    "NAME": lambda product: product["name"].lower(),
    "PRICE": lambda product: min(product["_cents"], default=0),
    "MINIMAL_PRICE": lambda product: min(product["_cents"], default=0),
    "RATING": lambda product: product["rating"] or 0,
    "CREATED_AT": itemgetter("created"),
    "PUBLISHED_AT": itemgetter("created"),
    "LAST_MODIFIED_AT": itemgetter("updatedAt"),
}


class Catalogue:
    """Products and categories. What the staff has drafted is bounded: the oldest draft makes room.

    Indexes are made when they are first needed after a change.
    """

    def __init__(self, max_drafts: int) -> None:
        self._max_drafts = max_drafts
        self.product_type = make_product_type()
        self.categories = {category["id"]: category for category in make_categories()}
        self._products: dict[str, Node] = {}
        self.variants: dict[str, Node] = {}
        for product, variants in make_products(list(self.categories.values()), self.product_type):
            self._products[product["id"]] = product
            self.variants |= {variant["id"]: variant for variant in variants}
        self._drafts: dict[str, Node] = {}
        self._slugs = {product["slug"]: product for product in self._products.values()}
        self._made = len(self._products)
        self._results: Recent[str, list[Node]] = Recent(_KEPT_RESULTS)
        self._results_with_drafts: Recent[str, list[Node]] = Recent(_KEPT_RESULTS)
        self._words: list[tuple[str, frozenset[str]]] | None = None

    def product(self, key: str | None, slug: str | None, *, drafts: bool) -> Node | None:
        """A product by its ID or slug; also one that is in no channel, where drafts are wanted."""
        found = self._slugs.get(slug or "") if key is None else self._products.get(key) or self._drafts.get(key)
        return found if found is not None and (drafts or found["channel"]) else None

    def category(self, key: str | None, slug: str | None) -> Node | None:
        """A category by its ID or slug."""
        if key is not None:
            return self.categories.get(key)
        return next((category for category in self.categories.values() if category["slug"] == slug), None)

    def find(self, arguments: Mapping[str, Any], *, category: Node | None = None, staff: bool) -> list[Node]:
        """The products that a query asks for, in its order; the staff finds drafts too, outside of channels.

        Raises:
            GraphQLError: they cannot be in that order, or are described at too great a length.
        """
        if len(arguments.get("search") or "") > LONGEST_SEARCH:
            raise GraphQLError(f"The search is longer than {LONGEST_SEARCH} characters.")
        wanted = {name: arguments.get(name) for name in ("search", "where", "sortBy")}
        drafts = staff and not arguments.get("channel")
        results = self._results_with_drafts if drafts else self._results
        _check_lengths(wanted["where"])
        key = json.dumps([wanted, category and category["id"]], sort_keys=True)
        found = results.get(key)
        if found is None:
            found = self._select(**wanted, category=category, drafts=drafts)
            results.put(key, found)
        return found

    def add(self, fields: Mapping[str, Any], now: float) -> Node:
        """Draft a product."""
        self._made += 1
        product = draft(self._made, "", "", None, self.product_type, now)
        slug = fields.get("slug") or "-".join(fields["name"].lower().split())
        self._drafts[product["id"]] = product
        self.change(product, {**fields, "slug": slug if slug not in self._slugs else f"{slug}-{self._made}"}, now)
        if len(self._drafts) > self._max_drafts:
            self.remove(next(iter(self._drafts.values())))
        return product

    def change(self, product: Node, fields: Mapping[str, Any], now: float) -> None:
        """Change what is given of a product."""
        seo = fields.get("seo") or {}
        for name in ("name", "slug", "description", "rating"):
            if fields.get(name) is not None:
                if name == "slug":
                    self._slugs.pop(product["slug"], None)
                    self._slugs[fields["slug"]] = product
                product[name] = fields[name]
        for name, ours in (("title", "seoTitle"), ("description", "seoDescription")):
            product[ours] = seo.get(name, product[ours])
        if fields.get("category") is not None:
            product["category"] = self.categories[fields["category"]]
        product["updatedAt"] = moment(now)
        self._forget_indexes(product)

    def remove(self, product: Node) -> None:
        """Sell it no longer."""
        self._drafts.pop(product["id"], None)
        self._products.pop(product["id"], None)
        self._slugs.pop(product["slug"], None)
        for variant in product["_variants"]:
            self.variants.pop(variant, None)
        self._forget_indexes(product)

    def has_slug(self, slug: str) -> bool:
        """Whether a product has that slug."""
        return slug in self._slugs

    def sell(self, variant: Node, quantity: int) -> None:
        """Take something off the shelf, which is filled again when half of it is gone: no soak sells the shop out."""
        variant["_stock"] -= quantity
        if variant["_stock"] < variant["_ordered"] / 2:
            variant["_stock"] = variant["_ordered"]

    def _select(
        self,
        *,
        search: str | None,
        where: Mapping[str, Any] | None,
        sortBy: Mapping[str, Any] | None,  # noqa: N803 - the field's name
        category: Node | None,
        drafts: bool,
    ) -> list[Node]:
        order = (sortBy or {}).get("field") or ("RANK" if search else "NAME")
        if order == "RANK" and not search:
            raise GraphQLError("Sorting by RANK is available only when using a search filter.")
        products = [*self._products.values(), *(self._drafts.values() if drafts else ())]
        if search:
            among = self._with_words(search.lower().split())
            products = [product for product in products if product["id"] in among]
        tests = [*_tests(where or {}), *([_within([category["id"]])] if category else [])]
        for test in tests:
            products = [product for product in products if test(product)]
        products.sort(key=_ORDERS.get(order, _ORDERS["NAME"]), reverse=(sortBy or {}).get("direction") == "DESC")
        return products

    def _with_words(self, words: list[str]) -> frozenset[str]:
        # The products that have every word, or one that begins with it, in their name, category or description.
        if self._words is None:
            index: dict[str, set[str]] = {}
            for product in self._products.values():
                for word in f"{product['name']} {product['category']['name']}".lower().split():
                    index.setdefault(word, set()).add(product["id"])
            self._words = [(word, frozenset(found)) for word, found in sorted(index.items())]
        found: frozenset[str] | None = None
        for word in words:
            some: set[str] = set()
            for place in range(bisect_left(self._words, (word,)), len(self._words)):
                if not self._words[place][0].startswith(word):
                    break
                some |= self._words[place][1]
            found = frozenset(some) if found is None else found & some
        return found or frozenset()

    def _forget_indexes(self, changed: Node) -> None:
        self._results_with_drafts.clear()
        if changed["channel"]:
            self._results.clear()
            self._words = None


def connection(nodes: list[Node], arguments: Mapping[str, Any], name: str) -> Node:
    """A page of nodes: `first` after a cursor, or `last` before one.

    Raises:
        GraphQLError: neither `first` nor `last`, too many, or a cursor that is none.
    """
    which = [side for side in ("first", "last") if arguments.get(side) is not None]
    if len(which) != 1:
        raise GraphQLError(f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.")
    size: int = arguments[which[0]]
    if not 0 <= size <= MOST_ROWS:
        raise GraphQLError(
            f"Requesting {size} records on the `{name}` connection exceeds the `{which[0]}` limit of {MOST_ROWS} "
            "records."
        )
    low = _place(nodes, arguments["after"]) + 1 if arguments.get("after") else 0
    high = _place(nodes, arguments["before"]) if arguments.get("before") else len(nodes)
    low, high = (low, min(low + size, high)) if which == ["first"] else (max(high - size, low), high)
    page = [{"cursor": node.get("_cursor", node["id"]), "node": node} for node in nodes[low:high]]
    info = {
        "hasNextPage": high < len(nodes),
        "hasPreviousPage": low > 0,
        "startCursor": page[0]["cursor"] if page else None,
        "endCursor": page[-1]["cursor"] if page else None,
    }
    return {"totalCount": len(nodes), "edges": page, "pageInfo": info}


def number(value: Any) -> float:
    """A Decimal, which may be text.

    Raises:
        GraphQLError: it is none.
    """
    try:
        amount = float(value)
    except (TypeError, ValueError, OverflowError):
        amount = math.nan
    if not math.isfinite(amount):
        raise GraphQLError("Decimal cannot represent a value that is not a number.")
    return amount


def _place(nodes: list[Node], cursor: str) -> int:
    for place, node in enumerate(nodes):
        if node.get("_cursor", node["id"]) == cursor:
            return place
    raise GraphQLError("Received cursor is invalid.")


def _check_lengths(value: Any) -> None:
    if isinstance(value, Mapping):
        for inner in value.values():
            _check_lengths(inner)
    elif isinstance(value, list):
        if len(value) > MOST_IN_FILTER:
            raise GraphQLError(f"A list of the filter has more than {MOST_IN_FILTER} entries.")
        for inner in value:
            _check_lengths(inner)
    elif isinstance(value, str) and len(value) > LONGEST_SEARCH:
        raise GraphQLError(f"A value of the filter is longer than {LONGEST_SEARCH} characters.")


def _tests(where: Mapping[str, Any]) -> Iterable[Callable[[Node], bool]]:
    if (ids := where.get("ids")) is not None:
        yield lambda product: product["id"] in ids
    if where.get("category"):
        one = where["category"].get("eq")
        yield _within([one] if one else where["category"].get("oneOf") or [])
    for name in ("price", "minimalPrice"):
        if where.get(name):
            yield _costs(where[name], lowest=name == "minimalPrice")
    if where.get("isAvailable") is not None:
        yield lambda product: product["isAvailable"] is where["isAvailable"]
    if where.get("stockAvailability"):
        yield lambda product: bool(product["isAvailable"]) is (where["stockAvailability"] == "IN_STOCK")


def _within(categories: list[str]) -> Callable[[Node], bool]:
    def test(product: Node) -> bool:
        category = product["category"]
        return category is not None and (
            category["id"] in categories or (category["parent"] is not None and category["parent"]["id"] in categories)
        )

    return test


def _costs(price: Mapping[str, Any], *, lowest: bool) -> Callable[[Node], bool]:
    span = price.get("range") or {}
    low = number(span.get("gte") or 0)
    high = math.inf if span.get("lte") is None else number(span["lte"])
    exact = [number(amount) for amount in [*(price.get("oneOf") or ()), *([price["eq"]] if price.get("eq") else [])]]

    def test(product: Node) -> bool:
        prices = [cents / 100 for cents in product["_cents"]]
        fits = [low <= amount <= high and (not exact or amount in exact) for amount in prices]
        return any(fits[:1] if lowest else fits)

    return test
