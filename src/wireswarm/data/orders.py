"""In which order rows are taken: functions from positions, counted over the whole swarm, to row numbers."""

from __future__ import annotations

import random
from array import array
from typing import Final, Literal

Order = Literal["sequential", "random", "shuffled", "once", "per_user"]
AtEnd = Literal["stop_user", "stop_test", "wrap"]

_ROUNDS: Final = 4
_SMALL: Final = 65_536
_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
_WORD: Final = 0xFFFF_FFFF_FFFF_FFFF


class Permutation:
    """The numbers below `size` in an order that follows from a seed, each computed by itself, in constant memory.

    Up to 65,536 numbers are shuffled. More go through a Feistel network over the smallest power of two that holds them
    all; a number that falls outside goes through it again, so that what remains is one to one (Black and Rogaway,
    Ciphers with Arbitrary Finite Domains, 2002). Every process computes the same, and none has to shuffle ten million
    numbers first.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        bits = max(2, (size - 1).bit_length())
        low, high = bits // 2, bits - bits // 2
        # The halves swap places in each round, and their lengths with them where the number of bits is odd.
        lengths = [(high, low), (low, high)] * (_ROUNDS // 2)
        self._rounds = [
            (_mix(seed * _ROUNDS + number + 1), left, right, (1 << right) - 1, (1 << left) - 1)
            for number, (left, right) in enumerate(lengths)
        ]

        self._shuffled = array("H", range(size)) if size <= _SMALL else None
        if self._shuffled is not None:  # a network this small would mix badly
            random.Random(seed).shuffle(self._shuffled)  # noqa: S311 - an order, no secret

    def __getitem__(self, position: int) -> int:
        """What stands at a position. Hot path (`bench/feeders.py`)."""
        if self._shuffled is not None:
            return self._shuffled[position]
        size, value, rounds = self._size, position, self._rounds
        while True:
            for key, left_bits, right_bits, right_mask, left_mask in rounds:
                right = value & right_mask
                mixed = (right ^ key) * _GOLDEN >> 24
                value = right << left_bits | (value >> right_bits ^ mixed) & left_mask
            if value < size:
                return value


def _mix(number: int) -> int:
    # SplitMix64's finaliser.
    number = (number * _GOLDEN) & _WORD
    number = ((number ^ (number >> 30)) * 0xBF58_476D_1CE4_E5B9) & _WORD
    number = ((number ^ (number >> 27)) * 0x94D0_49BB_1331_11EB) & _WORD
    return number ^ (number >> 31)
