"""From the text of a secret or a PEM key to what PyJWT signs with, and what is wrong with it where it cannot."""

from __future__ import annotations

from typing import Final

import jwt as pyjwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wireswarm.auth.algorithms import Algorithm
from wireswarm.errors import ConfigurationError

SigningKey = bytes | RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey
"""What PyJWT signs with, ready: it would parse a PEM text anew for every token."""

_NEEDS: Final = {
    "RS256": "an RSA private key of 2048 bits or more (RFC 7518 section 3.3)",
    "ES256": "an EC private key on the curve P-256 (RFC 7518 section 3.4)",
    "EdDSA": "an Ed25519 or Ed448 private key (RFC 8037 section 3.1)",
}


def signing_key(text: str, algorithm: Algorithm, label: str) -> SigningKey:
    r"""Make a key from a secret (HS256) or from an unencrypted PEM private key (the others).

    Args:
        text: the secret or the PEM text. In PEM, `\n` spelled out counts as a line break, since files of environment
            variables cannot hold a real one.
        algorithm: one of `algorithms.ALGORITHMS`.
        label: how messages name the key.

    Raises:
        ConfigurationError: the text is not a key that fits the algorithm; says what would.
    """
    return _shared_secret(text, label) if algorithm == "HS256" else _private_key(text, algorithm, label)


def _shared_secret(text: str, label: str) -> bytes:
    secret = text.encode("utf-8", "surrogateescape")
    if not secret:
        raise ConfigurationError(f"{label} is empty: HS256 signs with a shared secret")
    refused = False
    try:
        pyjwt.get_algorithm_by_name("HS256").prepare_key(secret)
    except pyjwt.InvalidKeyError:
        refused = True
    if refused:
        raise ConfigurationError(f"{label} holds a key or certificate: HS256 signs with a shared secret")
    # RFC 7518 section 3.2 wants 32 bytes, and newer PyJWT warns about less, at every token; but the secret is the
    # tested system's choice. HMAC itself fills a short key up with zeros (RFC 2104 section 2), so this is the same
    # key. Filtering the warning would change the filters of the whole process instead.
    return secret.ljust(32, b"\0")


def _private_key(text: str, algorithm: Algorithm, label: str) -> SigningKey:
    pem = text.replace("\\n", "\n").encode("utf-8", "surrogateescape")
    key: PrivateKeyTypes | None = None
    found = "no private key in PEM format"
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        found = "an encrypted key, which cannot be used"
    except (ValueError, UnsupportedAlgorithm):
        if b"PUBLIC KEY-----" in pem or b"CERTIFICATE-----" in pem:
            found = "a public key or certificate"
        elif b"OPENSSH PRIVATE KEY-----" in pem:
            found = "a key in OpenSSH's own format, not PEM"
    if key is not None:
        match algorithm, key:
            case ("RS256", RSAPrivateKey(key_size=bits)) if bits >= 2048:
                return key
            case ("ES256", EllipticCurvePrivateKey(curve=SECP256R1())):
                return key
            case ("EdDSA", Ed25519PrivateKey() | Ed448PrivateKey()):
                return key
        found = _describe(key)
    raise ConfigurationError(f"{label} holds {found}: {algorithm} signs with {_NEEDS[algorithm]}, unencrypted, in PEM")


def _describe(key: PrivateKeyTypes) -> str:
    match key:
        case RSAPrivateKey(key_size=bits):
            return f"an RSA key of {bits} bits"
        case EllipticCurvePrivateKey(curve=curve):
            return f"an EC key on the curve {curve.name}"
        case Ed25519PrivateKey():
            return "an Ed25519 key"
        case _:
            return "a key of another kind"
