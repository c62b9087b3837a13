"""The Helios suite's modules, which its locustfiles import from their own folder."""

from __future__ import annotations

import sys
from pathlib import Path

HELIOS = Path(__file__).resolve().parents[2] / "locustfiles" / "helios"

sys.path.insert(0, str(HELIOS))
import personas  # noqa: E402
from common import graphql_client  # noqa: E402
from common.graphql_client import Operation  # noqa: E402
from shapes import load_shapes  # noqa: E402

sys.path.remove(str(HELIOS))

OPERATIONS = {value.name: value for value in vars(graphql_client).values() if isinstance(value, Operation)}
"""All operations of the suite, by name."""

__all__ = ["HELIOS", "OPERATIONS", "load_shapes", "personas"]
