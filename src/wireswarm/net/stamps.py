"""When did the last bytes arrive? Receive clocks: the kernel's stamp, or the program's own clock.

On Linux the kernel notes when each packet arrived (`SO_TIMESTAMPING`, see the kernel's
Documentation/networking/timestamping.rst), and hands the note over with the bytes of `recvmsg`. A response time that
ends with this stamp is the server's, however late a busy generator got round to reading the answer. Elsewhere, or with
`timing = "program"`, the answer ends when the program has read it.
"""

from __future__ import annotations

import _socket  # the class below `socket.socket`, never replaced by gevent
import atexit
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final, Literal, Protocol

from wireswarm.errors import UsageError

Timing = Literal["kernel", "program"]

# From the kernel's asm-generic/socket.h and net_tstamp.h; Python's socket module has no names for them.
_SO_TIMESTAMPING: Final = 37
_RX_SOFTWARE: Final = 1 << 3  # SOF_TIMESTAMPING_RX_SOFTWARE: make a stamp when a packet enters the stack
_SOFTWARE: Final = 1 << 4  # SOF_TIMESTAMPING_SOFTWARE: report such stamps
_TIMESPEC: Final = struct.Struct("@ll")
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(3 * _TIMESPEC.size)  # struct scm_timestamping has three


class ReceiveSocket(Protocol):
    """The part of a socket that a receive clock uses."""

    def recv(self, size: int, /) -> bytes:
        """See `socket.socket.recv`."""

    def recvmsg(self, size: int, ancillary: int, /) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        """See `socket.socket.recvmsg`."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """See `socket.socket.setsockopt`."""


class ReceiveClock(Protocol):
    """Reads bytes from a socket and says when the last of them arrived."""

    name: Timing

    def enable(self, sock: ReceiveSocket) -> bool:
        """Prepare a connected socket; False where it cannot be done and another clock has to be used."""

    def receive(self, sock: ReceiveSocket, size: int) -> tuple[bytes, int]:
        """At most `size` bytes, and the stamp in ns of `CLOCK_REALTIME`; 0 where there is none."""


class ProgramClock:
    """No stamp: the caller's own clock counts."""

    name: Timing = "program"

    def enable(self, sock: ReceiveSocket) -> bool:
        """See `ReceiveClock.enable`."""
        return True

    def receive(self, sock: ReceiveSocket, size: int) -> tuple[bytes, int]:
        """See `ReceiveClock.receive`."""
        return sock.recv(size), 0


def keep_stamping() -> None:
    """Make the kernel go on with its stamps for as long as this process lives.

    It stops when the last socket that wants stamps is closed, and starts a while after the next one asks for them
    (`net_enable_timestamp` leaves it to a work queue). Of single users whose server closes every connection, one answer
    in six was without a stamp. So there is one socket that asks, and does nothing else.
    """
    keeper = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    _ask_for_stamps(keeper)
    atexit.register(keeper.close)


class KernelClock:
    """The kernel's software receive stamps. On the hot path (`bench/http_throughput.py`)."""

    name: Timing = "kernel"

    def __init__(self, keep: Callable[[], object] = keep_stamping) -> None:
        """Make a clock.

        Args:
            keep: called once, with the first socket; see `keep_stamping`.
        """
        self._keep: Callable[[], object] | None = keep

    def enable(self, sock: ReceiveSocket) -> bool:
        """See `ReceiveClock.enable`."""
        try:
            _ask_for_stamps(sock)
            if self._keep is not None:
                self._keep()
                self._keep = None
        except OSError:
            return False
        return True

    def receive(self, sock: ReceiveSocket, size: int) -> tuple[bytes, int]:
        """See `ReceiveClock.receive`."""
        data, ancillary, _, _ = sock.recvmsg(size, _ANCILLARY_BYTES)
        for _, kind, value in ancillary:
            if kind == _SO_TIMESTAMPING:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                return data, seconds * 1_000_000_000 + nanoseconds
        return data, 0


def _ask_for_stamps(sock: ReceiveSocket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _RX_SOFTWARE | _SOFTWARE)


PROGRAM_CLOCK: Final[ReceiveClock] = ProgramClock()
KERNEL_CLOCK: Final[ReceiveClock] = KernelClock()


def receive_clock(timing: Timing, *, platform: str = sys.platform) -> ReceiveClock:
    """The clock for that timing on this platform: the kernel's exists on Linux only.

    Raises:
        UsageError: there is no such timing.
    """
    if timing not in {"kernel", "program"}:
        raise UsageError(f"timing is 'kernel' or 'program', not {timing!r}")
    return KERNEL_CLOCK if timing == "kernel" and platform == "linux" else PROGRAM_CLOCK
