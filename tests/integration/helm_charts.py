"""Helm's own engine in a process of its own, and Kubernetes' schemas: what the chart makes of values, and is it valid?

Helm is a library in Go with threads and signal handlers, which a process with gevent's patches is better off without.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "locust"
NAMESPACE = "ns"

MISSING = [name for name in ("helm_python", "kubernetes_validate") if importlib.util.find_spec(name) is None]
"""What the extra `charts` would install."""


def need(missing: str) -> None:
    """Skip the test where something is missing, or fail it where everything has to be there."""
    if not missing:
        return
    if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
        pytest.fail(f"{missing}, and WIRESWARM_REQUIRE_PEERS=1")
    pytest.skip(missing)


def need_helm() -> None:
    """Skip, or fail, where Helm's engine or Kubernetes' schemas are not installed."""
    need(f"no {' and no '.join(MISSING)}: the extra `charts` is not installed" if MISSING else "")


_CHILD = """
import json, sys
import helm_python as helm

with helm.Chart.load(sys.argv[1]) as chart:
    for line in sys.stdin:
        ask = json.loads(line)
        try:
            if "set" in ask:
                answer = getattr(helm, ask["how"])(ask["set"])
            elif "lint" in ask:
                answer = helm.lint(sys.argv[1], ask["lint"], strict=True)
            else:
                answer = chart.render(**ask)
        except helm.HelmError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
"""

Manifest = dict[str, Any]


class RefusedError(Exception):
    """Helm, or the chart, does not take the values."""


class Helm:
    """A process that renders a chart."""

    def __init__(self, chart: Path = CHART) -> None:
        self._chart = chart

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(self._chart)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def release(self, values: Mapping[str, Any] | None = None, *, name: str = "locust", revision: int = 1) -> Release:
        """What `helm install` or, with a higher revision, `helm upgrade` would make.

        Raises:
            RefusedError: the values are wrong.
        """
        upgrade = revision > 1
        made = self._ask(
            values=values or {},
            name=name,
            namespace=NAMESPACE,
            revision=revision,
            is_install=not upgrade,
            is_upgrade=upgrade,
        )
        return Release(made)

    def lint(self, values: Mapping[str, Any]) -> list[str]:
        """What `helm lint --strict` says, below the level of an error too."""
        said = self._ask(lint=values)
        return [*said["errors"], *(message["error"] for message in said["messages"] if message["severity"] > 1)]

    def assigned(self, expression: str, how: str = "parse_set_string") -> dict[str, Any]:
        """The values that `--set`, or with `parse_set_file` `--set-file`, makes of a text."""
        return self._ask(set=expression, how=how)

    @classmethod
    def merge(cls, into: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Lay values over others, as one values file after the other."""
        for name, value in values.items():
            if isinstance(value, dict) and isinstance(into.get(name), dict):
                cls.merge(into[name], value)
            else:
                into[name] = value

    def _ask(self, **ask: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(ask) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if isinstance(answer.get("error"), str):
            raise RefusedError(answer["error"])
        return answer


class Release:
    """The objects of a release."""

    def __init__(self, made: Mapping[str, str]) -> None:
        self.notes = next(text for path, text in made.items() if path.endswith("NOTES.txt"))
        self.objects: list[Manifest] = [
            manifest
            for path, text in made.items()
            if not path.endswith("NOTES.txt")
            for manifest in yaml.safe_load_all(text)
            if manifest
        ]

    def of(self, kind: str) -> list[Manifest]:
        """All objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def get(self, kind: str, name: str) -> Manifest:
        """One object."""
        return next(each for each in self.of(kind) if each["metadata"]["name"] == name)

    def names(self) -> set[str]:
        """Every object as `Kind name`."""
        return {f"{each['kind']} {each['metadata']['name']}" for each in self.objects}

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """Every pod, or template of pods, with the name of what makes it; the reader's among them."""
        for each in self.objects:
            yield from pods_of(each)


def pods_of(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    """The pod, or the template of pods, in an object, if it has one."""
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    if manifest["kind"] == "Pod":
        yield name, manifest
    elif manifest["kind"] in {"Job", "Deployment"}:
        yield name, manifest["spec"]["template"]
    elif manifest["kind"] == "ConfigMap" and "pod.yaml" in manifest["data"]:
        yield name, yaml.safe_load(manifest["data"]["pod.yaml"])


def container(template: Manifest, name: str = "locust") -> Manifest:
    """A container of a pod."""
    return next(each for each in template["spec"]["containers"] if each["name"] == name)


def environment(template: Manifest) -> dict[str, Any]:
    """The variables of the container `locust`: texts, and where others come from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(template).get("env", [])}


def option(template: Manifest, name: str) -> str | None:
    """The value of an option of the container `locust`."""
    args = container(template)["args"]
    return args[args.index(name) + 1] if name in args else None


def invalid(manifest: Manifest) -> list[str]:
    """What Kubernetes would not accept, of the oldest version that the chart is for and of the newest that is known."""
    if manifest["apiVersion"].startswith(("monitoring.coreos.com/", "kustomize.config.k8s.io/")):
        return []  # not Kubernetes' own
    return [
        f"{version}: {'.'.join(map(str, error.path))}: {error.message}"
        for version in _versions()
        for error in _validator(version, manifest["kind"], manifest["apiVersion"]).iter_errors(manifest)
    ]


@functools.cache
def _schemas() -> Any:
    return files("kubernetes_validate") / "kubernetes-json-schema"


@functools.cache
def _versions() -> tuple[str, str]:
    found = [path.name for path in _schemas().iterdir() if path.name.endswith("-local-strict")]
    oldest, *_, newest = sorted(found, key=lambda name: [int(part) for part in name[1:].split("-")[0].split(".")])
    assert oldest.startswith("v1.25")
    return oldest, newest


@functools.cache
def _validator(version: str, kind: str, api: str) -> Any:
    import jsonschema
    from referencing import Registry, Resource

    group, _, number = api.rpartition("/")
    name = "-".join(filter(None, [kind.lower(), group.split(".")[0], number]))
    schema = json.loads((_schemas() / version / f"{name}.json").read_text("utf-8"))
    return jsonschema.Draft202012Validator(
        schema, registry=Resource.from_contents(schema) @ _definitions(version, Registry)
    )


@functools.cache
def _definitions(version: str, registry: Any) -> Any:
    from referencing import Resource

    contents = json.loads((_schemas() / version / "_definitions.json").read_text("utf-8"))
    return Resource.from_contents(contents) @ registry()
