"""The target's platform, on a clock that stands still."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from in_process import InProcess
from manual_clock import ManualClock

from wireswarm.target.platform_api import MAX_AUDIT_ENTRIES, PAGE
from wireswarm.target.platform_store import FIRST, Platform
from wireswarm.target.settings import FAKE_JWT_SECRET
from wireswarm.target.tokens import Tokens

STEPS = [{"name": "generate", "type": "code_generation"}, {"type": "validation"}]


@pytest.fixture
def platform(clock: ManualClock) -> InProcess:
    return InProcess(clock, heavy_time=0, execution_time=5)


def new_workspace(platform: InProcess) -> str:
    return f"/api/workspaces/{platform.json('POST', '/api/workspaces', {'name': 'w'})['id']}"


def test_a_workflow_is_created_executed_and_done_later(platform: InProcess) -> None:
    workspace = new_workspace(platform)
    made = platform.json("POST", f"{workspace}/workflows", {"name": "flow", "steps": STEPS})
    assert [step["type"] for step in made["steps"]] == ["code_generation", "validation"]
    workflow = f"{workspace}/workflows/{made['id']}"
    assert platform.json("GET", f"{workflow}/executions") == []
    status, body = platform.ask("POST", f"{workflow}/execute", {"inputs": {}})
    assert (status, json.loads(body)["status"]) == (202, "running")
    platform.clock.advance(4.9)
    assert [entry["status"] for entry in platform.json("GET", f"{workflow}/executions")] == ["running"]
    platform.clock.advance(0.2)
    [execution] = platform.json("GET", f"{workflow}/executions")
    assert (execution["status"], execution["completed_at"]) == ("completed", "2023-11-14T22:13:25.000+00:00")


def test_lists_have_the_newest_first(platform: InProcess) -> None:
    assert [entry["id"] for entry in platform.json("GET", "/api/workspaces")] == [FIRST]
    made = [platform.json("POST", "/api/workspaces", {"name": str(number)})["id"] for number in range(PAGE + 5)]
    listed = [entry["id"] for entry in platform.json("GET", "/api/workspaces")]
    assert listed == made[: -PAGE - 1 : -1]


def test_there_is_something_to_read_from_the_beginning(platform: InProcess) -> None:
    workspace = f"/api/workspaces/{FIRST}"
    [workflow] = platform.json("GET", f"{workspace}/workflows")
    assert platform.json("GET", f"{workspace}/workflows/{workflow['id']}/executions")
    assert platform.json("GET", f"{workspace}/knowledge/search?query=begin")["total"] == 1


def test_knowledge_is_found_by_its_words(platform: InProcess) -> None:
    workspace = new_workspace(platform)
    for topic in ("security", "testing", "Testing again"):
        platform.json("POST", f"{workspace}/knowledge", {"title": topic, "content": f"About {topic}."})
    found = platform.json("GET", f"{workspace}/knowledge/search?query=testing%20tests&limit=10")
    assert [entry["title"] for entry in found["results"]] == ["Testing again", "testing"]
    assert platform.json("GET", f"{workspace}/knowledge/search?query=testing&limit=1")["total"] == 1
    assert platform.json("GET", f"{workspace}/knowledge/search")["total"] == 3
    assert platform.json("GET", f"{workspace}/knowledge/search?query=gardening")["results"] == []


def test_what_was_changed_is_in_the_audit_log(platform: InProcess) -> None:
    workspace = new_workspace(platform)
    platform.json("POST", f"{workspace}/knowledge", {"title": "t", "content": "c"})
    entries = platform.json("GET", "/api/admin/audit-logs?limit=50")
    assert [entry["action"] for entry in entries] == ["add_document", "create_workspace"]
    assert len(platform.json("GET", "/api/admin/audit-logs?limit=1")) == 1


def test_figures_for_admins(platform: InProcess) -> None:
    metrics = platform.json("GET", "/api/admin/metrics")
    assert metrics["memory_mb"] > 1
    assert {entry["role"] for entry in platform.json("GET", "/api/admin/users")} == {"admin", "member"}
    assert platform.json("GET", "/api/admin/costs?days=7")["days"] == 7
    assert platform.json("GET", "/health")["status"] == "healthy"


@pytest.mark.parametrize("size", [0, 1000, 200_000])
def test_heavy_answers_have_the_size_that_was_asked_for(clock: ManualClock, size: int) -> None:
    platform = InProcess(clock, heavy_time=0, heavy_bytes=size)
    for method, path, body in (
        ("POST", "/api/generator/project", {"name": "p"}),
        ("GET", "/api/knowledge/search?query=x&limit=100&include_content=true", None),
        ("POST", "/api/analysis/codebase", {"repository": "r"}),
    ):
        status, content = platform.ask(method, path, body)
        assert status == 200
        assert size * 0.7 <= len(content) <= size * 1.2 + 6_000


def test_without_content_a_search_is_light(platform: InProcess) -> None:
    status, content = platform.ask("GET", "/api/knowledge/search?query=x&limit=100")
    assert (status, len(json.loads(content)["results"]), len(content) < 5_000) == (200, 100, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/workspaces", {}, 422),
        ("POST", "/api/workspaces", {"name": "x" * 201}, 422),
        ("POST", "/api/workspaces", b"{", 400),
        ("POST", f"/api/workspaces/{FIRST}/workflows", {"name": "x", "steps": []}, 422),
        ("POST", f"/api/workspaces/{FIRST}/workflows", {"name": "x", "steps": [{"type": "fun"}]}, 422),
        ("POST", f"/api/workspaces/{FIRST}/workflows", {"name": "x", "steps": [[]]}, 422),
        ("POST", f"/api/workspaces/{FIRST}/workflows/none/execute", {}, 404),
        ("GET", "/api/workspaces/none/workflows", None, 404),
        ("POST", f"/api/workspaces/{FIRST}/knowledge", {"title": "x"}, 422),
        ("GET", f"/api/workspaces/{FIRST}/knowledge/search?limit=101", None, 422),
        ("GET", "/api/admin/audit-logs?limit=0", None, 422),
        ("GET", "/api/admin/costs?days=x", None, 422),
        ("POST", "/api/generator/project", {}, 422),
        ("POST", "/api/analysis/codebase", {}, 422),
        ("DELETE", "/api/workspaces", None, 405),
    ],
)
def test_what_is_refused(platform: InProcess, method: str, path: str, body: Any, status: int) -> None:
    assert platform.ask(method, path, body)[0] == status


def test_roles_are_looked_at_where_there_is_a_token(platform: InProcess) -> None:
    tokens = Tokens(FAKE_JWT_SECRET, platform.clock.time)
    admin, member = (
        {"Authorization": f"Bearer {tokens.issue(f'{name}@example.com', name)}"} for name in ("admin", "member")
    )
    for headers, path, status in (
        (admin, "/api/admin/users", 200),
        (member, "/api/admin/users", 403),
        (member, "/api/workspaces", 200),
        ({"Authorization": "Bearer nonsense"}, "/api/workspaces", 401),
        ({}, "/api/admin/users", 200),
    ):
        assert platform.ask("GET", path, None, headers)[0] == status


def test_reset_forgets_all(platform: InProcess) -> None:
    new_workspace(platform)
    platform.json("POST", "/_target/reset")
    assert [entry["id"] for entry in platform.json("GET", "/api/workspaces")] == [FIRST]
    assert platform.json("GET", "/api/admin/audit-logs") == []


def test_a_flood_does_not_fill_the_memory(clock: ManualClock) -> None:
    target = InProcess(clock, max_items=50)
    tracemalloc.start()
    try:
        first = 0
        for number in range(1_200):
            workspace = new_workspace(target) if number % 2 else f"/api/workspaces/{FIRST}"
            made = target.json("POST", f"{workspace}/workflows", {"name": "x" * 200, "steps": STEPS})
            target.json("POST", f"{workspace}/workflows/{made['id']}/execute", {})
            target.json("POST", f"{workspace}/knowledge", {"title": "t", "content": "x" * 20_000})
            first = first or (tracemalloc.get_traced_memory()[0] if number == 400 else 0)
        last = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert target.json("GET", "/api/admin/metrics")["items"] == 4 * 50
    assert len(target.json("GET", f"/api/admin/audit-logs?limit={MAX_AUDIT_ENTRIES}")) == MAX_AUDIT_ENTRIES
    assert last < first + 200_000


def test_the_first_workspace_stays() -> None:
    platform = Platform(1, 0.0)
    kept = [platform.add_workspace(str(number), 0.0) for number in range(3)][-1]
    assert [workspace.id for workspace in platform.workspaces()] == [kept.id, FIRST]
    assert platform.workspace(FIRST) is not None
