"""`wireswarm.net.stamps`, on a socket that hands out what a test says."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from wireswarm.errors import UsageError
from wireswarm.net.stamps import KERNEL_CLOCK, PROGRAM_CLOCK, KernelClock, receive_clock

TIMESTAMPING = 37  # SO_TIMESTAMPING and SCM_TIMESTAMPING, asm-generic/socket.h


def stamp(seconds: int, nanoseconds: int) -> tuple[int, int, bytes]:
    """One control message as the kernel makes it: struct scm_timestamping, of which the first is the software's."""
    return socket.SOL_SOCKET, TIMESTAMPING, struct.pack("@llllll", seconds, nanoseconds, 0, 0, 0, 0)


class FakeSocket:
    def __init__(self, data: bytes = b"", *ancillary: tuple[int, int, bytes], refuses: bool = False) -> None:
        self.data = data
        self.ancillary = list(ancillary)
        self.refuses = refuses
        self.options: list[tuple[int, int, int]] = []
        self.room = 0

    def recv(self, size: int, /) -> bytes:
        return self.data[:size]

    def recvmsg(self, size: int, ancillary: int, /) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        self.room = ancillary
        return self.data[:size], self.ancillary, 0, None

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        if self.refuses:
            raise OSError(92, "Protocol not available")
        self.options.append((level, option, value))


def test_the_kernels_stamp_comes_with_the_bytes() -> None:
    sock = FakeSocket(b"hello", stamp(1_700_000_000, 123_456_789))
    assert KERNEL_CLOCK.receive(sock, 100) == (b"hello", 1_700_000_000_123_456_789)


def test_there_is_room_for_the_stamp() -> None:
    sock = FakeSocket(b"hello")
    KERNEL_CLOCK.receive(sock, 100)
    assert sock.room >= socket.CMSG_SPACE(len(stamp(0, 0)[2]))


def test_other_control_messages_are_passed_over() -> None:
    other = (socket.SOL_SOCKET, 29, struct.pack("@ll", 5, 6))
    assert KERNEL_CLOCK.receive(FakeSocket(b"x", other, stamp(1, 2), other), 100) == (b"x", 1_000_000_002)


@pytest.mark.parametrize("ancillary", [(), (stamp(0, 0),)], ids=["none", "an empty one"])
def test_no_stamp_is_zero(ancillary: tuple[tuple[int, int, bytes], ...]) -> None:
    assert KERNEL_CLOCK.receive(FakeSocket(b"x", *ancillary), 100) == (b"x", 0)


@pytest.mark.parametrize("clock", [KERNEL_CLOCK, PROGRAM_CLOCK], ids=["kernel", "program"])
def test_at_most_so_many_bytes_are_read(clock: Any) -> None:
    assert clock.receive(FakeSocket(b"hello"), 3) == (b"hel", 0)


def test_the_kernel_is_asked_for_software_stamps_of_what_is_received() -> None:
    sock = FakeSocket()
    assert KernelClock(keep=list).enable(sock)
    assert sock.options == [(socket.SOL_SOCKET, TIMESTAMPING, 0b11000)]


def test_the_kernel_is_made_to_go_on_once() -> None:
    kept: list[None] = []
    clock = KernelClock(keep=lambda: kept.append(None))
    assert not clock.enable(FakeSocket(refuses=True))
    assert kept == [], "there is nothing to go on with"
    for _ in range(3):
        assert clock.enable(FakeSocket())
    assert len(kept) == 1


def test_a_kernel_that_has_no_stamps_says_so() -> None:
    assert not KernelClock(keep=list).enable(FakeSocket(refuses=True))


def test_no_descriptor_left_to_make_the_kernel_go_on_with_is_no_stamps() -> None:
    def keep() -> None:
        raise OSError(24, "Too many open files")

    assert not KernelClock(keep).enable(FakeSocket())


def test_the_programs_clock_asks_for_nothing() -> None:
    sock = FakeSocket(b"x", stamp(1, 2), refuses=True)
    assert PROGRAM_CLOCK.enable(sock)
    assert PROGRAM_CLOCK.receive(sock, 100) == (b"x", 0)


@pytest.mark.parametrize(
    ("timing", "platform", "name"),
    [
        ("kernel", "linux", "kernel"),
        ("kernel", "darwin", "program"),
        ("kernel", "win32", "program"),
        ("program", "linux", "program"),
    ],
)
def test_the_kernels_clock_is_linuxs(timing: Any, platform: str, name: str) -> None:
    assert receive_clock(timing, platform=platform).name == name


def test_a_timing_that_is_none() -> None:
    with pytest.raises(UsageError, match=r"^timing is 'kernel' or 'program', not 'kernal'$"):
        receive_clock("kernal")  # type: ignore[arg-type]
