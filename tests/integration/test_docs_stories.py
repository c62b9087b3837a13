"""Every block of the documentation and the README that is marked as runnable, run; see `docs_stories.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from docs_orders import serve_orders
from docs_stories import ROOT, Stage, Story, all_stories, stories_of
from locust_process import Target

STORIES = all_stories()
ORDERS = {
    step.words[0]: step.text
    for story in stories_of(ROOT / "docs" / "protobuf.md")
    for step in story.steps
    if step.kind == "file"
}
"""The guide's example, which the README and other pages take for granted."""


@pytest.fixture
def orders() -> Iterator[str]:
    with serve_orders(ORDERS["proto/orders.proto"]) as url:
        yield url


@pytest.mark.parametrize(
    "story", [pytest.param(each, id=str(each), marks=[pytest.mark.slow] * each.slow) for each in STORIES]
)
def test_what_a_page_says_happens(
    story: Story, tmp_path: Path, target: Target, start_target: Callable[..., Target], orders: str
) -> None:
    def start(options: list[str]) -> str:
        pairs = zip(options[::2], options[1::2], strict=True)
        return start_target(**{name.removeprefix("--").replace("-", "_"): value for name, value in pairs}).url

    stage = Stage(tmp_path, start, target.url, orders)
    for name, text in ORDERS.items():
        stage.write(name, text)
    for step in story.steps:
        stage.play(step)


STORY = """
<!-- run: it, exit 3 -->
```console
$ echo "p95 was 12.5 ms"; exit 3
p95 was 800 µs
```

<!-- prints: it -->
```text
p95 … 7 s
```
"""


def played(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")
    for story in stories_of(page):
        stage = Stage(page.parent, str, "http://target", "http://staging")
        for step in story.steps:
            stage.play(step)


def test_a_story_is_played_with_its_commands_codes_and_output(tmp_path: Path) -> None:
    played(tmp_path / "page.md", STORY)


@pytest.mark.parametrize(
    ("here", "there", "complaint"),
    [
        ("exit 3 -->", "exit 2 -->", "exit code 3"),
        ("p95 … 7 s", "p99 … 7 s", "not printed"),
        ("p95 was 800 µs", "p95 is 800 µs", "not printed"),
    ],
)
def test_what_a_story_says_and_is_not_so_is_noticed(tmp_path: Path, here: str, there: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        played(tmp_path / "page.md", STORY.replace(here, there))


@pytest.mark.parametrize("mark", ["<!-- run: it, exot 3 -->", "<!-- run: it -->\n\nText.", "<!-- file: it -->"])
def test_a_mark_that_means_nothing_is_noticed(tmp_path: Path, mark: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md"):
        played(tmp_path / "page.md", f"{mark}\n```sh\ntrue\n```\n")


def test_files_of_the_repository_are_not_written_to(tmp_path: Path) -> None:
    page = "<!-- file: it, locustfiles/chater.py -->\n```python\npass\n```\n"
    with pytest.raises(AssertionError, match="one of the repository's"):
        played(tmp_path / "page.md", page)
