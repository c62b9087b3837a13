"""A search for the capacity as one HTML file that needs nothing else and runs no script.

It has the style of the reports on runs (`wireswarm.reports.html`), and forbids itself everything but that.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Template
from markupsafe import Markup

from wireswarm._version import __version__
from wireswarm.capacity.chart import error_chart, latency_chart
from wireswarm.capacity.curve import curve_of
from wireswarm.capacity.model import Capacity, Ended, Outcome
from wireswarm.capacity.wording import headline, sentences, told
from wireswarm.reports import figures
from wireswarm.reports.page import Tile, moment
from wireswarm.reports.template import asset, content_hash, template_of

_ASSETS: Final = "wireswarm.capacity"
_POLICY: Final = "default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'"
_STYLES: Final = {Outcome.HOLDS: "good", Outcome.FAILS: "bad", Outcome.GENERATOR: "warn"}


def render_capacity(found: Capacity) -> str:
    """The page."""
    css = asset("wireswarm.reports", "report.css") + asset(_ASSETS, "capacity.css")
    points = curve_of(found.steps)
    return _template().render(
        found=found,
        version=__version__,
        policy=_POLICY.format(style=content_hash(css)),
        css=Markup(css),  # noqa: S704 - ours
        good=found.ended in {Ended.FOUND, Ended.CEILING},
        headline=headline(found),
        sentences=sentences(found),
        tiles=_tiles(found),
        points=points,
        latency=latency_chart(points, found) if points else "",
        errors=error_chart(points, found) if points else "",
        styles=_STYLES,
        facts=_facts(found),
    )


def _tiles(found: Capacity) -> list[Tile]:
    tiles = [Tile("Highest rate that holds", figures.UNKNOWN if found.rate is None else told(found.rate))]
    if found.fails_at is not None:
        tiles.append(Tile("Lowest that does not", told(found.fails_at)))
    if found.knee is not None:
        tiles.append(Tile("Knee of p95", told(found.knee)))
    at = [step.reading for step in found.steps if step.rate == found.rate and step.outcome is Outcome.HOLDS]
    if at:
        tiles.append(Tile("p95 there", figures.duration(at[-1].p95_ms)))
        tiles.append(Tile("Failed there", figures.share(at[-1].failures, at[-1].count)))
    return [*tiles, Tile("Steps", str(len(found.steps)), f"in {figures.span(found.duration_s)}")]


def _facts(found: Capacity) -> list[tuple[str, str]]:
    facts = [
        ("Until", " and ".join(found.criteria)),
        ("Known to within", f"{found.precision:.0%}"),
        ("Locustfile", found.locustfile),
        ("Profile", found.profile),
        ("Host", found.host),
        *found.environment.items(),
    ]
    return [(name, value) for name, value in facts if value]


@cache
def _template() -> Template:
    return template_of(
        _ASSETS,
        "capacity.html.j2",
        duration=figures.duration,
        moment=moment,
        rate=told,
        share=figures.share,
        span=figures.span,
    )
