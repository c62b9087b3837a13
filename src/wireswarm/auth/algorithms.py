"""The names of the signature algorithms, apart from what signs: importing that takes longer than the rest of `auth`."""

from __future__ import annotations

from typing import Final, Literal, get_args

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]
"""The signature algorithms that tokens can be minted with (RFC 7518 section 3.1, RFC 8037 section 3.1)."""

ALGORITHMS: Final[tuple[str, ...]] = get_args(Algorithm)
