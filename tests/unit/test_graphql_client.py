"""`GraphQLClient`: what is sent, and what an answer with errors comes to. No network."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from fake_network import Answer
from fake_user import RESET, Case, TaskFailed, body_of, fields_of, first_line, reply

from wireswarm.clients.graphql import GraphQLClient
from wireswarm.errors import RequestFailed, UsageError
from wireswarm.sample import Failure, Reason

SHOP = "query Shop { shop { name } }"
ADD = "mutation Add($id: ID!) { cartAdd(id: $id) { cart { id } errors { field code } } }"
SEVERAL = "query A { x } mutation B { y }"
OK = b'{"data": {"shop": {"name": "x"}}}'


def case_of(*answers: Answer, **settings: Any) -> Case[GraphQLClient]:
    return Case(GraphQLClient, *answers, **settings)


def sent_by(*call: Any, **options: Any) -> dict[str, Any]:
    case = case_of(reply(OK))
    case.client.execute(*call, **options)
    body: dict[str, Any] = json.loads(body_of(case.network.sent[0]))
    return body


def failure_of(answer: object, query: str = SHOP, status: int = 200, **options: Any) -> Failure | None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    case = case_of(reply(body, status))
    outcome = case.client.try_execute(query, **options)
    assert case.reporter.failures == [outcome.failure]
    return outcome.failure


class TestWhatIsSent:
    def test_a_request(self) -> None:
        case = case_of(reply(OK))
        case.client.execute(SHOP, {"first": 12})
        [request] = case.network.sent
        assert first_line(request) == "POST /graphql/"
        assert fields_of(request) == {
            "host": "host:8000",
            "user-agent": "wireswarm",
            "accept": "application/graphql-response+json, application/json;q=0.9",
            "content-type": "application/json",
            "content-length": str(len(body_of(request))),
        }
        assert json.loads(body_of(request)) == {"query": SHOP, "variables": {"first": 12}, "operationName": "Shop"}

    def test_to_another_path(self) -> None:
        case = case_of(reply(OK), path="/api/graphql", base_url="/v1")
        case.client.execute(SHOP)
        assert first_line(case.network.sent[0]) == "POST /v1/api/graphql"

    @pytest.mark.parametrize("name", ["accept", "Accept", "ACCEPT"])
    def test_another_accept(self, name: str) -> None:
        case = case_of(reply(OK), headers={name: "application/json", "X-Channel": "c"})
        case.client.execute(SHOP)
        assert fields_of(case.network.sent[0])["accept"] == "application/json"
        assert fields_of(case.network.sent[0])["x-channel"] == "c"

    @pytest.mark.parametrize(
        ("variables", "sent"),
        [
            ([], {}),
            ([None], {}),
            ([{}], {"variables": {}}),
            ([{"a": None}], {"variables": {"a": None}}),
            ([MappingProxyType({"a": 1})], {"variables": {"a": 1}}),
        ],
    )
    def test_variables(self, variables: list[Any], sent: dict[str, Any]) -> None:
        assert sent_by(SHOP, *variables) == {"query": SHOP, "operationName": "Shop", **sent}

    def test_variables_that_json_does_not_have(self) -> None:
        case = case_of()
        with pytest.raises(UsageError, match="JSON body"):
            case.client.execute(SHOP, {"a": object()})
        assert case.network.sent == []


class TestNames:
    def names(self, *call: Any, **options: Any) -> tuple[str | None, str]:
        case = case_of(reply(OK))
        case.client.execute(*call, **options)
        return json.loads(body_of(case.network.sent[0])).get("operationName"), case.reporter.names[0]

    def test_the_operations(self) -> None:
        assert self.names(SHOP) == ("Shop", "Shop")
        assert self.names("# query No\nfragment F on T { x } query Yes { ...F }") == ("Yes", "Yes")
        assert self.names("subscription On { order }") == ("On", "On")

    @pytest.mark.parametrize("query", ["{ shop { name } }", "query { shop }", "mutation($a: Int) { x(a: $a) }"])
    def test_an_anonymous_one(self, query: str) -> None:
        assert self.names(query) == (None, "anonymous operation")

    def test_one_of_several(self) -> None:
        assert self.names(SEVERAL, operation_name="B") == ("B", "B")

    def test_none_of_several_is_a_mistake(self) -> None:
        case = case_of()
        for call in (case.client.execute, case.client.try_execute):
            with pytest.raises(UsageError, match="several operations: pass operation_name=, which is one of A, B"):
                call(SEVERAL)
        assert case.network.sent == []

    def test_the_callers_own(self) -> None:
        assert self.names(SHOP, name="first page") == ("Shop", "first page")
        assert self.names("{ shop }", name="shop") == (None, "shop")

    def test_each_operation_keeps_its_own(self) -> None:
        case = case_of(*[reply(OK)] * 3)
        for query in (SHOP, "query Cart { cart }", SHOP):
            case.client.execute(query)
        assert case.reporter.names == ["Shop", "Cart", "Shop"]


class TestAnswers:
    def test_data(self) -> None:
        case = case_of(reply(OK), reply(OK))
        assert case.client.execute(SHOP) == {"shop": {"name": "x"}}
        assert case.client.try_execute(SHOP).value() == {"shop": {"name": "x"}}
        assert case.reporter.failures == [None, None]

    @pytest.mark.parametrize(
        "answer",
        [{"data": {}}, {"data": {"a": None}, "errors": []}, {"data": {"a": [1]}, "errors": None, "extensions": {}}],
    )
    def test_which_is_right(self, answer: dict[str, Any]) -> None:
        case = case_of(reply(json.dumps(answer).encode()))
        assert case.client.execute(SHOP) == answer["data"]

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (b"<html>", "the answer is not JSON"),
            (b"", "the answer is not JSON"),
            (b"[]", "the answer is JSON, but none of GraphQL's"),
            (b"null", "the answer is JSON, but none of GraphQL's"),
            (b'"data"', "the answer is JSON, but none of GraphQL's"),
            (b"{}", "the answer is JSON, but none of GraphQL's: it has neither data nor errors"),
            (b'{"data": null}', "the answer is JSON, but none of GraphQL's: it has neither data nor errors"),
            (b'{"data": [1]}', "the answer is JSON, but none of GraphQL's: it has neither data nor errors"),
            (b'{"errors": []}', "the answer is JSON, but none of GraphQL's: it has neither data nor errors"),
        ],
    )
    def test_which_is_none(self, answer: bytes, message: str) -> None:
        assert failure_of(answer) == Failure(Reason.DECODE, message)

    def test_an_exchange_that_failed(self) -> None:
        case = case_of(RequestFailed(RESET))
        assert case.client.try_execute(SHOP).failure == RESET

    def test_a_failure_ends_the_task_and_has_the_answer(self) -> None:
        response = reply(b'{"errors": [{"message": "no"}]}')
        case = case_of(response)
        with pytest.raises(TaskFailed, match=r"^no$") as caught:
            case.client.execute(SHOP)
        assert caught.value.response is response

    def test_a_check_sees_the_data(self) -> None:
        assert failure_of({"data": {"n": 1}}, check=lambda data: data["n"] == 2) == Failure(
            Reason.CHECK, "check failed"
        )


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            ({"message": "no product 4711"}, "no product 4711"),
            ({"message": "no product 4711", "code": "NOT_FOUND"}, "NOT_FOUND"),
            ({"message": "m", "extensions": {"code": "UNAUTHENTICATED"}}, "UNAUTHENTICATED"),
            ({"message": "m", "extensions": {"exception": {"code": "PermissionDenied"}}}, "PermissionDenied"),
            ({"message": "m", "code": 17}, "17"),
            ({"message": "m", "code": {"id": 1}, "extensions": {"code": None, "exception": "x"}}, "m"),
            ({"message": "m", "code": "", "extensions": "x"}, "m"),
            ({"message": "first line\nid 4711"}, "first line"),
            ({"message": "x" * 300}, "x" * 200),
            ({"message": None}, "the answer has errors"),
            ({}, "the answer has errors"),
            ("just a text", "the answer has errors"),
            (None, "the answer has errors"),
        ],
    )
    def test_what_is_shown(self, error: object, message: str) -> None:
        assert failure_of({"errors": [error, {"message": "second"}]}) == Failure(Reason.ERROR, message)

    @pytest.mark.parametrize("errors", [{"message": "m"}, "m", True, 1])
    def test_errors_that_are_no_list(self, errors: object) -> None:
        expected = "m" if isinstance(errors, dict) else "the answer has errors"
        assert failure_of({"errors": errors}) == Failure(Reason.ERROR, expected)

    def test_some_of_the_data_does_not_help(self) -> None:
        answer = {"data": {"shop": {"name": "x"}, "cart": None}, "errors": [{"message": "no cart", "path": ["cart"]}]}
        assert failure_of(answer) == Failure(Reason.ERROR, "no cart")

    @pytest.mark.parametrize("status", [400, 401, 500])
    def test_another_status_with_errors_says_what_they_are(self, status: int) -> None:
        answer = {"errors": [{"message": "m", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}
        assert failure_of(answer, status=status) == Failure(Reason.ERROR, "GRAPHQL_VALIDATION_FAILED")

    @pytest.mark.parametrize("answer", [b"<html>", b"", b"[]", b'{"data": {"a": 1}}', b'{"error": "x"}'])
    def test_another_status_without_errors_is_a_status(self, answer: bytes) -> None:
        assert failure_of(answer, status=502) == Failure(Reason.STATUS, "status 502")

    def test_a_status_that_is_accepted_does_not_make_errors_right(self) -> None:
        case = case_of(reply(b'{"errors": [{"message": "m"}]}', 400))
        assert case.client.try_execute(SHOP, status=400).failure == Failure(Reason.ERROR, "m")


class TestMutationErrors:
    @pytest.mark.parametrize(
        ("payload", "message"),
        [
            ({"errors": [{"field": "sku", "code": "UNIQUE", "message": "m"}]}, "cartAdd: UNIQUE (sku)"),
            ({"errors": [{"field": None, "message": "sold out"}]}, "cartAdd: sold out"),
            ({"errors": [{"field": "", "message": "sold out"}]}, "cartAdd: sold out"),
            ({"userErrors": [{"field": ["input", "email"], "message": "is taken"}]}, "cartAdd: is taken (input.email)"),
            ({"userErrors": [{"field": [], "message": "is taken"}]}, "cartAdd: is taken"),
            ({"errors": [], "userErrors": [{"message": "m"}]}, "cartAdd: m"),
            ({"errors": ["x"]}, "cartAdd: the answer has errors"),
            ({"errors": [{"message": "x" * 300}]}, "cartAdd: " + "x" * 191),
        ],
    )
    def test_are_failures(self, payload: dict[str, Any], message: str) -> None:
        assert failure_of({"data": {"cartAdd": payload}}, ADD) == Failure(Reason.ERROR, message)

    def test_of_the_second_field(self) -> None:
        answer = {"data": {"first": None, "n": 1, "second": {"errors": [{"message": "m"}]}}}
        assert failure_of(answer, "mutation { first second }") == Failure(Reason.ERROR, "second: m")

    @pytest.mark.parametrize(
        "payload", [{"errors": []}, {"errors": None}, {"errors": "x"}, {"cart": {"errors": [{}]}}, []]
    )
    def test_which_are_none(self, payload: object) -> None:
        assert failure_of({"data": {"cartAdd": payload}}, ADD) is None

    def test_can_be_let_pass(self) -> None:
        answer = {"data": {"cartAdd": {"errors": [{"message": "m"}]}}}
        assert failure_of(answer, ADD, mutation_errors=False) is None
        case = case_of(reply(json.dumps(answer).encode()))
        assert case.client.execute(ADD, mutation_errors=False) == answer["data"]

    def test_the_data_of_a_query_are_its_own_business(self) -> None:
        answer = {"data": {"job": {"errors": [{"message": "m"}]}}}
        assert failure_of(answer, "query Job { job { errors { message } } }") is None
        assert failure_of(answer, SEVERAL, operation_name="A") is None
        assert failure_of(answer, SEVERAL, operation_name="B") == Failure(Reason.ERROR, "job: m")
        assert failure_of(answer, "mutation { job }") == Failure(Reason.ERROR, "job: m")
