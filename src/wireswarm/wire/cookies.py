"""A simulated user's cookies (RFC 6265, sections 5.1 to 5.4).

On the hot path: `CookieJar.header` is asked before every request of a user that has cookies. The standard library's jar
was the other choice. It wants a request object for that, looks at the real clock, and reads only some of the dates and
attributes that servers send and browsers understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import Final, NamedTuple

MAX_PER_DOMAIN: Final = 50
"""Cookies of one domain; further ones push out the expired ones, then the oldest."""

MAX_BYTES: Final = 4096
"""A cookie whose name and value together are longer is ignored."""

_MAX_HOSTS: Final = 100
_WSP: Final = " \t"
# What may stand in a header (RFC 9110, section 5.5).
_SENDABLE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_MAX_AGE: Final = re.compile(r"-?[0-9]+\Z")
_DATE_DELIMITER: Final = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY: Final = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR: Final = re.compile(r"([0-9]{2,4})(?![0-9])")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class _Cookie(NamedTuple):
    pair: str
    path: str
    secure: bool
    expires: float
    domain: str
    host_only: bool


class _Attributes(NamedTuple):
    # `domain` and `path` are empty where nothing was said.
    domain: str
    path: str
    secure: bool
    expires: float


class CookieJar:
    """The cookies of one user, over all hosts it talks to.

    Times are seconds since 1970; `path` may have its query; hosts are as `Origin` has them. HttpOnly, SameSite and
    Partitioned are read and make no difference: there is no script here, and no page that embeds another.

    There is no list of public suffixes. A Domain of one label (`com`, `svc`) is refused, one such as `co.uk` is not: a
    load test's targets are not out to plant cookies on each other.
    """

    __slots__ = ("_by_host", "_cookies")

    def __init__(self) -> None:
        # By name, domain and path, the oldest first: one that is set again keeps its place, as section 5.3 wants.
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}
        # Those that a host may get, in the order to send them.
        self._by_host: dict[str, list[_Cookie]] = {}

    def store(self, host: str, path: str, set_cookie_lines: Iterable[str], now: float) -> None:
        """Take the cookies of an answer (section 5.3). One with an expiry in the past deletes its namesake.

        What is malformed, too large, for another domain, or could not be sent back is ignored; nothing raises.

        Args:
            host: the host that answered.
            path: the path that was asked for.
            set_cookie_lines: the values of the answer's Set-Cookie fields.
            now: the time.
        """
        for line in set_cookie_lines:
            pair, *attributes = line.split(";")
            name, equals, value = pair.partition("=")
            name, value = name.strip(_WSP), value.strip(_WSP)
            text = f"{name}={value}"
            if not name or not equals or len(text) > MAX_BYTES + 1 or not _SENDABLE.match(text):
                continue
            cookie = _cookie(text, _attributes(attributes, now), host.lower(), path)
            if cookie is not None:
                self._keep((name, cookie.domain, cookie.path), cookie, now)

    def header(self, host: str, path: str, secure: bool, now: float) -> str | None:
        """The value of the Cookie field (section 5.4): longer paths first, then older cookies.

        Args:
            host: the host that is asked.
            path: the path that is asked for.
            secure: whether the connection is encrypted.
            now: the time.

        Returns:
            The value, or None where there is nothing to send.
        """
        if not self._cookies:
            return None
        cookies = self._by_host.get(host)
        if cookies is None:
            cookies = self._select(host)
        pairs = [
            pair
            for pair, cookie_path, needs_tls, expires, _, _ in cookies
            if expires > now and (secure or not needs_tls) and (cookie_path == "/" or _path_matches(path, cookie_path))
        ]
        return "; ".join(pairs) if pairs else None

    def get(self, name: str, host: str, now: float) -> str | None:
        """The value of a cookie that such a host may get, of whichever path; None where there is none.

        For scripts that send a cookie's value back in a field of their own, as protections against forged requests
        want it.
        """
        prefix = f"{name}="
        for pair, _, _, expires, _, _ in self._by_host.get(host) or self._select(host):
            if expires > now and pair.startswith(prefix):
                return pair.removeprefix(prefix)
        return None

    def clear(self) -> None:
        """Forget all cookies."""
        self._cookies.clear()
        self._by_host.clear()

    def _keep(self, key: tuple[str, str, str], cookie: _Cookie, now: float) -> None:
        if self._cookies.get(key) == cookie:
            return
        self._by_host.clear()
        if cookie.expires <= now:
            self._cookies.pop(key, None)
            return
        self._cookies[key] = cookie
        if len(self._cookies) > MAX_PER_DOMAIN:
            self._evict(cookie.domain, now)

    def _evict(self, domain: str, now: float) -> None:
        # Section 5.3 wants the least recently sent one to go. That would cost every request a note, for a case that
        # hardly occurs, so the oldest one goes.
        for key in [key for key, cookie in self._cookies.items() if cookie.expires <= now]:
            del self._cookies[key]
        of_domain = [key for key, cookie in self._cookies.items() if cookie.domain == domain]
        for key in of_domain[:-MAX_PER_DOMAIN]:
            del self._cookies[key]

    def _select(self, host: str) -> list[_Cookie]:
        name = host.lower()
        cookies = [
            cookie
            for cookie in self._cookies.values()
            if name == cookie.domain or (not cookie.host_only and _domain_matches(name, cookie.domain))
        ]
        cookies.sort(key=lambda cookie: -len(cookie.path))
        if len(self._by_host) >= _MAX_HOSTS:
            self._by_host.clear()
        self._by_host[host] = cookies
        return cookies


def _attributes(parts: list[str], now: float) -> _Attributes:
    # Section 5.2: of several with one name the last one counts; those that say nothing are as if they were not there.
    domain = path = ""
    secure = False
    max_age = date = None
    for part in parts:
        name, _, value = part.partition("=")
        name, value = name.strip(_WSP).lower(), value.strip(_WSP)
        if name == "path":
            path = value
        elif name == "domain":
            domain = value or domain
        elif name == "secure":
            secure = True
        elif name == "max-age" and _MAX_AGE.match(value):
            # As a float, because any number of digits is allowed.
            max_age = now + max(float(value), 0.0)
        elif name == "expires":
            found = parse_date(value)
            date = date if found is None else found
    expires = max_age if max_age is not None else date if date is not None else inf
    return _Attributes(domain.removeprefix(".").lower(), path, secure, expires)


def _cookie(pair: str, attributes: _Attributes, host: str, path: str) -> _Cookie | None:
    domain = attributes.domain
    if domain and domain != host and ("." not in domain.strip(".") or not _domain_matches(host, domain)):
        return None
    # A host of one label may name itself, and has no subdomains then (section 5.3, step 5).
    host_only = not domain or "." not in domain
    cookie_path = attributes.path if attributes.path.startswith("/") else _default_path(path)
    return _Cookie(pair, cookie_path, attributes.secure, attributes.expires, domain or host, host_only)


def _domain_matches(host: str, domain: str) -> bool:
    # Section 5.1.3, for a host that is not the domain itself. Addresses have no subdomains.
    return host.endswith(domain) and host[: -len(domain)].endswith(".") and not _is_address(host)


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def _default_path(path: str) -> str:
    # Section 5.1.4: the directory of what was asked for.
    return path.partition("?")[0].rpartition("/")[0] or "/"


def _path_matches(path: str, cookie_path: str) -> bool:
    path = path.partition("?")[0]
    if not path.startswith(cookie_path):
        return False
    return len(path) == len(cookie_path) or cookie_path.endswith("/") or path[len(cookie_path)] == "/"


@lru_cache(maxsize=64)
def parse_date(text: str) -> float | None:
    """A cookie's date, in seconds since 1970 (section 5.1.1, which reads much more than HTTP's own formats).

    Remembered, because sessions that are prolonged by every answer have one date for all answers of a second.

    Returns:
        The time, or None where it is no date.
    """
    time = day = year = None
    month = 0
    for token in _DATE_DELIMITER.split(text):
        if time is None and (match := _TIME.match(token)):
            time = match
        elif day is None and (match := _DAY.match(token)):
            day = int(match[1])
        elif not month and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := _YEAR.match(token)):
            year = int(match[1])
    if time is None or day is None or not month or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    try:
        return datetime(year, month, day, int(time[1]), int(time[2]), int(time[3]), tzinfo=UTC).timestamp()
    except ValueError:
        return None
