"""Calls on behalf of an account: who it is for, which message came, and the message that goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wireswarm.target.accounts import Account, Accounts
from wireswarm.target.answers import PROTOBUF, Refusal, answer, media_type, read_body
from wireswarm.target.routing import plain_route
from wireswarm.target.tokens import Tokens

MESSAGE_TYPES = frozenset(
    {"application/protobuf", "application/x-protobuf", "application/grpc+proto", "application/octet-stream"}
)
"""The content types under which a protobuf message is accepted."""

SMALL = 64 * 1024
"""Bytes that a message without a file in it may have."""


M = TypeVar("M", bound=Message)
_Respond = Callable[[Account, Scope, Receive], Awaitable[Message]]


class Calls:
    """Makes routes of functions that take an account and return a message.

    What a call is refused for is looked at in this order: the token (401), the content type (415), the size (413), the
    message's bytes (400); whatever else is wrong the function finds and raises as a `Refusal`.
    """

    def __init__(self, tokens: Tokens, accounts: Accounts) -> None:
        self._tokens = tokens
        self._accounts = accounts

    def get(self, path: str, handle: Callable[[Account], Message]) -> Route:
        """A call without a message."""

        async def respond(account: Account, _scope: Scope, _receive: Receive) -> Message:
            return handle(account)

        return self._route("GET", path, respond)

    def post(
        self, path: str, request: type[M], handle: Callable[[Account, M], Message], *, limit: int = SMALL
    ) -> Route:
        """A call with a message of at most `limit` bytes."""

        async def respond(account: Account, scope: Scope, receive: Receive) -> Message:
            return handle(account, await _read_message(scope, receive, request, limit))

        return self._route("POST", path, respond)

    def _route(self, method: str, path: str, respond: _Respond) -> Route:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            account = self._accounts.of(self._tokens.email_of(scope))
            message = await respond(account, scope, receive)
            await answer(send, message.SerializeToString(), PROTOBUF)

        return plain_route(method, path, app)


async def _read_message(scope: Scope, receive: Receive, request: type[M], limit: int) -> M:
    if media_type(scope) not in MESSAGE_TYPES:
        raise Refusal(415, f"the content type is not one of {', '.join(sorted(MESSAGE_TYPES))}")
    body = await read_body(receive, limit)
    try:
        return request.FromString(body)
    except DecodeError:
        raise Refusal(400, f"the body is not a {request.__name__}") from None
