"""What profiles say about the course of their load, what they take over from others, and pictures of it."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from wireswarm.commands.profiles import read_profiles, show_profiles, told
from wireswarm.commands.run import arguments_for
from wireswarm.errors import ConfigurationError
from wireswarm.load import Constant, Product, Shape, Spike, Stage, Stages, Steps, Sum, Wave, ramp
from wireswarm.profiles import Plan, Profile, ProfileFile, course_of, read_profile_file
from wireswarm.reports.course_svg import render_course
from wireswarm.reports.course_text import draw_course


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.toml"


def read(path: Path, content: str) -> ProfileFile:
    path.write_text(content, "utf-8")
    return read_profile_file(path)


def profile(path: Path, content: str) -> Profile:
    return read(path, f"[profiles.a]\n{content}").profiles["a"]


def problems_of(path: Path, content: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(path, content)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


# ---- Stages, shapes, rates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "shape", "is_rate"),
    [
        ('stages = ["30s:20", "1m:200", "0s:0"]', Stages((Stage(30, 20), Stage(60, 200), Stage(0, 0))), False),
        ('stages = ["1m:600/m", "1m:10/s", "1m:0"]', Stages((Stage(60, 10), Stage(60, 10), Stage(60, 0))), True),
        ('shape = {type = "constant", level = 5}', Constant(5), False),
        ('shape = {type = "constant", level = "5/s", duration = "1m"}', Constant(5, 60), True),
        ('shape = {type = "ramp", peak = 100, up = "5m", hold = "10m", down = "5m"}', ramp(100, 300, 600, 300), False),
        ('shape = {type = "ramp", peak = 100, up = "5m"}', ramp(100, 300), False),
        ('shape = {type = "wave", low = 10, high = 100, period = "5m", cycles = 6}', Wave(10, 100, 300, 6), False),
        ('shape = {type = "wave", low = 0, high = "1/h", period = "5m"}', Wave(0, 1 / 3600, 300), True),
        (
            'shape = {type = "spike", baseline = 20, peak = 200, before = "2m", spike = "1m", recovery = "3m", '
            "cycles = 3, rise = 0.5}",
            Spike(20, 200, 120, 60, 180, 3, 0.5),
            False,
        ),
        ('shape = {type = "spike", baseline = 2, peak = 9, spike = "1m"}', Spike(2, 9, 0, 60, 0), False),
        ('shape = {type = "steps", levels = [10, 25.5], each = "3m"}', Steps((10, 25.5), 180), False),
        ('shape = {type = "stages", stages = ["1m:5"], start = 10}', Stages((Stage(60, 5),), 10), False),
        (
            'shape = {type = "sum", shapes = [{type = "constant", level = 5}, {type = "ramp", peak = 1, up = "1m"}]}',
            Sum((Constant(5), ramp(1, 60))),
            False,
        ),
        (
            'shape = {type = "product", shapes = [{type = "constant", level = "5/s"}, '
            '{type = "ramp", peak = 2, up = "1m"}]}',
            Product((Constant(5), ramp(2, 60))),
            True,
        ),
    ],
)
def test_plans(path: Path, setting: str, shape: Shape, is_rate: bool) -> None:
    assert profile(path, setting).plan == Plan(shape, is_rate)


STAGE = 'a stage such as "2m:200" or "2m:100/s"'
LEVEL = 'a number of users from 0 to 10000000, or arrivals such as "100/s"'
LIST = (
    'a list of one or more stages such as ["2m:200", "5m:200", "2m:0"], each a duration and the users to have when it '
    'is over, or the arrivals: "2m:100/s"'
)
SHAPE = 'a table such as {type = "wave", low = 10, high = 100, period = "5m", cycles = 6}'
DURATION = 'a duration longer than 0 in quotes, such as "90s", "10m" or "2h"'
RATE = 'a rate above 0 such as "200/s", "600/m" or 200, which is per second'
DEEP = 'shape = {type = "sum", shapes = ' + '[{type = "sum", shapes = ' * 9 + "[]" + "}]" * 9 + "}"

WRONG = [
    ('stages = "1m:5"', ["stages: found \"1m:5\" (text); allowed: " + LIST]),
    ("stages = []", ["stages: found an empty list; allowed: " + LIST]),
    ('stages = ["0s:5"]', ["stages: found a list of stages that take no time; allowed: " + LIST]),
    ('stages = ["1m:5", "1m:5/s"]', ["stages: found users and arrivals in one; allowed: " + LIST]),
    (
        'stages = ["1m", 5, "1m:5", "1m:x", "1m:99999999", "1m:5/d"]',
        [
            f'stages[0]: found "1m" (text); allowed: {STAGE}',
            f"stages[1]: found 5 (an integer); allowed: {STAGE}",
            f'stages[3]: found "1m:x" (text); allowed: {STAGE}',
            f'stages[4]: found "1m:99999999" (text); allowed: {STAGE}',
            f'stages[5]: found "1m:5/d" (text); allowed: {STAGE}',
        ],
    ),
    ('shape = "wave"', [f'shape: found "wave" (text); allowed: {SHAPE}']),
    (
        "shape = {low = 1}",
        ["shape.type: found nothing; allowed: constant, ramp, wave, spike, steps, stages, sum, product"],
    ),
    (
        'shape = {type = "waves"}',
        [
            'shape.type: found "waves" (text) (did you mean "wave"?); '
            "allowed: constant, ramp, wave, spike, steps, stages, sum, product"
        ],
    ),
    (
        'shape = {type = "wave", low = -1, high = true, perod = "1m", cycles = 0}',
        [
            'shape.perod: found an unknown key of wave (did you mean "period"?); '
            "allowed: type, low, high, period, cycles",
            f"shape.low: found -1 (an integer); allowed: {LEVEL}",
            f"shape.high: found true (a boolean); allowed: {LEVEL}",
            f"shape.period: found nothing; allowed: {DURATION}",
            "shape.cycles: found 0 (an integer); allowed: a number greater than 0, such as 6 or 0.5",
        ],
    ),
    (
        'shape = {type = "wave", low = 1, high = "9/s", period = "1m"}',
        [f"shape: found users and arrivals in one; allowed: {SHAPE}"],
    ),
    (
        'shape = {type = "steps", levels = [], each = "1m"}',
        [
            "shape.levels: found an empty list; allowed: a list of one or more levels, "
            'such as [10, 25, 50] or ["10/s", "20/s"]'
        ],
    ),
    (
        'shape = {type = "spike", baseline = 1, peak = 2, spike = "1m", rise = 2}',
        ["shape.rise: found 2 (an integer); allowed: a number from 0 to 1, such as 0.3"],
    ),
    (
        'shape = {type = "stages", stages = ["1m"]}',
        [f'shape.stages[0]: found "1m" (text); allowed: {STAGE}'],
    ),
    (
        'shape = {type = "sum", shapes = [3, {type = "constant"}]}',
        [
            f"shape.shapes[0]: found 3 (an integer); allowed: {SHAPE}",
            f"shape.shapes[1].level: found nothing; allowed: {LEVEL}",
        ],
    ),
    (
        'shape = {type = "product", shapes = [{type = "constant", level = "5/s"}, {type = "constant", level = "5/s"}]}',
        [f"shape: found a product of several rates; allowed: {SHAPE}"],
    ),
    (
        DEEP,
        [
            f"shape{'.shapes[0]' * 8}.shapes: found shapes nested too deeply; "
            f"allowed: a list of one or more shapes, each {SHAPE}"
        ],
    ),
    ("arrival_rate = 0", [f"arrival_rate: found 0 (an integer); allowed: {RATE}"]),
    ('arrival_rate = "5 per second"', [f'arrival_rate: found "5 per second" (text); allowed: {RATE}']),
    ('arrivals = "even"', ['arrivals: found "even" (text); allowed: "constant" or "poisson"']),
    ("seed = -1", ["seed: found -1 (an integer); allowed: a whole number from 0 to 10000000"]),
    (
        "environment = 3",
        [
            "environment: found 3 (an integer); "
            'allowed: a table of names and texts, such as {TEST_LANGUAGE = "en"}'
        ],
    ),
    (
        'environment = {"a b" = "x", WIRESWARM_STAGE = "1m:5", N = 5, MY_TOKEN = "hunter2", db_password = "hunter2"}',
        [
            *(
                f"environment.{name}: found a name that is not allowed; allowed: a name of letters, digits and "
                '"_" that does not begin with LOCUST_ or WIRESWARM_, as options do'
                for name in ('"a b"', "WIRESWARM_STAGE")
            ),
            'environment.N: found 5 (an integer); allowed: text in quotes, such as "en"',
            *(
                f"environment.{name}: found a credential; "
                "allowed: no credentials; set it in the environment that the run starts in"
                for name in ("MY_TOKEN", "db_password")
            ),
        ],
    ),
    (
        'stages = ["1m:5"]\nshape = {type = "constant", level = 5}',
        ["shape: found beside stages; allowed: one of stages, shape, arrival_rate"],
    ),
    (
        'users = 5\nstages = ["1m:5"]',
        ["users: found beside stages, which says how many users there are; allowed: one of them"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "problems"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong(path: Path, setting: str, problems: Iterable[str]) -> None:
    assert problems_of(path, f"[profiles.a]\n{setting}") == [f"profiles.a.{problem}" for problem in problems]


@pytest.mark.parametrize(("rate", "text"), [('"200/s"', "200/s"), ('"600/m"', "10/s"), ("2.5", "2.5/s")])
def test_a_rate_is_written_as_the_option_has_it(path: Path, rate: str, text: str) -> None:
    assert profile(path, f"arrival_rate = {rate}").arrival_rate == text


def test_users_beside_stages_of_arrivals_are_the_pool(path: Path) -> None:
    found = profile(path, 'users = 50\nstages = ["1m:5/s"]\narrivals = "poisson"\nseed = 7\nmax_lateness = "2s"')
    assert (found.users, found.arrivals, found.seed, found.max_lateness) == (50, "poisson", 7, 2)


# ---- Inheritance -----------------------------------------------------------------------------------------------------

FAMILY = """
[defaults]
allowed_hosts = ["127.0.0.1"]
run_time = "1m"
environment = {A = "1", B = "1"}
[profiles.base]
description = "The base"
users = 10
spawn_rate = 2
run_time = "10m"
tags = ["a"]
thresholds."*" = ["p95 < 1s", "errors < 1%"]
environment = {B = "2"}
[profiles.more]
extends = "base"
users = 20
thresholds."*" = ["p95 < 2s"]
[profiles.staged]
extends = "more"
stages = ["1m:5"]
[profiles.rated]
extends = "more"
stages = ["1m:5/s"]
[profiles.again]
extends = "staged"
users = 7
[profiles.pool]
extends = "rated"
users = 7
[profiles.steady]
extends = "rated"
arrival_rate = 3
run_time = "2m"
"""


def test_a_profile_takes_over_what_it_does_not_say(path: Path) -> None:
    profiles = read(path, FAMILY).profiles
    more = profiles["more"]
    assert (more.users, more.spawn_rate, more.run_time, more.tags) == (20, 2, 600, ("a",))
    assert more.description is None, "that is about the other one"
    assert more.environment == {"A": "1", "B": "2"}
    assert more.allowed_hosts == ("127.0.0.1",)
    assert [threshold.expression for threshold in more.thresholds or ()] == ["errors < 1%", "p95 < 2s"]


@pytest.mark.parametrize(
    ("name", "users", "spawn_rate", "run_time", "planned", "rate"),
    [
        ("staged", None, None, None, True, None),
        ("rated", 20, 2, None, True, None),
        ("again", 7, None, None, False, None),
        ("pool", 7, 2, None, True, None),
        ("steady", 20, 2, 120, False, "3/s"),
    ],
)
def test_a_plan_takes_the_place_of_another(
    path: Path, name: str, users: int, spawn_rate: int, run_time: int, planned: bool, rate: str
) -> None:
    found = read(path, FAMILY).profiles[name]
    assert (found.users, found.spawn_rate, found.run_time) == (users, spawn_rate, run_time)
    assert ((found.plan is not None), found.arrival_rate) == (planned, rate)


def test_circles_and_strangers_are_refused(path: Path) -> None:
    content = """
        [profiles.a]
        extends = "b"
        [profiles.b]
        extends = "c"
        [profiles.c]
        extends = "b"
        [profiles.me]
        extends = "me"
        [profiles.lone]
        extends = "bb"
    """
    assert problems_of(path, content) == [
        "profiles.b.extends: found a circle, b → c → b; allowed: no circle",
        "profiles.me.extends: found a circle, me → me; allowed: no circle",
        "profiles.lone.extends: found no profile bb (did you mean \"b\"?); allowed: a, b, c, me",
    ]  # fmt: skip
    assert problems_of(path, 'profiles.a.extends = "b"') == [
        "profiles.a.extends: found no profile b; allowed: nothing, because there is no other profile"
    ]


def test_a_long_line_of_ancestors_is_followed(path: Path) -> None:
    lines = ["[profiles.p0]", "users = 3", *(f'[profiles.p{n}]\nextends = "p{n - 1}"' for n in range(2000, 0, -1))]
    assert read(path, "\n".join(lines)).profiles["p2000"].users == 3


# ---- Pictures --------------------------------------------------------------------------------------------------------

COURSES = [
    ('users = 10\nspawn_rate = 2\nrun_time = "20s"', 20, True, 10, "at most 10 users, 20.0 s"),
    ('users = 10\nrun_time = "5s"', 5, True, 5, "at most 5 users, 5.0 s"),
    ("users = 10\nspawn_rate = 10", 60, False, 10, "at most 10 users, without an end"),
    ("", 60, False, 1, "at most 1 users, without an end"),
    ('stages = ["1m:5", "1m:0"]\nrun_time = "90s"', 90, True, 5, "at most 5 users, 1 min 30 s"),
    ('stages = ["1m:5/s"]', 60, True, 5, "at most 5 arrivals per second, 1 min"),
    ('arrival_rate = "90/m"\nrun_time = "1h"', 3600, True, 1.5, "at most 1.5 arrivals per second, 1 h"),
    ('shape = {type = "wave", low = 1, high = 9, period = "64s"}', 240, False, 9, "at most 9 users, without an end"),
    ('stages = ["1m:0"]', 60, True, 0, "at most 0 users, 1 min"),
]


@pytest.mark.parametrize(("setting", "end", "ends", "peak", "text"), COURSES)
def test_courses_and_their_pictures(path: Path, setting: str, end: float, ends: bool, peak: float, text: str) -> None:
    found = profile(path, setting)
    course = course_of(found)
    assert (course.end, course.ends) == (end, ends)
    assert course.peak() == pytest.approx(peak, rel=0.001)
    assert told(found) == text
    for width in (1, 20, 57, 200):
        lines = draw_course(course, width)
        assert len(lines) == 14
        assert max(map(len, lines)) <= max(width, 20)
    svg = ET.fromstring(render_course(course, "a <title>"))
    assert svg.findtext("{http://www.w3.org/2000/svg}title") == "a <title>"
    assert not any(math.isnan(float(word)) for word in "".join(svg.itertext()).split() if word == "nan")
    assert "nan" not in render_course(course, "")


def test_a_picture_of_steps(path: Path) -> None:
    course = course_of(profile(path, 'shape = {type = "steps", levels = [10, 40, 20], each = "10s"}'))
    assert draw_course(course, 34, 4) == [
        "40 ┤          ██████████",
        "30 ┤          ██████████",
        "20 ┤          ████████████████████",
        "10 ┤██████████████████████████████",
        " 0 └┬─────────┬────────┬─────────┬",
        "    0:00    0:10     0:20     0:30",
    ]


def test_a_peak_of_a_second_is_seen_in_a_day(path: Path) -> None:
    course = course_of(profile(path, 'stages = ["12h:10", "0s:100", "1s:100", "0s:10", "12h:10"]'))
    assert sum("█" in line for line in draw_course(course, 60)) == 12


# ---- Commands --------------------------------------------------------------------------------------------------------


def test_the_list_has_every_profile_with_its_numbers(path: Path) -> None:
    file = read(
        path,
        """
        [profiles.smoke]
        description = "Does it work?"
        users = 5
        spawn_rate = 0.5
        run_time = "2m"
        tags = ["a"]
        exclude_tags = ["b"]
        [profiles.open]
        users = 30
        arrival_rate = 20
        """,
    )
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    show_profiles(console, file)
    console.file.close()
    rows = [line.split() for line in console.export_text().splitlines()]
    assert ["smoke", "5", "0.5", "2", "min", "a,", "not", "b", "Does", "it", "work?"] in rows
    assert ["open", "30", "20", "arrivals", "–"] in rows


def test_what_is_given_to_run_comes_after_its_own_and_so_wins() -> None:
    assert arguments_for("x.py", "smoke", Path("x.toml"), ["--results", "mine"]) == [  # type: ignore[arg-type]
        *("-f", "x.py", "--headless", "--profile-file", "x.toml", "--load-profile", "smoke"),
        *("--results", "results", "--results", "mine"),
    ]


def test_profiles_that_cannot_be_found(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"orders\.py: found no such file; allowed: a locustfile"):
        read_profiles(tmp_path / "orders.py")
    (tmp_path / "orders.py").touch()
    with pytest.raises(ConfigurationError, match=r"there is no profile file .*orders\.toml; write one or pass"):
        read_profiles(tmp_path / "orders.py")
