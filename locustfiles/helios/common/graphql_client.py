"""The operations of Saleor's API that the personas use, and the user that all of them are.

Each operation is checked against Saleor's schema by `tests/unit/test_helios_operations.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from common.utils import CHANNEL, problems, setting
from wireswarm import ConfigurationError, GraphQLUser

Data = dict[str, Any]
Check = Callable[[Data], str | None]


def answered(data: Data) -> str | None:
    """What is wrong with any answer: Saleor has null for what it does not find, and no error."""
    missing = [name for name, value in data.items() if value is None]
    return f"{missing[0]} is null: there is none" if missing else None


class Operation(NamedTuple):
    """An operation, the name that it has in the statistics, and what is to be true of its answer."""

    name: str
    document: str
    check: Check


def operation(document: str, check: Check = answered) -> Operation:
    """An operation that has a name."""
    return Operation(re.findall(r"(?:query|mutation) (\w+)", document)[0], document, check)


# Catalogue

SHOP_INFO = operation("""
query ShopInfo { shop { name description domain { host url } channelCurrencies defaultCountry { code country } } }
""")

CATEGORIES = operation("""
query Categories($first: Int!) {
  categories(first: $first) {
    totalCount
    edges { node { id name slug level children(first: 10) { totalCount } } }
  }
}
""")

CARD = """
fragment Card on Product {
  id
  name
  slug
  rating
  thumbnail(size: 256) { url alt }
  category { id name }
  pricing { onSale priceRange { start { gross { amount currency } } stop { gross { amount currency } } } }
  defaultVariant { id quantityAvailable }
}
"""
PAGE = f"""
fragment Page on ProductCountableConnection {{
  totalCount
  pageInfo {{ hasNextPage endCursor }}
  edges {{ node {{ ...Card }} }}
}}
{CARD}"""

CATEGORY_PRODUCTS = operation(f"""
query CategoryProducts($id: ID!, $channel: String!, $first: Int!) {{
  category(id: $id) {{ id name products(channel: $channel, first: $first) {{ ...Page }} }}
}}
{PAGE}""")


def in_stock(page: Data) -> list[str]:
    """The variants on a page of products that can be bought."""
    variants = [edge["node"]["defaultVariant"] for edge in page["edges"] if edge["node"]["defaultVariant"]]
    return [variant["id"] for variant in variants if variant["quantityAvailable"]]


def sells(data: Data) -> str | None:
    """What is wrong with a page for somebody who wants to buy."""
    return answered(data) or (None if in_stock(data["products"]) else "nothing is in stock")


def products(name: str, check: Check = answered) -> Operation:
    """A list of products, found and sorted as its variables say."""
    document = f"""
query {name}(
  $channel: String, $search: String, $where: ProductWhereInput, $sortBy: ProductOrder, $first: Int!, $after: String
) {{
  products(channel: $channel, search: $search, where: $where, sortBy: $sortBy, first: $first, after: $after) {{
    ...Page
  }}
}}
{PAGE}"""
    return operation(document, check)


PRODUCT_LIST = products("ProductList")
PRODUCTS_TO_BUY = products("ProductsToBuy", sells)
SEARCH_PRODUCTS = products("SearchProducts")
SEARCH_BY_PRICE = products("SearchByPrice")
SEARCH_SORTED = products("SearchSorted")
REFINE_SEARCH = products("RefineSearch")
NEXT_RESULTS = products("NextResults")

PRODUCT_DETAIL = operation("""
query ProductDetail($id: ID!, $channel: String) {
  product(id: $id, channel: $channel) {
    id
    name
    slug
    description
    seoTitle
    seoDescription
    rating
    isAvailable
    isAvailableForPurchase
    category { id name slug }
    media { url(size: 1024) alt }
    pricing { priceRange { start { gross { amount currency } } stop { gross { amount currency } } } }
    variants { id name sku quantityAvailable pricing { price { gross { amount currency } } } }
  }
}
""")

# Checkout

CART = """
fragment Cart on Checkout {
  id
  email
  quantity
  lines { id quantity variant { id name product { id name } } totalPrice { gross { amount currency } } }
  shippingAddress { id }
  billingAddress { id }
  shippingMethods { id name price { amount currency } }
  subtotalPrice { gross { amount currency } }
  totalPrice { gross { amount currency } }
}
"""


def is_delivered(data: Data) -> str | None:
    """What is wrong with a checkout that has an address."""
    methods = data["checkoutShippingAddressUpdate"]["checkout"]["shippingMethods"]
    return None if methods else "there is no delivery method for the address"


def on_checkout(name: str, declared: str, field: str, check: Check = answered) -> Operation:
    """A mutation whose answer has the checkout as it is then."""
    document = f"""
