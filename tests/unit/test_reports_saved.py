"""A summary as a file and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import report_summaries as made

from wireswarm.errors import ConfigurationError
from wireswarm.reports.saved import encode, read_summary, summary_schema, write_summary
from wireswarm.reports.summary import SCHEMA


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "summary.json"
    write_summary(made.rich(), path)

    assert read_summary(path) == made.rich()
    assert [file.name for file in path.parent.iterdir()] == ["summary.json"], "the temporary file is left"


def test_a_file_is_as_readable_as_others(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_summary(made.empty(), tmp_path / "summary.json")

    assert (tmp_path / "summary.json").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_tools_rely_on_is_there() -> None:
    document = json.loads(encode(made.rich()))

    assert document["schema"] == SCHEMA
    assert document["verdict"] == "failed"
    assert document["validity"]["state"] == "DEGRADED"
    assert document["total"]["count"] == 13_100
    assert document["total"]["failures"] == 325
    assert document["abandoned"] == 3
    assert {request["name"] for request in document["requests"]} >= {"/manual_weight", "/eater_auth"}
    assert [row["passed"] for row in document["thresholds"]] == [True, False, True, False, True]


def test_the_schema_names_the_version_and_describes_the_parts() -> None:
    schema = summary_schema()

    assert schema["$defs"]["Summary"]["properties"]["schema"] == {"const": SCHEMA}
    assert set(schema["$defs"]["Summary"]["required"]) >= {"verdict", "validity", "total", "run"}
    assert schema["$defs"]["ThresholdRow"]["properties"]["passed"] == {"type": "boolean"}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "found what is no summary (Input data was truncated)"),
        (b"\xff\xfe", "found what is no summary"),
        (b"[]", "found what is no summary (Expected `object`, got `array`)"),
        (b'{"verdict": "passed"}', "missing required field `schema`"),
        (b'{"schema": "wireswarm-summary/99"}', "schema: found 'wireswarm-summary/99'; allowed: wireswarm-summary/1"),
        (
            b'{"schema": "wireswarm-summary/1", "verdict": 1}',
            "found a damaged summary (Expected `str`, got `int` - at `$.verdict`)",
        ),
        (b"[" * 100_000, "found what is no summary"),
    ],
)
def test_what_is_no_summary_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "summary.json"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        read_summary(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert found in str(caught.value)
    assert SCHEMA in str(caught.value)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="found no such file"):
        read_summary(tmp_path / "nothing.json")
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        read_summary(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file/summary\.json: found a file that cannot be written"):
        write_summary(made.empty(), tmp_path / "file" / "summary.json")


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_summary(made.empty(), Path("/dev/null"))

    assert not Path("/dev/null").is_file()
