"""The target's shop: what it sells and to whom, and Saleor's codes for what it refuses."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from manual_clock import ManualClock
from shop_front import ADDRESS, CHANNEL, ShopFront

CHECKOUT_ID = "{ checkout { id } errors { code field message } }"
CREATE = f"mutation ($input: CheckoutCreateInput!) {{ checkoutCreate(input: $input) {CHECKOUT_ID} }}"
EMAIL = f"mutation ($id: ID!, $email: String!) {{ checkoutEmailUpdate(id: $id, email: $email) {CHECKOUT_ID} }}"
PAY = "mutation ($id: ID!, $input: PaymentInput!) { checkoutPaymentCreate(id: $id, input: $input) {PAID} }".replace(
    "{PAID}", "{ payment { id total { amount } } errors { code field message } }"
)
DUMMY = {"gateway": "mirumee.payments.dummy", "token": "any"}


@pytest.fixture
def shop(clock: ManualClock) -> ShopFront:
    return ShopFront(clock)


def names(products: list[dict[str, Any]]) -> list[str]:
    return [product["name"] for product in products]


def price(product: dict[str, Any], end: str = "start") -> float:
    return float(product["pricing"]["priceRange"][end]["gross"]["amount"])


def walk(shop: ShopFront, **variables: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = shop.data("ProductList", channel=CHANNEL, first=64, after=after, **variables)
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == page["totalCount"]
            return found


def test_a_thousand_products_on_pages(shop: ShopFront) -> None:
    products = walk(shop)
    assert len({product["id"] for product in products}) == 1000
    assert names(products) == sorted(names(products), key=str.lower)
    assert sum(not product["defaultVariant"]["quantityAvailable"] for product in products) == 50


def test_a_page_from_the_end_and_before_a_cursor(shop: ShopFront) -> None:
    query = (
        "query ($last: Int, $before: String) { products(last: $last, before: $before) "
        "{ edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    )
    last = shop.data(query, last=2)
    everything = names(walk(shop))
    assert [edge["node"]["name"] for edge in last["edges"]] == everything[-2:]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)
    before = shop.data(query, last=3, before=last["pageInfo"]["startCursor"])
    assert [edge["node"]["name"] for edge in before["edges"]] == everything[-5:-2]
    assert before["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("NAME", lambda product: product["name"].lower()),
        ("MINIMAL_PRICE", price),
        ("PRICE", price),
        ("RATING", lambda product: product["rating"]),
    ],
)
def test_sorted_up_and_down(field: str, key: Any, shop: ShopFront) -> None:
    up = [key(p) for p in walk(shop, sortBy={"field": field, "direction": "ASC"})]
    down = [key(p) for p in walk(shop, sortBy={"field": field, "direction": "DESC"})]
    assert up == sorted(up)
    assert down == up[::-1]


def test_search_finds_all_that_begins_with_every_word(shop: ShopFront) -> None:
    everything = walk(shop)
    for search in ("shirt", "SHIR", "classic amb", "coral tents", "cof"):
        found = names(walk(shop, search=search))
        assert found
        expected = [p["name"] for p in everything if has_words(p, search)]
        assert found == expected
    assert walk(shop, search="nothing like it") == []


def has_words(product: dict[str, Any], search: str) -> bool:
    words = f"{product['name']} {product['category']['name']}".lower().split()
    return all(any(word.startswith(part) for word in words) for part in search.lower().split())


def test_filters(shop: ShopFront) -> None:
    everything = walk(shop)
    span = {"range": {"gte": 25, "lte": "50"}}
    assert {p["id"] for p in walk(shop, where={"minimalPrice": span})} == {
        p["id"] for p in everything if 25 <= price(p) <= 50
    }
    by_any = {p["id"] for p in walk(shop, where={"price": span})}
    assert by_any > {p["id"] for p in everything if 25 <= price(p) <= 50}
    assert by_any <= {p["id"] for p in everything if price(p) <= 50 and price(p, "stop") >= 25}
    exact = price(everything[0])
    assert {price(p) for p in walk(shop, where={"minimalPrice": {"eq": exact}})} == {exact}
    assert len(walk(shop, where={"stockAvailability": "OUT_OF_STOCK"})) == 50
    assert len(walk(shop, where={"isAvailable": True})) == 950
    some = [product["id"] for product in everything[:3]]
    assert [p["id"] for p in walk(shop, where={"ids": some})] == some
    both = walk(shop, search="amber", where={"price": {"range": {"lte": 30}}})
    assert both
    assert all("Amber" in p["name"] and price(p) <= 30 for p in both)


def test_categories_have_children_and_products(shop: ShopFront) -> None:
    categories = [edge["node"] for edge in shop.data("Categories", first=50)["edges"]]
    assert len(categories) == 20
    departments = [category for category in categories if category["level"] == 0]
    assert [category["children"]["totalCount"] for category in departments] == [4] * 4
    page = shop.data("CategoryProducts", id=departments[0]["id"], channel=CHANNEL, first=100)["products"]
    assert page["totalCount"] == 252  # those of its four categories
    inner = {edge["node"]["category"]["name"] for edge in page["edges"]}
    assert inner == {"Shirts", "Hoodies", "Jackets", "Socks"}
    leaf = next(category for category in categories if category["name"] == "Mugs")
    page = shop.data("CategoryProducts", id=leaf["id"], channel=CHANNEL, first=100)["products"]
    assert page["totalCount"] == len(walk(shop, where={"category": {"eq": leaf["id"]}})) == 63
    slug = 'query { category(slug: "mugs") { id parent { name } } }'
    assert shop.data(slug) == {"id": leaf["id"], "parent": {"name": "Home"}}
    assert shop.data("CategoryProducts", id="nobody's", channel=CHANNEL, first=1) is None


def test_a_product_and_the_shop(shop: ShopFront) -> None:
    card = shop.products(first=1)[0]
    product = shop.data("ProductDetail", id=card["id"], channel=CHANNEL)
    assert product["name"] == card["name"]
    assert product["media"][0]["url"].endswith("?size=1024")
    assert card["thumbnail"]["url"].endswith("?size=256")
    assert 1 <= len(product["variants"]) <= 3
    assert max(variant["quantityAvailable"] for variant in product["variants"]) <= 50
    assert shop.data("ProductDetail", id="nobody's") is None
    slug = "query ($slug: String) { product(slug: $slug) { id } }"
    assert shop.data(slug, slug=card["slug"]) == {"id": card["id"]}
    assert shop.data("ShopInfo")["domain"] == {"host": "shop.test", "url": "http://shop.test/"}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "You must provide a `first` or `last` value to properly paginate the `products` connection."),
        ({"first": 101}, "Requesting 101 records on the `products` connection exceeds the `first` limit of 100"),
        ({"first": -1}, "Requesting -1 records"),
        ({"first": 1, "after": "bm9uZQ=="}, "Received cursor is invalid."),
        ({"first": 1, "sortBy": {"field": "RANK", "direction": "DESC"}}, "Sorting by RANK is available only"),
        ({"first": 1, "where": {"price": {"range": {"gte": "dear"}}}}, "Decimal cannot represent"),
        ({"first": 1, "where": {"price": {"range": {"lte": "1e999"}}}}, "Decimal cannot represent"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be(variables: dict[str, Any], message: str, shop: ShopFront) -> None:
    query = (
        "query ($first: Int, $after: String, $where: ProductWhereInput, $sortBy: ProductOrder) { products("
        "first: $first, after: $after, where: $where, sortBy: $sortBy) { totalCount } }"
    )
    answer = shop.ask(query, **variables)
    assert answer["data"] == {"products": None}
    assert answer["errors"][0]["message"].startswith(message)


def test_from_the_cart_to_the_order(shop: ShopFront) -> None:
    cart = shop.cart(quantity=2)
    key = cart["id"]
    assert (cart["quantity"], cart["shippingMethods"], cart["shippingAddress"]) == (2, [], None)
    cart = shop.data("SetShippingAddress", id=key, address=ADDRESS)["checkout"]
    method = cart["shippingMethods"][0]
    cart = shop.data("SetDeliveryMethod", id=key, method=method["id"])["checkout"]
    total = cart["totalPrice"]["gross"]["amount"]
    assert total == pytest.approx(cart["subtotalPrice"]["gross"]["amount"] + method["price"]["amount"])
    cart = shop.data("SetBillingAddress", id=key, address=ADDRESS)["checkout"]
    assert shop.data("ViewCart", id=key) == cart
    assert shop.data(PAY, id=key, input={**DUMMY, "amount": str(total)})["payment"]["total"] == {"amount": total}
    done = shop.data("CompleteCheckout", id=key)
    assert done["order"]["total"]["gross"]["amount"] == total
    assert (done["order"]["number"], done["confirmationNeeded"]) == ("1", False)
    assert shop.data("ViewCart", id=key) is None
    assert shop.data("CompleteCheckout", id=key) == done  # as it is an order already
    assert shop.code("SetBillingAddress", id=key, address=ADDRESS) == ("NOT_FOUND", "id")


def test_what_stands_between_a_cart_and_an_order(shop: ShopFront) -> None:
    key = shop.data(CREATE, input={"channel": CHANNEL})["checkout"]["id"]
    codes = [shop.code("CompleteCheckout", id=key)]
    assert shop.code(PAY, id=key, input=DUMMY) == ("CHECKOUT_EMAIL_NOT_SET", None)
    shop.data(EMAIL, id=key, email="a@example.com")
    codes.append(shop.code("CompleteCheckout", id=key))
    assert shop.code(PAY, id=key, input=DUMMY) == ("NO_CHECKOUT_LINES", "lines")
    lines = shop.data("AddLines", id=key, lines=[{"variantId": shop.variant(), "quantity": 1}])["checkout"]["lines"]
    codes.append(shop.code("CompleteCheckout", id=key))
    assert shop.code("SetDeliveryMethod", id=key, method="nobody's") == ("NOT_FOUND", "deliveryMethodId")
    method = shop.data("SetShippingAddress", id=shop.cart()["id"], address=ADDRESS)["checkout"]["shippingMethods"][0]
    assert shop.code("SetDeliveryMethod", id=key, method=method["id"]) == ("SHIPPING_ADDRESS_NOT_SET", None)
    shop.data("SetShippingAddress", id=key, address=ADDRESS)
    shop.data("SetDeliveryMethod", id=key, method=method["id"])
    codes.append(shop.code("CompleteCheckout", id=key))
    assert shop.code(PAY, id=key, input=DUMMY) == ("BILLING_ADDRESS_NOT_SET", "billingAddress")
    shop.data("SetBillingAddress", id=key, address=ADDRESS)
    codes.append(shop.code("CompleteCheckout", id=key))
    assert shop.code(PAY, id=key, input={**DUMMY, "gateway": "other"}) == ("NOT_SUPPORTED_GATEWAY", "gateway")
    assert shop.code(PAY, id=key, input={**DUMMY, "amount": 1}) == ("PARTIAL_PAYMENT_NOT_ALLOWED", "amount")
    shop.data(PAY, id=key, input=DUMMY)
    shop.data("AddLines", id=key, lines=[{"variantId": lines[0]["variant"]["id"], "quantity": 1}])
    codes.append(shop.code("CompleteCheckout", id=key))  # what was paid is no longer the sum
    shop.data(PAY, id=key, input=DUMMY)
    assert shop.data("CompleteCheckout", id=key)["order"]["number"] == "1"
    assert codes == [
        ("EMAIL_NOT_SET", None),
        ("NO_LINES", "lines"),
        ("SHIPPING_METHOD_NOT_SET", "shippingMethod"),
        ("BILLING_ADDRESS_NOT_SET", "billingAddress"),
        ("CHECKOUT_NOT_FULLY_PAID", None),
        ("CHECKOUT_NOT_FULLY_PAID", None),
    ]


def test_lines_are_merged_and_removed(shop: ShopFront) -> None:
    cart = shop.cart()
    [line] = cart["lines"]
    again = {"variantId": line["variant"]["id"], "quantity": 2}
    [merged] = shop.data("AddLines", id=cart["id"], lines=[again])["checkout"]["lines"]
    assert (merged["id"], merged["quantity"]) == (line["id"], 3)
    assert shop.code("RemoveLines", id=cart["id"], lines=["nobody's"]) == ("INVALID", "lineId")
    empty = shop.data("RemoveLines", id=cart["id"], lines=[line["id"]])["checkout"]
    assert (empty["lines"], empty["quantity"], empty["totalPrice"]["gross"]["amount"]) == ([], 0, 0.0)


def test_what_cannot_be_put_into_a_cart(shop: ShopFront) -> None:
    cart, gone = shop.cart(), shop.products(where={"stockAvailability": "OUT_OF_STOCK"})[0]["defaultVariant"]["id"]

    def code(variant: str, quantity: int) -> tuple[str, str | None]:
        return shop.code("AddLines", id=cart["id"], lines=[{"variantId": variant, "quantity": quantity}])

    there = shop.variant()
    assert code(there, 0) == ("ZERO_QUANTITY", "quantity")
    assert code(there, 51) == ("QUANTITY_GREATER_THAN_LIMIT", "quantity")
    assert code(there, 50) == ("QUANTITY_GREATER_THAN_LIMIT", "quantity")  # with the one that is in it
    assert code(gone, 1) == ("INSUFFICIENT_STOCK", "quantity")
    assert code("nobody's", 1) == ("NOT_FOUND", "variantId")
    assert shop.data("ViewCart", id=cart["id"]) == cart
    assert shop.code(CREATE, input={"channel": "other"}) == ("NOT_FOUND", "channel")
    many = [{"variantId": p["defaultVariant"]["id"], "quantity": 1} for p in shop.products(where={"isAvailable": True})]
    assert shop.code("AddLines", id=cart["id"], lines=many) == ("INVALID", "lines")


@pytest.mark.parametrize("missing", ["firstName", "streetAddress1", "city", "postalCode", "countryArea", "country"])
def test_an_address_is_complete(missing: str, shop: ShopFront) -> None:
    address = {name: value for name, value in ADDRESS.items() if name != missing}
    code = shop.code("SetBillingAddress", id=shop.cart()["id"], address=address)
    assert code == (("REQUIRED", missing))


def test_not_every_country_has_states(shop: ShopFront) -> None:
    address = {**ADDRESS, "country": "DE", "countryArea": ""}
    assert shop.data("SetBillingAddress", id=shop.cart()["id"], address=address)["checkout"]["billingAddress"]


def test_shelves_are_filled_again(shop: ShopFront) -> None:
    product = shop.products(where={"isAvailable": True}, first=1)[0]
    for _ in range(100):  # more than there ever were
        cart = shop.data(
            "CreateCheckout",
            input={
                "channel": CHANNEL,
                "email": "a@example.com",
                "lines": [{"variantId": product["defaultVariant"]["id"], "quantity": 50}],
                "shippingAddress": ADDRESS,
                "billingAddress": ADDRESS,
            },
        )["checkout"]
        shop.data("SetDeliveryMethod", id=cart["id"], method=cart["shippingMethods"][0]["id"])
        shop.data("Pay", id=cart["id"], payment=DUMMY)
        shop.data("CompleteCheckout", id=cart["id"])
    assert shop.products(first=1, where={"ids": [product["id"]]})[0]["defaultVariant"]["quantityAvailable"] == 50


def test_only_the_staff_logs_in(shop: ShopFront) -> None:
    for email, password in (("admin@example.com", "wrong"), ("a@example.com", "admin123456")):
        answer = shop.ask("LogIn", email=email, password=password)["data"]["tokenCreate"]
        [error] = answer["errors"]
        assert (error["code"], error["field"]) == ("INVALID_CREDENTIALS", "email")
        assert answer["token"] is None
    user = shop.data("LogIn", email="Admin@example.com", password="admin123456")["user"]
    assert user == {"email": "admin@example.com", "isStaff": True}


def test_only_the_staff_changes_products(shop: ShopFront, clock: ManualClock) -> None:
    clock.now = 2_000_000_000  # after the catalogue was made
    [kind] = shop.data("ProductTypes")["edges"]
    wanted = {"name": "A draft", "productType": kind["node"]["id"]}

    def refused() -> str:
        answer = shop.ask("CreateProduct", input=wanted)
        assert answer["data"] == {"productCreate": None}
        return str(answer["errors"][0]["extensions"]["exception"]["code"])

    assert refused() == "PermissionDenied"
    shop.log_in()
    draft = shop.data("CreateProduct", input=wanted)["product"]
    assert draft["name"] == "A draft"
    assert shop.data("ProductDetail", id=draft["id"])["pricing"] is None
    assert shop.data("ProductDetail", id=draft["id"], channel=CHANNEL) is None
    assert draft["id"] in {p["id"] for p in shop.products("ManagedProducts", channel=None, sortBy=newest())}
    assert draft["id"] not in {p["id"] for p in shop.products("ManagedProducts", sortBy=newest())}
    updated = shop.data("UpdateProduct", id=draft["id"], input={"name": "Better", "seo": {"description": "text"}})
    assert updated["product"] == {"id": draft["id"], "name": "Better", "seoDescription": "text"}
    shop.token, token = "", shop.token
    assert shop.data("ProductDetail", id=draft["id"]) is None  # nobody else sees it
    shop.token = token
    shop.data("DeleteProduct", id=draft["id"])
    assert shop.code("DeleteProduct", id=draft["id"]) == ("NOT_FOUND", "id")
    clock.now += 49 * 3600
    assert refused() == "ExpiredSignatureError"
    shop.token = "no.good.token"
    assert refused() == "InvalidTokenError"


def newest() -> dict[str, str]:
    return {"field": "CREATED_AT", "direction": "DESC"}


def test_what_no_product_can_be(shop: ShopFront) -> None:
    shop.log_in()
    kind = shop.data("ProductTypes")["edges"][0]["node"]["id"]
    good = {"name": "A draft", "productType": kind, "slug": "a-draft"}

    def code(**changed: Any) -> tuple[str, str | None]:
        return shop.code("CreateProduct", input={**good, **changed})

    assert code(productType="nobody's") == ("NOT_FOUND", "productType")
    assert code(name=" ") == ("REQUIRED", "name")
    assert code(name="x" * 251) == ("INVALID", "name")
    assert code(category="nobody's") == ("NOT_FOUND", "category")
    draft = shop.data("CreateProduct", input=good)["product"]
    assert code() == ("UNIQUE", "slug")
    shop.data("UpdateProduct", id=draft["id"], input={"slug": "a-draft", "rating": 4.5})
    shop.data("UpdateProduct", id=draft["id"], input={"slug": "another"})
    shop.data("CreateProduct", input=good)
    other = shop.data("CreateProduct", input={"name": "A draft", "productType": kind})["product"]
    assert other["slug"] not in {"a-draft", "another"}


def test_a_product_of_the_catalogue_changes_where_it_is_found(shop: ShopFront) -> None:
    product = shop.products(first=1)[0]
    category = next(e["node"] for e in shop.data("Categories", first=50)["edges"] if e["node"]["name"] == "Tents")
    shop.log_in()
    shop.data("UpdateProduct", id=product["id"], input={"name": "Zebra crossing", "category": category["id"]})
    assert names(shop.products(search="zebra tents")) == ["Zebra crossing"]
    assert shop.products(sortBy={"field": "NAME", "direction": "DESC"})[0]["id"] == product["id"]
    shop.data("DeleteProduct", id=product["id"])
    assert shop.products(search="zebra") == []
    line = {"variantId": product["defaultVariant"]["id"], "quantity": 1}
    assert shop.code(CREATE, input={"channel": CHANNEL, "lines": [line]}) == ("NOT_FOUND", "variantId")
    shop.reset()
    assert len(shop.products(search=product["name"])) == 1


def test_memory_is_bounded(clock: ManualClock) -> None:
    shop = ShopFront(clock, max_checkouts=20, max_drafts=10)
    [system] = [one for one in shop.app._systems if type(one).__name__ == "Shop"]
    shop.log_in()
    kind = shop.data("ProductTypes")["edges"][0]["node"]["id"]
    carts, drafts = [], []
    for number in range(60):
        carts.append(shop.cart()["id"])
        drafts.append(
            shop.data("CreateProduct", input={"name": f"Draft {number}", "productType": kind})["product"]["id"]
        )
        shop.data("SetShippingAddress", id=carts[-1], address=ADDRESS)
        shop.ask(f"query Q{number} {{ shop {{ name }} }}")
        shop.products(search=f"word{number}")
    assert len(system.checkouts) == 20
    assert [shop.data("ViewCart", id=key) is not None for key in carts] == [False] * 40 + [True] * 20
    assert [shop.data("ProductDetail", id=key) is not None for key in drafts] == [False] * 50 + [True] * 10
    catalogue = system.catalogue
    assert (len(catalogue._drafts), len(catalogue._slugs)) == (10, 1010)
    for number in range(1100):
        shop.ask(f"query Name{number} {{ shop {{ name }} }}")
    counted = shop.counters()["operations"]
    assert len(counted) == 1001
    assert counted["other"] > 100
    assert len(catalogue._results) <= 100


def test_what_is_forgotten_needs_no_garbage_collector(shop: ShopFront) -> None:
    def round_trip() -> None:
        kind = shop.data("ProductTypes")["edges"][0]["node"]["id"]
        draft = shop.data("CreateProduct", input={"name": "Draft", "productType": kind})["product"]["id"]
        shop.products("ManagedProducts", channel=None)
        shop.data("DeleteProduct", id=draft)
        cart = shop.cart()
        shop.data("RemoveLines", id=cart["id"], lines=[line["id"] for line in cart["lines"]])
        shop.code("CompleteCheckout", id=cart["id"])
        shop.reset()

    shop.log_in()
    round_trip()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            round_trip()
        assert gc.collect() < 1000  # a catalogue alone has some fifty thousand objects
    finally:
        gc.enable()


def test_operations_are_counted_once_they_are_valid(shop: ShopFront) -> None:
    shop.data("ShopInfo")
    shop.data("ShopInfo")
    shop.cart()
    assert shop.message("query Wrong { shop { nam } }").startswith("Cannot query field 'nam' on type 'Shop'.")
    shop.ask("{ shop { name } }")
    counters = shop.counters()
    assert counters["operations"] == {
        "mutation CreateCheckout": 1,
        "query (none)": 1,
        "query ProductList": 1,
        "query ShopInfo": 2,
    }
    assert counters["endpoints"]["POST /graphql/"] == {"received": 6, "answered": 6}
    shop.reset()
    assert shop.counters() == {"endpoints": {}, "operations": {}}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"no json", "application/json", 400),
        (b'{"query": "{ shop { name } }", "variables": []}', "application/json", 400),
        (b'{"query": "{ shop { name } }", "operationName": 1}', "application/json", 400),
        (b"query { shop { name } }", "application/graphql", 415),
        (b'{"query": "' + b" " * 70_000 + b'"}', "application/json", 413),
        (b'{"query": "{ shop { name } }", "variables": null, "operationName": ""}', "application/json", 200),
    ],
)
def test_requests_that_are_no_graphql(body: bytes, content_type: str, status: int, shop: ShopFront) -> None:
    found, answer = shop.post(body, content_type)
    assert found == status
    assert ("error" in answer) == (status != 200)


def test_variables_are_judged(shop: ShopFront) -> None:
    message = shop.message("ProductDetail", id={"not": "an ID"})
    assert message.startswith("Variable '$id' has invalid value")
    answer = json.dumps(shop.ask("SetBillingAddress", id="1", address={"country": "XX"}))
    assert "does not exist in 'CountryCode' enum" in answer
