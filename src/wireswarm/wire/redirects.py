"""Where a redirect leads, and what may go along (RFC 9110, section 15.4)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from wireswarm.errors import RemoteProtocolError

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses that lead elsewhere by themselves. 300 leaves the choice to somebody, 304 is about a cache, and 305 and
306 are obsolete."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What a URL consists of (RFC 3986, section 2), with % for what is escaped already. Servers send other characters as
# they are, and get them back escaped, as from a browser.
_URL_CHARACTERS: Final = "!#$%&'()*+,/:;=?@[]~"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(?::([0-9]{0,5}))?\Z")
_NO_URL: Final = "the answer's Location is not a URL"


class Redirect(NamedTuple):
    """The request that follows a redirect."""

    method: str
    keep_body: bool
    """Whether the body, and the fields that describe it, are sent again."""
    scheme: str
    host: str
    """Lower case; without the brackets of an IPv6 address."""
    port: int
    target: str
    """Path and query."""
    cross_origin: bool
    """Whether scheme, host or port is another one. Then credentials, and cookies that were set by hand, must not go
    along; those of a jar know by themselves where they belong."""

    @property
    def url(self) -> str:
        """The absolute URL, without a fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def follow(method: str, url: str, status: int, location: str | None) -> Redirect | None:
    """The request that follows an answer.

    After 303, and by custom after a POST's 301 and 302, it is a GET without a body; a HEAD stays one. 307 and 308
    repeat the request.

    Args:
        method: the request's method.
        url: the request's absolute URL.
        status: the answer's status.
        location: the answer's Location, as it came, decoded as Latin-1; None where it has none.

    Returns:
        The request, or None where the answer is the last one: no redirect, or one without Location.

    Raises:
        RemoteProtocolError: Location is not a URL, one that is neither http nor https, or has a user or password in it.
    """
    location = (location or "").strip(" \t")
    if status not in REDIRECTS or not location:
        return None
    to_get = method not in {"GET", "HEAD"} if status == 303 else method == "POST" and status in {301, 302}
    there = _resolve(url, location)
    origin = _origin(there)
    target = (there.path or "/") + (f"?{there.query}" if there.query else "")
    cross_origin = origin != _origin(urlsplit(url))
    return Redirect("GET" if to_get else method, not to_get, *origin, target, cross_origin)


def _resolve(url: str, location: str) -> SplitResult:
    # RFC 3986, section 5. Tabs and line breaks are looked for first, because `urlsplit` drops them without a word.
    if _CONTROLS.search(location):
        raise RemoteProtocolError(_NO_URL)
    try:
        return urlsplit(urljoin(url, quote(location.encode("latin-1"), safe=_URL_CHARACTERS)))
    except ValueError:
        raise RemoteProtocolError(_NO_URL) from None


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    # Scheme, host and port, the host as RFC 6454 compares it.
    if parts.scheme not in _DEFAULT_PORTS:
        raise RemoteProtocolError("the answer redirects to a URL that is neither http nor https")
    if "@" in parts.netloc:
        raise RemoteProtocolError("the answer redirects to a URL with a user or password in it")
    authority = _AUTHORITY.match(parts.netloc)
    port = int(authority[2] or _DEFAULT_PORTS[parts.scheme]) if authority else 0
    if authority is None or not 0 < port < 65536:
        raise RemoteProtocolError(_NO_URL)
    return parts.scheme, authority[1].strip("[]").lower(), port
