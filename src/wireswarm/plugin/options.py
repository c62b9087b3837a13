"""The options that are added to Locust's command line, and the profile's values as their defaults."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser

from wireswarm.errors import ConfigurationError
from wireswarm.load import parse_stages
from wireswarm.load.stages import ALLOWED as STAGES_ALLOWED
from wireswarm.load.stages import plain
from wireswarm.plugin.arrival_plan import add_arrival_options
from wireswarm.plugin.variables import VARIABLES, as_option
from wireswarm.profiles import Plan, Profile, ProfileFile, find_profile_file, read_profile_file, select
from wireswarm.profiles.inheriting import PLANS, superseded
from wireswarm.profiles.inline import format_rate, is_shape_text

STOP_TIMEOUT = 10
"""Seconds that users have to end what they are doing; Locust's own default of 0 kills them in mid-request."""

PROFILE_PLAN = "profile_plan"
"""Attribute of parsed options: whether the stages or the shape of the profile say how many users there are."""

DATA = "profile_data"
GENERATE = "profile_generate"
"""Attributes of parsed options: the profile's `data` and `generate` as JSON, since options are sent to workers."""

_ONLY_SHOWS = {"-h", "--help", "-V", "--version", "-l", "--list"}
"""Options with which nothing runs."""


def positive_int(text: str) -> int:
    """An option's value as a whole number of at least one.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a whole number of 1 or more")
    return value


def stages_text(text: str) -> str:
    """An option's value as stages, which it stays the text of: options are sent to workers.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        parse_stages(text)
    except ValueError as error:
        hint = "; for arrivals there is --arrival-rate" if "/" in text else ""
        raise argparse.ArgumentTypeError(f"found {error}; allowed: {STAGES_ALLOWED}{hint}") from None
    return text


def add_options(parser: LocustArgumentParser) -> None:
    """Add our options to Locust's parser.

    Those of an argument group stay out of the web UI, whose users are elsewhere than the files that most are about.
    """
    group = parser.add_argument_group("Wireswarm options")
    _add_profile_options(group)
    iterations = group.add_argument(
        "--iterations",
        metavar="<number>",
        type=positive_int,
        default=0,
        env_var="WIRESWARM_ITERATIONS",
        help="Run that many flows or tasks in all, over all users and workers, then stop.",
    )
    for name, value in (
        ("include_in_web_ui", True),
        ("is_secret", False),
        ("is_required", False),
        ("is_multiple", False),
    ):
        setattr(iterations, name, value)  # what LocustArgumentParser.add_argument does outside of groups
    add_arrival_options(group)
    group.add_argument(
        "--allowed-hosts",
        metavar="<host,...>",
        default="",
        env_var="WIRESWARM_ALLOWED_HOSTS",
        help="Send requests to these hosts only (staging.example.com, *.test, 127.0.0.1:8000); exit 2 otherwise.",
    )
    group.add_argument(
        "--check",
        action="store_true",
        dest="check_only",
        env_var="WIRESWARM_CHECK",
        help="Check the locustfile, profile, options, credentials and data, send nothing, and exit.",
    )
    group.add_argument(
        "--stage",
        metavar="<duration:users,...>",
        type=stages_text,
        action="append",
        default=[],
        env_var="WIRESWARM_STAGE",
        help="Go evenly from one number of users to the next: 2m:200,5m:200,2m:0. Repeatable; instead of -u and -t.",
    )
    group.add_argument(
        "--data-file",
        metavar="<filename>",
        default="",
        env_var="WIRESWARM_DATA_FILE",
        help="The file with the rows that users take their data from.",
    )
    # One line that tells how it goes stands in for Locust's tables; --print-stats brings those back.
    parser.set_defaults(stop_timeout=str(STOP_TIMEOUT), only_summary=True, enable_rebalancing=True)


def apply_profile(
    parser: LocustArgumentParser, args: Sequence[str] | None, environ: MutableMapping[str, str] = os.environ
) -> dict[str, object]:
    """Make the chosen profile's values the defaults of Locust's options, and its variables those of the environment.

    So whatever the command line, the environment or a configuration file says goes before them.

    Returns:
        Those defaults, by the options' names; none where no profile was asked for.

    Raises:
        ConfigurationError: the profile file, or what was asked of it, is wrong.
    """
    options, others = _early_options(args)
    if not _ONLY_SHOWS.isdisjoint(others):
        return {}
    # A worker does as its master says, and may not have the file.
    if options.worker:
        return {}
    file, profile = chosen_profile(options)
    if file is None:
        return {}
    _set_variables(profile or file.defaults, environ)
    defaults = _defaults(file, profile or file.defaults, options)
    parser.set_defaults(**defaults)
    return defaults


