"""What `import wireswarm` offers, and what it does not load."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wireswarm

TREE = ast.parse(Path(str(wireswarm.__file__)).read_text(encoding="utf-8"))


def for_type_checkers() -> dict[str, str]:
    """The names of the TYPE_CHECKING block, with their modules."""
    (block,) = (node for node in TREE.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def loaded_by(code: str) -> set[str]:
    """The modules that another Python has loaded after that code."""
    code += "; import sys; print(*sys.modules)"
    # Where the coverage of subprocesses is measured, that loads gevent.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
    return set(result.stdout.split())


def test_the_three_lists_of_names_agree() -> None:
    assert for_type_checkers() == wireswarm._HOMES
    assert set(wireswarm.__all__) == {*wireswarm._HOMES, "__version__"}
    assert len(set(wireswarm.__all__)) == len(wireswarm.__all__)
    assert dir(wireswarm) == sorted(wireswarm.__all__)


@pytest.mark.parametrize("name", sorted(wireswarm._HOMES))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(wireswarm, name)

    assert value is getattr(importlib.import_module(wireswarm._HOMES[name]), name)
    assert value.__doc__


def test_every_name_can_be_imported_by_a_star() -> None:
    names: dict[str, object] = {}
    exec("from wireswarm import *", names)  # not allowed in a function otherwise

    assert set(wireswarm.__all__) <= set(names)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'wireswarm' has no attribute 'FastUser'"):
        _ = wireswarm.FastUser  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "code", ["import wireswarm", "import wireswarm.target.app", "from wireswarm import ConfigurationError, Sample"]
)
def test_what_needs_no_locust_does_not_load_it(code: str) -> None:
    loaded = loaded_by(code)

    assert "wireswarm" in loaded
    assert loaded.isdisjoint({"locust", "gevent"})


def test_the_plug_in_is_loaded_in_a_locustfile_and_only_there() -> None:
    assert "wireswarm.plugin" not in loaded_by("import locust, wireswarm")
    assert "wireswarm.plugin" in loaded_by("import locust.main, wireswarm")
