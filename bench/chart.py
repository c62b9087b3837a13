"""A horizontal bar chart as SVG, in colours that can be read on light and on dark ground."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final, Literal

WIDTH: Final = 760
LABEL_WIDTH: Final = 240
TEXT_WIDTH: Final = 130
BAR_WIDTH: Final = WIDTH - LABEL_WIDTH - TEXT_WIDTH
BAR_HEIGHT: Final = 18
ROW_HEIGHT: Final = 28
TOP: Final = 58
COLOURS: Final = {"ours": "#2f81f7", "other": "#8b949e", "limit": "#8b949e"}


@dataclass(frozen=True)
class Bar:
    """One bar: `ours` stands out, a `limit` may be longer than the picture is wide and is cut."""

    label: str
    value: float
    text: str
    kind: Literal["ours", "other", "limit"] = "other"


def bar_chart(title: str, unit: str, bars: list[Bar], *, marker: float | None = None) -> str:
    """Draw the bars from top to bottom, with a dashed line at `marker`, as a complete SVG document."""
    scale = BAR_WIDTH / (max((bar.value for bar in bars if bar.kind != "limit"), default=0.0) or 1.0)
    height = TOP + ROW_HEIGHT * len(bars) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{escape(title)}">',
        "<style>text{font:13px system-ui,sans-serif;fill:#7d8590}.title{font-weight:600;font-size:15px}</style>",
        f'<text class="title" x="0" y="18">{escape(title)}</text>',
        f'<text x="0" y="38">{escape(unit)}</text>',
    ]
    for row, bar in enumerate(bars):
        parts += _row(bar, TOP + row * ROW_HEIGHT, scale)
    if marker is not None:
        x = LABEL_WIDTH + marker * scale
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 4}" stroke="#d29922" stroke-width="1.5" '
            'stroke-dasharray="4 3"/>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(bar: Bar, top: int, scale: float) -> list[str]:
    full = bar.value * scale
    width = max(1.0, min(full, BAR_WIDTH))
    middle = top + BAR_HEIGHT / 2 + 4.5
    outline = ' fill-opacity="0.35"' if bar.kind == "limit" else ""
    parts = [
        f'<text x="{LABEL_WIDTH - 10}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect x="{LABEL_WIDTH}" y="{top}" width="{width:.1f}" height="{BAR_HEIGHT}" rx="2" '
        f'fill="{COLOURS[bar.kind]}"{outline}/>',
        f'<text x="{LABEL_WIDTH + width + 8:.1f}" y="{middle}">{escape(bar.text)}</text>',
    ]
    if bar.kind == "limit" and full > BAR_WIDTH:
        # Cut: the bar goes on, and two strokes through it say so.
        x = LABEL_WIDTH + BAR_WIDTH - 26
        parts += [
            f'<path d="M{x + shift} {top + BAR_HEIGHT + 3}l8 {-BAR_HEIGHT - 6}" stroke="#7d8590" stroke-width="1.5"/>'
            for shift in (0, 5)
        ]
    return parts
