"""What a client is told, and what it takes from the user that it belongs to."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Self, overload

from wireswarm.auth.base import Auth, Credentials
from wireswarm.clients.owner import DISCARD, Owner, Reporter, Trace
from wireswarm.clients.pool import MAX_ORIGINS, ConnectionPool
from wireswarm.clients.site import Site
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.guard import GUARD
from wireswarm.net.http import Connect, Connection, http_connection
from wireswarm.net.origin import BaseUrl, Origin, parse_base_url
from wireswarm.net.route import Proxy, Route
from wireswarm.net.stamps import Timing, receive_clock
from wireswarm.net.tls import TlsSettings, context_for
from wireswarm.wire.cookies import CookieJar

TIMEOUT: Final = 30.0
"""Seconds for one exchange in all, where nothing else is said."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for connecting, where nothing else is said."""

_COOKIES: Final = "_wireswarm_cookies"


class Declaration:
    """A client's settings. As a class attribute of a `User` it stands for the clients of all users of that class.

    Each user gets a client of its own on first use, which takes what the declaration leaves open from the user.
    """

    request_failed: type[RequestFailed] = RequestFailed
    """The exception of a failed exchange; under Locust one that also ends the task, without a traceback."""
    trace: Callable[[Trace], None] | None = None
    """Called with every exchange in full, for debugging."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        insecure: bool | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        client_cert: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        proxy_auth: Auth | None = None,
        accept_encoding: str | None = None,
        cookies: bool = False,
        follow_redirects: bool | int = False,
        timing: Timing | None = None,
        clock: Clock = SYSTEM_CLOCK,
        connect: Connect = http_connection,
    ) -> None:
        """Declare or make a client. Raises nothing: what is wrong shows when it is first used, or by `--check`.

        Args:
            base_url: an absolute URL, or a path below the user's host such as `/api`; the user's host by default.
            auth: credentials; the user's `auth` by default. Only the base URL's own origin gets them.
            headers: sent with every request to the base URL's origin.
            content_type: of every body; the user's `content_type`, or that of the kind of client, by default.
            timeout: seconds for one exchange in all; the user's, or 30, by default.
            connect_timeout: seconds for connecting; the user's, or 5, by default.
            insecure: True lets anybody answer in an https server's place; the user's, or False, by default.
            ca_file: PEM file of the authorities whose certificates are trusted; the user's, or the system's own, by
                default.
            client_cert: PEM file with the client's own certificate, its chain and its private key, without a password;
                the user's, or none, by default.
            proxy: forward proxy such as `http://127.0.0.1:3128`; https goes through it by CONNECT. The user's, or
                none, by default; `""` is none.
            proxy_auth: `BasicAuth` for the proxy; the user's by default.
            accept_encoding: codings that answers may have, such as `"gzip, br"`, and are decoded from; none by default.
            cookies: keep the cookies that the server sets, in a jar that the user's clients share. A `Cookie` among the
                headers is sent instead of them.
            follow_redirects: how many redirects to follow; True is 10. Each hop is an exchange of its own.
            timing: which clock says when an answer arrived, `"kernel"` (where there is one) or `"program"`.
            clock: what waits between the requests of a poll, and knows when cookies expire.
            connect: makes the connections; tests pass one that needs no network.
        """
        self.base_url = base_url
        self.auth = auth
        # Read-only, because every user of a declaration shares them, and endpoints are prepared from them once.
        self.headers: Mapping[str, str] = MappingProxyType(dict(headers or {}))
        self.content_type = content_type
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.insecure = insecure
        self.ca_file = ca_file
        self.client_cert = client_cert
        self.proxy = proxy
        self.proxy_auth = proxy_auth
        self.accept_encoding = accept_encoding
        self.cookies = cookies
        self.follow_redirects = follow_redirects
        self.timing = timing
        self.clock = clock
        self._connect = connect
        self._tls = TlsSettings()
        self._proxy: Proxy | None = None
        # Both are shared by the clients of all users.
        self._sites: dict[str, Site] = {}
        self._elsewhere: dict[tuple[Origin, bool], Site] = {}
        self._site: Site | None = None
        self._credentials: Credentials | None = None
        self._jar: CookieJar | None = None
        self._reporter: Reporter = DISCARD
        self._pool = ConnectionPool(self._connection, DISCARD.count)

    @overload
    def __get__(self, user: None, owner: type) -> Self: ...
    @overload
    def __get__(self, user: Owner, owner: type) -> Self: ...
    def __get__(self, user: Owner | None, owner: type) -> Self:
        """The declaration itself on the class; on a user, the user's own client, made on first use."""
        if user is None:
            return self
        # Found under this name, before this descriptor, from now on: at the cost of a plain attribute.
        name = next(name for cls in owner.__mro__ for name, value in vars(cls).items() if value is self)
        client = vars(user).get(name)
        if client is None:
            client = copy.copy(self)
            client._adopt(user)
            vars(user)[name] = client
        return client

    def close(self) -> None:
        """Close the connections. The client can be used again."""
        self._pool.close()

    def resolve_base(self, host: str | None) -> BaseUrl:
        """Where this client's requests go, for a user of that host.

        Raises:
            ConfigurationError: there is no host, or it is no URL.
        """
        url = self.base_url or ""
        if not url or url.startswith("/"):
            if not host:
                raise ConfigurationError(
                    "there is no host to send requests to: pass --host, as in http://127.0.0.1:8000"
                )
            return parse_base_url(host.rstrip("/") + url)
        return parse_base_url(url, source="base_url")

    def resolve_tls(self, owner: Any) -> TlsSettings:
        """How a client of this declaration proves who it talks to, and who it is itself.

        Args:
            owner: the user, its class (before there are users), or None.
        """
        insecure, ca_file, client_cert = self.insecure, self.ca_file, self.client_cert
        if owner is not None:
            insecure = owner.insecure if insecure is None else insecure
            ca_file = owner.ca_file if ca_file is None else ca_file
            client_cert = owner.client_cert if client_cert is None else client_cert
        return TlsSettings(bool(insecure), _path(ca_file), _path(client_cert))

    def resolve_proxy(self, owner: Any) -> Proxy | None:
        """The proxy of a client of this declaration.

        Args:
            owner: the user, its class (before there are users), or None.

        Raises:
            ConfigurationError: it is no URL of an http proxy, or its credentials are unusable.
        """
        url, auth = self.proxy, self.proxy_auth
        if owner is not None:
            url = owner.proxy if url is None else url
            auth = owner.proxy_auth if auth is None else auth
        if not url:
            return None
        origin, path = parse_base_url(url, source="proxy")
        if origin.scheme != "http" or path:
            raise ConfigurationError(f"proxy {url!r}: expected an address such as http://127.0.0.1:3128")
        if auth is None:
            return Proxy(origin)
        credentials = auth.for_user(owner)
        return Proxy(origin, lambda: b"Proxy-" + credentials.header())

    def _adopt(self, user: Owner) -> None:
        self._reporter = user.reporter
        self._pool = ConnectionPool(self._connection, self._reporter.count)
        self.request_failed = user.request_failed
        self.trace = user.trace
        self.timeout = user.timeout if self.timeout is None else self.timeout
        self.connect_timeout = user.connect_timeout if self.connect_timeout is None else self.connect_timeout
        self.timing = self.timing or user.timing
        self.content_type = self.content_type or user.content_type
        self.auth = self.auth if self.auth is not None else user.auth
        self._open(user.host, user)

    def _open(self, host: str | None, user: Owner | None) -> Site:
        key = host or ""
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = Site(self.resolve_base(host))
        GUARD.check(site.base.origin)
        self.timeout = TIMEOUT if self.timeout is None else self.timeout
        self.connect_timeout = CONNECT_TIMEOUT if self.connect_timeout is None else self.connect_timeout
        self._tls, self._proxy = self.resolve_tls(user), self.resolve_proxy(user)
        if site.base.origin.scheme == "https":
            context_for(self._tls)  # says now what is wrong with the file
        self._credentials = self.auth.for_user(user) if self.auth is not None else None
        if self.cookies:
            self._jar = CookieJar() if user is None else vars(user).setdefault(_COOKIES, CookieJar())
        self._site = site
        return site

    def _site_of(self, origin: Origin) -> Site:
        # Of an origin that a call or a redirect names. Users of one declaration may have different hosts, and so
        # different ideas of what is their own.
        is_own = self._site is not None and origin == self._site.base.origin
        site = self._elsewhere.get((origin, is_own))
        if site is None:
            if len(self._elsewhere) >= MAX_ORIGINS:
                self._elsewhere.clear()
            site = self._elsewhere[origin, is_own] = Site(BaseUrl(origin, ""), is_own=is_own)
        return site

    def _connection(self, origin: Origin) -> Connection:
        return self._connect(self._route(origin))

    def _route(self, origin: Origin) -> Route:
        return Route(origin, receive_clock(self.timing or "kernel"), self._tls, self._proxy)


def _path(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)
