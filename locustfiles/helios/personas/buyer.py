"""Somebody who buys, or nearly."""

from __future__ import annotations

import random
import uuid
from contextlib import suppress
from typing import Any

from common.graphql_client import (
    ADD_LINES,
    COMPLETE_CHECKOUT,
    CREATE_CHECKOUT,
    PAY,
    PRODUCTS_TO_BUY,
    REMOVE_LINES,
    SET_BILLING_ADDRESS,
    SET_DELIVERY_METHOD,
    SET_SHIPPING_ADDRESS,
    VIEW_CART,
    Data,
    Operation,
    ShopUser,
    in_stock,
)
from common.utils import ADDRESS, CHANNEL, NO_PAYMENT, PAYMENT_GATEWAY
from locust import between, tag, task

from wireswarm import Flow, RequestFailed, step


class Buyer(ShopUser):
    """A fifth of all visitors: fills a cart and buys what is in it, or leaves it."""

    persona = "Buyer"
    weight = 20
    wait_time = between(2, 4)

    cart: Data | None = None
    """The checkout as it was last answered; there is none without something in it."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.variants: list[str] = []
        self.email = f"loadtest-{uuid.uuid4().hex}@example.com"

    def on_stop(self) -> None:
        """Leave no full cart behind."""
        with suppress(RequestFailed):
            self.leave()

    @tag("read")
    @task(25)
    def browse(self) -> None:
        """A page of products that are there, the best ones first."""
        sort, where = {"field": "RATING", "direction": "DESC"}, {"stockAvailability": "IN_STOCK"}
        page = self.list_products(PRODUCTS_TO_BUY, channel=CHANNEL, where=where, sortBy=sort, first=24)
        self.variants = in_stock(page)

    @tag("read")
    @task(20)
    def view_product(self) -> None:
        """A product."""
        self.look_at(self.product())

    @tag("write", "cart")
    @task(15)
    def add_to_cart(self) -> None:
        """One or two pieces of something that was seen."""
        if not self.variants:
            self.browse()
        line = {"variantId": random.choice(self.variants), "quantity": random.randint(1, 2)}
        if self.cart is None:
            self.change(CREATE_CHECKOUT, input={"channel": CHANNEL, "email": self.email, "lines": [line]})
        else:
            self.change(ADD_LINES, id=self.cart["id"], lines=[line])

    @tag("read", "cart")
    @task(10)
    def view_cart(self) -> None:
        """The cart."""
        self.change(VIEW_CART, id=self.filled()["id"])

    @tag("write", "checkout")
    @task(8)
    def set_shipping(self) -> None:
        """Where to, and how."""
        self.change(SET_SHIPPING_ADDRESS, id=self.filled()["id"], address=ADDRESS)
        method = random.choice(self.filled()["shippingMethods"])
        self.change(SET_DELIVERY_METHOD, id=self.filled()["id"], method=method["id"])

    @tag("write", "checkout")
    @task(8)
    def set_billing(self) -> None:
        """Who pays."""
        self.change(SET_BILLING_ADDRESS, id=self.filled()["id"], address=ADDRESS)

    @tag("write", "checkout")
    @task(5)
    class CompleteCheckout(Flow["Buyer"]):
        """From the cart to the order; where something is in the way, the cart is left."""

        @step
        def fill(self) -> None:
            """Something in the cart."""
            self.defer(self.user.leave)
            self.user.filled()

        @step
        def ship(self) -> None:
            """Address and delivery method."""
            self.user.set_shipping()

        @step
        def bill(self) -> None:
            """The other address."""
            self.user.set_billing()

        @step
        def pay(self) -> None:
            """The whole sum."""
            if PAYMENT_GATEWAY != NO_PAYMENT:
                payment = {"gateway": PAYMENT_GATEWAY, "token": uuid.uuid4().hex}
                self.user.ask(PAY, id=self.user.filled()["id"], payment=payment)

        @step
        def complete(self) -> None:
            """The order."""
            self.user.ask(COMPLETE_CHECKOUT, id=self.user.filled()["id"])
            self.user.cart = None

    @tag("write", "cart")
    @task(4)
    def abandon(self) -> None:
        """Think better of it."""
        self.filled()
        self.leave()

    def filled(self) -> Data:
        """The cart, with something in it."""
        if self.cart is None:
            self.add_to_cart()
        assert self.cart is not None
        return self.cart

    def leave(self) -> None:
        """Put everything back; Saleor forgets carts that are empty."""
        cart, self.cart = self.cart, None
        if cart is not None:
            self.ask(REMOVE_LINES, id=cart["id"], lines=[line["id"] for line in cart["lines"]])

    def change(self, wanted: Operation, **variables: Any) -> None:
        """Do something with the cart. One that the shop has lost is given up."""
        try:
            [answer] = self.ask(wanted, **variables).values()
        except RequestFailed as error:
            if "NOT_FOUND" in error.failure.message or "is null" in error.failure.message:
                self.cart = None
            raise
        self.cart = answer.get("checkout", answer)
