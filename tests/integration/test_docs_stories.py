"""Every block of the documentation and the README that is marked as runnable, run; see `docs_stories.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from docs_stories import ROOT, Stage, Story, all_stories, stories_of
from locust_process import Target
from orders_server import serve_orders

STORIES = all_stories()
ORDERS = "proto/orders.proto"


@pytest.fixture
def orders() -> Iterator[str]:
    with serve_orders(orders_proto()) as url:
        yield url


def orders_proto() -> str:
    """The messages that the guide shows, and that the README takes for granted."""
    (text,) = (
        step.text for story in stories_of(ROOT / "docs" / "protobuf.md") for step in story.steps if ORDERS in step.words
    )
    return text


@pytest.mark.parametrize(
    "story", [pytest.param(each, id=str(each), marks=[pytest.mark.slow] * each.slow) for each in STORIES]
)
def test_what_a_page_says_happens(
    story: Story, tmp_path: Path, target: Target, start_target: Callable[..., Target], orders: str
) -> None:
    def start(options: list[str]) -> str:
        pairs = zip(options[::2], options[1::2], strict=True)
        return start_target(**{name.removeprefix("--").replace("-", "_"): value for name, value in pairs}).url

    (tmp_path / ORDERS).parent.mkdir()
    (tmp_path / ORDERS).write_text(orders_proto(), encoding="utf-8")
    stage = Stage(tmp_path, start, target.url, orders)
    for step in story.steps:
        stage.play(step)
