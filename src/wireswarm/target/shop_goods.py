"""What the shop sells: a thousand products, the same ones every time, as the objects that answers are made of.

An object is a dictionary with the names of Saleor's fields; names with an underscore are the shop's own. A variant has
its product, and a product only the IDs of its variants: what is forgotten then needs no garbage collector, which the
target hardly ever runs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Node = dict[str, Any]

CURRENCY = "USD"
CHANNEL = "default-channel"
TREE = {
    "Apparel": ("Shirts", "Hoodies", "Jackets", "Socks"),
    "Home": ("Lamps", "Mugs", "Cushions", "Blankets"),
    "Groceries": ("Juices", "Teas", "Coffees", "Snacks"),
    "Outdoor": ("Tents", "Backpacks", "Bottles", "Boots"),
}
"""Departments, and the categories in them."""
PRODUCTS = 1000
_COLOURS = ("Amber", "Blue", "Coral", "Dark", "Emerald", "Green", "Ivory", "Red", "Silver", "White")
_STYLES = ("Classic", "Cosy", "Durable", "Everyday", "Light", "Modern", "Organic", "Premium", "Soft", "Vintage")
_SIZES = ("S", "M", "L")
_OPENED = datetime(2024, 1, 1, tzinfo=UTC)


def global_id(kind: str, key: object) -> str:
    """An ID as Saleor has them: the type and the key, in base64."""
    return base64.b64encode(f"{kind}:{key}".encode()).decode("ascii")


def money(cents: int) -> Node:
    """An amount."""
    return {"amount": cents / 100, "currency": CURRENCY}


def taxed(cents: int) -> Node:
    """An amount of which nothing goes to the state."""
    return {"currency": CURRENCY, "gross": money(cents), "net": money(cents), "tax": money(0)}


def moment(time: float) -> str:
    """Seconds since the epoch as Saleor writes moments."""
    return datetime.fromtimestamp(time, UTC).isoformat()


def rich_text(text: str) -> str:
    """A paragraph in the format of Saleor's editor."""
    return json.dumps({"blocks": [{"type": "paragraph", "data": {"text": text}}]})


def make_categories() -> list[Node]:
    """Departments first, then the categories in them."""
    departments = [_category(number, name, None) for number, name in enumerate(TREE, 1)]
    inner = [(department, name) for department in departments for name in TREE[department["name"]]]
    return departments + [
        _category(number, name, department) for number, (department, name) in enumerate(inner, len(TREE) + 1)
    ]


def _category(number: int, name: str, parent: Node | None) -> Node:
    return {
        "id": global_id("Category", number),
        "name": name,
        "slug": name.lower(),
        "description": rich_text(f"All our {name.lower()}."),
        "level": 0 if parent is None else 1,
        "parent": parent,
    }


def make_product_type() -> Node:
    """The one kind of product that there is."""
    attribute = {"id": global_id("Attribute", 1), "name": "Material", "valueRequired": False}
    return {
        "id": global_id("ProductType", 1),
        "name": "Goods",
        "slug": "goods",
        "isShippingRequired": True,
        "productAttributes": [attribute],
    }


def make_products(categories: list[Node], product_type: Node) -> Iterator[tuple[Node, list[Node]]]:
    """The products with their variants, dearer and cheaper, rated and new and old, one in twenty of them sold out."""
    leaves = [category for category in categories if category["level"]]
    for number in range(PRODUCTS):
        chance = Random(number)  # noqa: S311 - the same shop every time is what is wanted
        category = leaves[number % len(leaves)]
        colour, style = _COLOURS[number % 10], _STYLES[number // 10 % 10]
        name = f"{style} {colour} {category['name'][:-1]} {number:03}"
        made = (_OPENED + timedelta(hours=number)).timestamp()
        product = draft(number + 1, name, name.lower().replace(" ", "-"), category, product_type, made)
        product |= {
            "description": rich_text(f"{style}, in {colour.lower()}: one of our {category['name'].lower()}."),
            "rating": chance.randint(10, 50) / 10,
            "channel": CHANNEL,
            "isAvailable": bool(number % 20),
            "isAvailableForPurchase": True,
        }
        yield product, _priced(product, chance.randint(5, 200) * 100 - 1, chance)


def draft(number: int, name: str, slug: str, category: Node | None, product_type: Node, made: float) -> Node:
    """A product that nobody but the staff can see yet."""
    image = {"id": global_id("ProductMedia", number), "alt": name, "_url": f"/media/{number}.png"}
    product: Node = {
        "id": global_id("Product", number),
        "name": name,
        "slug": slug,
        "description": None,
        "seoTitle": None,
        "seoDescription": None,
        "rating": None,
        "created": moment(made),
        "updatedAt": moment(made),
        "category": category,
        "productType": product_type,
        "channel": None,
        "media": [image],
        "pricing": None,
        "isAvailable": None,
        "isAvailableForPurchase": None,
        "_number": number,
        "_cursor": base64.b64encode(json.dumps([str(number)]).encode()).decode("ascii"),
        "_variants": [],
        "_cents": [],
    }
    return product


def _priced(product: Node, cents: int, chance: Random) -> list[Node]:
    variants, stocked = [], product["isAvailable"]
    for place, size in enumerate(_SIZES[: 1 + product["_number"] % 3]):
        price = taxed(cents + place * 500)
        variant = {
            "id": global_id("ProductVariant", product["_number"] * 10 + place),
            "name": size,
            "sku": f"SKU-{product['_number']:04}-{size}",
            "product": product,
            "trackInventory": True,
            "pricing": {"onSale": False, "price": price, "priceUndiscounted": price},
            "_cents": cents + place * 500,
            "_stock": chance.randint(100, 1000) if stocked else 0,
        }
        variant["_ordered"] = variant["_stock"]
        variants.append(variant)
        product["_variants"].append(variant["id"])
        product["_cents"].append(variant["_cents"])
    prices = {"start": taxed(min(product["_cents"])), "stop": taxed(max(product["_cents"]))}
    product["pricing"] = {
        "onSale": False,
        "displayGrossPrices": True,
        "priceRange": prices,
        "priceRangeUndiscounted": prices,
    }
    return variants
