"""A pod's container as a process on this machine: its command, its environment, its files where it looks for them.

Arguments, environment and locustfiles name absolute paths, such as `/test_data`, so rewriting some of them would test
something else. A mount namespace has them all at once: a root of its own in which everything but the mounts, `/tmp` and
the checkout is read-only, as it is in the pod. No image is needed: the Dockerfile says what a process gets.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from helm_charts import ROOT, Manifest
from locust_process import LocustProcess

_SCRIPT = """
set -eu
root=$1 mounts=$2 workdir=$3 writable=$4
shift 4
mount -t tmpfs tmpfs "$root"
for entry in /*; do
    if [ -L "$entry" ]; then
        cp -P "$entry" "$root$entry"
    elif [ -d "$entry" ]; then
        mkdir "$root$entry"
        mount --rbind "$entry" "$root$entry"
        case " /proc /sys /dev /tmp $writable " in
            *" $entry "*) ;;
            *) mount -o remount,bind,ro "$root$entry" ;;
        esac
    fi
done
while IFS='|' read -r source place mode; do
    if [ -d "$source" ]; then mkdir -p "$root$place"; fi
    mount --bind "$source" "$root$place"
    if [ "$mode" = ro ]; then mount -o remount,bind,ro "$root$place"; fi
done < "$mounts"
mount -o remount,ro "$root"
exec chroot "$root" sh -c 'cd "$1"; shift; exec "$@"' sh "$workdir" "$@"
"""


@functools.cache
def namespaces() -> tuple[tuple[str, ...], str]:
    """The command that begins a mount namespace; or why there is none here."""
    if shutil.which("unshare") is None:
        return (), "there is no unshare"
    problem = ""
    for rights in ((), ("--user", "--map-root-user")):
        command = ("unshare", "--mount", *rights)
        tried = subprocess.run(
            [*command, "mount", "--bind", "/tmp", "/tmp"], capture_output=True, text=True, check=False, timeout=60
        )
        if tried.returncode == 0:
            return command, ""
        problem = tried.stderr.strip()
    return (), f"no mount namespaces: {problem}"


def unavailable() -> str:
    """Why containers cannot be replayed here; empty where they can."""
    return namespaces()[1]


class Image:
    """What the last stage of the Dockerfile says of its containers."""

    def __init__(self, dockerfile: Path = ROOT / "Dockerfile") -> None:
        text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", dockerfile.read_text("utf-8"), flags=re.MULTILINE))
        stage = text[text.rindex("\nFROM ") :]
        words = [line.split(maxsplit=1) for line in stage.splitlines() if line.strip()]
        self.environment = dict(
            pair.split("=", 1) for word, rest in words if word == "ENV" for pair in shlex.split(rest)
        )
        self.copies = [rest.split() for word, rest in words if word == "COPY" and not rest.startswith("--from")]
        self.workdir = next(rest.strip() for word, rest in words if word == "WORKDIR")
        self.entrypoint: list[str] = next(json.loads(rest) for word, rest in words if word == "ENTRYPOINT")

    def unpack(self, folder: Path) -> list[tuple[Path, str]]:
        """Lay out the image's own files; returns the folders, and where each is to be."""
        for source, place in self.copies:
            shutil.copytree(ROOT / source, folder / place.removeprefix("/"), dirs_exist_ok=True)
        return [(path, f"/{path.name}") for path in folder.iterdir()]


class Container(LocustProcess):
    """A container that runs.

    Args:
        template: the pod, or the template of it.
        objects: where config maps and secrets are looked up.
        folder: for the files of its volumes.
        hosts: names that lead to this machine.
        claims: the folders of persistent volumes.
        pod: the pod's name.
        container: the container's name.
    """

    def __init__(
        self,
        template: Manifest,
        objects: Iterable[Manifest],
        folder: Path,
        *,
        hosts: Sequence[str] = (),
        claims: Mapping[str, Path] | None = None,
        pod: str = "pod-x",
        container: str = "locust",
    ) -> None:
        super().__init__("")
        self._objects = {(each["kind"], each["metadata"]["name"]): each for each in objects}
        self._folder, self._pod, self._claims = folder, pod, claims or {}
        image = Image()
        spec = next(each for each in template["spec"]["containers"] if each["name"] == container)
        environment = {**image.environment, **self._variables(spec)}
        binaries = str(Path(sys.executable).parent)
        environment["PATH"] = os.pathsep.join([binaries, os.environ["PATH"]])
        environment |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        self.folders = {
            mount["mountPath"]: self._volume(template["spec"]["volumes"], mount) for mount in spec["volumeMounts"]
        }
        mounts = [(path, place, "ro") for path, place in image.unpack(folder / "image")]
        mounts += [
            (self.folders[mount["mountPath"]], mount["mountPath"], "ro" if mount.get("readOnly") else "rw")
            for mount in spec["volumeMounts"]
            if mount["mountPath"] != "/tmp"  # it is this machine's, which the checkout may be in
        ]
        names = folder / "hosts"
        names.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *hosts)))
        mounts.append((names, "/etc/hosts", "ro"))
        table = folder / "mounts"
        table.write_text("".join(f"{source}|{place}|{mode}\n" for source, place, mode in mounts))
        root = folder / "root"
        root.mkdir()
        command = [*(spec.get("command") or image.entrypoint), *(spec.get("args") or [])]
        command = [_expanded(word, environment) for word in command]
        if command[0] == "wireswarm":
            command = [sys.executable, "-m", *command]
        writable = "/" + ROOT.parts[1]  # where the coverage of the child is written
        self._command = [
            *namespaces()[0],
            "sh",
            "-c",
            _SCRIPT,
            "sh",
            str(root),
            str(table),
            image.workdir,
            writable,
            *command,
        ]
        self._environment = environment

    @property
    def results(self) -> Path:
        """Where `/results` is."""
        return self.folders["/results"]

    def ready(self, template: Manifest) -> bool:
        """Whether its readiness probe says so, which has to look for a file."""
        test, flag, path = template["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
        assert (test, flag) == ("test", "-e")
        place = next(place for place in self.folders if path.startswith(f"{place}/"))
        return (self.folders[place] / path.removeprefix(f"{place}/")).exists()

    def _variables(self, spec: Manifest) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in spec.get("envFrom", []):
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if reference := source.get(field):
                    held = self._objects.get((kind, reference["name"]))
                    assert held or reference.get("optional"), reference
                    found |= _texts(held) if held else {}
        for each in spec.get("env", []):
            found[each["name"]] = _expanded(each["value"], found) if "value" in each else self._value(each["valueFrom"])
        return found

    def _value(self, source: Mapping[str, Any]) -> str:
        if reference := source.get("secretKeyRef"):
            return _texts(self._objects["Secret", reference["name"]])[reference["key"]]
        assert source == {"fieldRef": {"fieldPath": "metadata.name"}}, source
        return self._pod

    def _volume(self, volumes: Sequence[Manifest], mount: Manifest) -> Path:
        volume = next(each for each in volumes if each["name"] == mount["name"])
        if claim := volume.get("persistentVolumeClaim"):
            folder = self._claims[claim["claimName"]] / _expanded(
                mount.get("subPathExpr", "."), {"POD_NAME": self._pod}
            )
        else:
            folder = self._folder / "volumes" / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        if reference := volume.get("configMap"):
            texts = _texts(self._objects["ConfigMap", reference["name"]])
            for item in reference.get("items", [{"key": name, "path": name} for name in texts]):
                path = folder / item["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(texts[item["key"]], "utf-8")
        return folder


def _texts(held: Manifest) -> dict[str, str]:
    return {**held.get("data", {}), **held.get("stringData", {})}


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), text)
