"""The platform: workspaces, workflows, knowledge, its administration, and what is heavy. JSON over HTTP.

    locust -f locustfiles/platform_api.py --headless --load-profile smoke --host http://localhost:8000

Seven users of ten are `PlatformUser`, two `AdminUser`, one `HeavyUser`; name some of them on the command line to run
only those. Tags: `health`, `workspaces`, `workflows`, `execution`, `knowledge`, `write`, `admin`, `monitoring`, `cost`,
`heavy`, `generation`, `search`, `analysis`. `--tags health` sends nothing but health checks, `--exclude-tags write`
changes nothing. Profiles are in `platform_api.toml`; `k6/k6_script.js` does the same with k6.

Environment (all optional):

==========================  =======================================================================================
TARGET_HOST                 the host, where `--host` is not given; then http://localhost:8000
PLATFORM_TOKEN              a bearer token that all users send; none
PLATFORM_ADMIN_TOKEN        the one that admins send instead; PLATFORM_TOKEN
==========================  =======================================================================================
"""

from __future__ import annotations

import os
import random
import uuid
from collections import deque
from typing import Any

from locust import between, tag, task
from locust.env import Environment
from locust.exception import RescheduleTask

from wireswarm import BearerToken, RestUser

TOPICS = ("authentication", "deployment", "testing", "performance", "security")
"""What is searched for, and written about."""
KNOWN = 10
"""Workspaces and workflows that a user has in mind."""

WORKSPACES = "/api/workspaces"
WORKFLOWS = f"{WORKSPACES}/{{id}}/workflows"
KNOWLEDGE = f"{WORKSPACES}/{{id}}/knowledge"


def token(*names: str) -> BearerToken | None:
    """The token of the first of these environment variables that is set."""
    return next((BearerToken.from_env(name) for name in names if os.environ.get(name)), None)


class Visitor(RestUser):
    """Anybody on the platform."""

    abstract = True

    host = os.environ.get("TARGET_HOST") or "http://localhost:8000"
    auth = token("PLATFORM_TOKEN")


class PlatformUser(Visitor):
    """Somebody at work. Looks for a workspace, and for a workflow in it, when one is needed for the first time."""

    weight = 7
    wait_time = between(1, 3)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.workspaces: deque[str] = deque(maxlen=KNOWN)
        self.workflows: deque[dict[str, str]] = deque(maxlen=KNOWN)

    @tag("health")
    @task(3)
    def health(self) -> None:
        """Whether the platform is well."""
        self.client.get("/health", expect=dict)

    @tag("workspaces")
    @task(5)
    def list_workspaces(self) -> None:
        """The list of workspaces."""
        self.workspaces.extend(ids_in(self.client.get(WORKSPACES, expect=object, check=ids_problem)))

    @tag("workspaces", "write")
    @task(2)
    def create_workspace(self) -> None:
        """A new workspace."""
        workspace = {"name": f"loadtest-{uuid.uuid4().hex}", "description": "Made by a load test"}
        self.workspaces.append(self.client.post(WORKSPACES, json=workspace, expect=dict, check=id_problem)["id"])

    @tag("workflows")
    @task(4)
    def list_workflows(self) -> None:
        """The workflows of a workspace."""
        self.look_into(self.workspace())

    @tag("workflows", "write")
    @task(2)
    def create_workflow(self) -> None:
        """A new workflow in a workspace."""
        path = {"id": self.workspace()}
        workflow = {
            "name": f"loadtest-{uuid.uuid4().hex}",
            "steps": [{"name": "generate", "type": "code_generation"}, {"name": "validate", "type": "validation"}],
        }
        made = self.client.post(WORKFLOWS, path=path, json=workflow, expect=dict, check=id_problem)
        self.workflows.append({**path, "workflow_id": made["id"]})

    @tag("execution")
    @task(3)
    def list_executions(self) -> None:
        """What has come of a workflow."""
        path = self.workflow()
        self.client.get(f"{WORKFLOWS}/{{workflow_id}}/executions", path=path, expect=object, check=list_problem)

    @tag("execution", "write")
    @task(1)
    def execute(self) -> None:
        """Begin to execute a workflow."""
        path = self.workflow()
        inputs = {"inputs": {"language": "python"}}
        self.client.post(f"{WORKFLOWS}/{{workflow_id}}/execute", path=path, json=inputs, expect=dict, check=id_problem)

    @tag("knowledge")
    @task(2)
    def search(self) -> None:
        """Search the knowledge of a workspace."""
        query: dict[str, str | int] = {"query": random.choice(TOPICS), "limit": 10}
        path = {"id": self.workspace()}
        self.client.get(f"{KNOWLEDGE}/search", path=path, params=query, expect=object, check=list_problem)

    @tag("knowledge", "write")
    @task(1)
    def add_knowledge(self) -> None:
        """A new document in a workspace."""
        path, topic = {"id": self.workspace()}, random.choice(TOPICS)
        document = {"title": f"loadtest about {topic}", "content": f"What is known about {topic}. " * 10}
        self.client.post(KNOWLEDGE, path=path, json=document, expect=dict, check=id_problem)

    def workspace(self) -> str:
        """A workspace to do something in."""
        if not self.workspaces:
            self.list_workspaces()
        if not self.workspaces:
            self.create_unless_reading(self.create_workspace)
        return random.choice(self.workspaces)

    def workflow(self) -> dict[str, str]:
        """A workflow to do something with, and the workspace that it is in."""
        if not self.workflows:
            self.look_into(self.workspace())
        if not self.workflows:
            self.create_unless_reading(self.create_workflow)
        return random.choice(self.workflows)

    def look_into(self, workspace_id: str) -> None:
        """List the workflows of a workspace."""
        path = {"id": workspace_id}
        listed = self.client.get(WORKFLOWS, path=path, expect=object, check=ids_problem)
        self.workflows.extend({**path, "workflow_id": workflow_id} for workflow_id in ids_in(listed))

    def create_unless_reading(self, create: Any) -> None:
        """Create what is missing, or do something else where this test is to change nothing."""
        if "write" in (self.environment.parsed_options.exclude_tags or ()):
            raise RescheduleTask
        create()


