"""Build hook: generates the protobuf modules from `proto/`, so that every wheel has them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProtobufBuildHook(BuildHookInterface[Any]):
    """Runs the same generator as `make proto`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate before the files of the wheel are collected."""
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        from wireswarm.protos.compiler import generate

        generate(root / "proto", root / "src" / "wireswarm" / "protos")
