"""`wireswarm new` as people run it: what it writes, asks, says, and refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wireswarm import cli
from wireswarm.profiles import read_profile_file
from wireswarm.scaffold import Suite, files_of, write_files
from wireswarm.scaffold.model import Answer, Body, Group, Operation, Take, Taken, Variable
from wireswarm.scaffold.project import ANSWERS


def new(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["new", *map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_an_example_is_written_and_what_to_do_next_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert new("my-shop", "--host", "http://127.0.0.1:9/") == 0

    said = capsys.readouterr().out
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {line.removeprefix("wrote ") for line in said.splitlines() if line.startswith("wrote ")}
    assert {"my-shop/my_shop.py", "my-shop/my_shop.toml", "my-shop/test_my_shop.py", "my-shop/README.md"} <= written
    assert "  wireswarm run my-shop/my_shop.py smoke --host http://127.0.0.1:9\n" in said
    assert "http://127.0.0.1:9" in (tmp_path / "my-shop" / "my_shop.py").read_text("utf-8")
    profiles = read_profile_file(tmp_path / "my-shop" / "my_shop.toml")
    assert set(profiles.profiles) == {"smoke", "load", "stress"}


def test_nothing_is_replaced_unless_it_is_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.py").write_text("mine")
    assert new("shop", "--dir", tmp_path) == 2
    assert f"{tmp_path / 'shop.py'}: found a file; allowed: a new name, or --force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["shop.py"]
    assert new("shop", "--dir", tmp_path, "--force") == 0
    assert (tmp_path / "shop.py").read_text("utf-8").startswith('"""Shop: a load test.')


def test_every_mistake_in_options_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--har", "a.har", "--openapi", "b.yaml", "--style", "twirp", "--host", "nowhere", "-I", tmp_path)
    assert new("7 up", *options) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "error: NAME: found '7 up'; allowed: a letter, then letters, digits, - and _, 40 at most",
        "error: found --openapi and --har; allowed: one of them",
        "error: --include: found without --proto; allowed: with it",
        "error: --style: found without --proto; allowed: with it",
        "error: --host: found 'nowhere'; allowed: an address such as http://127.0.0.1:8000",
    ]


@pytest.mark.parametrize(
    ("name", "module"), [("locust", "locust_suite"), ("json", "json_suite"), ("class", "class_suite")]
)
def test_a_suite_hides_no_module(tmp_path: Path, name: str, module: str) -> None:
    assert new(name, "--dir", tmp_path) == 0
    assert (tmp_path / f"{module}.py").is_file()


def test_on_a_terminal_it_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events.yaml").write_text("events: [{emit: ping, reply: pong}]")
    given = iter(["socketio", str(tmp_path / "events.yaml"), "http://127.0.0.1:9", "bearer"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: next(given))
    assert new("shop", "--dir", tmp_path / "shop") == 0
    source = (tmp_path / "shop" / "shop.py").read_text("utf-8")
    assert 'auth = BearerToken.from_env("SHOP_TOKEN")' in source
    assert "export SHOP_TOKEN=..." in capsys.readouterr().out


def suite() -> Suite:
    """One with everything in it that a locustfile over HTTP can have."""
    create = Operation(
        name="create",
        method="POST",
        path="/orders/{kind}/" + "very-long-" * 10,
        title='Makes an order \\ of "things". And more.',
        tags=("orders",),
        path_values={"kind": "a'b\"c"},
        params={"flag": True, "n": 1.5, "many": ["a", "b"]},
        headers={"X-Note": "é"},
        body=Body("json", [{"secret": "${SHOP_SECRET}", "n": None}], set={"of": Taken("other_id")}),
        answer=Answer((200, 201), "dict", ("id",)),
        takes=[Take("order_id", ("data", 0, "id"))],
    )
    upload = Operation(
        name="upload",
        method="OPTIONS",
        path="/orders",
        title="",
        body=Body("form", [{"a": "b" * 200}]),
        headers={"X-Key": Variable("SHOP_KEY")},
    )
    delete = Operation("delete", "DELETE", "/orders/{id}", "", path_values={"id": Taken("order_id")}, cleans_up=True)
    flow = Group("Orders", "", [create, delete], think=(0.5, 1.0))
    return Suite("shop", "a test", groups=[flow], tasks=[upload], auth="basic", cookies=True, headers={"X-A": "b"})


@pytest.mark.parametrize("options", [["--isolated"], ["--isolated", "--line-length=120"]])
def test_what_is_written_is_clean(tmp_path: Path, options: list[str]) -> None:
    write_files(tmp_path, files_of(suite()))
    for command in (["check", *options], ["format", "--check", "--diff", *options]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_what_a_locustfile_says() -> None:
    files = files_of(suite())
    source = files["shop.py"]
    compile(source, "shop.py", "exec")
    assert 'SETTINGS = settings("SHOP_KEY", "SHOP_SECRET")' in source
    assert 'auth = BasicAuth.from_env("SHOP_USER", "SHOP_PASSWORD")' in source
    assert 'json={**filled(next(self.create_rows)), "of": self.other_id}' in source
    assert 'self.order_id = answer["data"][0]["id"]' in source
    assert "self.defer(self.delete)" in source.replace("delete_request", "delete")
    assert files["data/create.jsonl"] == '{"secret": "${SHOP_SECRET}", "n": null}\n'
    assert files[ANSWERS].count("\n") == 3


def test_files_stay_below_their_folder(tmp_path: Path) -> None:
    from wireswarm.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="leads out of"):
        write_files(tmp_path / "a", {"../b": ""})
    assert list(tmp_path.iterdir()) == []
