"""Following redirects: where to, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from wireswarm.clients.endpoint import Endpoint, PathTemplate, merge_fields
from wireswarm.clients.options import CallOptions
from wireswarm.clients.site import FOR_ALL
from wireswarm.errors import UsageError
from wireswarm.net.origin import BaseUrl, Origin
from wireswarm.wire.http1 import Response
from wireswarm.wire.redirects import REDIRECTS, follow

MAX_HOPS: Final = 10
"""How many redirects `follow_redirects=True` follows."""

_SUFFIX: Final = " (redirect)"
_OF_EVERY_HOP: Final = frozenset({"status", "max_time", "check", "timeout"})
# What says something of a body that is not sent again (RFC 9110, 15.4, with the digests that RFC 9530 has since added).
_ABOUT_THE_BODY: Final = frozenset(
    {
        "content-digest",
        "content-encoding",
        "content-language",
        "content-location",
        "content-type",
        "digest",
        "last-modified",
        "repr-digest",
    }
)


class Hop(NamedTuple):
    """The request that a redirect leads to."""

    origin: Origin
    endpoint: Endpoint
    keeps_body: bool
    options: CallOptions


def hops_allowed(follow_redirects: bool | int) -> int:
    """How many redirects that setting allows.

    Raises:
        UsageError: it is negative.
    """
    if follow_redirects < 0:
        raise UsageError(f"follow_redirects={follow_redirects}: it is True, False, or how many are followed")
    return MAX_HOPS if follow_redirects is True else int(follow_redirects)


def next_hop(url: str, endpoint: Endpoint, response: Response, options: CallOptions) -> Hop | None:
    """The request that follows an answer (RFC 9110, 15.4); None where the answer is the last one.

    The hop has the name of the request that led to it, with `(redirect)` behind it. To another origin no header of the
    call or of the client goes along: any of them may be a credential.

    Args:
        url: the request's absolute URL.
        endpoint: the request's.
        response: its answer.
        options: of the call, or of the hop that led here.

    Raises:
        RemoteProtocolError: the Location is not one to follow.
    """
    if response.status not in REDIRECTS:
        return None
    there = follow(endpoint.method, url, response.status, response.headers.get("location"))
    if there is None:
        return None
    origin = Origin(there.scheme, there.host, there.port)
    headers = options.get("headers", {})
    fields: Mapping[str, tuple[str, str]] = endpoint.fields
    if there.cross_origin:
        headers = {}
        fields = {name: line for name, line in fields.items() if name in FOR_ALL or name in _ABOUT_THE_BODY}
        fields |= merge_fields({"Host": origin.authority})
    if not there.keep_body:
        headers = {name: value for name, value in headers.items() if name.lower() not in _ABOUT_THE_BODY}
        fields = {name: line for name, line in fields.items() if name not in _ABOUT_THE_BODY}
    carried: CallOptions = {name: value for name, value in options.items() if name in _OF_EVERY_HOP}  # type: ignore[assignment]
    carried["headers"] = headers
    hop = Endpoint(
        there.method,
        PathTemplate(there.target.replace("{", "{{").replace("}", "}}")),
        BaseUrl(origin, ""),
        fields=fields,
        replaced=[name.lower() for name in headers],
        name=endpoint.name if endpoint.name.endswith(_SUFFIX) else endpoint.name + _SUFFIX,
        status=endpoint.accepts,
    )
    return Hop(origin, hop, there.keep_body, carried)
