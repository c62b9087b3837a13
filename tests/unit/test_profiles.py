"""The profile file: the one that is shipped, and every way of getting one wrong."""

from __future__ import annotations

import dataclasses
import datetime
import errno
import math
import os
import re
import typing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import wireswarm.profiles
from wireswarm.errors import ConfigurationError
from wireswarm.profiles import KEYS, Profile, ProfileFile, find_profile_file, read_profile_file, select
from wireswarm.profiles.values import LARGEST_INTEGER, describe

ROOT = Path(__file__).parents[2]
CHATER = ROOT / "locustfiles" / "chater.toml"
GUIDE = ROOT / "docs" / "profiles.md"

ALL_KEYS = ", ".join(KEYS)
TABLES = "[defaults], [thresholds], [watch], [profiles.NAME]"
DEFAULTS = ", ".join(name for name in KEYS if name not in {"description", "extends", "thresholds", "watch"})
USERS = "a whole number from 1 to 10000000"
SPAWN_RATE = "a number greater than 0, such as 5 or 0.5"
RUN_TIME = 'a duration longer than 0 in quotes, such as "90s", "10m" or "2h"'
TAGS = 'a list of one or more tags without spaces around them, such as ["checkout", "search"]'
HOSTS = 'a list of one or more hosts, with a port or without, such as ["staging.example.com", "127.0.0.1:8000"]'
LINE = "one line of text"
NAME = 'a name of letters (a to z), digits, "-" and "_"'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.toml"


def read(path: Path, content: str | bytes) -> ProfileFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_profile_file(path)


def read_or_refuse(path: Path, content: str | bytes) -> tuple[ProfileFile | None, list[str]]:
    """What a file says, or what is wrong with it, without the file's name, which every problem must begin with."""
    try:
        return read(path, content), []
    except ConfigurationError as error:
        problems = error.problems
    start = f"{path}: "
    assert all(problem.startswith(start) and len(problem.splitlines()) == 1 for problem in problems)
    return None, [problem.removeprefix(start) for problem in problems]


def problems_of(path: Path, content: str | bytes) -> list[str]:
    profile_file, problems = read_or_refuse(path, content)
    assert profile_file is None
    return problems


# ---- What is shipped -------------------------------------------------------------------------------------------------

# The Chater suite's document: users, users per second, seconds, tags, excluded tags.
CHATER_DOCUMENT = {
    "smoke": (1, 1, 60, None, None),
    "load": (50, 5, 600, None, None),
    "stress": (200, 10, 900, None, None),
    "spike-baseline": (10, 10, 120, None, None),
    "spike": (None, None, None, None, None),  # by stages; see below
    "endurance": (30, 3, 7200, None, None),
    "photo": (20, 2, 300, ("full_flow",), None),
    "alcohol": (10, 2, 180, ("alcohol",), None),
    "no-auth": (30, 3, 600, None, ("auth",)),
    # Not of the document: what `make demo` runs.
    "demo": (10, 10, 20, None, None),
}


def test_the_profiles_of_chater_have_the_numbers_of_its_document() -> None:
    profiles = read_profile_file(CHATER).profiles
    assert {
        name: (profile.users, profile.spawn_rate, profile.run_time, profile.tags, profile.exclude_tags)
        for name, profile in profiles.items()
    } == CHATER_DOCUMENT


def test_the_spike_of_chater_is_its_documents_two_runs_in_one() -> None:
    plan = read_profile_file(CHATER).profiles["spike"].plan
    assert plan is not None
    # 10 users at 10 per second for 2 minutes, then 100 at 50 per second for 5 minutes.
    levels = {0.5: 5, 1: 10, 119: 10, 120: 10, 120.9: 55, 121.8: 100, 419: 100, 420: 0}
    assert {time: round(plan.shape.level(time), 6) for time in levels} == levels
    assert plan.shape.duration == 420


def test_every_profile_of_chater_is_described() -> None:
    assert all(profile.description for profile in read_profile_file(CHATER).profiles.values())


