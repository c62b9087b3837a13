"""Somebody who runs the shop."""

from __future__ import annotations

import random
import uuid
from contextlib import suppress

from common.graphql_client import (
    CREATE_PRODUCT,
    DELETE_PRODUCT,
    LOG_IN,
    MANAGED_PRODUCTS,
    PRODUCT_DETAIL,
    PRODUCT_TYPES,
    UPDATE_PRODUCT,
    ShopUser,
    simple_types,
)
from common.utils import ADMIN_EMAIL, ADMIN_PASSWORD, CHANNEL
from locust import between, tag, task

from wireswarm import Flow, GraphQLClient, LoginToken, NoAuth, RequestFailed, step
from wireswarm.auth import SECRETS

SORTS = ("NAME", "LAST_MODIFIED_AT", "CREATED_AT")


class Admin(ShopUser):
    """One in twenty: looks after products. What an admin writes to is a draft of their own, deleted in the end."""

    persona = "Admin"
    weight = 5
    wait_time = between(3, 8)
    auth = LoginToken(lambda admin: admin.log_in())
    login = GraphQLClient(auth=NoAuth())

    product_type = ""
    draft: str | None = None
    """The product that this admin updates."""

    @classmethod
    def prepare(cls) -> None:
        """Keep the password out of all that is shown."""
        SECRETS.add(ADMIN_PASSWORD)
        super().prepare()

    def on_start(self) -> None:
        """Log in."""
        self.auth.renew(self)

    def on_stop(self) -> None:
        """Leave no draft behind."""
        draft, self.draft = self.draft, None
        if draft is not None:
            with suppress(RequestFailed):
                self.delete(draft)

    @tag("read", "admin", "product")
    @task(15)
    def view_products(self) -> None:
        """The products of the channel; drafts are in none, and may be gone when somebody looks at them."""
        sort = {"field": random.choice(SORTS), "direction": "DESC"}
        self.list_products(MANAGED_PRODUCTS, channel=CHANNEL, sortBy=sort, first=50)

    @tag("write", "admin", "product")
    @task(10)
    class CreateProduct(Flow["Admin"]):
        """A draft, which is looked at and deleted."""

        id = ""

        @step
        def create(self) -> None:
            """Draft a product."""
            self.id = self.user.create()
            self.defer(self.user.delete, self.id)

        @step
        def look(self) -> None:
            """See that it is there."""
            self.user.ask(PRODUCT_DETAIL, id=self.id)

    @tag("write", "admin", "product")
    @task(20)
    def update_product(self) -> None:
        """A change to the admin's own draft."""
        self.draft = self.draft or self.create()
        text = f"Updated by a load test at {self.clock.time():.0f}"
        self.ask(UPDATE_PRODUCT, id=self.draft, input={"seo": {"description": text}})

    @tag("read", "admin")
    @task(5)
    def view_categories(self) -> None:
        """The categories."""
        self.list_categories()

    @tag("read", "admin", "product")
    @task(3)
    def view_product(self) -> None:
        """A product."""
        self.look_at(self.product())

    def log_in(self) -> str:
        """Get a token. Saleor's are good for five minutes; then this is called again."""
        who = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        data = self.login.execute(LOG_IN.document, who, name=self.name_of(LOG_IN), check=LOG_IN.check)
        return str(data["tokenCreate"]["token"])

    def create(self) -> str:
        """Draft a product; returns its ID."""
        if not self.product_type:
            self.product_type = simple_types(self.ask(PRODUCT_TYPES))[0]
        product = {"name": f"Load test {uuid.uuid4().hex}", "productType": self.product_type}
        return str(self.ask(CREATE_PRODUCT, input=product)["productCreate"]["product"]["id"])

    def delete(self, product: str) -> None:
        """Delete a product."""
        self.ask(DELETE_PRODUCT, id=product)
