"""The documentation as a site: it builds without a warning, loads nothing from elsewhere, and knows every option."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chromium import Chromium
from docs_stories import PAGES, ROOT, blocks_of

LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\ssrc=\"?[^\s\">]+"
    r"|<link\b[^>]*?\srel=\"?(?:stylesheet|icon|preload|preconnect)[^>]*"
)
SEARCHED = """
(() => {
  const input = document.querySelector(".md-search__input"), found = document.querySelector(".md-search-result__list");
  input.focus();
  input.value = "abort_after";
  input.dispatchEvent(new Event("keyup"));  // heard as soon as the page's own script listens
  return found.childElementCount && found.innerText;
})()
"""
PASS_ON = {"locust", "run", "try", "capacity", "pod", "demo"}
"""Commands of `wireswarm` whose further options are Locust's."""


def needed(module: str) -> None:
    """Without the module the test is skipped by name."""
    if importlib.util.find_spec(module) is not None:
        return
    if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
        pytest.fail(f"{module} is not installed, and WIRESWARM_REQUIRE_PEERS=1")
    pytest.skip(f"{module} is not installed")


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "_hooks" / "describe.py")], check=True, stdout=subprocess.PIPE, timeout=60
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning."""
    needed("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout
    assert "WARNING" not in built.stdout
    return folder


def test_the_site_is_whole_and_needs_no_network(site: Path, described: dict[str, Any]) -> None:
    nothing_is_loaded_from_elsewhere(site)
    the_reference_is_that_of_the_parsers(site, described)
    pages_from_outside_have_links_that_lead_on(site)
    words_are_found(site)


def test_a_page_opened_from_disk_is_whole_and_can_be_searched(site: Path, tmp_path: Path) -> None:
    with Chromium(tmp_path) as browser:
        page = browser.open((site / "reference" / "options.html").as_uri())
        assert "Thresholds" in page.until(SEARCHED)
        assert page.look("document.documentElement.scrollWidth <= innerWidth")
        assert page.complaints == []


def nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    loaded = {found[0] for page in pages for found in LOADED.finditer(page.read_text(encoding="utf-8"))}
    assert len(loaded) > 3
    assert [tag for tag in loaded if "//" in tag] == []
    for style in site.rglob("*.css"):
        assert re.findall(r"@import|url\(\"?(?:https?:)?//", style.read_text(encoding="utf-8")) == []


def the_reference_is_that_of_the_parsers(site: Path, described: dict[str, Any]) -> None:
    options = (site / "reference" / "options.html").read_text(encoding="utf-8")
    names = [option["names"][0] for group in described["groups"] for option in group["options"]]
    assert {"--load-profile", "--threshold", "--prometheus-port", "--headless"} <= set(names)
    assert [name for name in names if f"<code>{html.escape(name)}" not in options] == []
    assert "WIRESWARM_LOAD_PROFILE" in options
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert {"capacity", "run", "target", "try"} <= {command["name"] for command in described["commands"]}
    for command in described["commands"]:
        assert f'id="wireswarm-{command["name"]}"' in commands


def pages_from_outside_have_links_that_lead_on(site: Path) -> None:
    changes = (site / "project" / "security.html").read_text(encoding="utf-8")
    assert 'href="../exporters.html"' in changes
    # A file that is no page is named, and no link.
    reports = (site / "reports.html").read_text(encoding="utf-8")
    assert "<code>src/wireswarm/reports/summary.py</code>" in reports


def words_are_found(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"].partition("#")[0] for entry in index["docs"] if "abort_after" in entry["text"]}
    assert "thresholds.html" in found


def test_commands_that_are_shown_have_options_that_exist(described: dict[str, Any]) -> None:
    locust = {name for group in described["groups"] for option in group["options"] for name in option["names"]}
    commands = {
        command["name"]: {name for option in command["options"] for name in option["names"]}
        for command in described["commands"]
    }
    unknown, looked_at = [], 0
    for page in PAGES:
        for language, text, line, _ in blocks_of(page.read_text(encoding="utf-8")):
            if language not in {"console", "sh", "bash"}:
                continue
            for words in commands_in(text):
                looked_at += 1
                known = locust if words[0] == "locust" else commands.get(words[1], set()) | {"--help"}
                known = known | locust if words[0] == "wireswarm" and words[1] in PASS_ON else known
                options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
                unknown += [f"{page.name}:{line}: {option}" for option in options if option not in known]
    assert looked_at > 60
    assert unknown == []


def commands_in(text: str) -> list[list[str]]:
    """The `locust` and `wireswarm` commands of a block, as words."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        words = re.sub(r"'[^']*'|\"[^\"]*\"", "X", line.removeprefix("$ ")).partition(" #")[0].split()
        while words and "=" in words[0]:
            words = words[1:]
        if len(words) > 1 and words[0] in {"locust", "wireswarm"} and (line.startswith("$ ") or "$ " not in text):
            found.append(words)
    return found


def test_yaml_is_yaml() -> None:
    needed("yaml")
    import yaml

    found = [
        (text, f"{page.name}:{line}")
        for page in PAGES
        for language, text, line, _ in blocks_of(page.read_text(encoding="utf-8"))
        if language == "yaml"
    ]
    assert len(found) > 3
    for text, where in found:
        assert list(yaml.safe_load_all(text)), where


def test_what_is_loaded_from_elsewhere_would_be_noticed() -> None:
    page = (
        '<link href="https://a/b.css" rel="stylesheet"><script src=https://c/d.js></script><a href="https://e/">x</a>'
    )
    assert ["//" in found[0] for found in LOADED.finditer(page)] == [True, True]
