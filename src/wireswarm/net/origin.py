"""Where a client connects to: scheme, host and port of a base URL."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from wireswarm.errors import ConfigurationError

_HOST = re.compile(r"[a-z0-9._-]+\Z")

DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port (RFC 6454)."""

    scheme: str
    host: str
    """Name or address, without the brackets of an IPv6 address."""
    port: int

    @property
    def authority(self) -> str:
        """Host and port as the `Host` field has them: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class BaseUrl(NamedTuple):
    """An origin, and a path that is put before every request's path (`""` or `/api`)."""

    origin: Origin
    path: str


def parse_base_url(url: str, *, source: str = "--host") -> BaseUrl:
    """Read a base URL such as `http://127.0.0.1:8000` or `https://api.example.com/v1`.

    Args:
        url: the URL.
        source: where it came from, for the message.

    Raises:
        ConfigurationError: it is not an http or https URL of a host, or has a user, password, query or fragment. The
            message repeats the URL only where it cannot contain a password.
    """

    def refuse(why: str, *, show: bool = True) -> ConfigurationError:
        found = f" {url!r}" if show else ""
        return ConfigurationError(f"{source}{found}: {why}; expected something like http://127.0.0.1:8000")

    if "@" in url:
        raise refuse("a URL with user or password in it would end up in reports; use auth = BasicAuth(...)", show=False)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise refuse(str(error)) from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not url.lower().startswith(f"{scheme}://"):
        raise refuse("it does not start with http:// or https://")
    if not parts.hostname:
        raise refuse("it names no host")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise refuse("a base URL has no query and no fragment", show=False)
    try:
        host = parts.hostname.encode("idna" if not parts.hostname.isascii() else "ascii").decode("ascii")
    except UnicodeError:
        raise refuse("the host is not a valid name") from None
    if not _HOST.match(host) and "[" not in parts.netloc:
        raise refuse("the host is not a valid name")
    path = parts.path.rstrip("/")
    if any(c <= " " or c == "\x7f" for c in url) or not path.isascii():
        raise refuse("it has a space or another character that must be percent-encoded")
    if port == 0:
        raise refuse("port 0 is none to connect to")
    return BaseUrl(Origin(scheme, host, port or DEFAULT_PORTS[scheme]), path)
