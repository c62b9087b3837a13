"""No credentials, said explicitly: for a client whose calls must not carry those of its user, such as a login."""

from __future__ import annotations

from wireswarm.auth.base import Auth, Credentials


class NoAuth(Auth):
    """`login = ProtobufClient(auth=NoAuth())`: requests without an `Authorization` header."""

    def check(self) -> None:
        """See `Auth.check`; nothing can be wrong."""

    def for_user(self, user: object) -> Credentials:
        """See `Auth.for_user`."""
        return _NOTHING

    def __repr__(self) -> str:
        return "NoAuth()"


class _Nothing:
    __slots__ = ()

    def header(self) -> bytes:
        return b""


_NOTHING = _Nothing()
