"""Following redirects: where to, with what, and how often."""

from __future__ import annotations

from typing import Final, NamedTuple

from wireswarm.clients.endpoint import Endpoint, PathTemplate, merge_fields
from wireswarm.clients.options import CallOptions
from wireswarm.clients.site import Site
from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.net.origin import BaseUrl, Origin
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response
from wireswarm.wire.redirects import REDIRECTS, follow

MAX_HOPS: Final = 10
"""How many redirects `follow_redirects=True` follows."""

_SUFFIX: Final = " (redirect)"
_OF_ONE_REQUEST: Final = frozenset({"path", "params", "headers", "name", "content_type", "content_encoding"})
_HARMLESS: Final = frozenset({"user-agent", "accept", "accept-encoding", "content-type", "content-encoding"})
_ABOUT_THE_BODY: Final = frozenset({"content-type", "content-encoding"})


class Hop(NamedTuple):
    """The request that a redirect leads to."""

    site: Site
    endpoint: Endpoint
    keeps_body: bool
    options: CallOptions


def hops_allowed(follow_redirects: bool | int) -> int:
    """How many redirects that setting allows."""
    return MAX_HOPS if follow_redirects is True else int(follow_redirects)


def next_hop(url: str, endpoint: Endpoint, response: Response, options: CallOptions) -> Hop | None:
    """The request that follows an answer (RFC 9110, 15.4); None where the answer is the last one.

    The hop has the name of the request that led to it, with `(redirect)` behind it. To another origin no header of the
    call or of the client goes along: any of them may be a credential.

    Raises:
        RequestFailed: the Location is not one to follow.
    """
    if response.status not in REDIRECTS:
        return None
    try:
        there = follow(endpoint.method, url, response.status, response.headers.get("location"))
    except RemoteProtocolError as error:
        raise RequestFailed(Failure(Reason.REDIRECT, str(error)), response) from None
    if there is None:
        return None
    base = BaseUrl(Origin(there.scheme, there.host, there.port), "")
    carried: CallOptions = {name: value for name, value in options.items() if name not in _OF_ONE_REQUEST}  # type: ignore[assignment]
    if not there.cross_origin and "headers" in options:
        carried["headers"] = options["headers"]
    dropped = set() if there.keep_body else {*_ABOUT_THE_BODY}
    if there.cross_origin:
        dropped |= endpoint.fields.keys() - _HARMLESS
    fields = {name: line for name, line in endpoint.fields.items() if name not in dropped}
    fields |= merge_fields({"Host": base.origin.authority})
    name = endpoint.name if endpoint.name.endswith(_SUFFIX) else endpoint.name + _SUFFIX
    literal = PathTemplate(there.target.replace("{", "%7B").replace("}", "%7D"))
    hop = Endpoint(there.method, literal, base, fields=fields, name=name, status=endpoint.accepts)
    return Hop(Site(base), hop, there.keep_body, carried)
