"""The chart through Helm's own engine: what is in it for which values, and which values it refuses."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from helm_charts import (
    CHART,
    ROOT,
    Helm,
    Manifest,
    RefusedError,
    Release,
    container,
    environment,
    invalid,
    need_helm,
    option,
)
from pod_hardening import weaknesses

INLINE = """
from locust import HttpUser, task, between

class APIUser(HttpUser):
    wait_time = between(1, 3)

    @task(3)
    def get_users(self):
        self.client.get("/api/users")
"""
DIGEST = "sha256:" + "0a" * 32
SECRET = "fake-canary-7f3a"
HOST = {"loadTest": {"host": "https://example.com"}}
WEB = {"mode": "deployment", **HOST}
WORKERS = {"workers": {"replicas": 3}}

CASES: Mapping[str, dict[str, Any]] = {
    # The document's.
    "as it is": {},
    "quick start": HOST,
    "inline locustfile": {"loadTest": {"host": "http://my-api:8080"}, "locustfile": {"inline": INLINE}},
    "helmfile": {
        "loadTest": {"host": "http://my-api:8080", "profile": "load"},
        "locustfile": {"inline": INLINE},
        "testData": {"inline": '{"request": 1}\n'},
    },
    "mode job": {"mode": "job"},
    "mode deployment": {"mode": "deployment"},
    "smoke": {"loadTest": {"profile": "smoke"}},
    "load": {"loadTest": {"profile": "load"}},
    "stress": {"loadTest": {"profile": "stress"}},
    "soak": {"loadTest": {"profile": "soak"}},
    "load parameters": {"loadTest": {"users": 200, "spawnRate": 20, "runTime": "10m"}},
    "fewer users": {"loadTest": {"users": 50}},
    "existing secret": {
        "auth": {
            "existingSecret": "control-layer-secret",
            "existingSecretUsernameKey": "BASIC_AUTH_USERNAME",
            "existingSecretPasswordKey": "BASIC_AUTH_PASSWORD",
        }
    },
    "new credentials": {"auth": {"existingSecret": "", "username": "testuser", "password": SECRET}},
    "locustfile of the chart": {"locustfile": {"file": "locustfile.py"}},
    "default locustfile": {"locustfile": {"inline": "", "file": ""}},
    "several data files": {
        "testData": {"files": {"small.jsonl": "{}\n", "medium.jsonl": "{}\n", "large.jsonl": "{}\n"}}
    },
    "data in values": {
        "testData": {"inline": '{"request": 1, "data": "example"}\n{"request": 2, "data": "another"}\n'}
    },
    "data of the chart": {"testData": {"file": "locustfile.py"}},
    "assertions": {"assertions": {"p95ThresholdMs": 1000, "errorRateThreshold": 0.01}},
    "more memory": {"resources": {"limits": {"memory": "4Gi"}, "requests": {"memory": "1Gi"}}},
    "example 1": {
        "loadTest": {"host": "https://api.example.com", "users": 50, "spawnRate": 5, "runTime": "5m"},
        "locustfile": {"inline": INLINE},
    },
    "example 3": {
        "loadTest": {"host": "https://secure-api.example.com"},
        "auth": {"username": "testuser", "password": SECRET},
        "locustfile": {"inline": INLINE},
    },
    "example 4": {
        "loadTest": {"host": "http://data-api:8080", "profile": "load"},
        "testData": {
            "selectedFile": "users_large.jsonl",
            "files": {"users_small.jsonl": "{}\n", "users_large.jsonl": "{}\n"},
        },
        "locustfile": {"inline": INLINE},
    },
    # And what else there is.
    "job with workers": {**HOST, **WORKERS},
    "web UI with workers": {**WEB, **WORKERS},
    "web UI of the reference target": {"mode": "deployment", "target": {"args": ["--latency", "50ms"]}},
    "target beside a host": {**HOST, "target": {"enabled": True}},
    "stages": {"loadTest": {"stages": ["2m:200", "2m:0"]}},
    "arrival rate": {"loadTest": {"arrivalRate": "200/s", "users": 1000000, "runTime": "1h30m"}},
    "a profile of one's own": {
        "profiles": {"wave": {"stages": ["1m:10", "1m:0"], "description": "Up, down"}},
        "loadTest": {"profile": "wave"},
    },
    "the suite's profile": {
        "locustfile": {"suite": "chater.py"},
        "loadTest": {"loadProfile": "smoke", **HOST["loadTest"]},
    },
    "every option": {
        **WORKERS,
        "loadTest": {
            **HOST["loadTest"],
            "iterations": 500,
            "tags": ["a", "b"],
            "excludeTags": ["c"],
            "userClasses": ["APIUser"],
            "allowedHosts": ["example.com", "127.0.0.1:8000"],
            "stopTimeoutSeconds": 90,
            "failOnInvalid": True,
            "extraArgs": ["--loglevel", "DEBUG"],
        },
        "assertions": {
            "p95ThresholdMs": None,
            "errorRateThreshold": None,
            "thresholds": ["POST /orders: p99 < 500ms", "errors < 5% over 30s"],
            "failOnBreach": True,
        },
    },
    "files and folders": {
        "locustfile": {
            "inline": INLINE,
            "files": {"shop/basket.py": "", "locustfile.toml": "[profiles.x]\nusers = 1\n"},
        },
        "protos": {"files": {"google/type/money.proto": "", "orders.proto": 'syntax = "proto3";'}},
    },
    "files of others": {
        "testData": {"existingClaim": "rows", "selectedFile": "a.csv"},
        "protos": {"existingConfigMap": "protos"},
    },
    "data of a config map": {"testData": {"existingConfigMap": "rows"}},
    "a token": {**WORKERS, "auth": {"token": SECRET, "tokenVariable": "API_TOKEN"}},
    "a token of a secret": {
        "auth": {
            "existingSecret": "tokens",
            "existingSecretUsernameKey": "",
            "existingSecretPasswordKey": "",
            "existingSecretTokenKey": "jwt",
        }
    },
    "results on a claim": {"results": {"persistence": {"enabled": True, "size": "5Gi", "storageClass": "fast"}}},
    "results on a claim of one's own": {**WEB, "results": {"persistence": {"enabled": True, "existingClaim": "mine"}}},
    "Prometheus": {**HOST, "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}},
    "Prometheus with workers": {**WEB, **WORKERS, "metrics": {"enabled": True, "port": 9999}},
    "ingress": {
        **WEB,
        "web": {"login": True, "basePath": "/locust"},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "host": "locust.example.com",
            "path": "/locust",
            "annotations": {"a/b": "c"},
            "tls": [{"secretName": "tls", "hosts": ["locust.example.com"]}],
        },
        "networkPolicy": {"webPeers": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
    },
    "load balancer": {**WEB, **WORKERS, "web": {"exposeWithoutLogin": True}, "service": {"type": "LoadBalancer"}},
    "autoscaling": {**WEB, "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 4}},
    "disruptions": {**HOST, **WORKERS, "podDisruptionBudget": {"enabled": True}},
    "disruptions of the web UI": {**WEB, **WORKERS, "podDisruptionBudget": {"enabled": True}},
    "no network policy": {**WEB, "networkPolicy": {"enabled": False}},
    "image": {
        **WORKERS,
        "image": {"repository": "registry.test/w", "tag": "2", "digest": DIGEST, "pullSecrets": [{"name": "pull"}]},
    },
    "pods": {
        **WORKERS,
        "nodeSelector": {"pool": "load"},
        "tolerations": [{"key": "load", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "priorityClassName": "low",
        "serviceAccountName": "load",
        "podAnnotations": {"a/b": "c"},
        "podLabels": {"team": "x"},
        "extraEnv": [{"name": "A", "value": "b"}],
        "extraEnvFrom": [{"secretRef": {"name": "more"}}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "workers": {"replicas": 2, "resources": {"limits": {"memory": "2Gi"}}, "extraArgs": ["--skip-log"]},
        "job": {"activeDeadlineSeconds": 3600, "ttlSecondsAfterFinished": None},
        "terminationGracePeriodSeconds": 120,
    },
}


@pytest.fixture(scope="module")
def helm() -> Iterator[Helm]:
    need_helm()
    with Helm() as helm:
        yield helm


@pytest.mark.parametrize("case", CASES)
def test_all_is_valid_hardened_and_fits_together(helm: Helm, case: str) -> None:
    release = helm.release(CASES[case], name="demo")
    assert [problem for each in release.objects for problem in invalid(each)] == []
    pods = dict(release.pods())
    assert [f"{name}: {problem}" for name, pod in pods.items() for problem in weaknesses(pod["spec"])] == []
    assert _loose_ends(release, pods) == []
    assert SECRET not in json.dumps([pod for _, pod in release.pods()]) + release.notes
    assert all(each["metadata"]["name"].startswith("demo-locust") for each in release.objects)
    assert len({(each["kind"], each["metadata"]["name"]) for each in release.objects}) == len(release.objects)
    assert helm.lint(CASES[case]) == []


def _loose_ends(release: Release, pods: Mapping[str, Manifest]) -> list[str]:
    """References of the release to what is not in it."""
    problems = [problem for each in release.objects for problem in _lost_selectors(each, pods)]
    for name, pod in pods.items():
        problems += [f"{name}: {problem}" for problem in _lost_names(release, pod["spec"])]
    return problems


def _lost_selectors(manifest: Manifest, pods: Mapping[str, Manifest]) -> list[str]:
    """Selectors that choose no pod, or more than one."""
    name, spec = f"{manifest['kind']} {manifest['metadata']['name']}", manifest.get("spec", {})
    selector = {
        "Service": lambda: spec["selector"],
        "Deployment": lambda: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
        "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
    }.get(manifest["kind"])
    if selector is None:
        return []
    wanted = selector().items()
    chosen = [pod for pod, each in pods.items() if wanted <= each["metadata"].get("labels", {}).items()]
    if len(chosen) != 1 or (manifest["kind"] == "Deployment" and chosen != [name]):
        return [f"{name} selects {chosen}"]
    if manifest["kind"] == "Service":
        ports = {port["name"] for port in pods[chosen[0]]["spec"]["containers"][0]["ports"]}
        return [f"{name}: no {port['name']}" for port in spec["ports"] if port["targetPort"] not in ports]
    return []


def _lost_names(release: Release, spec: Manifest) -> Iterator[str]:
    """Volumes, ports, keys and objects that a pod names and that there are not."""
    own, volumes = release.names(), {volume["name"]: volume for volume in spec["volumes"]}
    for part in spec["containers"]:
        yield from (mount["name"] for mount in part.get("volumeMounts", []) if mount["name"] not in volumes)
        ports = {port["name"] for port in part.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = {way["port"] for way in part.get(probe, {}).values() if isinstance(way, dict) and "port" in way}
            yield from (f"{probe}: {port}" for port in asked - ports)
        for variable in part.get("env", []):
            key = variable.get("valueFrom", {}).get("secretKeyRef", {"name": ""})
            if key["name"].startswith("demo-") and key["key"] not in release.get("Secret", key["name"])["stringData"]:
                yield str(key)
    for volume in volumes.values():
        named = {
            f"ConfigMap {volume.get('configMap', {}).get('name', '')}",
            f"PersistentVolumeClaim {volume.get('persistentVolumeClaim', {}).get('claimName', '')}",
        }
        yield from (what for what in named if " demo-" in what and what not in own)


@pytest.mark.parametrize(
    ("profile", "load"),
    [("smoke", (10, 5, "2m")), ("load", (100, 10, "5m")), ("stress", (500, 50, "10m")), ("soak", (100, 10, "30m"))],
)
@pytest.mark.parametrize("mode", ["job", "deployment"])
def test_the_documents_profiles(helm: Helm, mode: str, profile: str, load: tuple[int, int, str]) -> None:
    pod = _main(helm.release({"mode": mode, "loadTest": {"profile": profile}}))
    found = [option(pod, name) for name in ("--users", "--spawn-rate", "--run-time")]
    assert found == [*map(str, load)]
    assert ("--headless" in container(pod)["args"]) == (mode == "job")


def test_what_stands_in_load_test_goes_before_the_profile(helm: Helm) -> None:
    def options(**load: object) -> dict[str, str | None]:
        pod = _main(helm.release({"loadTest": load}))
        names = ("users", "spawn-rate", "run-time", "stage", "arrival-rate", "load-profile")
        return {name: value for name in names if (value := option(pod, f"--{name}")) is not None}

    assert options(users=200) == {"users": "200", "spawn-rate": "5", "run-time": "2m"}
    assert options(users=1000000, spawnRate=0.5, runTime="1h") == {
        "users": "1000000",
        "spawn-rate": "0.5",
        "run-time": "1h",
    }
    assert options(stages=["2m:200", "2m:0"]) == {"stage": "2m:200,2m:0"}
    assert options(arrivalRate="20/s") == {"users": "10", "run-time": "2m", "arrival-rate": "20/s"}
    assert options(loadProfile="wave") == {"load-profile": "wave"}
    assert options(loadProfile="wave", users=3) == {"load-profile": "wave", "users": "3"}


def test_names_are_the_documents(helm: Helm) -> None:
    release = helm.release({**WEB, **WORKERS})
    assert {"Deployment locust-locust", "Deployment locust-locust-worker", "Service locust-locust"} <= release.names()
    service = release.get("Service", "locust-locust")
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {"web": 8089, "workers": 5557}
    pods = dict(release.pods())
    named = [name for name, pod in pods.items() if pod["metadata"]["labels"]["app.kubernetes.io/name"] == "locust"]
    assert named == ["Deployment locust-locust"]
    assert "Job api-test-locust" in helm.release(CASES["example 1"], name="api-test").names()
    longest = helm.release({**WORKERS, "results": {"persistence": {"enabled": True}}}, name="r" * 53, revision=12)
    assert max(len(each["metadata"]["name"]) for each in longest.objects if each["kind"] != "ConfigMap") <= 63


def test_an_upgrade_is_another_run_whose_workers_find_its_master_alone(helm: Helm) -> None:
    first, second = (helm.release({**HOST, **WORKERS}, revision=revision) for revision in (1, 2))
    assert {"Job locust-locust", "Job locust-locust-worker"} <= first.names()
    assert {"Job locust-locust-2", "Job locust-locust-worker-2"} <= second.names()
    assert "another Job, locust-locust-2," in first.notes
    old, new = (_main(release)["metadata"]["labels"] for release in (first, second))
    selector = second.get("Service", "locust-locust")["spec"]["selector"].items()
    assert selector <= new.items()
    assert not selector <= old.items()
    web = [helm.release({**WEB, **WORKERS}, revision=revision) for revision in (1, 2)]
    assert web[0].objects == web[1].objects


def test_workers_have_the_masters_files_and_variables_and_write_nothing(helm: Helm) -> None:
    release = helm.release({**CASES["files and folders"], **CASES["example 4"], **WORKERS, "auth": {"token": SECRET}})
    pods = dict(release.pods())
    master, worker = pods["Job locust-locust"], pods["Job locust-locust-worker"]
    assert container(worker)["args"] == ["--worker", "--master-host", "locust-locust", "--master-port", "5557"]
    assert option(master, "--expect-workers") == "3"
    assert set(environment(master)) - set(environment(worker)) == {"WIRESWARM_POD_LINGER", "WIRESWARM_POD_SUCCEED"}
    assert [v for v in master["spec"]["volumes"] if v["name"] != "results"] == worker["spec"]["volumes"]
    assert release.get("Job", "locust-locust-worker")["spec"]["parallelism"] == 3


def test_files_are_where_the_document_has_them_with_their_sums(helm: Helm) -> None:
    release = helm.release({**CASES["helmfile"], "protos": {"files": {"google/type/money.proto": "x"}}})
    pod = _main(release)
    sums = dict(reversed(line.split("  ")) for line in environment(pod)["WIRESWARM_POD_SHA256"].splitlines())
    assert sums == {
        "/locustfiles/locustfile.py": hashlib.sha256(INLINE.encode()).hexdigest(),
        "/test_data/batch_input.jsonl": hashlib.sha256(b'{"request": 1}\n').hexdigest(),
        "/protos/google/type/money.proto": hashlib.sha256(b"x").hexdigest(),
    }
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["protos"]["configMap"]["items"] == [
        {"key": "google__type__money.proto", "path": "google/type/money.proto"}
    ]
    assert environment(pod)["TEST_DATA_FILE"] == "/test_data/batch_input.jsonl"
    assert environment(_main(helm.release(CASES["example 4"])))["TEST_DATA_FILE"] == "/test_data/users_large.jsonl"
    assert "TEST_DATA_FILE" not in environment(_main(helm.release(CASES["several data files"])))
    of_chart = {volume["name"]: volume for volume in _main(helm.release(CASES["data of the chart"]))["spec"]["volumes"]}
    assert [item["path"] for item in of_chart["test-data"]["configMap"]["items"]] == [
        "locustfile.py",
        "batch_input.jsonl",
    ]


def test_a_file_in_the_chart_folder(tmp_path: Path) -> None:
    need_helm()
    shutil.copytree(CHART, tmp_path / "locust")
    (tmp_path / "locust" / "files" / "my-locust.py").write_text(INLINE)
    with Helm(tmp_path / "locust") as helm:
        release = helm.release({"locustfile": {"file": "my-locust.py"}})
    assert [held["data"]["locustfile.py"] for held in release.of("ConfigMap")] == [INLINE]


def test_credentials_come_from_a_secret(helm: Helm) -> None:
    existing = environment(_main(helm.release(CASES["existing secret"])))
    reference = {"secretKeyRef": {"name": "control-layer-secret", "key": "BASIC_AUTH_PASSWORD"}}
    assert existing["BASIC_AUTH_PASSWORD"] == reference
    assert existing["WIRESWARM_STOCK_BASIC_AUTH"] == "true"
    made = helm.release(CASES["new credentials"])
    assert made.get("Secret", "locust-locust-auth")["stringData"] == {
        "BASIC_AUTH_USERNAME": "testuser",
        "BASIC_AUTH_PASSWORD": SECRET,
    }
    token = environment(_main(helm.release(CASES["a token of a secret"])))
    assert token["TEST_USER_TOKEN"] == {"secretKeyRef": {"name": "tokens", "key": "jwt"}}
    assert not token.keys() & {"WIRESWARM_STOCK_BASIC_AUTH", "BASIC_AUTH_USERNAME"}


def test_thresholds_and_whether_a_breach_fails_the_job(helm: Helm) -> None:
    default = environment(_main(helm.release()))
    assert (default["P95_THRESHOLD_MS"], default["ERROR_RATE_THRESHOLD"]) == ("1000", "0.01")
    assert default["WIRESWARM_POD_SUCCEED"] == "true"
    pod = _main(helm.release(CASES["every option"]))
    assert environment(pod)["WIRESWARM_POD_SUCCEED"] == "false"
    assert not environment(pod).keys() & {"P95_THRESHOLD_MS", "ERROR_RATE_THRESHOLD"}
    args = container(pod)["args"]
    assert [args[index + 1] for index, word in enumerate(args) if word == "--threshold"] == [
        "POST /orders: p99 < 500ms",
        "errors < 5% over 30s",
    ]
    assert args[-9:] == ["--exclude-tags", "c", "--tags", "a", "b", "--loglevel", "DEBUG", "--", "APIUser"]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 140


def test_results_can_be_read_after_the_run(helm: Helm) -> None:
    lingering = helm.release()
    assert environment(_main(lingering))["WIRESWARM_POD_LINGER"] == "5m"
    assert "kubectl cp ns/${POD}:/results results" in lingering.notes
    kept = helm.release(CASES["results on a claim"])
    assert "WIRESWARM_POD_LINGER" not in environment(_main(kept))
    mount = next(mount for mount in container(_main(kept))["volumeMounts"] if mount["name"] == "results")
    assert mount == {"name": "results", "mountPath": "/results", "subPathExpr": "$(POD_NAME)"}
    reader = yaml.safe_load(kept.get("ConfigMap", "locust-locust-reader")["data"]["pod.yaml"])
    assert invalid(reader) == []
    assert reader["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "locust-locust-results"
    assert "kubectl cp ns/locust-locust-reader:/results results" in kept.notes


def test_notes_name_what_there_is(helm: Helm) -> None:
    for case in CASES:
        release = helm.release(CASES[case], name="demo")
        kinds = {"job": "Job", "svc": "Service", "deployment": "Deployment", "configmap": "ConfigMap"}
        for kind, name in re.findall(r"\b(job|svc|deployment)/([\w-]+)", release.notes):
            assert f"{kinds[kind]} {name}" in release.names(), case
        assert "<no value>" not in release.notes
        assert "%!" not in release.notes


def test_only_workers_reach_their_port_and_only_the_namespace_the_web_ui(helm: Helm) -> None:
    release = helm.release({**WEB, **WORKERS, "metrics": {"enabled": True}})
    policies = {each["metadata"]["name"]: each["spec"] for each in release.of("NetworkPolicy")}
    assert "ingress" not in policies["locust-locust-worker"]
    by_port = {rule["ports"][0]["port"]: rule["from"] for rule in policies["locust-locust"]["ingress"]}
    worker = by_port.pop("workers")[0]["podSelector"]["matchLabels"]
    assert worker["app.kubernetes.io/component"] == "worker"
    assert by_port == {"web": [{"podSelector": {}}], "metrics": [{"namespaceSelector": {}}]}
    exposed = helm.release(CASES["load balancer"])
    types = {each["metadata"]["name"]: each["spec"]["type"] for each in exposed.of("Service")}
    assert types == {"locust-locust": "ClusterIP", "locust-locust-web": "LoadBalancer"}
    assert [port["name"] for port in exposed.get("Service", "locust-locust-web")["spec"]["ports"]] == ["web"]


def test_metrics_are_scraped_at_a_port_without_a_login(helm: Helm) -> None:
    release = helm.release({**CASES["ingress"], "metrics": {"serviceMonitor": {"enabled": True}}})
    pod = _main(release)
    assert {"--web-login", "--web-base-path"} <= set(container(pod)["args"])
    assert option(pod, "--prometheus-port") == "9646"
    monitor = release.get("ServiceMonitor", "locust-locust")["spec"]
    assert monitor["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "5s"}]
    service = release.get("Service", "locust-locust")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_an_autoscaler_decides_how_many_workers_there_are(helm: Helm) -> None:
    release = helm.release(CASES["autoscaling"])
    assert "replicas" not in release.get("Deployment", "locust-locust-worker")["spec"]
    spec = release.get("HorizontalPodAutoscaler", "locust-locust-worker")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 4)
    assert spec["scaleTargetRef"]["name"] == "locust-locust-worker"


def test_without_a_host_the_reference_target_is_loaded(helm: Helm) -> None:
    release = helm.release()
    pod = _main(release)
    assert option(pod, "--host") == "http://locust-locust-target:8000"
    assert environment(pod)["EXAMPLE_PATH"] == "/health"
    assert {"Deployment locust-locust-target", "Service locust-locust-target"} <= release.names()
    assert not {name for name in helm.release(HOST).names() if "target" in name}


def test_the_image_is_pinned_by_its_digest(helm: Helm) -> None:
    images = {part["image"] for _, pod in helm.release(CASES["image"]).pods() for part in pod["spec"]["containers"]}
    assert images == {f"registry.test/w@{DIGEST}"}
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert container(_main(helm.release()))["image"] == f"ghcr.io/example/wireswarm:{chart['appVersion']}"


WRONG = [
    ("mode=jobs", "mode"),
    ("mod=job", "mod"),
    ("loadTest.user=5", "user"),
    ("loadTest.users=many", "loadTest/users"),
    ("loadTest.users=0", "loadTest/users"),
    ("loadTest.host=example.com", "loadTest/host"),
    ("loadTest.runTime=10 minutes", "loadTest/runTime"),
    ("loadTest.profile=smok", 'loadTest.profile: found "smok"; allowed: load, smoke, soak, stress'),
    ("profiles.mine.users=5,loadTest.profile=mine", "loadTest.runTime: found nothing; a job needs an end"),
    ("target.enabled=false", "loadTest.host: found nothing"),
    ("image.digest=sha256:12", "image/digest"),
    ("locustfile.inline=a,locustfile.file=locustfile.py", "found locustfile.inline and locustfile.file"),
    ("locustfile.file=my-locust.py", 'locustfile.file: found no file "my-locust.py"'),
    ("testData.file=rows.csv", 'testData.file: found no file "rows.csv"'),
    ("testData.selectedFile=a.csv", 'testData.selectedFile: found "a.csv"'),
    ("testData.inline=a,testData.existingClaim=b", "testData.existingClaim: found it beside testData.inline"),
    (r"testData.files.a b\.csv=x", "a b.csv"),
    (r"protos.files.a\.proto=x,protos.existingConfigMap=b", "protos: found existingConfigMap and files"),
    ("auth.username=a", "auth.password: found nothing"),
    ("auth.password=a", "auth.username: found nothing"),
    ("auth.username=a:b,auth.password=c", "auth/username"),
    ("auth.existingSecret=a,auth.token=b", "auth.existingSecret: found it beside"),
    ("auth.existingSecret=a,auth.existingSecretUsernameKey=", "found one of them"),
    ("assertions.errorRateThreshold=5", "assertions/errorRateThreshold"),
    ("assertions.p95ThresholdMs=0", "assertions/p95ThresholdMs"),
    ("assertions.p95=500", "p95"),
    ("results.linger=ever", "results/linger"),
    ("web.port=80", "web/port"),
    ("workers.replicas=-1", "workers/replicas"),
    ("terminationGracePeriodSeconds=40", "terminationGracePeriodSeconds: found 40; allowed: 41 or more"),
    ("autoscaling.enabled=true", "autoscaling.enabled: found true with mode job"),
    ("ingress.enabled=true,ingress.host=a.test", "ingress.enabled: found true with mode job"),
    ("mode=deployment,ingress.enabled=true,web.login=true", "ingress.host: found nothing"),
    ("mode=deployment,ingress.enabled=true,ingress.host=a.test", "nobody would have to log in"),
    ("mode=deployment,service.type=NodePort", "service.type: found NodePort, but nobody would have to log in"),
    ("mode=deployment,autoscaling.enabled=true,autoscaling.minReplicas=20", "autoscaling.minReplicas: found 20"),
    ("resources.limit.memory=4Gi", "limit"),
]


@pytest.mark.parametrize(("assigned", "named"), WRONG, ids=[assigned for assigned, _ in WRONG])
def test_a_wrong_value_is_refused_by_its_name(helm: Helm, assigned: str, named: str) -> None:
    with pytest.raises(RefusedError) as caught:
        helm.release(helm.assigned(assigned))
    assert named in str(caught.value)


def test_all_problems_are_told_at_once_and_files_that_are_too_large_too(helm: Helm) -> None:
    with pytest.raises(RefusedError) as caught:
        helm.release({"loadTest": {"profile": "x"}, "auth": {"username": "a"}, "testData": {"inline": "x" * 1_100_000}})
    said = str(caught.value)
    assert "loadTest.profile" in said
    assert "auth.password" in said
    assert re.search(r"testData: found 11\d{5} bytes; a config map holds 1 MiB", said)


def test_every_value_is_in_the_schema_and_no_other() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    def compare(given: Mapping[str, Any], described: Mapping[str, Any], path: str) -> None:
        if "properties" not in described:
            return
        assert described["additionalProperties"] is False, path
        assert set(given) == set(described["properties"]) - {"global"}, path
        for name, value in given.items():
            if isinstance(value, dict):
                compare(value, described["properties"][name], f"{path}.{name}")

    compare(values, schema, "")


def test_the_helmfile_of_the_document(helm: Helm) -> None:
    folder = ROOT / "deploy" / "helmfile"
    helmfile = yaml.safe_load((folder / "helmfile.yaml").read_text("utf-8"))
    assert {each["name"] for each in helmfile["releases"]} == {"locust", "multi-data-test"}
    for each in helmfile["releases"]:
        assert (folder / each["chart"]).resolve() == CHART
        values: dict[str, Any] = {}
        for given in each["values"]:
            helm.merge(
                values, given if isinstance(given, dict) else yaml.safe_load((folder / given).read_text("utf-8"))
            )
        for given in each["set"]:
            helm.merge(values, helm.assigned(f"{given['name']}={folder / given['file']}", "parse_set_file"))
        release = helm.release(values, name=each["name"])
        assert [problem for found in release.objects for problem in invalid(found)] == []
        pod = dict(release.pods())[f"Job {each['name']}-locust"]
        assert environment(pod)["TEST_DATA_FILE"].removeprefix("/test_data/") == values["testData"]["selectedFile"]
        assert len(values["testData"]["files"]) >= 2


def _main(release: Release) -> Manifest:
    return next(pod for _, pod in release.pods() if pod["metadata"]["labels"].get("app.kubernetes.io/name") == "locust")
