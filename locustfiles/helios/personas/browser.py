"""Somebody who looks around."""

from __future__ import annotations

import random

from common.graphql_client import CATEGORY_PRODUCTS, SHOP_INFO, ShopUser
from common.utils import CHANNEL
from locust import between, tag, task

PAGES = (12, 24, 48)
SORTS = (("NAME", "ASC"), ("MINIMAL_PRICE", "ASC"), ("MINIMAL_PRICE", "DESC"), ("RATING", "DESC"))


class Browser(ShopUser):
    """Half of all visitors: lists, categories, now and then a product."""

    persona = "Browser"
    weight = 50
    wait_time = between(2, 5)

    @tag("read", "browse")
    @task(10)
    def view_categories(self) -> None:
        """The categories."""
        self.list_categories()

    @tag("read", "browse")
    @task(30)
    def view_category_products(self) -> None:
        """What there is in a category."""
        page = self.ask(CATEGORY_PRODUCTS, id=self.category()["id"], channel=CHANNEL, first=random.choice(PAGES))
        self.products = [edge["node"] for edge in page["category"]["products"]["edges"]] or self.products

    @tag("read", "browse")
    @task(40)
    def view_product_list(self) -> None:
        """A page of all products, in some order."""
        field, direction = random.choice(SORTS)
        sort = {"field": field, "direction": direction}
        self.list_products(channel=CHANNEL, sortBy=sort, first=random.choice(PAGES))

    @tag("read", "detail")
    @task(20)
    def view_product(self) -> None:
        """A product."""
        self.look_at(self.product())

    @tag("read", "browse")
    @task(5)
    def view_shop_info(self) -> None:
        """What the page's head and foot show."""
        self.ask(SHOP_INFO)
