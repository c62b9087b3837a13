"""Which hosts may be hit: the last look before a connection is opened, wherever the address came from."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from wireswarm.errors import ConfigurationError
from wireswarm.net.origin import Origin


class HostGuard:
    """A list of hosts that requests may go to. Without a list, all are allowed."""

    def __init__(self) -> None:
        self._hosts: tuple[str, ...] = ()
        self._patterns: tuple[str, ...] = ()

    def allow_only(self, hosts: Iterable[str]) -> None:
        """Allow these hosts and no others.

        Args:
            hosts: names or addresses, with a port or without (`staging.example.com`, `127.0.0.1:8000`); `*` stands for
                any characters (`*.staging.example.com`). None at all allows every host again.
        """
        self._hosts = tuple(host.strip().lower() for host in hosts if host.strip())
        # The brackets of an IPv6 address are no set of characters.
        self._patterns = tuple(host.replace("[", "[[]") for host in self._hosts)

    def check(self, origin: Origin) -> None:
        """Refuse an origin that is not on the list.

        Raises:
            ConfigurationError: it is not; nothing has been sent to it.
        """
        if not self._patterns:
            return
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        names = (origin.host.lower(), host.lower(), f"{host}:{origin.port}".lower())
        if not any(fnmatchcase(name, pattern) for pattern in self._patterns for name in names):
            raise ConfigurationError(
                f"{origin.authority} is not one of the allowed hosts: {', '.join(self._hosts)}; nothing was sent to it"
            )


GUARD = HostGuard()
"""The process's guard. It is one for all clients, so that no client can be made that it does not know."""
