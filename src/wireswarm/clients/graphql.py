"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http): a 200 with `errors` is a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Unpack

from wireswarm.clients.http import HttpClient
from wireswarm.clients.options import CallOptions
from wireswarm.clients.outcome import Outcome
from wireswarm.errors import RemoteProtocolError, RequestFailed
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response
from wireswarm.wire.jsons import dumps, loads

PATH: Final = "/graphql/"

_OPERATION: Final = re.compile(r"(?:^|[\s}])(?:query|mutation|subscription)\s+([A-Za-z_]\w*)")
_COMMENT: Final = re.compile(r"#[^\n]*")
_MAX_MESSAGE: Final = 200
# What mutations call the list of their own errors: Saleor and many others, and Shopify.
_ERROR_LISTS: Final = ("errors", "userErrors")


class _Operation(NamedTuple):
    query: str
    variables: Mapping[str, Any] | None
    name: str | None


class GraphQLClient(HttpClient):
    """Sends operations, and returns the answer's `data`: `client.execute(QUERY, {"first": 12})`.

    The operation's name is the request's name. An answer with `errors` is a failed request with reason `error`, and so
    is one whose mutation came back with errors of its own (`data.orderCreate.errors`): both have status 200.
    """

    default_content_type = "application/json"

    def __init__(self, base_url: str | None = None, *, path: str = PATH, **settings: Any) -> None:
        """Declare or make a client.

        Args:
            base_url: see `HttpClient`.
            path: where operations are posted to.
            **settings: those of `HttpClient`.
        """
        super().__init__(base_url, **settings)
        self.path = path

    def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        /,
        *,
        operation_name: str | None = None,
        mutation_errors: bool = True,
        **options: Unpack[CallOptions],
    ) -> dict[str, Any]:
        """Execute an operation.

        Args:
            query: the document.
            variables: of the operation.
            operation_name: which of several operations in the document; found by itself where there is one.
            mutation_errors: whether a mutation's own `errors` make it a failure.
            **options: of the call; `name` instead of the operation's name.

        Returns:
            The answer's `data`.

        Raises:
            RequestFailed: no answer, another status, no GraphQL answer, or one with errors.
        """
        operation = self._operation(query, variables, operation_name, options)
        data: dict[str, Any] = self._perform("POST", self.path, operation, mutation_errors, options)[0]
        return data

    def try_execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        /,
        *,
        operation_name: str | None = None,
        mutation_errors: bool = True,
        **options: Unpack[CallOptions],
    ) -> Outcome[dict[str, Any]]:
        """`execute` that returns what came of it."""
        operation = self._operation(query, variables, operation_name, options)
        return self._attempt("POST", self.path, operation, mutation_errors, options)

    @staticmethod
    def _operation(
        query: str, variables: Mapping[str, Any] | None, name: str | None, options: CallOptions
    ) -> _Operation:
        name = name or operation_name_of(query)
        options.setdefault("name", name or "anonymous operation")
        return _Operation(query, variables, name)

    def _encode(self, message: _Operation) -> bytes:
        body: dict[str, Any] = {"query": message.query}
        if message.variables is not None:
            body["variables"] = message.variables
        if message.name is not None:
            body["operationName"] = message.name
        return dumps(body)

    def _decode(self, expect: bool, response: Response) -> Any:
        answer = loads(response.body)
        if not isinstance(answer, dict) or not ({"data", "errors"} & answer.keys()):
            raise RemoteProtocolError("the answer is not one of GraphQL's: it has neither data nor errors")
        if answer.get("errors"):
            raise RequestFailed(Failure(Reason.ERROR, _first_of(answer["errors"])), response)
        data = answer.get("data") or {}
        if expect:
            _raise_for_mutation_errors(data, response)
        return data


@lru_cache(maxsize=1024)
def operation_name_of(query: str) -> str | None:
    """The name of a document's first operation; None where it has none."""
    match = _OPERATION.search(_COMMENT.sub("", query))
    return match[1] if match else None


def _raise_for_mutation_errors(data: Mapping[str, Any], response: Response) -> None:
    for field, value in data.items():
        if not isinstance(value, dict):
            continue
        for key in _ERROR_LISTS:
            errors = value.get(key)
            if isinstance(errors, list) and errors:
                raise RequestFailed(Failure(Reason.ERROR, f"{field}: {_first_of(errors)}"), response)


def _first_of(errors: Any) -> str:
    # A code is the same for equal errors; a message may have an id in it, but is all that there is without one.
    error = errors[0] if isinstance(errors, list) and errors else errors
    if not isinstance(error, dict):
        return "the answer has errors"
    extensions = error.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    exception = extensions.get("exception")
    code = (
        error.get("code") or extensions.get("code") or (exception.get("code") if isinstance(exception, dict) else None)
    )
    field = f" ({error['field']})" if isinstance(error.get("field"), str) else ""
    return f"{code or error.get('message') or 'the answer has errors'}{field}"[:_MAX_MESSAGE]
