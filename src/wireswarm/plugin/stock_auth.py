"""Basic auth for Locust's own `HttpUser` and `FastHttpUser`, from the environment, where that is asked for.

A locustfile that knows nothing of credentials then works against a service that wants them, as in the Helm chart. They
are sent to the host of the user alone: neither to another one by an absolute URL, nor to where a redirect leads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from locust import HttpUser, User
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from wireswarm.auth import BasicAuth
from wireswarm.errors import ConfigurationError

ASKED: Final = "WIRESWARM_STOCK_BASIC_AUTH"
"""Environment variable that asks for it."""
USERNAME: Final = "BASIC_AUTH_USERNAME"
PASSWORD: Final = "BASIC_AUTH_PASSWORD"  # noqa: S105 - a variable's name

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_PORTS: Final = {"http": 80, "https": 443}


def install_stock_auth(environment: Environment, variables: Mapping[str, str]) -> None:
    """Give the stock users of that environment the credentials, where `WIRESWARM_STOCK_BASIC_AUTH` asks for that.

    Raises:
        ConfigurationError: it does, and there are none.
    """
    if variables.get(ASKED, "").strip().lower() not in _TRUE:
        return
    missing = [name for name in (USERNAME, PASSWORD) if not variables.get(name)]
    if missing:
        raise ConfigurationError([f"{name}: found nothing; {ASKED} needs it" for name in missing])
    auth = BasicAuth(variables[USERNAME], variables[PASSWORD])
    auth.check()
    field = auth.for_user(None).header().decode("ascii").partition(":")[2].strip()
    for cls in environment.user_classes:
        if issubclass(cls, HttpUser | FastHttpUser):
            _authenticate(cls, field)


def _authenticate(cls: type[User], field: str) -> None:
    init = cls.__init__

    @functools.wraps(init)
    def init_with_auth(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        own = _origin(self.host or "")
        if isinstance(self, FastHttpUser):
            vars(self.client)["request"] = _with_field(self.client.request, own, field)
        else:
            self.client.auth = functools.partial(_sign, own, field)

    cls.__init__ = init_with_auth  # type: ignore[method-assign]


def _sign(own: tuple[str, str, int], field: str, request: Any) -> Any:
    # What `requests` takes for an auth; it drops the field by itself where a redirect leads to another host.
    if _origin(request.url) == own:
        request.headers.setdefault("Authorization", field)
    return request


def _with_field(request: Callable[..., Any], own: tuple[str, str, int], field: str) -> Callable[..., Any]:
    @functools.wraps(request)
    def request_with_field(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        if not urlsplit(url).scheme or _origin(url) == own:
            headers = dict(kwargs.pop("headers", None) or {})
            if not kwargs.get("auth") and "authorization" not in {name.lower() for name in headers}:
                headers["Authorization"] = field
            kwargs["headers"] = headers
        return request(method, url, *args, **kwargs)

    return request_with_field


def _origin(url: str) -> tuple[str, str, int]:
    parts: SplitResult = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
