"""What the documentation shows, as far as it can be checked without running it: code, links, names."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

import wireswarm

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OUTSIDE = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")),
    *(page for folder in ("bench", "deploy", "charts") for page in sorted((ROOT / folder).rglob("*.md"))),
]
OUTSIDE = [page for page in OUTSIDE if "node_modules" not in page.parts]

OLD_ANCHORS = (
    *("calls", "json-forms-uploads", "graphql", "failures", "credentials", "several-clients", "flows", "polling"),
    *("messages", "running", "verdict-and-exit-codes", "the-chater-suite", "the-reference-target", "troubleshooting"),
)
"""Headings that the guide had when it was one page: others link to them."""

BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"`[^`\n]*`|\]\((?P<url>[^)\s]+)\)")


def blocks(language: str) -> list[object]:
    """The blocks in that language, by their page and line."""
    return list(_blocks(language))


def _blocks(language: str) -> Iterator[object]:
    for page in (ROOT / "README.md", *PAGES):
        text = page.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            if found["language"] == language:
                line = text.count("\n", 0, found.start()) + 1
                name = f"{page.relative_to(ROOT).as_posix()}:{line}"
                yield pytest.param(textwrap.dedent(found["text"]), id=name)


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them, and as the site does."""
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title).lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def broken(page: Path) -> list[str]:
    """Links of a page to files of the repository, and to their headings, that lead to nothing."""
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    urls = [found["url"] for found in LINK.finditer(prose) if found["url"]]
    return [url for url in urls if not re.match(r"[a-z]+:", url) and not leads_somewhere(page, unquote(url))]


def leads_somewhere(page: Path, url: str) -> bool:
    path, _, anchor = url.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return False
    # The pages of the reference get their headings when the site is built, which checks them.
    generated = "<!-- generated" in target.read_text(encoding="utf-8") if target.suffix == ".md" else False
    return not anchor or generated or target.suffix != ".md" or anchor in headings(target)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_is_python_and_names_what_there_is(text: str) -> None:
    missing = [
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == "wireswarm"
        for alias in node.names
        if alias.name not in wireswarm.__all__
    ]
    assert missing == []


@pytest.mark.parametrize("text", blocks("toml"))
def test_toml_is_toml(text: str) -> None:
    assert tomllib.loads(text)


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text: str) -> None:
    # A line that is too long for the page is broken where JSON may have a space.
    assert all(json.loads(line) for line in text.replace(",\n ", ", ").splitlines())


@pytest.mark.parametrize("page", OUTSIDE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere_outside_of_the_site(page: Path) -> None:
    assert broken(page) == []


def test_a_link_to_nothing_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n\n## Two: [it](x)\n\n[a](#one) [b](#three) [c](gone.md) [d](page.md#two-it) [e](https://x)\n"
    )
    assert broken(page) == ["x", "#three", "gone.md"]


def test_the_guide_keeps_the_headings_that_others_link_to() -> None:
    assert headings(DOCS / "guide.md").issuperset(OLD_ANCHORS)


def test_the_reference_has_every_public_name() -> None:
    described = {
        name
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: wireswarm\.(?:\w+\.)*(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert described == set(wireswarm.__all__) - {"__version__"}
