"""Tests that take minutes and more: `make soak`. They use what the integration tests use."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

INTEGRATION = Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))

# By its path: there is a conftest.py in every folder.
spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
assert spec is not None
assert spec.loader is not None
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
start_target = module.start_target
