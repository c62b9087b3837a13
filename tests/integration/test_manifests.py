"""The manifests beside the chart: kustomize's, rendered, and the plain Job, which is replayed to its verdict."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from containers import Container, unavailable
from helm_charts import ROOT, Manifest, container, invalid, need, need_helm, option, pods_of
from locust_process import Target, free_port, received
from pod_hardening import weaknesses

JOB = ROOT / "deploy" / "kubernetes" / "chater-job.yaml"


def kustomize() -> list[str]:
    """The command that renders; that of kubectl is too old in some distributions."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    need("" if shutil.which("kubectl") else "no kubectl, nor kustomize")
    told = subprocess.run(
        ["kubectl", "version", "--client", "--output", "json"], capture_output=True, timeout=60, check=True
    )
    version = json.loads(told.stdout).get("kustomizeVersion", "of 2019")
    need("" if re.match(r"v([5-9]|\d\d)\.", version) else f"kubectl's kustomize is {version}, older than v5")
    return ["kubectl", "kustomize"]


def kustomized(folder: str) -> list[Manifest]:
    """What `kubectl apply -k` would apply."""
    command = [*kustomize(), str(ROOT / "deploy" / "kustomize" / folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stderr
    return list(yaml.safe_load_all(made.stdout))


def problems(objects: list[Manifest]) -> list[str]:
    """What is invalid, or less guarded than it has to be."""
    found = [problem for each in objects for problem in invalid(each)]
    for each in objects:
        found += [f"{name}: {problem}" for name, pod in pods_of(each) for problem in weaknesses(pod["spec"])]
    return found


@pytest.mark.parametrize(("folder", "workers"), [("base", 2), ("overlays/wave", 6)])
def test_what_kustomize_makes_is_valid_and_hardened(folder: str, workers: int) -> None:
    need_helm()  # for the schemas
    objects = kustomized(folder)
    assert problems(objects) == []
    by_name = {f"{each['kind']} {each['metadata']['name']}": each for each in objects}
    assert by_name["Deployment locust-worker"]["spec"]["replicas"] == workers
    namespace = by_name["Namespace loadtest"]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace") for each in objects if each["kind"] != "Namespace"} == {"loadtest"}
    policy = by_name["NetworkPolicy locust-master"]["spec"]["ingress"]
    assert {rule["ports"][0]["port"] for rule in policy} == {"workers", "web"}
    locustfile = Path(by_name["ConfigMap locust-settings"]["data"]["LOCUST_LOCUSTFILE"])
    of_image = (
        ROOT / "locustfiles" / locustfile.relative_to("/locust") if "/locust" in map(str, locustfile.parents) else None
    )
    assert of_image is None or of_image.is_file()
    files = next(each for each in objects if each["metadata"]["name"].startswith("locust-locustfiles-"))
    for name in ("master", "worker"):
        pod = by_name[f"Deployment locust-{name}"]["spec"]["template"]
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert volumes["locustfiles"]["configMap"]["name"] == files["metadata"]["name"]


def test_the_pods_of_kustomize_run(start_target: Callable[..., Target], tmp_path: Path) -> None:
    need(unavailable())
    objects = kustomized("base")
    target, port = start_target(), str(free_port())
    next(each for each in objects if each["metadata"]["name"] == "locust-settings")["data"]["LOCUST_HOST"] = target.url
    processes = []
    more = {
        "master": ["--master-bind-port", port, "--headless", "--expect-workers", "1", "--iterations", "1", "-u", "1"],
        "worker": ["--master-port", port],
    }
    for name, options in more.items():
        deployment = next(
            each for each in objects if each["metadata"]["name"] == f"locust-{name}" and each["kind"] == "Deployment"
        )
        pod = deployment["spec"]["template"]
        container(pod)["args"] += options
        (tmp_path / name).mkdir()
        processes.append(Container(pod, objects, tmp_path / name, hosts=["locust-master"]))
    master, worker = processes
    with master, worker:
        assert master.end() == 0, master.output
        assert worker.end() == 0, worker.output
    summary = json.loads((master.results / "metrics.json").read_text("utf-8"))
    assert summary["total"]["count"] == received(target.counters()).total() > 0


def test_the_plain_job_is_valid_and_hardened_and_runs_its_profile(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    need_helm()
    need(unavailable())
    (job,) = yaml.safe_load_all(JOB.read_text("utf-8"))
    assert problems([job]) == []
    pod = job["spec"]["template"]
    assert option(pod, "--load-profile") == "load"
    assert option(pod, "--allowed-hosts") in str(option(pod, "--host"))
    target = start_target()
    # The same, but shorter and with the target as the host.
    args = container(pod)["args"]
    args[args.index("--host") + 1] = target.url
    args[args.index("--allowed-hosts") + 1] = target.url.removeprefix("http://")
    # Whole flows have every request that there is a threshold for.
    args += ["--users", "2", "--iterations", "2", "--tags", "full_flow"]
    variables = {each["name"]: each for each in container(pod)["env"]}
    variables["WIRESWARM_POD_LINGER"]["value"] = "0s"
    variables["TEST_USER_TOKEN"].pop("valueFrom")
    variables["TEST_USER_TOKEN"]["value"] = ""
    with Container(pod, [], tmp_path) as run:
        assert run.end() == 0, run.output
    summary = json.loads((run.results / "metrics.json").read_text("utf-8"))
    assert summary["total"]["count"] == received(target.counters()).total() > 0
    assert (summary["verdict"], (run.results / "exit_code").read_text()) == ("passed", "0\n")
