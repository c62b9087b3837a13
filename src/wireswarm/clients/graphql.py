"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http): a 200 with `errors` is a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Unpack

from wireswarm.clients.http import HttpClient, Measured
from wireswarm.clients.options import CallOptions
from wireswarm.clients.outcome import Outcome
from wireswarm.errors import RemoteProtocolError, RequestFailed, UsageError
from wireswarm.sample import Failure, Reason
from wireswarm.wire.graphql import operations_of
from wireswarm.wire.http1 import Response
from wireswarm.wire.jsons import dumps, loads

PATH: Final = "/graphql/"
ACCEPT: Final = "application/graphql-response+json, application/json;q=0.9"
"""What answers may be; in the first, other statuses than 200 say whether the operation was executed at all."""

_MAX_MESSAGE: Final = 200
_UNKNOWN: Final = "the answer has errors"
# What mutations call the list of their own errors: Saleor and many others, and Shopify.
_ERROR_LISTS: Final = ("errors", "userErrors")


class _Operation(NamedTuple):
    query: str
    variables: Mapping[str, Any] | None
    name: str | None
    is_mutation: bool


class GraphQLClient(HttpClient):
    """Sends operations, and returns the answer's `data`: `client.execute(QUERY, {"first": 12})`.

    The operation's name is the request's name. An answer with `errors` is a failed request with reason `error`, also
    where it has some of the data, and so is one whose mutation came back with errors of its own
    (`data.orderCreate.errors`): both have status 200.
    """

    default_content_type = "application/json"

    def __init__(self, base_url: str | None = None, *, path: str = PATH, **settings: Any) -> None:
        """Declare or make a client.

        Args:
            base_url: see `HttpClient`.
            path: where operations are posted to.
            **settings: those of `HttpClient`.
        """
        # Names are the same in upper and lower case, and the last one counts.
        super().__init__(base_url, **settings | {"headers": {"Accept": ACCEPT, **(settings.get("headers") or {})}})
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
            UsageError: the document has several operations and none is named, or the variables have no JSON form.
        """
        operation = _operation(query, variables, operation_name, options)
        look = mutation_errors and operation.is_mutation
        data: dict[str, Any] = self._perform("POST", self.path, operation, look, options)[0]
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
        operation = _operation(query, variables, operation_name, options)
        return self._attempt("POST", self.path, operation, mutation_errors and operation.is_mutation, options)

    def _measure(self, method: str, template: str, message: Any, expect: Any, options: CallOptions) -> Measured:
        measured = super()._measure(method, template, message, expect, options)
        failure, response = measured.sample.failure, measured.response
        if failure is not None and failure.reason is Reason.STATUS and response is not None:
            # A server may answer with another status than 200 and say in the body what is wrong.
            try:
                self._decode(False, response)
            except RequestFailed as error:
                return measured.judged(error.failure)
            except RemoteProtocolError:
                pass
        return measured

    def _encode(self, message: _Operation) -> bytes:
        body: dict[str, Any] = {"query": message.query}
        if message.variables is not None:
            body["variables"] = dict(message.variables)
        if message.name is not None:
            body["operationName"] = message.name
        return dumps(body)

    def _decode(self, expect: bool, response: Response) -> Any:
        answer = loads(response.body)
        if not isinstance(answer, dict):
            raise RemoteProtocolError("the answer is JSON, but none of GraphQL's")
        errors, data = answer.get("errors"), answer.get("data")
        if errors:
            raise RequestFailed(Failure(Reason.ERROR, _first_of(errors)[:_MAX_MESSAGE]), response)
        if not isinstance(data, dict):
            raise RemoteProtocolError("the answer is JSON, but none of GraphQL's: it has neither data nor errors")
        if expect:
            _raise_for_mutation_errors(data, response)
        return data


def _operation(query: str, variables: Mapping[str, Any] | None, name: str | None, options: CallOptions) -> _Operation:
    kinds = operations_of(query)
    if name is None and len(kinds) > 1:
        names = ", ".join(kind.name or "one without a name" for kind in kinds)
        raise UsageError(f"the document has several operations: pass operation_name=, which is one of {names}")
    if name is None and kinds:
        name = kinds[0].name
    options.setdefault("name", name or "anonymous operation")
    is_mutation = any(kind.kind == "mutation" and kind.name == name for kind in kinds)
    return _Operation(query, variables, name, is_mutation)


def _raise_for_mutation_errors(data: Mapping[str, Any], response: Response) -> None:
    for field, value in data.items():
        if not isinstance(value, dict):
            continue
        for key in _ERROR_LISTS:
            errors = value.get(key)
            if isinstance(errors, list) and errors:
                raise RequestFailed(Failure(Reason.ERROR, f"{field}: {_first_of(errors)}"[:_MAX_MESSAGE]), response)


def _first_of(errors: Any) -> str:
    # A code is the same for equal errors; a message may have an id in it, but is all that there is without one.
    error = errors[0] if isinstance(errors, list) and errors else errors
    if not isinstance(error, dict):
        return _UNKNOWN
    extensions = _mapping(error.get("extensions"))
    codes = error.get("code"), extensions.get("code"), _mapping(extensions.get("exception")).get("code")
    texts = (str(text) for text in (*codes, error.get("message")) if isinstance(text, str | int))
    what = next((text.partition("\n")[0] for text in texts if text.strip()), _UNKNOWN)
    field = error.get("field")
    field = ".".join(map(str, field)) if isinstance(field, list) else field
    return f"{what} ({field})" if isinstance(field, str) and field else what


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