def test_the_profile_file_of_chater_is_found_beside_its_locustfile() -> None:
    assert find_profile_file(ROOT / "locustfiles" / "chater.py") == CHATER


# ---- The guide -------------------------------------------------------------------------------------------------------


def blocks_of_the_guide(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_guide_lists_every_key_as_the_reader_knows_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert rows == [(name, key.allowed, key.meaning) for name, key in KEYS.items()]


def test_the_guides_example_is_right_and_its_mistakes_are_printed_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = blocks_of_the_guide("toml")
    mistakes, unknown = blocks_of_the_guide("text")
    monkeypatch.chdir(tmp_path)
    orders = read(Path("orders.toml"), right)
    with pytest.raises(ConfigurationError) as caught:
        select(orders, "stres")
    assert str(caught.value) + "\n" == unknown
    with pytest.raises(ConfigurationError) as caught:
        read(Path("orders.toml"), wrong)
    assert str(caught.value) + "\n" == mistakes


# ---- What is right ---------------------------------------------------------------------------------------------------


def test_a_profile_has_what_the_file_says_and_none_for_the_rest(path: Path) -> None:
    content = """
        [profiles.all]
        description = " Everything "
        users = 5
        spawn_rate = 0.5
        run_time = "1500ms"
        tags = ["read", "write back"]
        exclude_tags = ["auth"]
        [profiles.Nothing_2-be]
    """
    profiles = read(path, content)
    assert profiles == ProfileFile(
        path,
        {
            "all": Profile(
                name="all",
                description="Everything",
                users=5,
                spawn_rate=0.5,
                run_time=1.5,
                tags=("read", "write back"),
                exclude_tags=("auth",),
            ),
            "Nothing_2-be": Profile(name="Nothing_2-be"),
        },
    )
    assert list(profiles.profiles) == ["all", "Nothing_2-be"]


def test_a_spawn_rate_is_a_float_also_when_it_is_written_as_an_integer(path: Path) -> None:
    assert isinstance(read(path, "profiles.a.spawn_rate = 3").profiles["a"].spawn_rate, float)


@pytest.mark.parametrize("users", [1, LARGEST_INTEGER])
def test_the_bounds_of_users_are_allowed(path: Path, users: int) -> None:
    assert read(path, f"profiles.a.users = {users}").profiles["a"].users == users


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "[profiles]\n"])
def test_a_file_without_profiles_is_right_until_one_is_asked_for(path: Path, content: str) -> None:
    profile_file = read(path, content)
    assert profile_file.profiles == {}
    with pytest.raises(ConfigurationError) as caught:
        select(profile_file, "smoke")
    assert caught.value.problems == (
        f"{path}: profiles.smoke: found no such profile; "
        "allowed: nothing, because the file has no [profiles.NAME] table",
    )


def test_a_byte_order_mark_is_skipped(path: Path) -> None:
    assert read(path, b"\xef\xbb\xbf[profiles.a]\n").profiles == {"a": Profile(name="a")}


def test_what_was_read_cannot_be_changed(path: Path) -> None:
    profile_file = read(path, "[profiles.a]")
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile_file.profiles["a"].users = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        profile_file.profiles["b"] = Profile(name="b")  # type: ignore[index]
    with pytest.raises(TypeError):
        KEYS["more"] = KEYS["users"]  # type: ignore[index]


# ---- What is wrong ---------------------------------------------------------------------------------------------------

LONG_HEX = "0x" + "f" * 5000

