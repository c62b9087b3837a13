"""What MkDocs cannot do by itself: pages that stand elsewhere in the repository, and a reference from the real parser.

The pages of docs/ are read on a code host too, so their links lead to files of the repository. Here a link out of docs/
leads to the page that the file has become, or is no link where it has none. A link to nothing is a warning, which
`mkdocs build --strict` fails for.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from posixpath import relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.pages")

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

OUTSIDE = {
    "bench/README.md": "project/benchmarks.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changes.md",
    "deploy/grafana/README.md": "project/grafana.md",
    "charts/locust/README.md": "project/chart.md",
}
"""Pages that stand outside of docs/, where tools and people expect them, and where they are in the site."""

RESULTS = "bench/results"
"""Folder with the benchmarks' tables and pictures, which the site has as well."""

_GENERATED = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)
# A code span, or a link or picture.
_LINK = re.compile(r"(?P<code>`+[^`]*`+)|(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<url>[^)\s]+)\)")
_FENCE = re.compile(r"^\s*(```+|~~~+)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages and pictures from outside of docs/."""
    for source, uri in _outside().items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the generated parts in, and mend links that lead out of docs/."""
    markdown = _GENERATED.sub(lambda found: PARTS[found[1]](), markdown)
    origins = {uri: source for source, uri in _outside().items()}
    source = origins.get(page.file.src_uri)
    home = ROOT / source if source else DOCS / page.file.src_uri
    return "\n".join(_mended(markdown, home, page.file.src_uri))


def on_post_build(*, config: MkDocsConfig) -> None:
    """Leave the search's index as a script as well: a page that was opened from disk may load no JSON."""
    index = Path(config.site_dir) / "search" / "search_index.json"
    index.with_suffix(".js").write_text(f"var __index = {index.read_text(encoding='utf-8')}", encoding="utf-8")


def _outside() -> dict[str, str]:
    results = {
        f"{RESULTS}/{path.name}": f"project/results/{path.name}"
        for path in sorted((ROOT / RESULTS).iterdir())
        if path.suffix in {".md", ".svg"}
    }
    return {source: uri for source, uri in OUTSIDE.items() if (ROOT / source).exists()} | results


def _mended(markdown: str, home: Path, uri: str) -> Iterator[str]:
    fence = ""
    for line in markdown.splitlines():
        opening = _FENCE.match(line)
        if opening and not fence:
            fence = opening[1]
        elif opening and opening[1].startswith(fence):
            fence = ""
        inside = fence or opening
        yield line if inside else _LINK.sub(lambda found: _mended_link(found, home, uri), line)


def _mended_link(found: re.Match[str], home: Path, uri: str) -> str:
    url = found["url"]
    if found["code"] or url is None or re.match(r"[a-z]+:|#|/", url):
        return found[0]
    path, _, anchor = url.partition("#")
    target = Path(os.path.normpath(home.parent / path))
    if not target.is_relative_to(ROOT) or not target.exists():
        log.warning("%s: a link leads to nothing: %s", home.relative_to(ROOT), url)
        return found[0]
    inside = _uri_of(target)
    if inside is None:  # a file of the repository that is no page, such as a source
        name = target.relative_to(ROOT).as_posix()
        return found["text"] if name in found["text"] else f"{found['text']} (`{name}`)"
    there = relpath(inside, str(Path(uri).parent))
    return f"{found['mark']}[{found['text']}]({there}{'#' if anchor else ''}{anchor})"


def _uri_of(target: Path) -> str | None:
    if target.is_relative_to(DOCS) and target.is_file() and target.suffix != ".py":
        return target.relative_to(DOCS).as_posix()
    name = target.relative_to(ROOT).as_posix()
    if name in {RESULTS, "bench"}:
        name = "bench/README.md"
    return _outside().get(name)


# The reference -------------------------------------------------------------------------------------------------------


def _described() -> dict[str, Any]:
    """Options and commands, as a process of its own tells them: Locust replaces parts of the standard library."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "WIRESWARM_"))}
    told = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("describe.py"))],
        check=True,
        stdout=subprocess.PIPE,
        env={**environment, "COLUMNS": "100"},
    )
    described: dict[str, Any] = json.loads(told.stdout)
    return described


def _options() -> str:
    parts = []
    for group in _described()["groups"]:
        rows = [
            (_code(", ".join(option["names"]), option["value"]), _code(option["variable"]), _told(option))
            for option in group["options"]
        ]
        parts.append(f"## {group['title'][:1].upper()}{group['title'][1:]}\n\n{group['description']}\n")
        parts.append(_table(("Option", "Environment", ""), rows))
    return "\n".join(parts)


def _commands() -> str:
    parts = []
    for command in _described()["commands"]:
        parts.append(f"## wireswarm {command['name']}\n\n```text\n{command['usage']}\n```\n\n{command['help']}\n")
        rows = [
            (_code(", ".join(option["names"]), option["value"]), _code(option["variable"]), _told(option))
            for option in command["options"]
        ]
        if rows:
            parts.append(_table(("Option", "Environment", ""), rows))
    return "\n".join(parts)


def _told(option: dict[str, Any]) -> str:
    text = _cell(option["help"])
    if option["default"] and "default" not in text.lower():
        text += f" Default: `{option['default']}`."
    return text


def _code(text: str, value: str = "") -> str:
    return f"`{_cell(text)}{' ' if value else ''}{_cell(value)}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PARTS = {"options": _options, "commands": _commands}
"""What `<!-- generated: NAME -->` on a line of its own stands for."""
