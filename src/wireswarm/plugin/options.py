"""The options that are added to Locust's command line, and the profile's values as their defaults."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser

from wireswarm.errors import ConfigurationError
from wireswarm.profiles import Profile, ProfileFile, find_profile_file, read_profile_file, select

STOP_TIMEOUT = 10
"""Seconds that users have to end what they are doing; Locust's own default of 0 kills them in mid-request."""

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
    # One line that tells how it goes stands in for Locust's tables, which --print-stats shows all the same.
    parser.set_defaults(stop_timeout=str(STOP_TIMEOUT), only_summary=True)


def apply_profile(parser: LocustArgumentParser, args: Sequence[str] | None) -> Profile | None:
    """Make the chosen profile's values the defaults of Locust's options.

    So whatever the command line, the environment or a configuration file says goes before them.

    Returns:
        The profile, None where none was asked for.

    Raises:
        ConfigurationError: the profile file, or what was asked of it, is wrong.
    """
    early = get_empty_argument_parser(add_help=False)
    _add_profile_options(early)
    early.add_argument("--profile")  # Locust's; unknown here, it would be taken for a short --profile-file
    early.add_argument("--worker", action="store_true", env_var="LOCUST_MODE_WORKER")
    options, others = early.parse_known_args(args)
    # A worker does as its master says, and may not have the file.
    if options.worker or not _ONLY_SHOWS.isdisjoint(others):
        return None
    if not options.load_profile and not options.profile_file:
        return None
    path = _profile_path(options)
    profile_file = read_profile_file(path)
    if not options.load_profile:
        return None  # read all the same, so that its mistakes are told
    profile = select(profile_file, options.load_profile)
    parser.set_defaults(**_defaults(profile))
    return profile


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


def _defaults(profile: Profile) -> dict[str, object]:
    values = {
        "num_users": profile.users,
        "spawn_rate": profile.spawn_rate,
        "run_time": None if profile.run_time is None else _run_time(profile.run_time),
        "allowed_hosts": None if profile.allowed_hosts is None else ",".join(profile.allowed_hosts),
        "tags": None if profile.tags is None else list(profile.tags),
        "exclude_tags": None if profile.exclude_tags is None else list(profile.exclude_tags),
        "profile": profile.name,
    }
    return {name: value for name, value in values.items() if value is not None}


def _run_time(seconds: float) -> float:
    # Whole seconds as an int, as Locust has them: the web UI offers what it finds, and takes no "60.0" back.
    return int(seconds) if seconds.is_integer() else seconds
