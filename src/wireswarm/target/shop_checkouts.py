"""The shop's checkouts: a cart that becomes an order once all that Saleor asks for is there.

A checkout is the object that answers are made of, and is changed in place; what is wrong with a change is a `Problem`
with Saleor's code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from wireswarm.target.recent import Recent
from wireswarm.target.shop_catalogue import Catalogue, number
from wireswarm.target.shop_goods import CHANNEL, Node, global_id, moment, money, taxed

GATEWAY = "mirumee.payments.dummy"
"""Saleor's own gateway for trials, which takes every payment."""
MOST_ITEMS = 50
"""Of one variant in a checkout, as in Saleor."""
MOST_LINES = 50
LONGEST_TEXT = 256
"""Of an address; an e-mail address may be as long."""
COUNTRIES = {
    "AT": "Austria",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "CZ": "Czechia",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IT": "Italy",
    "JP": "Japan",
    "NL": "Netherlands",
    "NO": "Norway",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States of America",
}
_METHODS = [
    {
        "id": global_id("ShippingMethod", number),
        "name": name,
        "price": money(cents),
        "active": True,
        "minimumDeliveryDays": days,
        "maximumDeliveryDays": days + 2,
        "_cents": cents,
    }
    for number, (name, cents, days) in enumerate([("Standard", 499, 3), ("Express", 1499, 1)], 1)
]
_REQUIRED = ("firstName", "lastName", "streetAddress1", "city", "postalCode", "country")
_TEXTS = (
    "firstName",
    "lastName",
    "companyName",
    "streetAddress1",
    "streetAddress2",
    "city",
    "cityArea",
    "postalCode",
    "countryArea",
)
_WITH_STATES = ("CA", "US")


class Problem(Exception):  # noqa: N818 - what is wrong with a mutation is an answer of the shop, not an error of it
    """What is wrong with a mutation: one of its own `errors`."""

    def __init__(self, code: str, field: str | None, message: str, variants: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "field": field, "message": message, "variants": variants}


class Checkouts:
    """The open checkouts, and the orders that others have become; of both, those that were last used."""

    def __init__(self, catalogue: Catalogue, limit: int) -> None:
        self._catalogue = catalogue
        self._open: Recent[str, Node] = Recent(limit)
        self._orders: Recent[str, Node] = Recent(limit)
        self._ordered = 0

    def __len__(self) -> int:
        return len(self._open)

    def get(self, key: str | None) -> Node | None:
        """An open checkout."""
        return self._open.get(key or "")

    def find(self, key: str | None) -> Node:
        """An open checkout.

        Raises:
            Problem: there is none of that ID.
        """
        checkout = self.get(key)
        if checkout is None:
            raise Problem("NOT_FOUND", "id", f"Couldn't resolve to a node: {key}")
        return checkout

    def create(self, wanted: Mapping[str, Any], now: float) -> Node:
        """Begin a checkout."""
        channel = wanted.get("channel")
        if channel != CHANNEL:
            raise Problem("NOT_FOUND", "channel", f"Channel with '{channel}' slug does not exist.")
        token = str(uuid.uuid4())
        checkout: Node = {
            "id": global_id("Checkout", token),
            "token": token,
            "created": moment(now),
            "email": None,
            "isShippingRequired": True,
            "lines": [],
            "shippingAddress": None,
            "billingAddress": None,
            "shippingMethods": [],
            "shippingMethod": None,
            "_paid": 0,
        }
        if wanted.get("email"):
            self.write_to(checkout, wanted["email"])
        if wanted.get("shippingAddress"):
            self.ship_to(checkout, wanted["shippingAddress"])
        if wanted.get("billingAddress"):
            self.bill_to(checkout, wanted["billingAddress"])
        self.add(checkout, wanted.get("lines") or ())
        self._open.put(checkout["id"], checkout)
        return checkout

    def add(self, checkout: Node, wanted: Sequence[Mapping[str, Any]]) -> None:
        """Put variants into the cart; all or none."""
        quantities = {line["variant"]["id"]: line["quantity"] for line in checkout["lines"]}
        for line in wanted:
            key, quantity = line["variantId"], line["quantity"]
            if quantity < 1:
                raise Problem("ZERO_QUANTITY", "quantity", "The quantity should be higher than zero.")
            quantities[key] = quantities.get(key, 0) + quantity
        if len(quantities) > MOST_LINES:
            raise Problem("INVALID", "lines", f"The checkout cannot have more than {MOST_LINES} lines.")
        known = {line["variant"]["id"]: line["id"] for line in checkout["lines"]}
        checkout["lines"] = [
            _line(known.get(key), self._available(key, quantity), quantity) for key, quantity in quantities.items()
        ]
        _sum_up(checkout)

    def remove(self, checkout: Node, lines: Sequence[str]) -> None:
        """Take lines out of the cart; all or none."""
        missing = set(lines) - {line["id"] for line in checkout["lines"]}
        if missing:
            raise Problem("INVALID", "lineId", "Provided line_ids aren't part of checkout.")
        checkout["lines"] = [line for line in checkout["lines"] if line["id"] not in lines]
        _sum_up(checkout)

    def write_to(self, checkout: Node, email: str) -> None:
        """Say whose checkout it is."""
        checkout["email"] = _short("email", email)

    def ship_to(self, checkout: Node, address: Mapping[str, Any]) -> None:
        """Say where the goods go; only then there are ways to send them."""
        checkout["shippingAddress"] = _address(address)
        checkout["shippingMethods"] = _METHODS

    def bill_to(self, checkout: Node, address: Mapping[str, Any]) -> None:
        """Say who pays."""
        checkout["billingAddress"] = _address(address)

    def ship_by(self, checkout: Node, method: str | None) -> None:
        """Choose how the goods are sent."""
        chosen = next((one for one in _METHODS if one["id"] == method), None)
        if chosen is None:
            raise Problem("NOT_FOUND", "deliveryMethodId", f"Couldn't resolve to a node: {method}")
        if checkout["shippingAddress"] is None:
            text = "Cannot choose a shipping method for a checkout without the shipping address."
            raise Problem("SHIPPING_ADDRESS_NOT_SET", None, text)
        checkout["shippingMethod"] = chosen
        _sum_up(checkout)

    def pay(self, checkout: Node, payment: Mapping[str, Any]) -> Node:
        """Pay the whole of it."""
        if not checkout["email"]:
            raise Problem("CHECKOUT_EMAIL_NOT_SET", None, "Checkout email must be set.")
        if payment["gateway"] != GATEWAY:
            text = f"The gateway {payment['gateway']} is not available for this checkout."
            raise Problem("NOT_SUPPORTED_GATEWAY", "gateway", text)
        if not checkout["lines"]:
            raise Problem("NO_CHECKOUT_LINES", "lines", "Cannot create payment for checkout without lines.")
        _check_addresses(checkout)
        total, amount = checkout["_cents"], payment.get("amount")
        if amount is not None and round(number(amount) * 100) != total:
            text = "Partial payments are not allowed, amount should be equal checkout's total."
            raise Problem("PARTIAL_PAYMENT_NOT_ALLOWED", "amount", text)
        checkout["_paid"] = total
        key = global_id("Payment", checkout["token"])
        return {"id": key, "gateway": GATEWAY, "isActive": True, "total": money(total)}

    def complete(self, key: str | None, now: float) -> Node:
        """Make an order of a checkout. One that has become an order already is that order."""
        order = self._orders.get(key or "")
        if order is not None:
            return order
        checkout = self.find(key)
        if not checkout["email"]:
            raise Problem("EMAIL_NOT_SET", None, "Checkout email must be set.")
        if not checkout["lines"]:
            raise Problem("NO_LINES", "lines", "Cannot complete checkout without lines.")
        _check_addresses(checkout)
        if checkout["_paid"] != checkout["_cents"]:
            text = "Provided payment methods can not cover the checkout's total amount"
            raise Problem("CHECKOUT_NOT_FULLY_PAID", None, text)
        for line in checkout["lines"]:
            self._available(line["variant"]["id"], line["quantity"])
        for line in checkout["lines"]:
            self._catalogue.sell(line["variant"], line["quantity"])
        self._open.discard(checkout["id"])
        self._ordered += 1
        order = {
            "id": global_id("Order", checkout["token"]),
            "number": str(self._ordered),
            "created": moment(now),
            "status": "UNFULFILLED",
            "isPaid": True,
            "userEmail": checkout["email"],
            "total": checkout["totalPrice"],
        }
        self._orders.put(checkout["id"], order)
        return order

    def _available(self, key: str, quantity: int) -> Node:
        variant = self._catalogue.variants.get(key)
        if variant is None:
            raise Problem("NOT_FOUND", "variantId", f"Couldn't resolve to a node: {key}", [key])
        if quantity > MOST_ITEMS:
            text = f"Cannot add more than {MOST_ITEMS} times this item: {variant['sku']}."
            raise Problem("QUANTITY_GREATER_THAN_LIMIT", "quantity", text)
        if quantity > variant["_stock"]:
            text = f"Could not add items {variant['sku']}. Only {variant['_stock']} remaining in stock."
            raise Problem("INSUFFICIENT_STOCK", "quantity", text, [key])
        return variant