class AdminUser(Visitor):
    """Somebody who looks after the platform."""

    weight = 2
    wait_time = between(2, 5)
    auth = token("PLATFORM_ADMIN_TOKEN", "PLATFORM_TOKEN")

    @tag("admin", "monitoring")
    @task(2)
    def metrics(self) -> None:
        """How the system is."""
        self.client.get("/api/admin/metrics", expect=dict)

    @tag("admin", "monitoring")
    @task(1)
    def audit_logs(self) -> None:
        """Who did what."""
        self.client.get("/api/admin/audit-logs", params={"limit": 50}, expect=object, check=list_problem)

    @tag("admin")
    @task(1)
    def users(self) -> None:
        """Who there is."""
        self.client.get("/api/admin/users", expect=object, check=list_problem)

    @tag("admin", "cost")
    @task(1)
    def costs(self) -> None:
        """What the last week has cost."""
        self.client.get("/api/admin/costs", params={"days": 7}, expect=object)


class HeavyUser(Visitor):
    """Somebody whose requests are much work."""

    weight = 1
    wait_time = between(5, 10)

    @tag("heavy", "generation")
    @task
    def generate_project(self) -> None:
        """Have a large project generated."""
        project = {
            "name": f"loadtest-{uuid.uuid4().hex}",
            "description": "A shop with catalogue, basket and checkout",
            "features": ["authentication", "database", "api", "frontend", "tests"],
        }
        self.client.post("/api/generator/project", json=project, expect=dict, timeout=60)

    @tag("heavy", "search")
    @task
    def search_everything(self) -> None:
        """Search everywhere, and have what is found whole."""
        query: dict[str, str | int] = {"query": random.choice(TOPICS), "limit": 100, "include_content": "true"}
        self.client.get("/api/knowledge/search", params=query, expect=object, check=list_problem, timeout=30)

    @tag("heavy", "analysis")
    @task
    def analyse_codebase(self) -> None:
        """Have a whole code base analysed."""
        codebase = {"repository": "https://git.example.com/loadtest.git", "depth": "full"}
        self.client.post("/api/analysis/codebase", json=codebase, expect=dict, timeout=60)


def entries_in(answer: Any) -> list[Any] | None:
    """The entries of a list, also of one that is wrapped into an object with its length and the like."""
    values = answer.values() if isinstance(answer, dict) else [answer]
    return next((value for value in values if isinstance(value, list)), None)


def ids_in(answer: Any) -> list[str]:
    """The ids of the first entries of a list, the first one last."""
    return [entry["id"] for entry in reversed((entries_in(answer) or [])[:KNOWN])]


def list_problem(answer: Any) -> str | None:
    """What is wrong with a list."""
    return "the answer is no list" if entries_in(answer) is None else None


def ids_problem(answer: Any) -> str | None:
    """What is wrong with a list of things that have ids."""
    with_ids = all(isinstance(entry, dict) and entry.get("id") for entry in entries_in(answer) or ())
    return list_problem(answer) or (None if with_ids else "an entry has no id")


def id_problem(answer: dict[str, Any]) -> str | None:
    """What is wrong with something new."""
    return None if answer.get("id") else "there is no id in the answer"
