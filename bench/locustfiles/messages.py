"""The messages that every contender sends, the same bytes for all.

The generated modules are loaded by their files: importing the package would load the plug-in, and the stock contenders
are to be stock.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

_PROTOS: Final = Path(__file__).resolve().parents[2] / "src/wireswarm/protos"
PHOTO_DATA: Final = random.Random(1).randbytes(200 * 1024)


class Kind(NamedTuple):
    """A kind of message: where it goes, how one is made, and what is answered."""

    path: str
    make: Callable[[], Any]
    answer: Any


def _generated(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, _PROTOS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_food = _generated("modify_food_record_pb2")
_photo = _generated("eater_photo_pb2")


def _small() -> Any:
    return _food.ModifyFoodRecordRequest(time=1795222391479, user_email="load@example.com", percentage=200)


def _large() -> Any:
    return _photo.PhotoMessage(time="2026-11-20T21:33:11.479Z", photo_data=PHOTO_DATA, photoType="default_prompt")


KINDS: Final = {
    "small": Kind("/message", _small, _food.ModifyFoodRecordResponse),
    "photo": Kind("/photo", _large, _photo.PhotoResponse),
}
