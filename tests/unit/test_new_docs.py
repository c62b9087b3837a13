"""The examples of docs/new.md are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wireswarm.scaffold import Suite, files_of, read_events, read_openapi, read_protos

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "new.md").read_text("utf-8")


def example(kind: str, number: int = 0) -> str:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[number]


def written(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def steps(suite: Suite) -> list[tuple[str, bool]]:
    return [(operation.method, operation.cleans_up) for operation in suite.groups[0].operations]


def test_the_proto_file_is_one_flow(tmp_path: Path) -> None:
    suite = read_protos([written(tmp_path, "orders.proto", example("proto"))], "shop")
    assert steps(suite) == [("POST", False), ("GET", False)]
    assert suite.tasks == []


@pytest.mark.parametrize(
    ("style", "path"), [("connect", "/shop.v1.Orders/Create"), ("twirp", "/twirp/shop.v1.Orders/Create")]
)
def test_the_styles_have_these_paths(tmp_path: Path, style: str, path: str) -> None:
    suite = read_protos([written(tmp_path, "orders.proto", example("proto"))], "shop", style=style)
    assert suite.tasks[0].path == path
    assert path in PAGE


def test_the_openapi_document_is_one_flow_with_a_clean_up(tmp_path: Path) -> None:
    suite = read_openapi(written(tmp_path, "a.yaml", example("yaml")), "shop")
    assert steps(suite) == [("POST", False), ("DELETE", True), ("GET", False)]


def test_the_list_has_every_kind_of_event(tmp_path: Path) -> None:
    suite = read_events(written(tmp_path, "a.yaml", example("yaml", 1)), "shop")
    source = files_of(suite)["shop.py"]
    for call in ("emit_and_wait(", "self.client.call(", "self.client.emit(", "on_push(", 'SETTINGS["SHOP_CHAT_TOKEN"]'):
        assert call in source
    assert suite.variables == ["SHOP_CHAT_TOKEN"]