# What `[profiles.smoke]` is given, the key that the problem names, what it says was found, and what is allowed.
WRONG_SETTINGS = [
    ("users = 0", "users", "0 (an integer)", USERS),
    ("users = -5", "users", "-5 (an integer)", USERS),
    ("users = 10000001", "users", "10000001 (an integer)", USERS),
    ("users = true", "users", "true (a boolean)", USERS),
    ("users = 5.0", "users", "5.0 (a float)", USERS),
    ('users = "five"', "users", '"five" (text)', USERS),
    ('users = ""', "users", '"" (text)', USERS),
    ("users = 1979-05-27", "users", "1979-05-27 (a date or time)", USERS),
    ("users = 07:32:00", "users", "07:32:00 (a date or time)", USERS),
    ("users = 1979-05-27T07:32:00Z", "users", "1979-05-27T07:32:00+00:00 (a date or time)", USERS),
    ("users = {peak = 5}", "users", "a table", USERS),
    (f"users = {LONG_HEX}", "users", "an integer of more than 64 bits", USERS),
    ("spawn_rate = 0", "spawn_rate", "0 (an integer)", SPAWN_RATE),
    ("spawn_rate = -0.5", "spawn_rate", "-0.5 (a float)", SPAWN_RATE),
    ("spawn_rate = false", "spawn_rate", "false (a boolean)", SPAWN_RATE),
    ("spawn_rate = inf", "spawn_rate", "inf (a float)", SPAWN_RATE),
    ("spawn_rate = nan", "spawn_rate", "nan (a float)", SPAWN_RATE),
    ('spawn_rate = "5/s"', "spawn_rate", '"5/s" (text)', SPAWN_RATE),
    (f"spawn_rate = {LONG_HEX}", "spawn_rate", "an integer of more than 64 bits", SPAWN_RATE),
    ("run_time = 60", "run_time", "60 (an integer)", RUN_TIME),
    ("run_time = 1.5", "run_time", "1.5 (a float)", RUN_TIME),
    ('run_time = "5 minutes"', "run_time", '"5 minutes" (text)', RUN_TIME),
    ('run_time = ""', "run_time", '"" (text)', RUN_TIME),
    ('run_time = "0s"', "run_time", '"0s" (text)', RUN_TIME),
    ('run_time = "-5m"', "run_time", '"-5m" (text)', RUN_TIME),
    (f'run_time = "{"9" * 400}s"', "run_time", f'"{"9" * 60}..." (text)', RUN_TIME),
    ('tags = "auth"', "tags", '"auth" (text)', TAGS),
    ("allowed_hosts = []", "allowed_hosts", "an empty list", HOSTS),
    ('allowed_hosts = "a"', "allowed_hosts", '"a" (text)', HOSTS),
    ('allowed_hosts = ["a", "http://b", "c d"]', "allowed_hosts", 'a list with "http://b" (text), "c d" (text)', HOSTS),
    ("tags = []", "tags", "an empty list", TAGS),
    ('tags = ["auth", 3]', "tags", "a list with 3 (an integer)", TAGS),
    ('tags = [[], {}, "a", true]', "tags", "a list with an empty list, a table, true (a boolean)", TAGS),
    ('tags = [["auth"]]', "tags", "a list with a list", TAGS),
    ('tags = [""]', "tags", 'a list with "" (text)', TAGS),
    ('exclude_tags = [" auth"]', "exclude_tags", 'a list with " auth" (text)', TAGS),
    ("exclude_tags = {auth = true}", "exclude_tags", "a table", TAGS),
    ("description = 3", "description", "3 (an integer)", LINE),
    ('description = " "', "description", '" " (text)', LINE),
    ('description = """a\nb"""', "description", '"a\\nb" (text)', LINE),
    ('description = "\\u001b[2J"', "description", '"\\u001b[2J" (text)', LINE),
    ('user = "secret"', "user", 'an unknown key (did you mean "users"?)', ALL_KEYS),
    ("Users = 3", "Users", 'an unknown key (did you mean "users"?)', ALL_KEYS),
    ("spawn-rate = 3", "spawn-rate", 'an unknown key (did you mean "spawn_rate"?)', ALL_KEYS),
    ('runtime = "5m"', "runtime", 'an unknown key (did you mean "run_time"?)', ALL_KEYS),
    ('extend = "load"', "extend", 'an unknown key (did you mean "extends"?)', ALL_KEYS),
    ('"a b" = 3', '"a b"', "an unknown key", ALL_KEYS),
    (f"{'k' * 100} = 3", f'"{"k" * 60}..."', "an unknown key", ALL_KEYS),
]


