"""Protobuf messages: the generated modules of `proto/`, and `load_protos` for `.proto` files of one's own.

`from wireswarm.protos import eater_photo_pb2` imports a generated module. `make proto` generates them in a checkout;
an installed package has them.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from wireswarm.errors import ConfigurationError
from wireswarm.protos.loader import load_protos
from wireswarm.protos.namespace import ProtoNamespace

__all__ = ["ProtoNamespace", "ProtosNotGeneratedError", "load_protos"]

# Exists in a checkout alone.
_SOURCES = Path(__file__).parent / "../../../proto"


class ProtosNotGeneratedError(ConfigurationError, ImportError):
    """A module of this package has a `.proto` file but has not been generated from it yet."""


def _generated_module(name: str) -> ModuleType:
    """Import a generated module on the first use of its name.

    `from wireswarm.protos import x_pb2` looks for the attribute before it looks for the module, so this sees every
    such import. An AttributeError means "go on" to it, and ends as the ordinary ImportError where there is no module
    either; any other exception is what the user gets to see.
    """
    if name.endswith("_pb2"):
        if importlib.util.find_spec(f"{__name__}.{name}"):
            return importlib.import_module(f"{__name__}.{name}")
        source = name.removesuffix("_pb2") + ".proto"
        if (_SOURCES / source).is_file():
            raise ProtosNotGeneratedError(f"{__name__}.{name} is not generated from {source} yet: run `make proto`")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Type checkers read the generated .pyi files, and must go on to complain about names that do not exist.
if not TYPE_CHECKING:  # pragma: no branch - it is false for type checkers alone
    __getattr__ = _generated_module
