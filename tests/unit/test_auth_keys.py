"""Which texts are keys for which algorithm."""

from __future__ import annotations

import traceback
import warnings
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from wireswarm.auth.algorithms import ALGORITHMS, Algorithm
from wireswarm.auth.keys import signing_key
from wireswarm.errors import ConfigurationError

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()

NEEDS = {
    "RS256": "RS256 signs with an RSA private key of 2048 bits or more (RFC 7518 section 3.3), unencrypted, in PEM",
    "ES256": "ES256 signs with an EC private key on the curve P-256 (RFC 7518 section 3.4), unencrypted, in PEM",
    "EdDSA": "EdDSA signs with an Ed25519 or Ed448 private key (RFC 8037 section 3.1), unencrypted, in PEM",
}


def pem(
    key: Any,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008 - it has no state
) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, form, encryption)
    return text.decode()


def public_pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def problem_of(text: str, algorithm: Algorithm) -> str:
    with pytest.raises(ConfigurationError) as caught:
        signing_key(text, algorithm, "test-key.pem")
    assert caught.value.__context__ is None  # whose text could quote the key
    (problem,) = caught.value.problems
    shown = "".join(traceback.format_exception(caught.value))
    for line in filter(None, text.splitlines()):
        assert line.startswith("-----") or line not in shown
    return problem


@pytest.mark.parametrize(
    ("algorithm", "key", "form"),
    [
        ("RS256", RSA, PrivateFormat.PKCS8),
        ("RS256", RSA, PrivateFormat.TraditionalOpenSSL),
        ("ES256", P256, PrivateFormat.PKCS8),
        ("ES256", P256, PrivateFormat.TraditionalOpenSSL),
        ("EdDSA", ED25519, PrivateFormat.PKCS8),
        ("EdDSA", ED448, PrivateFormat.PKCS8),
    ],
)
def test_a_private_key_signs_what_its_public_key_verifies(algorithm: Algorithm, key: Any, form: PrivateFormat) -> None:
    text = pem(key, form)
    for spelling in (text, text.replace("\n", "\\n"), f"\n  \n{text}\n"):
        made = signing_key(spelling, algorithm, "test-key.pem")
        token = jwt.encode({"sub": "fake"}, made, algorithm=algorithm)
        assert jwt.decode(token, public_pem(key), algorithms=[algorithm]) == {"sub": "fake"}


@pytest.mark.parametrize(
    ("algorithm", "text", "found"),
    [
        ("RS256", pem(P256), "an EC key on the curve secp256r1"),
        ("RS256", pem(ED25519), "an Ed25519 key"),
        ("RS256", pem(rsa.generate_private_key(65537, 1024)), "an RSA key of 1024 bits"),
        ("ES256", pem(RSA), "an RSA key of 2048 bits"),
        ("ES256", pem(ec.generate_private_key(ec.SECP384R1())), "an EC key on the curve secp384r1"),
        ("EdDSA", pem(P256), "an EC key on the curve secp256r1"),
        ("ES256", pem(ED448), "a key of another kind"),
        ("RS256", public_pem(RSA), "a public key or certificate"),
        ("RS256", "-----BEGIN CERTIFICATE-----\nZmFrZQ==\n-----END CERTIFICATE-----", "a public key or certificate"),
        ("EdDSA", pem(ED25519, PrivateFormat.OpenSSH), "a key in OpenSSH's own format, not PEM"),
        ("RS256", pem(RSA, encryption=BestAvailableEncryption(b"fake")), "an encrypted key, which cannot be used"),
        ("ES256", "fake-secret-not-pem", "no private key in PEM format"),
        ("ES256", "", "no private key in PEM format"),
        pytest.param("ES256", pem(P256)[:80], "no private key in PEM format", id="ES256 cut off"),
        ("ES256", "\udcff", "no private key in PEM format"),
    ],
)
def test_a_key_that_does_not_fit_is_named_with_what_does(algorithm: Algorithm, text: str, found: str) -> None:
    assert problem_of(text, algorithm) == f"test-key.pem holds {found}: {NEEDS[algorithm]}"


@pytest.mark.parametrize(
    "text",
    [pem(RSA), public_pem(P256), "ssh-ed25519 ZmFrZQ=="],
    ids=["private", "public", "ssh"],
)
def test_a_key_is_no_shared_secret(text: str) -> None:
    assert problem_of(text, "HS256") == ("test-key.pem holds a key or certificate: HS256 signs with a shared secret")


def test_an_empty_secret_is_refused() -> None:
    assert problem_of("", "HS256") == "test-key.pem is empty: HS256 signs with a shared secret"


@pytest.mark.parametrize("secret", ["a", "fake-secret", "fake-secret\n", "x" * 31, "x" * 32, "x" * 100, "f\u00e4ke"])
def test_a_short_secret_signs_without_a_warning_as_itself(secret: str) -> None:
    # Warnings are errors in these tests; PyJWT 2.11 and later has one for secrets under 32 bytes.
    token = jwt.encode({"sub": "fake"}, signing_key(secret, "HS256", "the secret"), algorithm="HS256")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the verifying side, which has the secret as it is
        assert jwt.decode(token, secret, algorithms=["HS256"]) == {"sub": "fake"}


def test_a_binary_secret_is_used_byte_for_byte() -> None:
    secret = bytes(range(1, 256))
    assert signing_key(secret.decode("utf-8", "surrogateescape"), "HS256", "the secret") == secret


def test_every_algorithm_is_known_to_pyjwt() -> None:
    assert set(ALGORITHMS) == {"HS256", *NEEDS}
    for algorithm in ALGORITHMS:
        jwt.get_algorithm_by_name(algorithm)
