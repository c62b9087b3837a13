"""The shop: Saleor's GraphQL API over HTTP, as far as a shopper and a shop's staff need it.

Its schema is `shop.graphql`. A request that is no GraphQL gets a 400; what GraphQL has to say against one is an answer
with `errors`, status 200.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import Refusal, answer, header, media_type, read_body
from wireswarm.target.calls import SMALL
from wireswarm.target.graphql_plan import Planner, RequestError, Resolvers
from wireswarm.target.routing import plain_route
from wireswarm.target.shop_catalogue import Catalogue, connection
from wireswarm.target.shop_checkouts import COUNTRIES, MOST_ITEMS, Checkouts, Problem
from wireswarm.target.shop_goods import CURRENCY, Node, global_id
from wireswarm.target.system import Context

PATH = "/graphql/"
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "admin123456"  # noqa: S105 - the well-known one of Saleor's own trial shops
LONGEST_NAME = 250
LONGEST_SEO = {"title": 70, "description": 300}

_Arguments = Mapping[str, Any]


class Request:
    """Who asks. The token is looked at when somebody wants to know."""

    def __init__(self, shop: Shop, scope: Scope) -> None:
        self.shop = shop
        self._scope = scope

    @property
    def is_staff(self) -> bool:
        """Whether it comes from the shop's staff.

        Raises:
            GraphQLError: it has a token which is not good.
        """
        if header(self._scope, b"authorization") is None:
            return False
        try:
            return self.shop.tokens.email_of(self._scope) == ADMIN_EMAIL
        except Refusal as refusal:
            expired = "expired" in refusal.text
            text = "Signature has expired" if expired else "Invalid token"
            raise _error(text, "ExpiredSignatureError" if expired else "InvalidTokenError") from None

    def check_staff(self) -> None:
        """Let nobody but the staff pass.

        Raises:
            GraphQLError: it does not come from the staff.
        """
        if not self.is_staff:
            text = "To access this path, you need one of the following permissions: MANAGE_PRODUCTS"
            raise _error(text, "PermissionDenied")


class Shop:
    """One endpoint, and what it works on. What is kept of visitors and staff is bounded."""

    def __init__(self, context: Context) -> None:
        self.tokens = context.tokens
        self.clock = context.clock
        self._settings = context.settings
        self._operations = context.operations
        self._planner = _planner()
        self.reset()

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        return [plain_route("POST", PATH, self._execute)]

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {}

    def reset(self) -> None:
        """See `System.reset`."""
        self.catalogue = Catalogue(self._settings.max_drafts)
        self.checkouts = Checkouts(self.catalogue, self._settings.max_checkouts)

    async def _execute(self, scope: Scope, receive: Receive, send: Send) -> None:
        if media_type(scope) != "application/json":
            raise Refusal(415, "the content type is not application/json")
        text, name, variables = _request(await read_body(receive, SMALL))
        try:
            plan = self._planner.plan(text, name)
            self._operations.add(f"{plan.kind} {plan.name or '(none)'}")
            result = self._planner.execute(plan, variables, Request(self, scope))
        except RequestError as error:
            result = {"errors": [dict(one.formatted) for one in error.errors]}
        await answer(send, orjson.dumps(result))


def _request(body: bytes) -> tuple[str, str | None, Mapping[str, Any]]:
    try:
        fields = orjson.loads(body)
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("query"), str):
        raise Refusal(400, "the body is no JSON object with a query")
    name, variables = fields.get("operationName"), fields.get("variables")
    if not isinstance(name, str | None) or not isinstance(variables, dict | None):
        raise Refusal(400, "operationName is no text, or variables is no object")
    return fields["query"], name or None, variables or {}


def _error(text: str, code: str) -> GraphQLError:
    return GraphQLError(text, extensions={"exception": {"code": code}})


# Queries


def _shop(_root: object, _arguments: _Arguments, request: Request) -> Node:
    host = (header(request._scope, b"host") or b"localhost").decode("latin-1")
    countries = [{"code": code, "country": name} for code, name in COUNTRIES.items()]
    return {
        "id": global_id("Shop", 1),
        "name": "Wireswarm's reference shop",
        "description": "Nothing in it is real.",
        "version": "3.23.0",
        "domain": {"host": host, "sslEnabled": False, "url": f"http://{host}/"},
        "channelCurrencies": [CURRENCY],
        "defaultCountry": countries[-1],
        "countries": countries,
    }


def _categories(_root: object, arguments: _Arguments, request: Request) -> Node:
    level = arguments.get("level")
    found = [one for one in request.shop.catalogue.categories.values() if level is None or one["level"] == level]
    return connection(found, arguments, "categories")


def _category(_root: object, arguments: _Arguments, request: Request) -> Node | None:
    return request.shop.catalogue.category(arguments.get("id"), arguments.get("slug"))


def _children(category: Node, arguments: _Arguments, request: Request) -> Node:
    found = [one for one in request.shop.catalogue.categories.values() if one["parent"] is category]
    return connection(found, arguments, "children")


def _products_of(category: Node, arguments: _Arguments, request: Request) -> Node:
    found = request.shop.catalogue.find(arguments, category=category, staff=request.is_staff)
    return connection(found, arguments, "products")


def _products(_root: object, arguments: _Arguments, request: Request) -> Node:
    return connection(request.shop.catalogue.find(arguments, staff=request.is_staff), arguments, "products")


def _product(_root: object, arguments: _Arguments, request: Request) -> Node | None:
    drafts = request.is_staff and not arguments.get("channel")
    return request.shop.catalogue.product(arguments.get("id"), arguments.get("slug"), drafts=drafts)


def _product_types(_root: object, arguments: _Arguments, request: Request) -> Node:
    return connection([request.shop.catalogue.product_type], arguments, "productTypes")


def _checkout(_root: object, arguments: _Arguments, request: Request) -> Node | None:
    return request.shop.checkouts.get(arguments.get("id"))


def _variants(product: Node, _arguments: _Arguments, request: Request) -> list[Node]:
    known = request.shop.catalogue.variants
    return [known[key] for key in product["_variants"] if key in known]


def _default_variant(product: Node, arguments: _Arguments, request: Request) -> Node | None:
    return next(iter(_variants(product, arguments, request)), None)


def _thumbnail(product: Node, arguments: _Arguments, _request: Request) -> Node:
    image = product["media"][0]
    return {"url": _sized(image, arguments, _request), "alt": image["alt"]}


def _sized(image: Node, arguments: _Arguments, _request: Request) -> str:
    return f"{image['_url']}?size={arguments.get('size') or 4096}"


def _quantity(variant: Node, _arguments: _Arguments, _request: Request) -> int:
    # Nobody is told how full the shelf is beyond what one may take.
    return min(int(variant["_stock"]), MOST_ITEMS)


# Staff


def _log_in(_root: object, arguments: _Arguments, request: Request) -> Node:
    if (arguments["email"].lower(), arguments["password"]) != (ADMIN_EMAIL, ADMIN_PASSWORD):
        raise Problem("INVALID_CREDENTIALS", "email", "Please, enter valid credentials")
    user = {"id": global_id("User", 1), "email": ADMIN_EMAIL, "firstName": "Ada", "lastName": "Admin"}
    token = request.shop.tokens.issue(ADMIN_EMAIL, "Ada Admin")
    return {"token": token, "user": {**user, "isStaff": True, "isActive": True}}


def _create_product(_root: object, arguments: _Arguments, request: Request) -> Node:
    request.check_staff()
    fields, catalogue = arguments["input"], request.shop.catalogue
    if fields["productType"] != catalogue.product_type["id"]:
        raise Problem("NOT_FOUND", "productType", f"Couldn't resolve to a node: {fields['productType']}")
    if not (fields.get("name") or "").strip():
        raise Problem("REQUIRED", "name", "This field cannot be blank.")
    _check_product(fields, catalogue, None)
    return {"product": catalogue.add(fields, request.shop.clock())}


def _update_product(_root: object, arguments: _Arguments, request: Request) -> Node:
    request.check_staff()
    product, fields = _known_product(arguments, request), arguments["input"]
    _check_product(fields, request.shop.catalogue, product)
    request.shop.catalogue.change(product, fields, request.shop.clock())
    return {"product": product}


def _delete_product(_root: object, arguments: _Arguments, request: Request) -> Node:
    request.check_staff()
    product = _known_product(arguments, request)
    request.shop.catalogue.remove(product)
    return {"product": product}


def _known_product(arguments: _Arguments, request: Request) -> Node:
    product = request.shop.catalogue.product(arguments.get("id"), None, drafts=True)
    if product is None:
        raise Problem("NOT_FOUND", "id", f"Couldn't resolve to a node: {arguments.get('id')}")
    return product


def _check_product(fields: _Arguments, catalogue: Catalogue, product: Node | None) -> None:
    for name in ("name", "slug"):
        if len(fields.get(name) or "") > LONGEST_NAME:
            raise Problem("INVALID", name, f"Ensure this value has at most {LONGEST_NAME} characters.")
    for name, most in LONGEST_SEO.items():
        if len((fields.get("seo") or {}).get(name) or "") > most:
            raise Problem("INVALID", name, f"Ensure this value has at most {most} characters.")
    if fields.get("category") is not None and fields["category"] not in catalogue.categories:
        raise Problem("NOT_FOUND", "category", f"Couldn't resolve to a node: {fields['category']}")
    slug = fields.get("slug")
    if slug and catalogue.has_slug(slug) and (product is None or product["slug"] != slug):
        raise Problem("UNIQUE", "slug", "Product with this Slug already exists.")


# The checkout


def _create_checkout(_root: object, arguments: _Arguments, request: Request) -> Node:
    return {"checkout": request.shop.checkouts.create(arguments["input"], request.shop.clock())}


def _changing(change: Callable[[Checkouts, Node, _Arguments], object]) -> Callable[..., Node]:
    def mutate(_root: object, arguments: _Arguments, request: Request) -> Node:
        checkout = request.shop.checkouts.find(arguments.get("id"))
        change(request.shop.checkouts, checkout, arguments)
        return {"checkout": checkout}

    return mutate


def _pay(_root: object, arguments: _Arguments, request: Request) -> Node:
    checkout = request.shop.checkouts.find(arguments.get("id"))
    return {"checkout": checkout, "payment": request.shop.checkouts.pay(checkout, arguments["input"])}


def _complete(_root: object, arguments: _Arguments, request: Request) -> Node:
    order = request.shop.checkouts.complete(arguments.get("id"), request.shop.clock())
    return {"order": order, "confirmationNeeded": False}


def _set_email(checkouts: Checkouts, checkout: Node, arguments: _Arguments) -> None:
    checkouts.write_to(checkout, arguments["email"])


def _mutation(resolve: Callable[..., Node], **empty: object) -> Callable[..., Node]:
    # What is wrong is part of a mutation's answer.
    def mutate(root: object, arguments: _Arguments, request: Request) -> Node:
        try:
            return {"errors": [], **empty, **resolve(root, arguments, request)}
        except Problem as problem:
            return {"errors": [problem.error], **empty}

    return mutate


_TOKENS = {"token": None, "refreshToken": None, "csrfToken": None, "user": None}
RESOLVERS: Resolvers = {
    ("Query", "shop"): _shop,
    ("Query", "categories"): _categories,
    ("Query", "category"): _category,
    ("Query", "productTypes"): _product_types,
    ("Query", "products"): _products,
    ("Query", "product"): _product,
    ("Query", "checkout"): _checkout,
    ("Category", "children"): _children,
    ("Category", "products"): _products_of,
    ("Product", "thumbnail"): _thumbnail,
    ("Product", "variants"): _variants,
    ("Product", "defaultVariant"): _default_variant,
    ("ProductMedia", "url"): _sized,
    ("ProductVariant", "quantityAvailable"): _quantity,
    ("Mutation", "tokenCreate"): _mutation(_log_in, **_TOKENS),
    ("Mutation", "productCreate"): _mutation(_create_product, product=None),
    ("Mutation", "productUpdate"): _mutation(_update_product, product=None),
    ("Mutation", "productDelete"): _mutation(_delete_product, product=None),
    ("Mutation", "checkoutCreate"): _mutation(_create_checkout, checkout=None),
    ("Mutation", "checkoutLinesAdd"): _mutation(
        _changing(lambda shop, checkout, given: shop.add(checkout, given["lines"])), checkout=None
    ),
    ("Mutation", "checkoutLinesDelete"): _mutation(
        _changing(lambda shop, checkout, given: shop.remove(checkout, given["linesIds"])), checkout=None
    ),
    ("Mutation", "checkoutEmailUpdate"): _mutation(_changing(_set_email), checkout=None),
    ("Mutation", "checkoutShippingAddressUpdate"): _mutation(
        _changing(lambda shop, checkout, given: shop.ship_to(checkout, given["shippingAddress"])), checkout=None
    ),
    ("Mutation", "checkoutBillingAddressUpdate"): _mutation(
        _changing(lambda shop, checkout, given: shop.bill_to(checkout, given["billingAddress"])), checkout=None
    ),
    ("Mutation", "checkoutDeliveryMethodUpdate"): _mutation(
        _changing(lambda shop, checkout, given: shop.ship_by(checkout, given.get("deliveryMethodId"))), checkout=None
    ),
    ("Mutation", "checkoutPaymentCreate"): _mutation(_pay, checkout=None, payment=None),
    ("Mutation", "checkoutComplete"): _mutation(_complete, order=None, confirmationNeeded=False),
}
"""What is more than an item of an object."""


def shop_schema() -> GraphQLSchema:
    """The schema, without what answers it."""
    return build_schema(Path(__file__).with_name("shop.graphql").read_text("utf-8"))


@cache
def _planner() -> Planner:
    # One for all shops of a process: it keeps nothing of theirs.
    schema = shop_schema()
    text = schema.type_map["JSONString"]
    assert isinstance(text, GraphQLScalarType)  # noqa: S101 - for the type checker
    text.coerce_input_value = _json_text
    return Planner(schema, RESOLVERS)


def _json_text(value: object) -> object:
    # Kept as it is, as in Saleor: text that is JSON.
    try:
        orjson.loads(value if isinstance(value, str) else b"")
    except ValueError:
        raise GraphQLError("JSONString cannot represent what is no text with JSON in it.") from None
    return value
