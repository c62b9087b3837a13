"""One base URL as all users of a client declaration share it: its prepared endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wireswarm.clients.endpoint import Endpoint, PathTemplate, merge_fields
from wireswarm.clients.options import CallOptions
from wireswarm.net.origin import BaseUrl

USER_AGENT: Final = "wireswarm"
MAX_ENDPOINTS: Final = 1000
"""So many endpoints are kept prepared. Only paths with ids written into them, instead of `{id}`, make more."""


class Site:
    """A base URL and the endpoints below it, each prepared when it is first used."""

    __slots__ = ("_endpoints", "base", "is_own")

    def __init__(self, base: BaseUrl) -> None:
        self.base = base
        self.is_own = True
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
            headers: sent with every request; always the same for a site.
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