@pytest.mark.parametrize(("setting", "key", "found", "allowed"), WRONG_SETTINGS)
def test_a_wrong_setting(path: Path, setting: str, key: str, found: str, allowed: str) -> None:
    assert problems_of(path, f"[profiles.smoke]\n{setting}\n") == [
        f"profiles.smoke.{key}: found {found}; allowed: {allowed}"
    ]


# Files that are wrong outside the settings of a profile, and the one problem of each. One that ends in three dots is
# compared up to there: the standard library's own words differ between its versions.
WRONG_FILES = [
    ("profiles = 3", "profiles: found 3 (an integer); allowed: tables called [profiles.NAME]"),
    ("[[profiles]]", "profiles: found a list; allowed: tables called [profiles.NAME]"),
    ("profiles.smoke = 3", f"profiles.smoke: found 3 (an integer); allowed: a table of {ALL_KEYS}"),
    ("[[profiles.smoke]]", f"profiles.smoke: found a list; allowed: a table of {ALL_KEYS}"),
    ('[profiles."a b"]', f'profiles."a b": found a name that is not allowed; allowed: {NAME}'),
    ('[profiles.""]', f'profiles."": found a name that is not allowed; allowed: {NAME}'),
    ('[profiles."é"]', f'profiles."é": found a name that is not allowed; allowed: {NAME}'),
    ('[profiles."smoke\\n"]', f'profiles."smoke\\n": found a name that is not allowed; allowed: {NAME}'),
    ("[profiles.v1.2]", f"profiles.v1.2: found an unknown key; allowed: {ALL_KEYS}"),
    (
        "[profile.smoke]\nusers = 1",
        f'profile: found an unknown table or key (did you mean "profiles"?); allowed: {TABLES}',
    ),
    ("[threshold]", 'threshold: found an unknown table or key (did you mean "thresholds"?); allowed: ' + TABLES),
    ("[targets]", f"targets: found an unknown table or key; allowed: {TABLES}"),
    ("users = 3", f"users: found an unknown table or key; allowed: {TABLES}"),
    (
        "[profiles.smoke]\nusers 3",
        "line 2, column 7: found a syntax error: Expected '=' after a key in a key/value pair; allowed: TOML",
    ),
    (
        "[profiles.smoke",
        "line 1, column 16: found a syntax error: Expected ']' at the end of a table declaration; allowed: TOML",
    ),
    ("[profiles.a]\r\nusers = ", "line 2, column 9: found a syntax error: Invalid value; allowed: TOML"),
    ("[profiles.a]\nusers = five", "line 2, column 9: found a syntax error: Invalid value; allowed: TOML"),
    ("[profiles.a]\n[profiles.a]", "line 2, column 12: found a syntax error: Cannot declare..."),
    ("a = 1\na = 2", "line 2, column 6: found a syntax error: Cannot overwrite a value; allowed: TOML"),
    ("a = " + "9" * 5000, "found a syntax error: Exceeds the limit (4300..."),
    ("a = " + "[" * 100_000, "found values nested too deeply; allowed: TOML"),
    (b"a = 1\nb = '\xff'", "line 2: found the byte 0xff; allowed: text in UTF-8"),
    ("a = 1".encode("utf-16"), "line 1: found the byte 0xff; allowed: text in UTF-8"),
]


@pytest.mark.parametrize(("content", "problem"), WRONG_FILES, ids=range(len(WRONG_FILES)))
def test_a_wrong_file(path: Path, content: str | bytes, problem: str) -> None:
    (found,) = problems_of(path, content)
    assert found == problem or (problem.endswith("...") and found.startswith(problem.removesuffix("...")))


