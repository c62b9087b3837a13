"""The options of `wireswarm locust` and the commands of `wireswarm`, as their parsers have them: JSON on stdout."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from typing import Any

import locust  # noqa: F401 - first: it patches the standard library
from locust.argument_parser import get_parser

from wireswarm.cli import wireswarm
from wireswarm.plugin import load

OURS = "Wireswarm"
"""What the titles of our groups of options begin with: they are shown first."""


def groups() -> list[dict[str, Any]]:
    """The groups of options that `wireswarm locust --help` shows, ours first."""
    load()
    parser = get_parser(default_config_files=[])
    found = []
    for group in parser._action_groups:
        options = [_option(action) for action in group._group_actions if action.help is not argparse.SUPPRESS]
        if options:
            title = (group.title or "").removesuffix(":")
            found.append({"title": title, "description": group.description or "", "options": options})
    return sorted(found, key=lambda group: not group["title"].startswith(OURS))


def _option(action: argparse.Action) -> dict[str, Any]:
    return {
        "names": list(action.option_strings) or [str(action.metavar)],
        "value": "" if action.nargs == 0 or not action.option_strings else _metavar(action),
        "variable": getattr(action, "env_var", None) or "",
        "default": _default(action.default),
        "help": (action.help or "").replace("%%", "%"),
    }


def _metavar(action: argparse.Action) -> str:
    return " ".join(action.metavar) if isinstance(action.metavar, tuple) else action.metavar or action.dest.upper()


def _default(value: object) -> str:
    nothing = value is None or value is argparse.SUPPRESS or isinstance(value, bool) or value in ("", [], 0)
    return "" if nothing else str(value)


def commands() -> list[dict[str, Any]]:
    """The commands, by name."""
    import click

    context = click.Context(wireswarm, info_name="wireswarm")
    found = []
    for name in wireswarm.list_commands(context):
        command = wireswarm.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        found.append(
            {
                "name": name,
                "usage": command.get_usage(inner).removeprefix("Usage: "),
                "help": inspect.cleandoc(command.help or ""),
                "options": [
                    _parameter(option, inner)
                    for option in command.get_params(inner)
                    if isinstance(option, click.Option) and not option.hidden and option.name != "help"
                ],
            }
        )
    return found


def _parameter(option: Any, context: Any) -> dict[str, Any]:
    variables = option.envvar or ""
    return {
        "names": [*option.opts, *option.secondary_opts],
        "value": "" if option.is_flag else option.make_metavar(context),
        "variable": variables if isinstance(variables, str) else ", ".join(variables),
        "default": str(option.default) if option.show_default and option.default is not None else "",
        "help": option.help or "",
    }


if __name__ == "__main__":
    json.dump({"groups": groups(), "commands": commands()}, sys.stdout)
