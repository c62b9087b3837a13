"""A summary as one HTML file that needs nothing else: no network, no font, no script from anywhere.

The page forbids itself everything but its own style sheet and script, which it names by their hashes, so that nothing
that stands in a request's name or a server's error message can run or load something.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Template
from markupsafe import Markup

from wireswarm._version import __version__
from wireswarm.reports import figures, page
from wireswarm.reports.charts.small import margin
from wireswarm.reports.summary import Summary
from wireswarm.reports.template import asset, content_hash, template_of

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
    css, script = asset(_ASSETS, "report.css"), asset(_ASSETS, "report.js")
    return _template().render(
        page.context(summary),
        about=about,
        version=__version__,
        policy="; ".join(_POLICY).format(style=content_hash(css), script=content_hash(script)),
        css=Markup(css),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
    )


@cache
def _template() -> Template:
    return template_of(
        _ASSETS,
        "report.html.j2",
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
