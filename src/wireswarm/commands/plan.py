"""`wireswarm plan`: a picture of how much load a profile makes when."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from wireswarm.commands.profiles import read_profiles, told
from wireswarm.errors import ConfigurationError
from wireswarm.profiles import course_of, select
from wireswarm.reports.course_svg import render_course
from wireswarm.reports.course_text import draw_course
from wireswarm.reports.figures import clean


@click.command()
@click.argument("locustfile", type=click.Path(path_type=Path))
@click.argument("profile")
@click.option(
    "--profile-file",
    type=click.Path(path_type=Path),
    envvar="WIRESWARM_PROFILE_FILE",
    show_envvar=True,
    help="The file that has the profile; by default the one beside the locustfile.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write an SVG picture there.")
def plan(locustfile: Path, profile: str, profile_file: Path | None, output: Path | None) -> None:
    """Draw the users, or the arrivals per second, of a PROFILE over time. Nothing is run."""
    chosen = select(read_profiles(locustfile, profile_file), profile)
    course, title = course_of(chosen), f"{chosen.name}: {told(chosen)}"
    console = Console()
    if output is not None:
        try:
            output.write_text(render_course(course, title), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{output}: cannot be written: {error.strerror}") from error
        console.print(f"Written: {output}", highlight=False, markup=False, soft_wrap=True)
        return
    console.print(Text(title, style="bold"), soft_wrap=True)
    if chosen.description:
        console.print(Text(clean(chosen.description), style="dim"), soft_wrap=True)
    for row in draw_course(course, console.width):
        console.print(Text(row, style="cyan"), soft_wrap=True)
    console.print(Text("arrivals per second over time" if course.plan.is_rate else "users over time", style="dim"))
