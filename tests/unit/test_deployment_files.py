"""What can be seen of the image, the compose file and the chart's documents without running them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "locust"
DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text("utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def test_the_image_is_built_from_what_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"${PYTHON}"}
    assert re.search(r"^ARG PYTHON=\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    installs = [part for line in DOCKERFILE.splitlines() for part in line.split("&&") if "pip install" in part]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install, install
        assert "--only-binary=:all:" in install or "--no-index" in install, install
    locked = (ROOT / "requirements.txt").read_text("utf-8")
    assert all("--hash=sha256:" in each for each in re.split(r"\n(?=\S)", locked) if re.match(r"[A-Za-z]", each))


def test_the_image_is_nobodys_and_holds_no_secret() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("USER 10001") > last.rindex("RUN ")
    assert re.search(r'^ENTRYPOINT \["wireswarm", "pod"\]$', last, re.MULTILINE)
    assert not re.search(r"(?i)^\s*(ARG|ENV).*(password|secret|token|api_?key)", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"^(ADD|COPY\s+(\.|\*)\s)", DOCKERFILE, re.MULTILINE), "it would take what nobody has named"


def test_compose_is_hardened_and_open_to_this_machine_alone() -> None:
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
        if "build" in service:
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert "no-new-privileges:true" in service["security_opt"], name
            assert int(service["stop_grace_period"].removesuffix("s")) > 10 + 30, name
        else:
            assert re.search(r":[^:@]+@sha256:[0-9a-f]{64}$", service["image"]), name
        assert not re.search(r"(?i)password|secret|token", json.dumps(service)), name


@pytest.mark.parametrize(
    "check", [("vendor.compose-spec", "compose.yaml"), ("metaschema", "charts/locust/values.schema.json")]
)
def test_files_fit_their_schemas(check: tuple[str, str]) -> None:
    schema, path = check
    if importlib.util.find_spec("check_jsonschema") is None:
        if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
            pytest.fail("no check-jsonschema, and WIRESWARM_REQUIRE_PEERS=1")
        pytest.skip("no check-jsonschema: the extra `charts` is not installed")
    how = ["--check-metaschema"] if schema == "metaschema" else ["--builtin-schema", schema]
    command = [sys.executable, "-m", "check_jsonschema", *how, str(ROOT / path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_charts_table_of_values_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "charts" / "values_table.py"), str(CHART), "--check"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 0, said.stderr


def test_a_value_without_a_comment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("# -- one\na: 1\nb:\n  # -- two\n  c: 2\n  d: 3\n")
    (tmp_path / "README.md").write_text((CHART / "README.md").read_text("utf-8"))
    command = [sys.executable, str(ROOT / "charts" / "values_table.py"), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode != 0
    assert "b.d has no comment" in said.stderr


def test_chart_and_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    version = re.search(r'__version__ = "(.+)"', (ROOT / "src" / "wireswarm" / "_version.py").read_text("utf-8"))
    assert version
    assert chart["appVersion"] == version[1]


def test_the_profiles_of_the_kustomization_are_the_suites() -> None:
    """A config map takes only files below its own folder, so this one is a copy."""
    copied = ROOT / "deploy" / "kustomize" / "base" / "locustfiles" / "locustfile.toml"
    assert copied.read_text("utf-8") == (ROOT / "locustfiles" / "helios" / "locustfile.toml").read_text("utf-8")