def _line(key: str | None, variant: Node, quantity: int) -> Node:
    return {
        "id": key or global_id("CheckoutLine", uuid.uuid4()),
        "quantity": quantity,
        "variant": variant,
        "unitPrice": variant["pricing"]["price"],
        "totalPrice": taxed(variant["_cents"] * quantity),
        "_cents": variant["_cents"] * quantity,
    }


def _sum_up(checkout: Node) -> None:
    subtotal = sum(line["_cents"] for line in checkout["lines"])
    shipping = checkout["shippingMethod"]["_cents"] if checkout["shippingMethod"] else 0
    checkout["quantity"] = sum(line["quantity"] for line in checkout["lines"])
    checkout["subtotalPrice"] = taxed(subtotal)
    checkout["shippingPrice"] = taxed(shipping)
    checkout["totalPrice"] = taxed(subtotal + shipping)
    checkout["_cents"] = subtotal + shipping


def _check_addresses(checkout: Node) -> None:
    if checkout["shippingMethod"] is None:
        raise Problem("SHIPPING_METHOD_NOT_SET", "shippingMethod", "Shipping method is not set")
    if checkout["shippingAddress"] is None:
        raise Problem("SHIPPING_ADDRESS_NOT_SET", "shippingAddress", "Shipping address is not set")
    if checkout["billingAddress"] is None:
        raise Problem("BILLING_ADDRESS_NOT_SET", "billingAddress", "Billing address is not set")


def _address(given: Mapping[str, Any]) -> Node:
    needed = (*_REQUIRED, "countryArea") if given.get("country") in _WITH_STATES else _REQUIRED
    for name in needed:
        if not given.get(name):
            raise Problem("REQUIRED", name, "This field is required.")
    return {
        "id": global_id("Address", uuid.uuid4()),
        **{name: _short(name, given.get(name) or "") for name in _TEXTS},
        "country": {"code": given["country"], "country": COUNTRIES[given["country"]]},
        "phone": _short("phone", given.get("phone") or "") or None,
    }


def _short(field: str, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise Problem("INVALID", field, f"Ensure this value has at most {LONGEST_TEXT} characters.")
    return text
