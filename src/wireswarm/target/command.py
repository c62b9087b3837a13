"""The command `wireswarm target`; also `python -m wireswarm.target`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import IO

import click

from wireswarm.durations import parse_duration
from wireswarm.errors import ConfigurationError
from wireswarm.load import Constant, parse_rate
from wireswarm.target.settings import TargetSettings, secret_from


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _rate(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        rate = parse_rate(value)
    except ValueError as error:
        raise click.BadParameter(f"{error} (write it as 300/s)", ctx, param) from error
    if not isinstance(rate, Constant):
        raise click.BadParameter("found stages; write one rate, such as 300/s", ctx, param)
    return rate.value


class _UsageInOneLine(click.ClickException):
    exit_code = 2

    def show(self, file: IO[str] | None = None) -> None:
        click.echo(f"error: {self.message}", file=file, err=file is None)


class _Command(click.Command):
    """Says what is wrong with the arguments in one line, without the usage."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise _UsageInOneLine(" ".join(error.format_message().split())) from error


@click.command(cls=_Command, name="target")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 is a free one.")
@click.option(
    "--latency", default="0", callback=_duration, metavar="DURATION", help="Wait before every answer, such as 50ms."
)
@click.option(
    "--jitter",
    default="0",
    callback=_duration,
    metavar="DURATION",
    help="Vary the wait by so much, up and down, uniformly.",
)
@click.option(
    "--error-rate",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the requests and events that get a 500 or an error and have no effect.",
)
@click.option(
    "--capacity",
    callback=_rate,
    metavar="RATE",
    help="Serve so many requests and events a second, such as 300/s; what comes faster waits for its turn.",
)
@click.option("--seed", default=0, show_default=True, help="Seeds jitter and errors, so that runs repeat.")
@click.option(
    "--sio-ping-interval",
    default="25s",
    show_default=True,
    callback=_duration,
    metavar="DURATION",
    help="Time between the heartbeats of a Socket.IO connection.",
)
@click.option(
    "--sio-ping-timeout",
    default="20s",
    show_default=True,
    callback=_duration,
    metavar="DURATION",
    help="Time in which a client has to answer one.",
)
@click.option(
    "--sio-connect-timeout",
    default="45s",
    show_default=True,
    callback=_duration,
    metavar="DURATION",
    help="Time in which a Socket.IO connection has to connect to a namespace.",
)
@click.option(
    "--batch-prefix",
    default="/ai/v1",
    show_default=True,
    metavar="PATH",
    help="What the paths of the batch API begin with.",
)
@click.option(
    "--batch-time",
    default="3s",
    show_default=True,
    callback=_duration,
    metavar="DURATION",
    help="Time that a batch takes, from validating to completed.",
)
@click.option(
    "--batch-line-errors",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the requests in batches that fail.",
)
@click.option(
    "--execution-time",
    default="2s",
    show_default=True,
    callback=_duration,
    metavar="DURATION",
    help="Time that the execution of a workflow takes.",
)
@click.option(
    "--heavy-time",
    default="200ms",
    show_default=True,
    callback=_duration,
    metavar="DURATION",
    help="Time that the platform's heavy endpoints take.",
)
@click.option(
    "--heavy-bytes",
    default=65536,
    show_default=True,
    type=click.IntRange(0),
    help="Size of their answers, roughly.",
)
def target(
    host: str,
    port: int,
    latency: float,
    jitter: float,
    error_rate: float,
    capacity: float | None,
    seed: int,
    sio_ping_interval: float,
    sio_ping_timeout: float,
    sio_connect_timeout: float,
    batch_prefix: str,
    batch_time: float,
    batch_line_errors: float,
    execution_time: float,
    heavy_time: float,
    heavy_bytes: int,
) -> None:
    """Serve the reference target until Ctrl-C or SIGTERM.

    JWTs are signed and checked with TEST_JWT_SECRET, or a fake secret when it is not set. GET /_target/counters tells
    how many requests and events were received and answered, POST /_target/reset begins anew.
    """
    settings = TargetSettings(
        latency=latency,
        jitter=jitter,
        error_rate=error_rate,
        capacity=capacity,
        seed=seed,
        jwt_secret=secret_from(os.environ),
        sio_ping_interval=sio_ping_interval,
        sio_ping_timeout=sio_ping_timeout,
        sio_connect_timeout=sio_connect_timeout,
        batch_prefix=batch_prefix,
        batch_time=batch_time,
        batch_line_errors=batch_line_errors,
        execution_time=execution_time,
        heavy_time=heavy_time,
        heavy_bytes=heavy_bytes,
    )
    try:
        from wireswarm.target.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"uvicorn", "starlette", "websockets", "graphql"}:
            raise
        raise ConfigurationError("the reference target needs its extra: pip install 'wireswarm[target]'") from error
    serve(settings, host, port, ready=_say_ready)


def _say_ready(host: str, port: int) -> None:
    click.echo(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 after a signal, 2 with one line per problem when it cannot start as asked for."""
    try:
        target.main(args=arguments, prog_name="python -m wireswarm.target")
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(2)
