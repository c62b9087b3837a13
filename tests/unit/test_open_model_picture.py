"""The picture of the open load in the documentation: what it shows is so, and it is the one that the script draws."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    specification = importlib.util.spec_from_file_location("open_model_picture", FOLDER / "open_model.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def test_an_open_load_feels_the_freeze_and_a_closed_one_does_not(drawing: ModuleType) -> None:
    opened, closed = drawing.open_load(), drawing.closed_load()
    assert len(opened) == 2000
    assert [request.due for request in opened] == pytest.approx([number / 100 for number in range(2000)])
    assert drawing.p95([request.done - request.due for request in opened]) == pytest.approx(1.0, rel=0.03)
    assert drawing.p95([request.done - request.due for request in closed]) == pytest.approx(drawing.ANSWER)
    assert sum(request.done - request.due > 0.05 for request in closed) == drawing.USERS
    # Beside it: from when it was sent, an open load's requests are no slower than those of the closed one.
    assert drawing.p95([request.done - request.sent for request in opened]) == pytest.approx(drawing.ANSWER)


def test_the_picture_is_up_to_date_and_whole(drawing: ModuleType) -> None:
    text = drawing.PICTURE.read_text("utf-8")
    assert text == drawing.draw(), "write it anew: python docs/images/open_model.py"
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
