"""One exchange as a person reads it: what went out, what came back, nothing that is secret."""

from __future__ import annotations

from typing import SupportsBytes

from google.protobuf import text_format
from google.protobuf.message import Message
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from wireswarm.auth import redact
from wireswarm.clients.owner import Trace
from wireswarm.sample import Sample

_MAX_LINES = 12
_MAX_WIDTH = 100


def show_exchange(console: Console, trace: Trace, *, headers: bool) -> None:
    """Print one exchange of our clients."""
    sample = trace.sample
    status = f"{sample.status}" if sample.status else _verdict(sample)
    color = "red" if sample.failure else "green"
    took = f"{sample.service_ns / 1e6:.1f} ms"
    name = escape(redact(sample.name))
    console.print(f"[bold]{sample.type} {name}[/]  [{color}]{status}[/]  {took}", highlight=False)
    if headers:
        _show_lines(console, "→", trace.request.partition(b"\r\n\r\n")[0].decode("latin-1"), "dim")
    _show_body(console, "→", trace.message)
    if trace.response is not None:
        if headers:
            _show_lines(console, "←", trace.response.head.decode("latin-1"), "dim")
        known = isinstance(trace.answer, Message)
        _show_body(console, "←", trace.answer if known else trace.response.body)
    show_failure(console, sample)


def show_event(console: Console, request_type: str, name: str, milliseconds: float, error: object) -> None:
    """Print an exchange of a client that is not ours, or a flow: what its event says."""
    verdict = f"[red]failed: {escape(redact(str(error)))}[/]" if error else "[green]ok[/]"
    console.print(f"[bold]{request_type} {escape(redact(name))}[/]  {verdict}  {milliseconds:.1f} ms", highlight=False)


def show_failure(console: Console, sample: Sample) -> None:
    """Say why a sample failed, where it did."""
    if sample.failure is not None:
        console.print(f"  [red]failed: {escape(redact(sample.failure.message))}[/] ({sample.failure.reason})")


def _verdict(sample: Sample) -> str:
    # Of a protocol without status codes, or where nothing came back.
    if sample.failure is None:
        return "ok"
    return "failed" if sample.response_bytes else "no answer"


def _show_body(console: Console, arrow: str, body: object) -> None:
    if body is None or body == b"":
        return
    if isinstance(body, Message):
        console.print(f"  {arrow} {body.DESCRIPTOR.full_name}", highlight=False)
        _show_lines(console, " ", text_format.MessageToString(body, as_utf8=True))
    elif isinstance(body, SupportsBytes):
        content = bytes(body)
        text = content.decode("utf-8", "replace")
        readable = text.isprintable() or text.replace("\r", "").replace("\n", "").replace("\t", "").isprintable()
        _show_lines(console, arrow, text if readable else _hex(content))
    else:
        _show_lines(console, arrow, str(body))


def _hex(body: bytes) -> str:
    return f"{len(body)} bytes: {body[:24].hex(' ')}{' …' if len(body) > 24 else ''}"


def _show_lines(console: Console, arrow: str, text: str, style: str = "") -> None:
    lines = redact(text).splitlines()
    for line in lines[:_MAX_LINES]:
        shown = line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]} …"
        console.print(Text(f"  {arrow} {shown.rstrip()}", style=style), soft_wrap=True)
    if len(lines) > _MAX_LINES:
        console.print(f"  {arrow} … {len(lines) - _MAX_LINES} more lines", highlight=False)
