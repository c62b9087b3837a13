"""What is prepared once per endpoint instead of once per request: its head, its name, what it accepts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from string import Formatter
from urllib.parse import quote

from wireswarm.errors import UsageError
from wireswarm.net.origin import BaseUrl
from wireswarm.wire.form import Params, add_query
from wireswarm.wire.http1 import field_lines, request_line

# What a path or query may have unescaped (RFC 3986, 3.3 and 3.4), with % for what is escaped already.
_SAFE_IN_TEMPLATE = "/?:@!$&'()*+,;=-._~%"
# Whoever reads a path takes dots as steps in it, escaped or not (RFC 3986, 6.2.2).
_NO_SEGMENTS = frozenset({"", ".", ".."})
_OURS = frozenset({"content-length", "transfer-encoding"})
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

Status = int | Collection[int] | None
"""Which statuses are a success: one, several, or None for any 2xx."""


class PathTemplate:
    """A path such as `/orders/{id}/cancel`: the constant parts, percent-encoded once, and the names between them."""

    __slots__ = ("_literals", "names", "text")

    def __init__(self, text: str) -> None:
        """Compile the template.

        Raises:
            UsageError: it does not start with a slash, or a brace in it is no `{name}`.
        """
        if not text.startswith("/"):
            raise UsageError(f"the path {text!r} does not start with /")
        self.text = text
        literals: list[str] = [""]
        names: list[str] = []
        try:
            for literal, name, spec, conversion in Formatter().parse(text):
                literals[-1] += quote(literal, safe=_SAFE_IN_TEMPLATE)
                if name is None:
                    continue
                if not _PARAMETER.match(name) or spec or conversion:
                    raise ValueError("a parameter is a name in braces")
                names.append(name)
                literals.append("")
        except ValueError as error:
            raise UsageError(f"the path template {text!r}: {error}; write {{{{ for a literal brace") from None
        self._literals = literals
        self.names = tuple(names)

    def expand(self, values: Mapping[str, object] | None) -> str:
        """The path with its parameters percent-encoded and filled in (RFC 3986, 2.1; a slash in a value is encoded).

        Raises:
            UsageError: a value is missing, left over, empty or a dot segment, which would be another path.
        """
        given = values or {}
        if set(given) != set(self.names):
            raise UsageError(
                f"the path {self.text!r} takes {', '.join(self.names) or 'no parameters'}; "
                f"path= has {', '.join(given) or 'none'}"
            )
        parts = [self._literals[0]]
        for name, literal in zip(self.names, self._literals[1:], strict=True):
            try:
                value = quote(str(given[name]), safe="")
            except UnicodeError:
                raise UsageError(f"the path parameter {name} of {self.text!r} is no text that UTF-8 has") from None
            if value in _NO_SEGMENTS:
                raise UsageError(f"the path parameter {name} of {self.text!r} is {value!r}, which makes another path")
            parts += (value, literal)
        return "".join(parts)


def merge_fields(*layers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Header names and values by lower-case name; a later layer replaces what an earlier one has of the same name."""
    return {name.lower(): (name, value) for layer in layers for name, value in layer.items()}


class Endpoint:
    """One method of one path template, with everything about it that does not change between calls."""

    __slots__ = (
        "_base_path",
        "_fields",
        "_fixed",
        "_origin",
        "accepts",
        "always_has_length",
        "fields",
        "is_authorized",
        "method",
        "name",
        "template",
    )

    def __init__(
        self,
        method: str,
        template: PathTemplate,
        base: BaseUrl,
        *,
        fields: Mapping[str, tuple[str, str]],
        replaced: Collection[str] = (),
        name: str | None,
        status: Status,
    ) -> None:
        """Prepare the endpoint.

        Args:
            method: the HTTP method.
            template: the path below the base URL.
            base: the base URL.
            fields: header names and values, by lower-case name.
            replaced: lower-case names of headers that the calls bring themselves, in place of those in `fields`.
            name: the request name, the template's text by default.
            status: the statuses of a success.

        Raises:
            UsageError: a header is none, or one of those that say where the body ends.
        """
        names = {*fields, *replaced}
        if not names.isdisjoint(_OURS):
            given = " and ".join(sorted(names & _OURS))
            raise UsageError(f"{given} cannot be given as a header: the client knows where the body ends")
        self.method = method
        self.template = template
        self.name = template.text if name is None else name
        self.accepts: frozenset[int] | None = (
            None if status is None else frozenset((status,)) if isinstance(status, int) else frozenset(status)
        )
        self.is_authorized = "authorization" in names
        """Whether it brings an Authorization of its own, which is sent in place of the user's."""
        # A method whose body has a meaning says so when there is none (RFC 9110, 8.6).
        self.always_has_length = method in {"POST", "PUT", "PATCH"}
        self.fields = {name: line for name, line in fields.items() if name not in replaced}
        """Header names and values by lower-case name."""
        self._origin = str(base.origin)
        self._base_path = base.path
        self._fields = field_lines(self.fields.values())
        # A template without parameters has one head for ever.
        self._fixed = None if template.names else self._build(template.expand(None))

    def prepare(self, values: Mapping[str, object] | None, params: Params | None = None) -> tuple[bytes, str]:
        """Request line and constant fields for these path parameters, and the URL as far as a log may show it.

        Args:
            values: of the path parameters.
            params: of the query.

        Raises:
            UsageError: the values are not those that the template takes, or the query cannot be encoded.
        """
        if self._fixed is not None and not values and not params:
            return self._fixed
        path = self.template.expand(values)
        return self._build(add_query(path, params) if params else path)

    def accepted(self, status: int) -> bool:
        """Whether that status is a success."""
        return 200 <= status < 300 if self.accepts is None else status in self.accepts

    def _build(self, path: str) -> tuple[bytes, str]:
        target = self._base_path + path
        # A query may hold what nobody should read in a log.
        return request_line(self.method, target) + self._fields, self._origin + target.partition("?")[0]
