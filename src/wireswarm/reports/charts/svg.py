"""SVG elements as markup that is escaped by the way it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup, escape

from wireswarm.reports.figures import clean, shortened

Value = str | float

_MAX_TITLE: Final = 200


def element(tag: str, *children: Markup, **attributes: Value) -> Markup:
    """One element. Of an attribute's name a trailing underscore is left out, and others are written as `-`."""
    written = "".join(f' {_name(name)}="{_value(value)}"' for name, value in attributes.items())
    if not children:
        return Markup(f"<{tag}{written}/>")  # noqa: S704 - tags are ours, values were escaped
    return Markup(f"<{tag}{written}>{''.join(children)}</{tag}>")  # noqa: S704


def text(content: str, x: float, y: float, **attributes: Value) -> Markup:
    """A label."""
    return element("text", escape(clean(content)), x=x, y=y, **attributes)


def group(children: Iterable[Markup], **attributes: Value) -> Markup:
    """Elements that belong together."""
    return element("g", Markup("").join(children), **attributes)


def picture(
    children: Iterable[Markup], *, width: float, height: float, title: str, description: str = "", **attributes: Value
) -> Markup:
    """A whole drawing, with what a screen reader says of it."""
    said = element("title", escape(shortened(clean(title), _MAX_TITLE)))
    if description:
        said += element("desc", escape(clean(description)))
    return element("svg", said, *children, viewBox=f"0 0 {_number(width)} {_number(height)}", role="img", **attributes)


def path(points: Sequence[tuple[float, float]], *, start: str = "M") -> str:
    """A line through points, as the `d` of a path."""
    return start + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _name(name: str) -> str:
    return name if name == "viewBox" else name.rstrip("_").replace("_", "-")


def _value(value: Value) -> str:
    return str(escape(value)) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """A tenth of a pixel is as fine as anybody sees."""
    return f"{value:.1f}".removesuffix(".0")
