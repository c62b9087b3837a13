"""TLS over a `TcpStream`: the same interface, and the same receive stamps.

OpenSSL only ever sees memory (`ssl.MemoryBIO`), so it never blocks, whatever gevent has done to the `ssl` module, and
the bytes go through the socket that the kernel stamps.
"""

from __future__ import annotations

import errno
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final

from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.stream import RECEIVE_BYTES, Arrived, TcpStream
from wireswarm.sample import Failure, Reason

_OTHER_HOST: Final = frozenset({62, 64})  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
_ENDED: Final = Failure(Reason.TLS, "connection closed by the server during the TLS handshake")


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How a server's certificate is verified, and how the client shows its own."""

    insecure: bool = False
    """Verify nothing: anybody can answer in the server's place. For tests of systems with makeshift certificates."""
    ca_file: str | None = None
    """PEM file of the authorities to trust instead of the system's."""
    client_cert: str | None = None
    """PEM file with the client's certificate, the chain to its authority, and its private key without a password."""


@cache
def context_for(settings: TlsSettings) -> ssl.SSLContext:
    """The context for these settings, one for the whole process: making one reads and parses every trusted certificate.

    Raises:
        ConfigurationError: a file cannot be read, or is not what it should be.
    """
    context = _verifying(settings.ca_file)
    if settings.client_cert is not None:
        try:
            # A password would otherwise be asked for on the terminal.
            context.load_cert_chain(settings.client_cert, password=str)
        except OSError as error:
            raise _unusable("client_cert", settings.client_cert, error) from None
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _verifying(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise _unusable("ca_file", ca_file, error) from None


def _unusable(key: str, path: str | None, error: OSError) -> ConfigurationError:
    why = "it has no PEM certificate, or no key, that OpenSSL can read" if isinstance(error, ssl.SSLError) else None
    return ConfigurationError(f"{key} {path!r}: {why or os.strerror(error.errno or 0)}")


class TlsStream:
    """A TLS connection; see `wireswarm.net.stream.Stream`."""

    __slots__ = ("_incoming", "_open", "_outgoing", "_tcp", "_tls", "ends_cleanly")

    def __init__(self, tcp: TcpStream, context: ssl.SSLContext, host: str) -> None:
        self._tcp = tcp
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host.rstrip("."))
        self._open = True
        self.ends_cleanly = False
        """Whether the peer has said that nothing more will come (RFC 8446, 6.1)."""

    @classmethod
    def connect(cls, tcp: TcpStream, context: ssl.SSLContext, host: str) -> TlsStream:
        """Shake hands over a connected stream, which is closed where that fails.

        Args:
            tcp: the connected stream.
            context: see `context_for`.
            host: the name or address that the certificate must be for; a name is also sent (RFC 6066, 3).

        Raises:
            RequestFailed: the handshake failed, with reason `tls`.
        """
        try:
            stream = cls(tcp, context, host)
            stream._shake_hands()
        except ssl.SSLError as error:
            tcp.close()
            raise RequestFailed(_failure(error)) from None
        except OSError:
            tcp.close()
            raise RequestFailed(_ENDED) from None
        except BaseException:
            tcp.close()
            raise
        return stream

    def send(self, data: bytes) -> bool:
        """See `Stream.send`."""
        if self.ends_cleanly:
            raise BrokenPipeError(errno.EPIPE, "the peer has closed the connection")
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]  # a record at a time (RFC 8446, 5.1)
        return self._push()

    def drain(self) -> Arrived | None:
        """See `Stream.drain`."""
        while not self._push():
            arrived = self._tcp.drain()
            plain = None if arrived is None else self._decrypt(*arrived)
            if plain is not None:
                return plain
        return None

    def receive(self) -> Arrived:
        """See `Stream.receive`."""
        while not self.ends_cleanly:
            plain = self._decrypt(*self._arrival())
            if plain is not None:
                return plain
        return b"", 0

    def take(self) -> Arrived:
        """See `Stream.take`."""
        while True:
            plain = self._decrypt(*self._tcp.take())
            if plain is not None:
                return plain

    def flush(self) -> bool:
        """See `Stream.flush`."""
        while self._tcp.flush():
            if not self._outgoing.pending:
                return True
            self._push()
        return False

    def fileno(self) -> int:
        """See `Stream.fileno`."""
        return self._tcp.fileno()

    def is_stale(self) -> bool:
        """See `Stream.is_stale`."""
        return self.ends_cleanly or self._tcp.is_stale()

    def close(self) -> None:
        """See `Stream.close`. Tells the peer so, as far as it goes without waiting (RFC 8446, 6.1)."""
        if not self._open:
            return
        self._open = False
        with suppress(OSError):  # that the peer has not said the same is an ssl.SSLError, which is one
            self._tls.unwrap()
        with suppress(OSError):
            self._push()
        self._tcp.close()

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                data, _ = self._arrival()
                if not data:
                    raise RequestFailed(_ENDED) from None
                self._incoming.write(data)
            except ssl.SSLError:
                with suppress(OSError):
                    self._push()  # an alert that says what is wrong
                raise
            else:
                self._push()
                return

    def _push(self) -> bool:
        # Hands the kernel what OpenSSL has to say; whether it took all of it.
        if self._outgoing.pending and not self._tcp.unsent:
            self._tcp.send(self._outgoing.read())
        return not self._tcp.unsent

    def _arrival(self) -> Arrived:
        while not self._push():
            arrived = self._tcp.drain()
            if arrived is not None:
                return arrived
        return self._tcp.receive()

    def _decrypt(self, data: bytes, stamp: int) -> Arrived | None:
        # All that these bytes complete: None where they complete no record with data in it.
        if not data:
            return data, stamp
        self._incoming.write(data)
        pieces = []
        try:
            while self._incoming.pending and not self.ends_cleanly:
                piece = self._tls.read(RECEIVE_BYTES)
                pieces.append(piece)
                self.ends_cleanly = not piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise RequestFailed(_failure(error)) from None
        return (b"".join(pieces), stamp) if pieces else None


def _failure(error: ssl.SSLError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        # The two messages of these codes have the host's name in them.
        other_host = error.verify_code in _OTHER_HOST
        why = "it is for another host" if other_host else error.verify_message
        return Failure(Reason.TLS, f"certificate does not verify: {why}")
    why = (error.reason or "unknown error").replace("_", " ").lower()
    return Failure(Reason.TLS, f"TLS failed: {why}")