def test_every_mistake_in_a_file_is_reported_at_once(path: Path) -> None:
    content = """
        threshold = 3
        [profiles.smoke]
        users = 0
        spawn_rate = -1
        colour = "red"
        run_time = "1m"
        [profiles."a b"]
        tags = []
        [profiles.load]
        users = 50
        [defaults]
        users = 0
        extends = "load"
    """
    assert problems_of(path, content) == [
        f'threshold: found an unknown table or key (did you mean "thresholds"?); allowed: {TABLES}',
        f"defaults.users: found 0 (an integer); allowed: {USERS}",
        f"defaults.extends: found an unknown key; allowed: {DEFAULTS}",
        f"profiles.smoke.users: found 0 (an integer); allowed: {USERS}",
        f"profiles.smoke.spawn_rate: found -1 (an integer); allowed: {SPAWN_RATE}",
        f"profiles.smoke.colour: found an unknown key; allowed: {ALL_KEYS}",
        f'profiles."a b": found a name that is not allowed; allowed: {NAME}',
        f'profiles."a b".tags: found an empty list; allowed: {TAGS}',
    ]


def test_the_value_of_an_unknown_key_is_not_shown(path: Path) -> None:
    assert not any("hunter2" in problem for problem in problems_of(path, '[profiles.a]\npassword = "hunter2"'))


def test_a_missing_file(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_profile_file(path)
    assert str(caught.value) == f"{path}: found no such file; allowed: a profile file, in TOML"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_profile_file(tmp_path)
    reason = os.strerror(errno.EISDIR)
    assert (
        str(caught.value)
        == f"{tmp_path}: found a file that cannot be read ({reason}); allowed: a profile file, in TOML"
    )


# ---- Choosing and finding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("smok", 'profiles.smok: found no such profile (did you mean "smoke"?); allowed: smoke, Load'),
        ("load", 'profiles.load: found no such profile (did you mean "Load"?); allowed: smoke, Load'),
        ("endurance", "profiles.endurance: found no such profile; allowed: smoke, Load"),
        ("", 'profiles."": found no such profile; allowed: smoke, Load'),
    ],
)
def test_choosing_a_profile_that_is_not_there(path: Path, name: str, problem: str) -> None:
    profile_file = read(path, "[profiles.smoke]\n[profiles.Load]")
    with pytest.raises(ConfigurationError) as caught:
        select(profile_file, name)
    assert caught.value.problems == (f"{path}: {problem}",)


def test_choosing_a_profile(path: Path) -> None:
    profile_file = read(path, "[profiles.smoke]\nusers = 3\n[profiles.load]")
    assert select(profile_file, "smoke") is profile_file.profiles["smoke"]


@pytest.mark.parametrize(
    ("locustfile", "expected"),
    [
        ("orders.py", "orders.toml"),
        ("orders", "orders.toml"),
        ("orders.v2.py", "orders.v2.toml"),
        ("orders.v2", "orders.v2.toml"),
        ("other.py", None),
        ("folder.py", None),
    ],
)
def test_finding_the_profile_file(tmp_path: Path, locustfile: str, expected: str | None) -> None:
    (tmp_path / "orders.toml").touch()
    (tmp_path / "orders.v2.toml").touch()
    (tmp_path / "folder.toml").mkdir()
    assert find_profile_file(tmp_path / locustfile) == (expected and tmp_path / expected)


def test_a_locustfile_without_a_name_has_no_profile_file() -> None:
    assert find_profile_file(Path()) is None


# ---- The table of keys, and the exports ------------------------------------------------------------------------------


def test_every_key_has_its_field_in_profile_and_every_field_its_key() -> None:
    fields = {field.name: field for field in dataclasses.fields(Profile)}
    assert set(fields) == {"name", *KEYS}
    assert all(fields[name].default is None for name in KEYS)


def test_every_parser_returns_what_its_field_holds() -> None:
    hints = typing.get_type_hints(Profile)
    returned = {name: typing.get_type_hints(key.parse)["return"] for name, key in KEYS.items()}
    assert {name: hints[name] for name in KEYS} == {name: kind | None for name, kind in returned.items()}


