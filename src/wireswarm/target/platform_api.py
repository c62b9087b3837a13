"""The platform: workspaces, workflows and knowledge for everybody, figures for admins, and what is heavy.

It takes requests without a token, as the real one does inside its network. A token, where one is sent, has to be good,
and only that of somebody called `admin@…` opens `/api/admin`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

import psutil
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import Refusal, answer_json, header
from wireswarm.target.json_body import read_object
from wireswarm.target.platform_store import Document, Execution, Platform, Workflow, Workspace
from wireswarm.target.routing import plain_route
from wireswarm.target.system import Context

STEPS = frozenset({"code_generation", "validation", "testing", "deployment"})
"""What a step of a workflow can be."""

PAGE = 50
"""Entries of a list, the newest."""
MAX_AUDIT_ENTRIES = 1_000
"""Changes that the audit log keeps."""

_LONGEST_NAME = 200
_LONGEST_TEXT = 2_000
_MOST_RESULTS = 100
_MB = 1024 * 1024
_LINE = "def generated(value: int) -> int:  # made up, the same every time\n"

Json = Mapping[str, object] | Sequence[object]


class PlatformApi:
    """The endpoints, and what they work on."""

    def __init__(self, context: Context) -> None:
        self._clock = context.clock
        self._settings = context.settings
        self._tokens = context.tokens
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first one has nothing to compare with
        self.reset()

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        workspace, workflow = "/api/workspaces/{id}", "/api/workspaces/{id}/workflows/{workflow_id}"
        return [
            self._get("/api/workspaces", self._list_workspaces),
            self._post("/api/workspaces", self._create_workspace),
            self._get(f"{workspace}/workflows", self._list_workflows),
            self._post(f"{workspace}/workflows", self._create_workflow),
            self._get(f"{workflow}/executions", self._list_executions),
            self._post(f"{workflow}/execute", self._execute, status=202),
            self._get(f"{workspace}/knowledge/search", self._search),
            self._post(f"{workspace}/knowledge", self._add_document),
            self._get("/api/admin/metrics", self._metrics, admin=True),
            self._get("/api/admin/audit-logs", self._audit_logs, admin=True),
            self._get("/api/admin/users", self._users, admin=True),
            self._get("/api/admin/costs", self._costs, admin=True),
            self._post("/api/generator/project", self._generate, status=200, heavy=True),
            self._get("/api/knowledge/search", self._search_everywhere, heavy=True),
            self._post("/api/analysis/codebase", self._analyse, status=200, heavy=True),
        ]

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {"status": "healthy"}

    def reset(self) -> None:
        """See `System.reset`."""
        self._platform = Platform(self._settings.max_items, self._clock())
        self._audit: deque[Mapping[str, object]] = deque(maxlen=MAX_AUDIT_ENTRIES)

    def _get(self, path: str, handle: Callable[[Scope], Json], *, admin: bool = False, heavy: bool = False) -> Route:
        async def respond(scope: Scope, _receive: Receive) -> Json:
            return handle(scope)

        return self._route("GET", path, respond, 200, admin=admin, heavy=heavy)

    def _post(
        self, path: str, handle: Callable[[Scope, dict[str, Any]], Json], *, status: int = 201, heavy: bool = False
    ) -> Route:
        async def respond(scope: Scope, receive: Receive) -> Json:
            return handle(scope, await read_object(receive))

        return self._route("POST", path, respond, status, admin=False, heavy=heavy)

    def _route(
        self,
        method: str,
        path: str,
        respond: Callable[[Scope, Receive], Awaitable[Json]],
        status: int,
        *,
        admin: bool,
        heavy: bool,
    ) -> Route:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self._check_role(scope, admin=admin)
            body = await respond(scope, receive)
            if heavy and self._settings.heavy_time:
                try:
                    await asyncio.sleep(self._settings.heavy_time)
                except asyncio.CancelledError:
                    raise Refusal(503, "the target is shutting down") from None
            await answer_json(send, body, status)

        return plain_route(method, path, app)

    def _check_role(self, scope: Scope, *, admin: bool) -> None:
        if header(scope, b"authorization") is None:
            return
        email = self._tokens.email_of(scope)
        if admin and email.partition("@")[0] != "admin":
            raise Refusal(403, "that is for admins")

    def _note(self, action: str, target: str) -> None:
        self._audit.appendleft({"time": _iso(self._clock()), "action": action, "target": target})

    def _workspace(self, scope: Scope) -> Workspace:
        workspace = self._platform.workspace(scope["path_params"]["id"])
        if workspace is None:
            raise Refusal(404, "no such workspace")
        return workspace

    def _workflow(self, scope: Scope) -> Workflow:
        workflow = self._workspace(scope).workflows.get(scope["path_params"]["workflow_id"])
        if workflow is None:
            raise Refusal(404, "no such workflow")
        return workflow

    def _list_workspaces(self, _scope: Scope) -> Json:
        return [_show_workspace(workspace) for workspace in islice(self._platform.workspaces(), PAGE)]

    def _create_workspace(self, _scope: Scope, fields: dict[str, Any]) -> Json:
        workspace = self._platform.add_workspace(_text(fields, "name"), self._clock())
        self._note("create_workspace", workspace.id)
        return _show_workspace(workspace)

    def _list_workflows(self, scope: Scope) -> Json:
        newest = islice(reversed(self._workspace(scope).workflows.values()), PAGE)
        return [_show_workflow(workflow) for workflow in newest]

    def _create_workflow(self, scope: Scope, fields: dict[str, Any]) -> Json:
        workspace, steps = self._workspace(scope), fields.get("steps")
        if not (isinstance(steps, list) and 0 < len(steps) <= 20):
            raise Refusal(422, "steps is not a list of 1 to 20")
        kinds = [step.get("type") if isinstance(step, dict) else step for step in steps]
        names = tuple(kind for kind in kinds if isinstance(kind, str) and kind in STEPS)
        if len(names) < len(steps):
            raise Refusal(422, f"the type of a step is not one of {', '.join(sorted(STEPS))}")
        workflow = self._platform.add_workflow(workspace, _text(fields, "name"), names, self._clock())
        self._note("create_workflow", workflow.id)
        return _show_workflow(workflow)

    def _list_executions(self, scope: Scope) -> Json:
        newest = islice(reversed(self._workflow(scope).executions.values()), PAGE)
        return [self._show_execution(execution) for execution in newest]

    def _execute(self, scope: Scope, _fields: dict[str, Any]) -> Json:
        execution = self._platform.execute(self._workflow(scope), self._clock())
        self._note("execute_workflow", execution.id)
        return self._show_execution(execution)

    def _show_execution(self, execution: Execution) -> Mapping[str, object]:
        ends = execution.started + self._settings.execution_time
        ended = self._clock() >= ends
        return {
            "id": execution.id,
            "status": "completed" if ended else "running",
            "started_at": _iso(execution.started),
            "completed_at": _iso(ends) if ended else None,
        }

    def _search(self, scope: Scope) -> Json:
        query = _query(scope)
        found = self._workspace(scope).search(query.get("query", ""), _number(query, "limit", 10, _MOST_RESULTS))
        return {"results": [_show_document(document) for document in found], "total": len(found)}

    def _add_document(self, scope: Scope, fields: dict[str, Any]) -> Json:
        workspace, content = self._workspace(scope), fields.get("content")
        if not isinstance(content, str):
            raise Refusal(422, "content is not text")
        document = self._platform.add_document(workspace, _text(fields, "title"), content[:_LONGEST_TEXT])
        self._note("add_document", document.id)
        return _show_document(document)

    def _metrics(self, _scope: Scope) -> Json:
        return {
            "cpu_percent": self._process.cpu_percent(),
            "memory_mb": round(self._process.memory_info().rss / _MB, 2),
            "items": len(self._platform),
            "pid": os.getpid(),
        }

    def _audit_logs(self, scope: Scope) -> Json:
        return list(islice(self._audit, _number(_query(scope), "limit", 50, MAX_AUDIT_ENTRIES)))

    def _users(self, _scope: Scope) -> Json:
        return [{"id": f"user-{name}", "email": f"{name}@example.com", "role": name} for name in ("admin", "member")]

    def _costs(self, scope: Scope) -> Json:
        days = _number(_query(scope), "days", 7, 366)
        return {"days": days, "currency": "USD", "total": round(days * 12.5, 2)}

    def _generate(self, _scope: Scope, fields: dict[str, Any]) -> Json:
        name, count = _text(fields, "name"), 8
        content = self._filling(self._settings.heavy_bytes // count)
        files = [{"path": f"src/module_{number}.py", "content": content} for number in range(count)]
        return {"project": name, "files": files}

    def _search_everywhere(self, scope: Scope) -> Json:
        query = _query(scope)
        limit = _number(query, "limit", 10, _MOST_RESULTS)
        words = query.get("query", "")[:_LONGEST_NAME]
        results = [{"id": f"doc-{number}", "title": f"{words} {number}"} for number in range(limit)]
        if query.get("include_content") == "true":
            content = self._filling(self._settings.heavy_bytes // limit)
            results = [{**result, "content": content} for result in results]
        return {"results": results, "total": limit}

    def _analyse(self, _scope: Scope, fields: dict[str, Any]) -> Json:
        repository = _text(fields, "repository")
        finding = {"severity": "info", "message": "made up, the same every time"}
        return {"repository": repository, "findings": [finding] * (self._settings.heavy_bytes // 70)}

    def _filling(self, length: int) -> str:
        return (_LINE * (length // len(_LINE) + 1))[:length]


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not (isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME):
        raise Refusal(422, f"{name} is not a text of 1 to {_LONGEST_NAME} characters")
    return value


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))


def _number(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise Refusal(422, f"{name} is not a number from 1 to {most}")
    return int(text)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _show_workspace(workspace: Workspace) -> Mapping[str, object]:
    return {"id": workspace.id, "name": workspace.name, "created_at": _iso(workspace.created)}


def _show_workflow(workflow: Workflow) -> Mapping[str, object]:
    steps = [{"type": step} for step in workflow.steps]
    return {"id": workflow.id, "name": workflow.name, "steps": steps, "created_at": _iso(workflow.created)}


def _show_document(document: Document) -> Mapping[str, object]:
    return {"id": document.id, "title": document.title, "content": document.content}
