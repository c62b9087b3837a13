"""A known capacity is found, three times of three."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from capacity_runs import found, write


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_known_capacity_is_found_within_a_tenth(
    attempt: int, tmp_path: Path, start_target: Callable[..., Any]
) -> None:
    target = start_target(capacity="300/s")

    code, output, result = found(write(tmp_path), "--host", target.url, "--from", "100/s", patience=900)

    print(f"{attempt}: {result['rate']}/s holds, {result['fails_at']}/s does not")
    assert code == 0, output
    assert result["rate"] == pytest.approx(300, rel=0.1), output
    assert result["rate"] < result["fails_at"] <= 1.05 * result["rate"]