def apply_environment(args: Sequence[str] | None, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the chosen profile's variables, before locustfiles are imported that read some as they are.

    What is wrong is said when the options are parsed. A worker that names the profile, and has the file, sets them too.
    """
    try:
        file, profile = chosen_profile(_early_options(args)[0])
    except ConfigurationError:
        return
    if file is not None:
        _set_variables(profile or file.defaults, environ)


def users_plan(options: argparse.Namespace | None) -> Plan | None:
    """How many users there are to be when; None where Locust's own options say it, or the locustfile.

    Raises:
        ConfigurationError: the profile file is wrong.
    """
    given = getattr(options, "stage", None)
    if given:
        return Plan(parse_stages(",".join(given)))
    if not getattr(options, PROFILE_PLAN, False):
        return None
    file, profile = chosen_profile(options)
    profile = profile or (file.defaults if file else None)
    return profile.plan if profile else None


def chosen_profile(options: argparse.Namespace | None) -> tuple[ProfileFile | None, Profile | None]:
    """The profile file and the profile that parsed options name; None where they name none.

    Raises:
        ConfigurationError: the profile file, or what was asked of it, is wrong.
    """
    if options is None or not (getattr(options, "load_profile", "") or getattr(options, "profile_file", "")):
        return None, None
    file = read_profile_file(_profile_path(options))
    return file, select(file, options.load_profile) if options.load_profile else None


def did_you_mean_load_profile(options: argparse.Namespace) -> str | None:
    """A hint where Locust's `--profile`, which is a mere label, names a profile of the file beside the locustfile."""
    if not options.profile or options.load_profile:
        return None
    try:
        path = _profile_path(options)
        names = read_profile_file(path).profiles
    except ConfigurationError:
        return None  # nobody asked for that file
    if options.profile not in names:
        return None
    return (
        f"--profile {options.profile} only labels the run; {path} has a load profile of that name: "
        f"did you mean --load-profile {options.profile}?"
    )


def _add_profile_options(group: Any) -> None:
    group.add_argument(
        "--load-profile",
        metavar="<name>",
        default="",
        env_var="WIRESWARM_LOAD_PROFILE",
        help="Take users, spawn rate, run time and tags from that profile; options given beside it win.",
    )
    group.add_argument(
        "--profile-file",
        metavar="<filename>",
        default="",
        env_var="WIRESWARM_PROFILE_FILE",
        help="The file with the profiles. Default: the locustfile's name with .toml, beside it.",
    )


def _profile_path(options: argparse.Namespace) -> Path:
    if options.profile_file:
        return Path(options.profile_file)
    locustfiles = [Path(name.strip()) for name in options.locustfile.split(",")]
    for locustfile in locustfiles:
        path = find_profile_file(locustfile)
        if path is not None:
            return path
    expected = ", ".join(str(locustfile.with_suffix(".toml")) for locustfile in locustfiles)
    raise ConfigurationError(
        f"--load-profile {options.load_profile}: there is no profile file {expected}; write one or pass --profile-file"
    )


class _Refused(ConfigurationError):  # noqa: N818 - the command line is, which is no error of ours
    """A command line that the real parser will refuse."""


def _early_options(args: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """What has to be known before the profile can be applied, and the arguments that are not about that."""
    early = get_empty_argument_parser(add_help=False)
    _add_profile_options(early)
    early.add_argument("--profile")  # Locust's; unknown here, it would be taken for a short --profile-file
    early.add_argument("--worker", action="store_true", env_var="LOCUST_MODE_WORKER")
    early.add_argument("-u", "--users", env_var="LOCUST_USERS")
    early.add_argument("--stage", env_var="WIRESWARM_STAGE")
    early.add_argument("--arrival-rate", env_var="WIRESWARM_ARRIVAL_RATE")

    def refuse(message: str) -> NoReturn:
        raise _Refused(message)

    early.error = refuse  # type: ignore[method-assign]
    try:
        options, others = early.parse_known_args(args)
    except _Refused:
        # Nothing is known, then; the real parser says what is wrong.
        options, others = early.parse_known_args([])
    return options, others


def _set_variables(profile: Profile, environ: MutableMapping[str, str]) -> None:
    for name, value in (profile.environment or {}).items():
        environ.setdefault(name, value)


def _defaults(file: ProfileFile, profile: Profile, given: argparse.Namespace) -> dict[str, object]:
    names = {"users": given.users, "stages": given.stage, "arrival_rate": given.arrival_rate}
    above = {name for name, value in names.items() if value}
    rates = bool(given.arrival_rate)
    if rates and (":" in given.arrival_rate or is_shape_text(given.arrival_rate)):
        above = above - {"arrival_rate"} | {"stages"}
    gone = superseded(profile, above, rates=rates)
    if not above.isdisjoint(PLANS):
        gone |= set(PLANS)
    values: dict[str, object] = {
        "num_users": profile.users,
        "spawn_rate": profile.spawn_rate,
        "run_time": None if profile.run_time is None else _run_time(profile.run_time),
        "arrival_rate": profile.arrival_rate,
        "arrivals": profile.arrivals,
        "max_lateness": None if profile.max_lateness is None else f"{plain(profile.max_lateness)}s",
        "arrival_seed": profile.seed,
        "allowed_hosts": None if profile.allowed_hosts is None else ",".join(profile.allowed_hosts),
        "tags": None if profile.tags is None else list(profile.tags),
        "exclude_tags": None if profile.exclude_tags is None else list(profile.exclude_tags),
        "data_file": None if profile.data_file is None else str(file.path.parent / profile.data_file),
        DATA: None if profile.data is None else json.dumps(dict(profile.data)),
        GENERATE: None if profile.generate is None else json.dumps(dict(profile.generate)),
        "profile": None if profile is file.defaults else profile.name,
        VARIABLES: as_option(profile.environment or {}) or None,
    }
    if "users" in gone:
        gone.add("num_users")
    values = {name: value for name, value in values.items() if value is not None and name not in gone}
    if profile.plan is None or not gone.isdisjoint({"stages", "shape"}):
        return values
    if profile.plan.is_rate:
        return {**values, "arrival_rate": format_rate(profile.plan.shape)}
    return {**values, PROFILE_PLAN: True}


def _run_time(seconds: float) -> float:
    # Whole seconds as an int, as Locust has them: the web UI offers what it finds, and takes no "60.0" back.
    return int(seconds) if seconds.is_integer() else seconds
