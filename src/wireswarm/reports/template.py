"""Templates of pages that need nothing else: no network, no font, no script from anywhere.

Whatever comes from outside, such as a request's name or a server's error message, is shortened, cleaned and escaped.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from wireswarm.reports import figures

_MAX_TEXT: Final = 400
"""Characters of a name or message."""


@cache
def asset(package: str, name: str) -> str:
    """The text of a file in a package's folder `assets`."""
    return resources.files(package).joinpath("assets", name).read_text("utf-8")


def content_hash(content: str) -> str:
    """As a Content-Security-Policy names inline content: https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def template_of(package: str, name: str, **filters: Any) -> Template:
    """The template in a package's folder `assets`, with these filters."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_finalize)
    environment.filters.update(filters)
    return environment.from_string(asset(package, name))


def _finalize(value: object) -> object:
    """Every text that comes from outside, as one short line of harmless characters; it is escaped after that."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return figures.shortened(figures.clean(value), _MAX_TEXT)
