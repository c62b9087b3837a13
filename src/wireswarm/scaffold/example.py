"""The suite for those who have nothing to make one from: a small REST service, which the reference target is."""

from __future__ import annotations

from wireswarm.scaffold.linking import link
from wireswarm.scaffold.model import Answer, AuthKind, Body, Operation, Suite


def read_example(name: str, *, auth: AuthKind | None = None) -> Suite:
    """A health check, a list, and a flow that creates something and looks at what is in it."""
    suite = Suite(name, "the example of a REST service, which `wireswarm target` is", auth=auth or "none")
    workspace = {"id": "w1", "name": "example"}
    workflow = {"name": "nightly", "steps": [{"name": "check", "type": "validation"}]}
    ways = "/api/workspaces/{id}/workflows"
    suite.groups, suite.tasks = link(
        [
            Operation(
                name="health",
                method="GET",
                path="/health",
                title="Whether the service is well",
                tags=("health",),
                answer=Answer(expect="dict", keys=("status",), sample={"status": "healthy"}),
            ),
            Operation(
                name="list_workspaces",
                method="GET",
                path="/api/workspaces",
                title="The workspaces that there are",
                tags=("workspaces",),
                answer=Answer(expect="list", sample=[workspace]),
            ),
            Operation(
                name="create_workspace",
                method="POST",
                path="/api/workspaces",
                title="A new workspace",
                tags=("workspaces",),
                body=Body("json", [{"name": "example 1"}, {"name": "example 2"}, {"name": "example 3"}]),
                answer=Answer((201,), "dict", ("id", "name"), sample=workspace),
            ),
            Operation(
                name="create_workflow",
                method="POST",
                path=ways,
                title="A new workflow in the workspace",
                tags=("workflows",),
                body=Body("json", [workflow]),
                answer=Answer((201,), "dict", ("id",), sample={"id": "f1", "name": "nightly"}),
            ),
            Operation(
                name="list_workflows",
                method="GET",
                path=ways,
                title="The workflows of the workspace",
                tags=("workflows",),
                answer=Answer(expect="list", sample=[{"id": "f1"}]),
            ),
        ]
    )
    return suite