mutation {name}({declared}) {{
  {field} {{ checkout {{ ...Cart }} errors {{ code field message }} }}
}}
{CART}"""
    return operation(document, check)


CREATE_CHECKOUT = on_checkout("CreateCheckout", "$input: CheckoutCreateInput!", "checkoutCreate(input: $input)")
ADD_LINES = on_checkout(
    "AddLines", "$id: ID!, $lines: [CheckoutLineInput!]!", "checkoutLinesAdd(id: $id, lines: $lines)"
)
REMOVE_LINES = on_checkout("RemoveLines", "$id: ID!, $lines: [ID!]!", "checkoutLinesDelete(id: $id, linesIds: $lines)")
SET_SHIPPING_ADDRESS = on_checkout(
    "SetShippingAddress",
    "$id: ID!, $address: AddressInput!",
    "checkoutShippingAddressUpdate(id: $id, shippingAddress: $address)",
    is_delivered,
)
SET_DELIVERY_METHOD = on_checkout(
    "SetDeliveryMethod", "$id: ID!, $method: ID!", "checkoutDeliveryMethodUpdate(id: $id, deliveryMethodId: $method)"
)
SET_BILLING_ADDRESS = on_checkout(
    "SetBillingAddress",
    "$id: ID!, $address: AddressInput!",
    "checkoutBillingAddressUpdate(id: $id, billingAddress: $address)",
)
VIEW_CART = operation(f"""
query ViewCart($id: ID!) {{ checkout(id: $id) {{ ...Cart }} }}
{CART}""")
PAY = operation("""
mutation Pay($id: ID!, $payment: PaymentInput!) {
  checkoutPaymentCreate(id: $id, input: $payment) { payment { id } errors { code field message } }
}
""")
COMPLETE_CHECKOUT = operation("""
mutation CompleteCheckout($id: ID!) {
  checkoutComplete(id: $id) {
    order { id number status total { gross { amount currency } } }
    confirmationNeeded
    errors { code field message }
  }
}
""")

# Staff

LOG_IN = operation("""
mutation LogIn($email: String!, $password: String!) {
  tokenCreate(email: $email, password: $password) { token user { email isStaff } errors { code field message } }
}
""")


def simple_types(data: Data) -> list[str]:
    """The product types that ask for nothing but a name."""
    types = [edge["node"] for edge in data["productTypes"]["edges"]]
    return [one["id"] for one in types if not any(a["valueRequired"] for a in one["productAttributes"] or ())]


PRODUCT_TYPES = operation(
    """
query ProductTypes { productTypes(first: 100) { edges { node { id name productAttributes { valueRequired } } } } }
""",
    lambda data: None if simple_types(data) else "there is no product type without required attributes",
)
MANAGED_PRODUCTS = products("ManagedProducts")
CREATE_PRODUCT = operation("""
mutation CreateProduct($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id name slug } errors { code field message } }
}
""")
UPDATE_PRODUCT = operation("""
mutation UpdateProduct($id: ID!, $input: ProductInput!) {
  productUpdate(id: $id, input: $input) { product { id name seoDescription } errors { code field message } }
}
""")
DELETE_PRODUCT = operation("""
mutation DeleteProduct($id: ID!) {
  productDelete(id: $id) { product { id } errors { code field message } }
}
""")


class ShopUser(GraphQLUser):
    """Somebody in the shop. They choose among what they have seen."""

    abstract = True
    host = setting("TARGET_HOST", "http://localhost:8000")
    persona: ClassVar[str]
    """What the names of requests begin with."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.categories: list[Data] = []
        self.products: list[Data] = []

    @classmethod
    def prepare(cls) -> None:
        """Say everything that is wrong with the environment."""
        if found := list(problems()):
            raise ConfigurationError(found)

    def ask(self, wanted: Operation, **variables: Any) -> Data:
        """Execute an operation; returns its data."""
        return self.client.execute(wanted.document, variables, name=self.name_of(wanted), check=wanted.check)

    def name_of(self, wanted: Operation) -> str:
        """The name of an operation's requests."""
        return f"[{self.persona}] {wanted.name}"

    def list_categories(self) -> None:
        """Look at the categories."""
        data = self.ask(CATEGORIES, first=50)
        self.categories = [edge["node"] for edge in data["categories"]["edges"]]

    def list_products(self, wanted: Operation = PRODUCT_LIST, **variables: Any) -> Data:
        """Look at a page of products, keep in mind what is on it, and return it."""
        page: Data = self.ask(wanted, **variables)["products"]
        self.products = [edge["node"] for edge in page["edges"]] or self.products
        return page

    def category(self) -> Data:
        """One of the categories."""
        if not self.categories:
            self.list_categories()
        return random.choice(self.categories)

    def product(self) -> Data:
        """One of the products that were seen last."""
        if not self.products:
            self.list_products(channel=CHANNEL, first=24)
        return random.choice(self.products)

    def look_at(self, product: Data) -> None:
        """Look at a product."""
        self.ask(PRODUCT_DETAIL, id=product["id"], channel=CHANNEL)
