"""`wireswarm run`: a suite with one of its profiles, as one short command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import locust  # noqa: F401 - first: it patches the standard library, which has to be before anything imports ssl
from rich.console import Console

from wireswarm.commands.profiles import read_profiles, show_profiles
from wireswarm.errors import ConfigurationError
from wireswarm.profiles import select


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("locustfile", type=click.Path(path_type=Path))
@click.argument("profile", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--list", "only_list", is_flag=True, help="Show the profiles with their numbers, and run nothing.")
@click.option(
    "--profile-file",
    type=click.Path(path_type=Path),
    envvar="WIRESWARM_PROFILE_FILE",
    show_envvar=True,
    help="The file that has the profile; by default the one beside the locustfile.",
)
def run(
    locustfile: Path, profile: str | None, arguments: Sequence[str], only_list: bool, profile_file: Path | None
) -> None:
    """Run a locustfile with one of its profiles, headless, with reports in a new folder below results/.

    Further arguments are Locust's, and win over the profile: --host, --users, --run-time, --results …
    """
    file = read_profiles(locustfile, profile_file)
    if only_list:
        show_profiles(Console(), file)
        return
    if profile is None or profile.startswith("-"):
        raise ConfigurationError(
            f"wireswarm run {locustfile}: found no profile after the locustfile; allowed: {', '.join(file.profiles)}"
        )
    select(file, profile)
    run_locust(arguments_for(locustfile, profile, file.path, arguments))


def arguments_for(locustfile: Path, profile: str, profile_file: Path, arguments: Sequence[str]) -> list[str]:
    """Locust's command line for a run with a profile. What comes last wins, so what was given does."""
    ours = ["-f", str(locustfile), "--headless", "--profile-file", str(profile_file), "--load-profile", profile]
    return [*ours, "--results", "results", *arguments]


def run_locust(arguments: Sequence[str]) -> None:
    """Become Locust, with everything of ours loaded. Ends the process."""
    from locust.main import main as locust_main

    from wireswarm.plugin import load

    sys.argv = ["locust", *arguments]
    load()
    locust_main()
