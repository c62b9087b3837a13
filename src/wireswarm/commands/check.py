"""`wireswarm check`: judge a run that is over."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console
from rich.text import Text

from wireswarm.reports.figures import clean, counted
from wireswarm.reports.validate import judge_saved, told

BREACHED: Final = 3


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--profile", required=True, help="Whose thresholds the run is judged by.")
@click.option(
    "--profile-file",
    type=click.Path(path_type=Path),
    envvar="WIRESWARM_PROFILE_FILE",
    show_envvar=True,
    help="The file that has the profile; by default the one beside the run's locustfile, or locustfile.toml.",
)
@click.option("--json", "as_json", is_flag=True, help='Print {"passed": …, "failures": […]}.')
def check(results: Path, profile: str, profile_file: Path | None, as_json: bool) -> None:
    """Judge the RESULTS of a run that is over by a profile's thresholds.

    RESULTS is a summary that --summary has written, a folder with a summary.json, or the prefix that was given to
    Locust's --csv. Exit code 3 where a threshold does not hold or found no data.
    """
    judged = judge_saved(results, profile, profile_file)
    failures = [told(one) for one in judged if not one.passed]
    if as_json:
        sys.stdout.write(orjson.dumps({"passed": not failures, "failures": failures}).decode() + "\n")
    else:
        console = Console()
        for one in judged:
            mark, style = ("✓", "green") if one.passed else ("✗", "bold red")
            console.print(Text(f"{mark} {clean(told(one))}", style=style), highlight=False, soft_wrap=True)
        verdict = "FAILED" if failures else "PASSED"
        broken = f"{len(failures)} of {counted(len(judged), 'threshold')} breached"
        console.print(f"{verdict}: {broken}", style="bold red" if failures else "bold green", highlight=False)
    sys.exit(BREACHED if failures else 0)
