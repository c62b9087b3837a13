"""A search for the capacity as one HTML file that needs nothing else and runs no script.

It has the style of the reports on runs (`wireswarm.reports.html`), and forbids itself everything but that.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from wireswarm._version import __version__
from wireswarm.capacity.chart import error_chart, latency_chart
from wireswarm.capacity.curve import curve_of
from wireswarm.capacity.model import Capacity, Ended, Outcome
from wireswarm.capacity.wording import headline, sentences, told
from wireswarm.reports import figures
from wireswarm.reports.page import Tile, moment

_MAX_TEXT: Final = 400
"""Characters of a name or message."""
_POLICY: Final = "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
_STYLES: Final = {Outcome.HOLDS: "good", Outcome.FAILS: "bad", Outcome.GENERATOR: "warn"}


def render_capacity(found: Capacity) -> str:
    """The page."""
    css = _asset("wireswarm.reports", "report.css") + _asset("wireswarm.capacity", "capacity.css")
    style = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    points = curve_of(found.steps)
    return _template().render(
        found=found,
        version=__version__,
        policy=_POLICY.format(style=style),
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
def _asset(package: str, name: str) -> str:
    return resources.files(package).joinpath("assets", name).read_text("utf-8")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_finalize)
    filters: dict[str, Any] = {
        "duration": figures.duration,
        "moment": moment,
        "rate": told,
        "share": figures.share,
        "span": figures.span,
    }
    environment.filters.update(filters)
    return environment.from_string(_asset("wireswarm.capacity", "capacity.html.j2"))


def _finalize(value: object) -> object:
    """Every text that comes from outside, as one short line of harmless characters; it is escaped after that."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return figures.shortened(figures.clean(value), _MAX_TEXT)
