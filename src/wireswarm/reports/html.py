"""A summary as one HTML file that needs nothing else: no network, no font, no script from anywhere.

The page forbids itself everything but its own style sheet and script, which it names by their hashes, so that nothing
that stands in a request's name or a server's error message can run or load something.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from wireswarm._version import __version__
from wireswarm.reports import figures, page
from wireswarm.reports.charts.small import margin
from wireswarm.reports.summary import Summary

_MAX_TEXT: Final = 400
"""Characters of a name or message."""
_ASSETS: Final = "wireswarm.reports"
_POLICY: Final = (
    "default-src 'none'",
    "style-src {style}",
    "script-src {script}",
    "base-uri 'none'",
    "form-action 'none'",
)


def render_html(summary: Summary, about: Markup | None = None) -> str:
    """The page.

    Args:
        summary: what it shows.
        about: what to say first of all of this very page, as HTML.
    """
    css, script = _asset("report.css"), _asset("report.js")
    return _template().render(
        page.context(summary),
        about=about,
        version=__version__,
        policy="; ".join(_POLICY).format(style=_hash(css), script=_hash(script)),
        css=Markup(css),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
    )


@cache
def _asset(name: str) -> str:
    return resources.files(_ASSETS).joinpath("assets", name).read_text("utf-8")


def _hash(content: str) -> str:
    """As a Content-Security-Policy names inline content: https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_finalize)
    environment.filters.update(
        band_style=page.band_style,
        clock=figures.clock,
        cpu_bar=page.cpu_bar,
        duration=figures.duration,
        margin=margin,
        moment=page.moment,
        rate=figures.rate,
        share=figures.share,
        size=figures.size,
        span=figures.span,
        spark=page.spark,
    )
    return environment.from_string(_asset("report.html.j2"))


def _finalize(value: object) -> object:
    """Every text that comes from outside, as one short line of harmless characters; it is escaped after that."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return figures.shortened(figures.clean(value), _MAX_TEXT)
