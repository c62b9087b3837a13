"""Registers with Locust's events, once per process: what `import wireswarm` in a locustfile does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import gevent
import locust
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from wireswarm.errors import ConfigurationError
from wireswarm.net.guard import GUARD
from wireswarm.plugin.arrival_plan import arrival_problems, settle_pool
from wireswarm.plugin.attach import attach
from wireswarm.plugin.checks import find_problems, selected_classes
from wireswarm.plugin.criteria import add_criteria_options, criteria_of, host_of, watcher_of
from wireswarm.plugin.exporting import add_export_options, export_problems
from wireswarm.plugin.feeding_checks import feed_problems
from wireswarm.plugin.files import file_limit, file_problems, raise_file_limit
from wireswarm.plugin.guarding import allowed_hosts
from wireswarm.plugin.joining import wait_until_attached
from wireswarm.plugin.logs import redact_logs
from wireswarm.plugin.options import add_options, apply_environment, apply_profile, did_you_mean_load_profile
from wireswarm.plugin.ports import port_problems
from wireswarm.plugin.reporting import add_report_options, choose_folder, report_problems
from wireswarm.plugin.shaping import shaping_problems
from wireswarm.plugin.signals import end_gently
from wireswarm.plugin.tables import write_tables_at_the_end
from wireswarm.plugin.tags import has_tasks

USAGE_ERROR = 2
"""Exit code of a run that was refused."""

_state = {"loaded": False, "checked": False}
_profile: dict[str, object] = {}
"""What the profile has made the options' defaults."""


def load() -> None:
    """Add options and hooks to Locust. Calling it again does nothing."""
    if _state["loaded"]:
        return
    _state["loaded"] = True
    apply_environment(sys.argv[1:])
    raise_file_limit()
    locust.events.init_command_line_parser.add_listener(_on_parser)
    locust.events.init.add_listener(_on_init)
    write_tables_at_the_end()
    wait_until_attached()
    sys.excepthook = _one_line_for_configuration_errors(sys.excepthook)


def _on_parser(parser: LocustArgumentParser, **_kwargs: Any) -> None:
    _add_options(parser)
    parse = parser.parse_args

    def parse_args(args: Sequence[str] | None = None, namespace: Any = None, **kwargs: Any) -> argparse.Namespace:
        if _state["checked"]:
            # The web UI parses again for every page, to show the options that are not Locust's own. A file that has
            # become wrong since must not end the process then.
            parser.set_defaults(**_profile)
            again: argparse.Namespace = parse(args, namespace, **kwargs)
            return again
        problems = _problems_in(lambda: _profile.update(apply_profile(parser, args)))
        options: argparse.Namespace = parse(args, namespace, **kwargs)
        if options.print_stats:
            options.only_summary = False  # our default, which would keep the tables away
        if not _only_lists(options):
            _state["checked"] = True
            problems += _check(options)
        if problems:
            parser.exit(USAGE_ERROR, describe(ConfigurationError(list(dict.fromkeys(problems)))))
        if not _only_lists(options):
            _begin(options)
        return options

    parser.parse_args = parse_args


def _add_options(parser: LocustArgumentParser) -> None:
    add_options(parser)
    group = parser.add_argument_group("Wireswarm verdict and reports")
    add_criteria_options(group)
    add_report_options(group)
    add_export_options(parser.add_argument_group("Wireswarm live exports"))


def _check(options: argparse.Namespace) -> list[str]:
    # Inside option parsing, before --processes forks: exiting later would orphan the workers.
    wrong_hosts = _problems_in(lambda: GUARD.allow_only(allowed_hosts(options)))
    if wrong_hosts:
        return wrong_hosts
    problems = [*find_problems(options), *report_problems(options), *export_problems(options)]
    tags, exclude_tags = options.tags or (), options.exclude_tags or ()
    classes = [c for c in selected_classes(options) if has_tasks(c, tags, exclude_tags)]
    problems += arrival_problems(options, classes)
    problems += shaping_problems(options)
    problems += port_problems(options)
    problems += feed_problems(options, classes)
    problems += file_problems(options, classes, file_limit())
    return problems if options.worker else [*problems, *_criteria_problems(options)]


def _criteria_problems(options: argparse.Namespace) -> list[str]:
    try:
        criteria = criteria_of(options)
    except ConfigurationError as error:
        return list(error.problems)
    classes = selected_classes(options)
    # In the web UI the host can still be typed in.
    if host_of(classes, options.host) or options.headless or options.autostart:
        return watcher_of(criteria, classes, options.host).check()
    return []


def _problems_in(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except ConfigurationError as error:
        return list(error.problems)
    return []


def _begin(options: argparse.Namespace) -> None:
    hint = did_you_mean_load_profile(options)
    if hint:
        sys.stderr.write(f"warning: {hint}\n")
    if options.check_only:
        classes = ", ".join(cls.__name__ for cls in selected_classes(options))
        sys.stdout.write(f"OK: {options.locustfile}: {classes}; nothing was sent\n")
        raise SystemExit(0)
    settle_pool(options)
    choose_folder(options)


def _only_lists(options: argparse.Namespace) -> bool:
    return bool(options.list_commands or options.show_task_ratio or options.show_task_ratio_json)


def _on_init(environment: Environment, **_kwargs: Any) -> None:
    redact_logs()
    try:
        attach(environment)
    except ConfigurationError as error:
        sys.stderr.write(describe(error))
        sys.exit(USAGE_ERROR)
    end_gently(environment)
    # Locust sets the timer of --run-time next. The event loop counts from when it last ran, which was before the
    # locustfile was imported: without this, seconds of import would be taken off the run.
    loop: Any = gevent.get_hub().loop
    loop.update_now()


def describe(error: ConfigurationError) -> str:
    """One line per problem, as it is shown to whoever started the run."""
    return "".join(f"error: {problem}\n" for problem in error.problems)


def _one_line_for_configuration_errors(previous: Any) -> Any:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, ConfigurationError):
            # Raised while a locustfile was imported. Python takes the exit code from here.
            sys.stderr.write(describe(error))
            raise SystemExit(USAGE_ERROR)
        previous(kind, error, trace)

    return hook
