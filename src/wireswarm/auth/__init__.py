"""How simulated users prove who they are, and how their secrets stay out of everything that is shown."""

from __future__ import annotations

from wireswarm.auth.base import Auth, Credentials
from wireswarm.auth.basic import BasicAuth
from wireswarm.auth.bearer import BearerToken
from wireswarm.auth.login import LoginToken
from wireswarm.auth.minted import BearerJWT
from wireswarm.auth.none import NoAuth
from wireswarm.auth.redaction import SECRETS, RedactingFilter, Secrets, redact

__all__ = [
    "SECRETS",
    "Auth",
    "BasicAuth",
    "BearerJWT",
    "BearerToken",
    "Credentials",
    "LoginToken",
    "NoAuth",
    "RedactingFilter",
    "Secrets",
    "redact",
]
