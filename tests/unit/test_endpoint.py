"""`wireswarm.clients.endpoint`: path templates, and what is prepared of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.clients.endpoint import Endpoint, PathTemplate, merge_fields
from wireswarm.errors import UsageError
from wireswarm.net.origin import parse_base_url


def endpoint(method: str = "GET", path: str = "/", *, base: str = "http://host:8000", **options: Any) -> Endpoint:
    options = {"fields": {}, "name": None, "status": None, **options}
    return Endpoint(method, PathTemplate(path), parse_base_url(base), **options)


class TestPathTemplate:
    @pytest.mark.parametrize(
        ("template", "values", "path"),
        [
            ("/", None, "/"),
            ("/", {}, "/"),
            ("/orders", None, "/orders"),
            ("/orders/{id}", {"id": 7}, "/orders/7"),
            ("/{a}/{b_2}/{a}", {"a": "x", "b_2": "y"}, "/x/y/x"),
            ("/{a}{b}.json", {"a": 1, "b": 2}, "/12.json"),
            ("/orders/{id}", {"id": "a/b?c#d&e=f%g"}, "/orders/a%2Fb%3Fc%23d%26e%3Df%25g"),
            ("/orders/{id}", {"id": "naïve ü"}, "/orders/na%C3%AFve%20%C3%BC"),
            ("/a b/ü", None, "/a%20b/%C3%BC"),
            ("/a%20b", None, "/a%20b"),
            ("/search?q={q}&n=1", {"q": "a&b"}, "/search?q=a%26b&n=1"),
            ("/a#b", None, "/a%23b"),
            ("/{{x}}", None, "/%7Bx%7D"),
            ("/~user/a:b@c/!$&'()*+,;=-._", None, "/~user/a:b@c/!$&'()*+,;=-._"),
            ("/{id}", {"id": "..."}, "/..."),
            ("/{id}", {"id": "a\r\nX: y"}, "/a%0D%0AX%3A%20y"),
        ],
    )
    def test_paths(self, template: str, values: Mapping[str, object] | None, path: str) -> None:
        assert PathTemplate(template).expand(values) == path

    @pytest.mark.parametrize("template", ["", "orders", "http://host/", "?a=b"])
    def test_a_path_starts_with_a_slash(self, template: str) -> None:
        with pytest.raises(UsageError) as caught:
            PathTemplate(template)
        assert str(caught.value) == f"the path {template!r} does not start with /"

    @pytest.mark.parametrize("template", ["/{}", "/{0}", "/{a.b}", "/{a[0]}", "/{a!r}", "/{a:>9}", "/{a b}", "/{é}"])
    def test_a_parameter_is_a_name(self, template: str) -> None:
        with pytest.raises(UsageError) as caught:
            PathTemplate(template)
        assert str(caught.value) == (
            f"the path template {template!r}: a parameter is a name in braces; write {{{{ for a literal brace"
        )

    @pytest.mark.parametrize("template", ["/{", "/}", "/{a", "/a}"])
    def test_braces_come_in_pairs(self, template: str) -> None:
        with pytest.raises(UsageError, match=r"write \{\{ for a literal brace$"):
            PathTemplate(template)

    @pytest.mark.parametrize(
        ("template", "values", "message"),
        [
            ("/{a}/{b}", None, "the path '/{a}/{b}' takes a, b; path= has none"),
            ("/{a}/{b}", {"a": 1}, "the path '/{a}/{b}' takes a, b; path= has a"),
            ("/{a}", {"a": 1, "c": 2}, "the path '/{a}' takes a; path= has a, c"),
            ("/x", {"a": 1}, "the path '/x' takes no parameters; path= has a"),
            ("/{a}", {"a": ""}, "the path parameter a of '/{a}' is '', which makes another path"),
            ("/x/{a}", {"a": "."}, "the path parameter a of '/x/{a}' is '.', which makes another path"),
            ("/x/{a}", {"a": ".."}, "the path parameter a of '/x/{a}' is '..', which makes another path"),
            ("/{a}", {"a": "\ud800"}, "the path parameter a of '/{a}' is no text that UTF-8 has"),
        ],
    )
    def test_values_that_do_not_fit(self, template: str, values: Mapping[str, object] | None, message: str) -> None:
        with pytest.raises(UsageError) as caught:
            PathTemplate(template).expand(values)
        assert str(caught.value) == message

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in {".", ".."}))
    def test_any_value_stays_within_its_segment(self, value: str) -> None:
        path = PathTemplate("/a/{x}/b").expand({"x": value})
        assert path.count("/") == 3
        assert unquote(path.removeprefix("/a/").removesuffix("/b")) == value


class TestEndpoint:
    def test_head_and_url(self) -> None:
        found = endpoint("POST", "/x", base="https://host/api/v1", fields={"a": ("A", "b"), "c": ("C", "d")})
        assert found.prepare(None) == (b"POST /api/v1/x HTTP/1.1\r\nA: b\r\nC: d\r\n", "https://host/api/v1/x")

    def test_a_head_with_parameters(self) -> None:
        found = endpoint("GET", "/orders/{id}", fields={"a": ("A", "b")})
        assert found.prepare({"id": "7 8"}) == (
            b"GET /orders/7%208 HTTP/1.1\r\nA: b\r\n",
            "http://host:8000/orders/7%208",
        )

    def test_a_head_without_parameters_is_made_once(self) -> None:
        found = endpoint()
        assert found.prepare(None) is found.prepare({})

    def test_the_url_has_no_query(self) -> None:
        assert endpoint("GET", "/a?token={t}").prepare({"t": "secret"}) == (
            b"GET /a?token=secret HTTP/1.1\r\n",
            "http://host:8000/a",
        )

    def test_parameters_that_the_path_does_not_take(self) -> None:
        with pytest.raises(UsageError, match="takes no parameters"):
            endpoint().prepare({"id": 1})

    @pytest.mark.parametrize(("name", "shown"), [(None, "/orders/{id}"), ("one order", "one order")])
    def test_its_name_is_the_template_or_what_the_caller_says(self, name: str | None, shown: str) -> None:
        assert endpoint("GET", "/orders/{id}", name=name).name == shown

    @pytest.mark.parametrize(
        ("status", "accepted", "refused"),
        [
            (None, [200, 201, 204, 299], [199, 300, 304, 404, 500]),
            (404, [404], [200, 403, 405]),
            ((200, 404), [200, 404], [201, 500]),
            (range(200, 400), [200, 399], [199, 400]),
            (frozenset(), [], [200, 404]),
        ],
    )
    def test_statuses(self, status: Any, accepted: list[int], refused: list[int]) -> None:
        found = endpoint(status=status)
        assert [s for s in accepted + refused if found.accepted(s)] == accepted

    @pytest.mark.parametrize(
        ("method", "always"),
        [("GET", False), ("DELETE", False), ("HEAD", False), ("POST", True), ("PUT", True), ("PATCH", True)],
    )
    def test_methods_whose_body_means_something_always_have_a_length(self, method: str, always: bool) -> None:
        assert endpoint(method).always_has_length is always

    def test_fields_that_the_calls_bring_themselves_are_left_out(self) -> None:
        found = endpoint(fields={"a": ("A", "b"), "host": ("Host", "c")}, replaced={"host"})
        assert found.prepare(None)[0] == b"GET / HTTP/1.1\r\nA: b\r\n"

    @pytest.mark.parametrize(
        "options", [{"fields": {"authorization": ("authorization", "x")}}, {"replaced": {"authorization"}}]
    )
    def test_whether_it_brings_an_authorization(self, options: dict[str, Any]) -> None:
        assert endpoint(**options).is_authorized
        assert not endpoint().is_authorized

    @pytest.mark.parametrize("name", ["Content-Length", "TRANSFER-ENCODING"])
    def test_fields_that_say_where_the_body_ends_are_refused(self, name: str) -> None:
        for options in ({"fields": {name.lower(): (name, "7")}}, {"replaced": {name.lower()}}):
            with pytest.raises(UsageError) as caught:
                endpoint(**options)
            assert str(caught.value) == (
                f"{name.lower()} cannot be given as a header: the client knows where the body ends"
            )


def test_a_later_layer_of_fields_replaces_an_earlier_one() -> None:
    merged = merge_fields({"Accept": "*/*", "Host": "a"}, {"ACCEPT": "text/html"}, {}, {"X": "y"})
    assert list(merged.values()) == [("ACCEPT", "text/html"), ("Host", "a"), ("X", "y")]
