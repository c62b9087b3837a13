"""Helpers: settings from the environment, and an address."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator


def setting(name: str, default: str) -> str:
    """An environment variable's value; one that is empty counts as not set."""
    return os.environ.get(name) or default


CHANNEL = setting("HELIOS_CHANNEL", "default-channel")
PAYMENT_GATEWAY = setting("HELIOS_PAYMENT_GATEWAY", "mirumee.payments.dummy")
NO_PAYMENT = "none"
SEARCH_TERMS = setting("HELIOS_SEARCH_TERMS", "")
ADMIN_EMAIL = setting("ADMIN_EMAIL", "admin@example.com")
ADMIN_PASSWORD = setting("ADMIN_PASSWORD", "admin123456")

ADDRESS = {
    "firstName": "Lo",
    "lastName": "Cust",
    "streetAddress1": "1 Load Test Avenue",
    "city": "New York",
    "postalCode": "10001",
    "country": "US",
    "countryArea": "NY",
}


def search_terms() -> list[str]:
    """What to search for; empty where that is to be learned from the shop."""
    return [term.strip() for term in SEARCH_TERMS.split(",") if term.strip()]


def problems() -> Iterator[str]:
    """What is wrong with the environment."""
    if not re.fullmatch(r"[\w-]+", CHANNEL):
        yield f"HELIOS_CHANNEL: found {CHANNEL!r}; allowed: the slug of a channel, such as default-channel"
    if not re.fullmatch(r"[\w.:-]+", PAYMENT_GATEWAY):
        yield f"HELIOS_PAYMENT_GATEWAY: found {PAYMENT_GATEWAY!r}; allowed: the ID of a gateway, or {NO_PAYMENT}"
    if SEARCH_TERMS and not search_terms():
        yield f"HELIOS_SEARCH_TERMS: found {SEARCH_TERMS!r}; allowed: words with commas between them"
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", ADMIN_EMAIL):
        yield f"ADMIN_EMAIL: found {ADMIN_EMAIL!r}; allowed: an e-mail address"
