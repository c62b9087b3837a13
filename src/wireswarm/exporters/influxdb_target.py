"""`--influxdb URL`: where points are written to, for InfluxDB 1 and 2. Credentials come from the environment alone.

A URL on a command line is seen by everybody on the machine, and ends up in reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from wireswarm.auth.redaction import SECRETS
from wireswarm.errors import ConfigurationError

TOKEN: Final = "WIRESWARM_INFLUXDB_TOKEN"  # noqa: S105 - a variable's name
USER: Final = "WIRESWARM_INFLUXDB_USER"
PASSWORD: Final = "WIRESWARM_INFLUXDB_PASSWORD"  # noqa: S105 - a variable's name

_FORMS: Final = "http://HOST:8086/?db=NAME for version 1, http://HOST:8086/?org=NAME&bucket=NAME for version 2"
_V1: Final = ("db", "rp")
_V2: Final = ("org", "bucket")


@dataclass(frozen=True)
class InfluxTarget:
    """Where points go."""

    url: str
    """Of the interface that takes points, without its query."""
    parameters: Mapping[str, str]
    """The query: database, or organisation and bucket."""
    token: str = field(default="", repr=False)
    """Of version 2."""
    login: tuple[str, str] | None = field(default=None, repr=False)
    """User and password of version 1; None where it asks for none."""

    def __str__(self) -> str:
        return self.url


def parse_influxdb_url(text: str, environ: Mapping[str, str]) -> InfluxTarget:
    """Read the value of `--influxdb`.

    Raises:
        ConfigurationError: everything that is wrong with it. No problem quotes what could be a credential.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"--influxdb: this is no URL; allowed: {_FORMS}") from None
    problems = []
    if parts.scheme not in {"http", "https"} or not host:
        problems.append(f"--influxdb: found no http or https URL with a host; allowed: {_FORMS}")
    if "@" in parts.netloc:
        problems.append(f"--influxdb: found a user or password in the URL; set {USER} and {PASSWORD} instead")
    parameters = dict(parse_qsl(parts.query))
    is_v2 = bool(parameters.keys() & set(_V2))
    problems += _problems_of(parameters, is_v2=is_v2)
    token, user, password = (environ.get(name, "") for name in (TOKEN, USER, PASSWORD))
    if is_v2 and not token:
        problems.append(f"--influxdb: version 2 needs a token; set {TOKEN}")
    if problems:
        raise ConfigurationError(problems)
    for secret in (token, password):
        SECRETS.add(secret)
    path = parts.path.rstrip("/") + ("/api/v2/write" if is_v2 else "/write")
    return InfluxTarget(
        url=f"{parts.scheme}://{parts.netloc}{path}",
        parameters=parameters,
        token=token if is_v2 else "",
        login=(user, password) if user and not is_v2 else None,
    )


def _problems_of(parameters: Mapping[str, str], *, is_v2: bool) -> list[str]:
    problems = []
    secret = sorted(parameters.keys() & {"u", "p", "token", "password"})
    if secret:
        problems.append(f"--influxdb: found {', '.join(secret)} in the URL; set {TOKEN}, or {USER} and {PASSWORD}")
    allowed, needed = (_V2, _V2) if is_v2 else (_V1, _V1[:1])
    other = sorted(parameters.keys() - set(allowed) - set(secret))
    if other:
        problems.append(f"--influxdb: found the parameters {', '.join(other)}; allowed: {_FORMS}")
    missing = [name for name in needed if name not in parameters]
    if missing:
        problems.append(f"--influxdb: the URL has no {' and no '.join(missing)}; allowed: {_FORMS}")
    return problems
