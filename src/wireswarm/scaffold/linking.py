"""Which requests belong together, as their paths show: what is created is asked for, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from wireswarm.scaffold.model import Group, Operation, Take, Taken
from wireswarm.scaffold.naming import camel, singular, snake, unique, words

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_RANKS: Final = {"GET": 1, "HEAD": 1, "PUT": 2, "PATCH": 3, "POST": 4, "DELETE": 6}
_CREATES: Final = 5


class _Link(NamedTuple):
    creator: Operation
    way: tuple[str | int, ...]


def link(operations: Sequence[Operation]) -> tuple[list[Group], list[Operation]]:
    """Put requests into flows where a path says that one creates what another is about.

    That is a POST to `/orders` whose answer has an id, and anything about `/orders/{id}`; also with more in between. A
    DELETE of what was created becomes the clean-up.

    Args:
        operations: the requests; changed where a value of their path comes from an answer.

    Returns:
        The flows, and the requests that stand by themselves, in their order.
    """
    posts = {operation.path.rstrip("/"): operation for operation in operations if operation.method == "POST"}
    links: dict[int, dict[str, _Link]] = {id(operation): _links(operation, posts) for operation in operations}
    roots: dict[int, list[Operation]] = {}
    for operation in operations:
        found = links[id(operation)]
        if found:
            roots.setdefault(id(_root(operation, links)), []).append(operation)
    groups, grouped = list[Group](), set[int]()
    for operation in operations:
        followers = roots.get(id(operation))
        if followers and not links[id(operation)]:
            groups.append(_group(operation, followers, links, {group.name for group in groups}))
            grouped |= {id(one) for one in groups[-1].operations}
    return groups, [operation for operation in operations if id(operation) not in grouped]


def _links(operation: Operation, posts: dict[str, Operation]) -> dict[str, _Link]:
    """Where the values in a path come from. From the left, as far as they are known: the rest has nothing to be in."""
    found: dict[str, _Link] = {}
    for match in _PARAMETER.finditer(operation.path):
        prefix = operation.path[: match.start()].rstrip("/")
        creator = posts.get(prefix)
        stands_alone = operation.path[match.end() :][:1] in {"", "/", ":"} and operation.path[match.start() - 1] == "/"
        if creator is None or creator is operation or not stands_alone:
            break
        way = _way(creator, match[1], prefix)
        if way is None:
            break
        found[match[1]] = _Link(creator, way)
    return found


def _way(creator: Operation, parameter: str, prefix: str) -> tuple[str | int, ...] | None:
    """Where in an answer the id of what was created is."""
    sample = creator.answer.sample
    if creator.answer.expect != "dict" or not isinstance(sample, dict):
        return None
    thing = singular((words(prefix.rpartition("/")[2]) or [""])[-1])
    wanted = [words(parameter), ["id"], [thing, "id"], ["uuid"]]
    for ways in (_scalars(sample), [(k, *w) for k, v in sample.items() if isinstance(v, dict) for w in _scalars(v)]):
        for name in wanted:
            for way in ways:
                if words(str(way[-1])) == name:
                    return way
    return None


def _scalars(value: dict[str, Any]) -> list[tuple[str | int, ...]]:
    return [(key,) for key, held in value.items() if isinstance(held, str | int) and not isinstance(held, bool)]


def _root(operation: Operation, links: dict[int, dict[str, _Link]]) -> Operation:
    seen: set[int] = set()
    while links[id(operation)] and id(operation) not in seen:
        seen.add(id(operation))
        operation = next(iter(links[id(operation)].values())).creator
    return operation


def _group(root: Operation, followers: list[Operation], links: dict[int, dict[str, _Link]], taken: set[str]) -> Group:
    creators = {id(found.creator) for one in followers for found in links[id(one)].values()}
    ordered = sorted(
        followers, key=lambda o: (len(links[id(o)]), _CREATES if id(o) in creators else _RANKS.get(o.method, 4))
    )
    names: dict[tuple[int, tuple[str | int, ...]], str] = {}
    methods = {operation.name for operation in [root, *ordered]}
    steps: list[Operation] = []
    for operation in [root, *ordered]:
        for parameter, found in links[id(operation)].items():
            key = id(found.creator), found.way
            if key not in names:
                names[key] = unique(_attribute(parameter, found.creator.path), methods | set(names.values()))
                found.creator.takes.append(Take(names[key], found.way))
                keys = (*found.creator.answer.keys, str(found.way[0]))
                found.creator.answer.keys = tuple(dict.fromkeys(keys))
            operation.path_values[parameter] = Taken(names[key])
        last = _PARAMETER.findall(operation.path)[-1:]
        if operation.method == "DELETE" and operation.path.endswith("}") and last[0] in links[id(operation)]:
            operation.cleans_up = True
            creator = links[id(operation)][last[0]].creator
            place = next(i for i, step in enumerate(steps) if step is creator)
            steps.insert(place + 1, operation)
        else:
            steps.append(operation)
    thing = singular((words(_PARAMETER.sub("", root.path)) or ["thing"])[-1])
    name = unique(f"{camel(thing)}Lifecycle", taken)
    return Group(name, f"A new {thing}, and what is done with it", steps)


def _attribute(parameter: str, path: str) -> str:
    if words(parameter) not in (["id"], ["uuid"], ["name"]):
        return snake(parameter, "id")
    thing = (words(_PARAMETER.sub("", path)) or ["thing"])[-1]
    return snake(f"{singular(thing)}_{parameter}", "id")
