"""Parts of a locustfile that suites of every kind have: its head, its imports, its helpers."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

from wireswarm.scaffold.code import Expression, call, docstring, imports, lines, literal, sentence
from wireswarm.scaffold.model import Suite
from wireswarm.scaffold.naming import words

SETTINGS: Final = '''\
def settings(*names: str) -> dict[str, str]:
    """What is in no file, from the environment. Kept out of logs and reports."""
    missing = [f"{name}: is not set" for name in names if not os.environ.get(name)]
    if missing:
        raise ConfigurationError(missing)
    for name in names:
        SECRETS.add(os.environ[name])
    return {name: os.environ[name] for name in names}
'''

FILLED: Final = '''\
def filled(value: Any) -> Any:
    """Data with environment variables in the place of ${NAME}."""
    if isinstance(value, dict):
        return {key: filled(held) for key, held in value.items()}
    if isinstance(value, list):
        return [filled(held) for held in value]
    is_name = isinstance(value, str) and value.startswith("${")
    return SETTINGS.get(value[2:-1], value) if is_name else value
'''

HAS: Final = '''\
def has(*ways: Any) -> Callable[[Any], str | None]:
    """A check that an answer has these: keys, or ways of keys and positions."""

    def check(answer: Any) -> str | None:
        for way in ways:
            value = answer
            try:
                for key in way if isinstance(way, tuple) else (way,):
                    value = value[key]
            except (KeyError, IndexError, TypeError):
                return f"there is no {way} in the answer"
        return None

    return check
'''

HOLDS: Final = '''\
def holds(kind: type[Message]) -> Callable[[Any], str | None]:
    """A check that an answer is a message in protobuf's JSON."""

    def check(answer: Any) -> str | None:
        try:
            ParseDict(answer, kind(), ignore_unknown_fields=True)
        except ParseError:
            return f"the answer is no {kind.DESCRIPTOR.full_name}"
        return None

    return check
'''


def named(suite: Suite) -> str:
    """The suite's name for people."""
    return " ".join(words(suite.name)).capitalize()


def head(suite: Suite) -> list[str]:
    """The docstring of the locustfile: what it is, how it is run, what it reads from the environment."""
    file = f"{suite.name}.py"
    environment = [("TARGET_HOST", f"the host, where --host is not given; {suite.host}")]
    environment += [(name, told) for name, told in credentials(suite)]
    environment += [(name, "has to be set: a value that is in no file") for name in suite.variables]
    wide = max(len(name) for name, _ in environment)
    return [
        f'"""{sentence(f"{named(suite)}: a load test", "A load test")}',
        "",
        f"    wireswarm try {file} --host {suite.host}",
        f"    wireswarm run {file} smoke",
        "",
        f"Begun by `wireswarm new` from {_safe(suite.source)}.",
        f"Profiles are in `{suite.name}.toml`, data in `data/`.",
        "",
        "Environment:",
        "",
        *(f"    {name:<{wide}}  {_safe(told)}" for name, told in environment),
        '"""',
        "",
    ]


def _safe(text: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text).replace("\\", "/").replace('"', "'")
    return plain if len(plain) <= 80 else f"{plain[:77]}..."


def credentials(suite: Suite) -> list[tuple[str, str]]:
    """The variables of `auth`, each with what it is."""
    told = {"bearer": ["a bearer token"], "basic": ["the user's name", "the password"], "none": []}[suite.auth]
    return [(name, f"has to be set: {what}") for name, what in zip(suite.credentials, told, strict=True)]


def preamble(suite: Suite, needed: Set[str], *, locust: Iterable[str], ours: Iterable[str]) -> list[str]:
    """The imports and helpers.

    Args:
        suite: the suite.
        needed: which of `settings`, `filled`, `has`, `holds` and `pb`.
        locust: names from locust.
        ours: names from wireswarm.
    """
    helpers = [("settings", SETTINGS), ("filled", FILLED), ("has", HAS), ("holds", HOLDS)]
    given = [source for name, source in helpers if name in needed]
    typing = ["Any"] if needed & {"filled", "has", "holds"} or "Any" in needed else []
    standard = ["import os"]
    standard += ["from collections.abc import Callable"] if needed & {"has", "holds"} else []
    standard += imports("typing", typing)
    third: list[str] = []
    if "holds" in needed:
        third += ["from google.protobuf.json_format import ParseDict, ParseError"]
        third += ["from google.protobuf.message import Message"]
    names = set(ours)
    names |= {"load_protos"} if "pb" in needed else set()
    names |= {"ConfigurationError"} if "settings" in needed else set()
    found = [*standard, "", *third, *imports("locust", locust), "", "# isort: split", *imports("wireswarm", names)]
    found += imports("wireswarm.auth", ["SECRETS"]) if "settings" in needed else []
    found.append("")
    if "pb" in needed:
        protos = [literal(f"proto/{name}") for name in suite.proto_roots]
        found += [*lines(0, "pb = ", call("load_protos", *protos)), ""]
    for source in given:
        found += ["", *source.splitlines(), ""]
        if source is SETTINGS:
            variables = [literal(name) for name in suite.variables]
            found += ["", *lines(0, "SETTINGS = ", call("settings", *variables)), ""]
    return [*found, ""]


def user_head(suite: Suite, name: str, base: str) -> list[str]:
    """The beginning of the user's class."""
    low, high = suite.wait
    found = [
        f"class {name}({base}):",
        f"    {docstring(f'Somebody who uses {named(suite).lower()}', 'A user')}",
        "",
        *lines(4, 'host = os.environ.get("TARGET_HOST") or ', literal(suite.host)),
        f"    wait_time = between({literal(low)}, {literal(high)})",
    ]
    if suite.auth == "bearer":
        found += lines(4, "auth = ", call("BearerToken.from_env", *map(literal, suite.credentials)))
    if suite.auth == "basic":
        found += lines(4, "auth = ", call("BasicAuth.from_env", *map(literal, suite.credentials)))
    if suite.content_type:
        found += lines(4, "content_type = ", literal(suite.content_type))
    return found


def auth_names(suite: Suite) -> list[str]:
    """What `user_head` needs from wireswarm."""
    return {"bearer": ["BearerToken"], "basic": ["BasicAuth"], "none": []}[suite.auth]


def marks(tags: Iterable[str], indent: int, *, weight: int = 1) -> list[str]:
    """The decorators of a task."""
    given: list[Expression] = [literal(tag) for tag in tags]
    found = lines(indent, "@", call("tag", *given)) if given else []
    return [*found, f"{' ' * indent}@task" + (f"({weight})" if weight > 1 else "")]


def finished(found: Iterable[str]) -> str:
    """The file, with two empty lines where there would be more, and one line break at its end."""
    text = "\n".join(found)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return f"{text.strip()}\n"
