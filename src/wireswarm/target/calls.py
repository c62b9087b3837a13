"""Calls on behalf of an account: who it is for, which message came, and the message that goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, Self, TypeVar

from google.protobuf.message import DecodeError
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wireswarm.target.accounts import Account, Accounts
from wireswarm.target.answers import PROTOBUF, ClientLeft, Refusal, answer, media_type, read_body
from wireswarm.target.tokens import Tokens

MESSAGE_TYPES = frozenset(
    {"application/protobuf", "application/x-protobuf", "application/grpc+proto", "application/octet-stream"}
)
"""The content types under which a protobuf message is accepted."""

SMALL = 64 * 1024
"""Bytes that a message without a file in it may have."""


class Serialisable(Protocol):
    """What goes back: any protobuf message."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """Its bytes."""


class Parseable(Protocol):
    """What comes in: any protobuf message."""

    @classmethod
    def FromString(cls, s: bytes, /) -> Self:  # noqa: N802 - protobuf's name
        """The message of these bytes."""


M = TypeVar("M", bound=Parseable)


class Calls:
    """Makes routes of functions that take an account and return a message.

    What a call is refused for is looked at in this order: the token (401), the content type (415), the size (413), the
    message's bytes (400); whatever else is wrong the function finds and raises as a `Refusal`.
    """

    def __init__(self, tokens: Tokens, accounts: Accounts) -> None:
        self._tokens = tokens
        self._accounts = accounts

    def get(self, path: str, handle: Callable[[Account], Serialisable]) -> Route:
        """A call without a message."""

        async def respond(account: Account, _scope: Scope, _receive: Receive) -> Serialisable:
            return handle(account)

        return Route(path, _Call(self._tokens, self._accounts, respond), methods=["GET"])

    def post(
        self, path: str, request: type[M], handle: Callable[[Account, M], Serialisable], *, limit: int = SMALL
    ) -> Route:
        """A call with a message of at most `limit` bytes."""

        async def respond(account: Account, scope: Scope, receive: Receive) -> Serialisable:
            return handle(account, await _read_message(scope, receive, request, limit))

        return Route(path, _Call(self._tokens, self._accounts, respond), methods=["POST"])


Respond = Callable[[Account, Scope, Receive], Awaitable[Serialisable]]


class _Call:
    """The ASGI application of one route."""

    def __init__(self, tokens: Tokens, accounts: Accounts, respond: Respond) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            account = self._accounts.of(self._tokens.email_of(scope))
            message = await self._respond(account, scope, receive)
        except Refusal as refusal:
            await refusal.answer(send)
        except ClientLeft:
            pass
        else:
            await answer(send, message.SerializeToString(), PROTOBUF)


async def _read_message(scope: Scope, receive: Receive, request: type[M], limit: int) -> M:
    if media_type(scope) not in MESSAGE_TYPES:
        raise Refusal(415, f"the content type is not one of {', '.join(sorted(MESSAGE_TYPES))}")
    body = await read_body(receive, limit)
    try:
        return request.FromString(body)
    except DecodeError:
        raise Refusal(400, f"the body is not a {request.__name__}") from None
