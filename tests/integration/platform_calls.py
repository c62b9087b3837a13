"""What the platform's users do, and how often: the one table that both Locust and k6 are held to."""

from __future__ import annotations

from collections.abc import Mapping

WORKSPACE = "/api/workspaces/{id}"

CALLS: Mapping[str, Mapping[str, int]] = {
    "PlatformUser": {
        "GET /health": 3,
        "GET /api/workspaces": 5,
        "POST /api/workspaces": 2,
        f"GET {WORKSPACE}/workflows": 4,
        f"POST {WORKSPACE}/workflows": 2,
        f"GET {WORKSPACE}/workflows/{{workflow_id}}/executions": 3,
        f"POST {WORKSPACE}/workflows/{{workflow_id}}/execute": 1,
        f"GET {WORKSPACE}/knowledge/search": 2,
        f"POST {WORKSPACE}/knowledge": 1,
    },
    "AdminUser": {
        "GET /api/admin/metrics": 2,
        "GET /api/admin/audit-logs": 1,
        "GET /api/admin/users": 1,
        "GET /api/admin/costs": 1,
    },
    "HeavyUser": {
        "POST /api/generator/project": 1,
        "GET /api/knowledge/search": 1,
        "POST /api/analysis/codebase": 1,
    },
}
"""The weights of each role's calls."""

ROLES = {"PlatformUser": 7, "AdminUser": 2, "HeavyUser": 1}
"""How many of ten users are of each role."""

WAITS = {"PlatformUser": (1, 3), "AdminUser": (2, 5), "HeavyUser": (5, 10)}
"""Seconds between two calls."""

TAGS: Mapping[str, set[str]] = {
    "health": {"GET /health"},
    "workspaces": {"GET /api/workspaces", "POST /api/workspaces"},
    "workflows": {f"GET {WORKSPACE}/workflows", f"POST {WORKSPACE}/workflows"},
    "execution": {call for call in CALLS["PlatformUser"] if "{workflow_id}" in call},
    "knowledge": {call for call in CALLS["PlatformUser"] if "knowledge" in call},
    "write": {call for call in CALLS["PlatformUser"] if call.startswith("POST")},
    "admin": set(CALLS["AdminUser"]),
    "monitoring": {"GET /api/admin/metrics", "GET /api/admin/audit-logs"},
    "cost": {"GET /api/admin/costs"},
    "heavy": set(CALLS["HeavyUser"]),
    "generation": {"POST /api/generator/project"},
    "search": {"GET /api/knowledge/search"},
    "analysis": {"POST /api/analysis/codebase"},
}
"""What each tag is to send."""

LOOKING = {"GET /api/workspaces", f"GET {WORKSPACE}/workflows"}
"""What a user needs that looks for a workspace and a workflow."""
NEEDS: Mapping[str, set[str]] = {
    "workflows": {"GET /api/workspaces"},
    "execution": {*LOOKING, "POST /api/workspaces", f"POST {WORKSPACE}/workflows"},
    "knowledge": {"GET /api/workspaces"},
    "write": LOOKING,
}
"""What else a tag may send, for users that begin."""


def off_share(counts: Mapping[str, int], weights: Mapping[str, int]) -> float:
    """By how many percentage points the share of a call differs at most from that of its weight."""
    total, weight = sum(counts[call] for call in weights), sum(weights.values())
    return max(abs(counts[call] / total - weights[call] / weight) for call in weights) * 100
