"""The `wireswarm` command.

Its subcommands import what they need when they run: Locust replaces parts of the standard library on import, without
which the reference target must run, and a command that only prints its help should be quick.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from wireswarm._version import __version__
from wireswarm.errors import ConfigurationError

USAGE_ERROR = 2

_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True}


_MODULES = ("capacity", "check", "compare", "new", "plan", "pod", "report", "run")
"""Commands that are each a module of `wireswarm.commands`."""


class _Group(click.Group):
    """Knows some commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_MODULES, "target"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _MODULES:
            command: click.Command = getattr(importlib.import_module(f"wireswarm.commands.{cmd_name}"), cmd_name)
            return command
        if cmd_name != "target":
            return super().get_command(ctx, cmd_name)
        from wireswarm.target.command import target

        return target


@click.group(cls=_Group)
@click.version_option(__version__, package_name="wireswarm", message="wireswarm %(version)s")
def wireswarm() -> None:
    """Load testing on Locust for protobuf and authenticated APIs."""


@wireswarm.command(name="locust", context_settings=_PASS_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def locust_command(arguments: Sequence[str]) -> None:
    """Run Locust with everything of ours loaded, also for locustfiles that never heard of it."""
    from wireswarm.commands.run import run_locust

    run_locust(arguments)


@wireswarm.command(name="try", context_settings=_PASS_ON)
@click.argument("locustfile", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--headers", is_flag=True, help="Show the header fields too.")
def try_command(locustfile: Path, arguments: Sequence[str], headers: bool) -> None:
    """One user of each class does each of its tasks once, and every exchange is shown, secrets redacted.

    Further arguments are Locust's: --host, --tags, --exclude-tags, names of user classes.
    """
    from rich.console import Console

    from wireswarm.commands.trial import run_trial

    sys.exit(run_trial(locustfile, arguments, Console(), headers=headers))


@wireswarm.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/demo"),
    show_default=True,
    help="Folder for the reports.",
)
def demo(arguments: Sequence[str], results: Path) -> None:
    """A whole load test on this machine, with a server to test: half a minute.

    An argument chater, lorax, batch, platform, helios or mixed chooses the suite. Further arguments are Locust's, and
    win over the demo's own: --users, --run-time, --processes …
    """
    from rich.console import Console

    from wireswarm.commands.demo import run_demo

    sys.exit(run_demo(results, arguments, Console()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit; 2 with one line per problem where it cannot do what it was asked for."""
    try:
        wireswarm.main(args=arguments, prog_name="wireswarm")
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(USAGE_ERROR)
