"""One base URL as all users of a client declaration share it: its prepared endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from wireswarm.clients.endpoint import Endpoint, PathTemplate, merge_fields
from wireswarm.clients.options import CallOptions
from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.net.origin import BaseUrl, Origin, parse_base_url

USER_AGENT: Final = "wireswarm"
MAX_ENDPOINTS: Final = 1000
"""So many endpoints are kept prepared. Only paths with ids written into them, instead of `{id}`, make more."""
FOR_ALL: Final = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
"""Headers that other origins may get as well. Any other one of a client or a call may be a credential."""

# No query is in a template of the part before it, and a fragment is never sent (RFC 9110, 7.1).
_URL: Final = re.compile(r"([^/?#]+://[^/?#]*)([^#]*)")


@lru_cache(maxsize=1024)
def split_url(url: str) -> tuple[Origin, str]:
    """The origin of an absolute URL, and its path template and query. On the hot path of calls that have one.

    Raises:
        UsageError: it is not an http or https URL, or has a user or password in it.
    """
    match = _URL.match(url)
    if match is None:
        raise UsageError("a call has a path that starts with /, or an absolute URL")
    try:
        base = parse_base_url(match[1], source="the URL")
    except ConfigurationError as error:
        raise UsageError(str(error)) from None
    return base.origin, match[2] if match[2].startswith("/") else f"/{match[2]}"


class Site:
    """A base URL and the endpoints below it, each prepared when it is first used."""

    __slots__ = ("_endpoints", "base", "is_own")

    def __init__(self, base: BaseUrl, *, is_own: bool = True) -> None:
        self.base = base
        self.is_own = is_own
        """Whether it is of the client's own origin, the only one that gets its credentials."""
        self._endpoints: dict[tuple[object, ...], Endpoint] = {}

    def endpoint(
        self,
        method: str,
        template: str,
        content_type: str | None,
        accept_encoding: str | None,
        headers: Mapping[str, str],
        options: CallOptions,
    ) -> Endpoint:
        """The endpoint for such calls. On the hot path.

        Args:
            method: the HTTP method.
            template: the path template.
            content_type: of the body, where the call itself does not say; None without a body.
            accept_encoding: the codings that the answer may have.
            headers: the client's; always the same for a site. One that is not its own gets only those in `FOR_ALL`.
            options: of the call.
        """
        key: tuple[object, ...] = (method, template, content_type)
        if options:
            status = options.get("status")
            key += (
                options.get("name"),
                status if status is None or isinstance(status, int) else frozenset(status),
                options.get("content_type"),
                options.get("content_encoding"),
                frozenset(name.lower() for name in options.get("headers", ())),
            )
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            if len(self._endpoints) >= MAX_ENDPOINTS:
                self._endpoints.clear()
            fields = self._fields(content_type, accept_encoding, headers, options)
            endpoint = self._endpoints[key] = self._prepare(method, template, fields, options)
        return endpoint

    def _fields(
        self,
        content_type: str | None,
        accept_encoding: str | None,
        headers: Mapping[str, str],
        options: CallOptions,
    ) -> dict[str, tuple[str, str]]:
        own = options.get("content_type"), options.get("content_encoding")
        if not self.is_own:
            headers = {name: value for name, value in headers.items() if name.lower() in FOR_ALL}
        return merge_fields(
            {"Host": self.base.origin.authority, "User-Agent": USER_AGENT, "Accept": "*/*"},
            {"Accept-Encoding": accept_encoding} if accept_encoding else {},
            {"Content-Type": content_type} if content_type else {},
            headers,
            {"Content-Type": own[0]} if own[0] and content_type else {},
            {"Content-Encoding": own[1]} if own[1] and content_type else {},
        )

    def _prepare(
        self, method: str, template: str, fields: Mapping[str, tuple[str, str]], options: CallOptions
    ) -> Endpoint:
        replaced = [name.lower() for name in options.get("headers", ())]
        name, status = options.get("name"), options.get("status")
        return Endpoint(
            method, PathTemplate(template), self.base, fields=fields, replaced=replaced, name=name, status=status
        )