def test_everything_that_is_exported_is_there() -> None:
    assert len(set(wireswarm.profiles.__all__)) == len(wireswarm.profiles.__all__)
    assert all(hasattr(wireswarm.profiles, name) for name in wireswarm.profiles.__all__)


def test_only_values_of_toml_can_be_described() -> None:
    with pytest.raises(TypeError, match="not a TOML value: NoneType"):
        describe(None)


# ---- Whatever the file says: a profile, or a ConfigurationError ------------------------------------------------------

DAYS = st.dates() | st.times() | st.datetimes()
SCALARS = st.booleans() | st.integers() | st.floats() | st.text() | DAYS
NEARLY = st.sampled_from([0, 1, 0.5, "5m", "1h", "0s", "5M", "٣s", " 5m", ["a"], ["a "], "a", "a\tb"])
JUNK = st.recursive(
    SCALARS | NEARLY | st.integers(2**64, 2**2000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def toml(value: object) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{toml(key)} = {toml(inner)}' for key, inner in value.items())}}}"
        case datetime.date() | datetime.time():
            return value.isoformat()
    raise TypeError(value)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for the properties below, which one test writes over and over."""
    return tmp_path_factory.mktemp("profiles") / "junk.toml"


def is_valid(profile: Profile) -> bool:
    """Whether a profile holds what its keys promise."""
    return (
        (profile.description is None or (profile.description.isprintable() and profile.description != ""))
        and (profile.users is None or (type(profile.users) is int and 1 <= profile.users <= LARGEST_INTEGER))
        and all(
            number is None or (type(number) is float and 0 < number < math.inf)
            for number in (profile.spawn_rate, profile.run_time)
        )
        and all(
            tags is None or (tags != () and all(type(tag) is str and tag and tag == tag.strip() for tag in tags))
            for tags in (profile.tags, profile.exclude_tags)
        )
    )


@settings(deadline=None)  # each example writes a file, and a busy disk is not a failure
@given(table=st.dictionaries(st.sampled_from(list(KEYS)) | st.text(max_size=8), JUNK, max_size=4))
@example(table={"users": 2**64, "spawn_rate": 2**2000})
@example(table={"spawn_rate": 5e-324})
def test_a_profile_of_junk_is_valid_or_refused_with_a_problem_for_each_key(
    scratch: Path, table: dict[str, object]
) -> None:
    content = "[profiles.junk]\n" + "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items())
    profile_file, problems = read_or_refuse(scratch, content.encode())
    if profile_file is None:
        # One problem for a key, or for each mistake inside a table or list.
        deep = tuple(
            f"profiles.junk.{name}"
            for name in ("thresholds", "watch", "stages", "shape", "environment", "data", "generate")
        )
        nested = sum(problem.startswith(deep) for problem in problems)
        assert problems
        assert nested or len(problems) <= len(table)
        assert all(re.fullmatch(r"profiles\.junk\..*: found .*; allowed: .*", problem) for problem in problems)
    else:
        profile = profile_file.profiles["junk"]
        assert is_valid(profile)
        assert {name for name in KEYS if getattr(profile, name) is not None} == set(table)


@settings(deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_file_of_junk_is_read_or_refused(scratch: Path, content: bytes) -> None:
    check_is_read_or_refused(scratch, content)


@settings(deadline=None)
@given(data=st.data())
def test_the_shipped_file_with_a_slip_in_it_is_read_or_refused(scratch: Path, data: st.DataObject) -> None:
    content = CHATER.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 20, len(content))))
    slip = data.draw(st.binary(max_size=4) | st.text("[]{}=.,\"'\n\\0_#", max_size=4).map(str.encode))
    check_is_read_or_refused(scratch, content[:start] + slip + content[end:])


def check_is_read_or_refused(path: Path, content: bytes) -> None:
    profile_file, problems = read_or_refuse(path, content)
    if profile_file is None:
        assert problems
    else:
        assert all(is_valid(profile) for profile in profile_file.profiles.values())
