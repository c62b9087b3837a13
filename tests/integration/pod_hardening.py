"""What a pod of ours has to keep to, whoever has written it: the chart, kustomize or a plain manifest."""

from __future__ import annotations

import re

from helm_charts import Manifest

MARGIN = 30
"""Seconds that a run that is stopped may take for its reports."""
_SECRETS = re.compile(r"(?i)(password|secret|token|credential|api.?key)")


def weaknesses(spec: Manifest) -> list[str]:
    """What is missing in the specification of a pod."""
    problems = []
    for key, wanted in {"automountServiceAccountToken": False, "enableServiceLinks": False}.items():
        if spec.get(key) is not wanted:
            problems.append(f"{key} is {spec.get(key)}")
    problems += [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    security = spec.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser"):
        problems.append("it may run as root")
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        problems.append("there is no seccomp profile")
    if any("hostPath" in volume for volume in spec.get("volumes", [])):
        problems.append("it mounts a path of the node")
    for part in spec["containers"]:
        problems += [f"{part['name']}: {problem}" for problem in _of_container(part)]
        least = _stop_timeout(part) + MARGIN
        if _runs_load(part) and spec.get("terminationGracePeriodSeconds", 30) <= least:
            problems.append(f"{part['name']}: it is killed within {least} s")
    return problems


def _of_container(part: Manifest) -> list[str]:
    security = part.get("securityContext", {})
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    problems = [f"{key} is {security.get(key)}" for key, value in wanted.items() if security.get(key) != value]
    problems += [f"{word!r} is in its arguments" for word in part.get("args", []) if _SECRETS.search(word)]
    problems += [
        f"{variable['name']} is in its environment as it is"
        for variable in part.get("env", [])
        if _SECRETS.search(variable["name"]) and "value" in variable
    ]
    if not part.get("resources", {}).get("limits", {}).get("memory"):
        problems.append("its memory has no limit")
    if re.search(r":latest$|^[^:@]+$", part["image"]):
        problems.append(f"its image is {part['image']}")
    return problems


def _runs_load(part: Manifest) -> bool:
    return "command" not in part and not {"target", "--check"} & set(part.get("args", []))


def _stop_timeout(part: Manifest) -> int:
    args = part.get("args", [])
    return int(args[args.index("--stop-timeout") + 1]) if "--stop-timeout" in args else 10
