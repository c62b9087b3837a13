"""What is checked before the start: all that is wrong, at once, and nothing that is none of our business."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from locust import FastHttpUser, HttpUser, User, tag, task

from wireswarm import BearerToken, ConfigurationError, Flow, ProtobufClient, ProtobufUser, WireUser, step
from wireswarm.net.guard import GUARD
from wireswarm.plugin.checks import find_problems, problems_of, selected_classes

HOST = "http://127.0.0.1:8000"
NAME = "a_locustfile_of_these_tests"

Locustfile = Callable[..., Namespace]


@pytest.fixture(autouse=True)
def _every_host_again() -> Iterator[None]:
    yield
    GUARD.allow_only([])


@pytest.fixture
def locustfile(monkeypatch: pytest.MonkeyPatch) -> Locustfile:
    """A function that makes a module of these classes, as Locust has imported it, and the options of its run."""

    def make(*classes: type[User], **options: Any) -> Namespace:
        module = ModuleType(NAME)
        vars(module).update({cls.__name__: cls for cls in classes}, User=User, other="something else")
        monkeypatch.setitem(sys.modules, NAME, module)
        defaults = {
            "locustfile": f"/somewhere/{NAME}.py",
            "user_classes": [],
            "check_only": False,
            "worker": False,
            "tags": None,
            "exclude_tags": None,
            "host": HOST,
            "headless": True,
            "autostart": False,
        }
        return Namespace(**(defaults | options))

    return make


class Reader(ProtobufUser):
    @tag("read")
    @task
    def read(self) -> None: ...


class Writer(ProtobufUser):
    @tag("write")
    @task
    def write(self) -> None: ...


class TestClasses:
    def test_all_that_can_run_are_found(self, locustfile: Locustfile) -> None:
        options = locustfile(Reader, Writer, ProtobufUser)  # the last one is abstract

        assert selected_classes(options) == [Reader, Writer]
        assert find_problems(options) == []

    def test_those_that_are_named_are_selected(self, locustfile: Locustfile) -> None:
        assert selected_classes(locustfile(Reader, Writer, user_classes=["Writer"])) == [Writer]

    def test_a_name_that_is_not_there_is_told(self, locustfile: Locustfile) -> None:
        problems = find_problems(locustfile(Reader, Writer, user_classes=["Reader", "Riter"]))

        assert problems == [f"there is no user class Riter in /somewhere/{NAME}.py; there is Reader, Writer"]

    def test_a_file_without_any_is_told_where_only_checks_are_made(self, locustfile: Locustfile) -> None:
        assert find_problems(locustfile(check_only=True)) == [f"there is no user class in /somewhere/{NAME}.py"]
        assert find_problems(locustfile()) == []  # Locust says so itself

    def test_several_files_and_directories_are_looked_at(
        self, locustfile: Locustfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "below").mkdir()
        (tmp_path / "below" / "in_a_directory.py").touch()
        (tmp_path / "never_imported.py").touch()
        module = ModuleType("in_a_directory")
        vars(module)["Writer"] = Writer
        monkeypatch.setitem(sys.modules, "in_a_directory", module)

        options = locustfile(Reader, locustfile=f"{NAME}.py, {tmp_path}")

        assert selected_classes(options) == [Reader, Writer]

    def test_a_file_named_locust_has_another_module(
        self, locustfile: Locustfile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options = locustfile(Reader, locustfile="locust.py")
        monkeypatch.setitem(sys.modules, "locustfile", sys.modules[NAME])

        assert selected_classes(options) == [Reader]


class TestTags:
    def test_tags_that_leave_nothing_are_told_with_those_there_are(self, locustfile: Locustfile) -> None:
        problems = find_problems(locustfile(Reader, Writer, tags=["red", "x"], exclude_tags=["y"]))

        assert problems == ["--tags red x --exclude-tags y leaves no task to run; the tags there are: read, write"]

    def test_where_there_are_no_tags_it_says_so(self, locustfile: Locustfile) -> None:
        class Plain(ProtobufUser):
            @task
            def nothing(self) -> None: ...

        assert find_problems(locustfile(Plain, tags=["a"]))[0].endswith("the tags there are: none")

    def test_one_class_that_is_left_is_enough(self, locustfile: Locustfile) -> None:
        assert find_problems(locustfile(Reader, Writer, tags=["read"])) == []

    def test_a_worker_gets_its_tags_and_host_from_its_master(self, locustfile: Locustfile) -> None:
        assert find_problems(locustfile(Reader, tags=["nothing"], host="nonsense", worker=True)) == []

    def test_a_class_without_tasks_is_refused(self, locustfile: Locustfile) -> None:
        """Each of Locust's users of it would fail as fast as it can, for as long as the test runs."""
        (problem,) = find_problems(locustfile(type("Idle", (HttpUser,), {"host": "http://127.0.0.1"})))
        assert problem == "Idle has no task; mark a method with @task, in the class itself or a User that it builds on"

    def test_a_class_may_get_its_tasks_when_its_users_are_made(self, locustfile: Locustfile) -> None:
        cls = type("Late", (ProtobufUser,), {"host": "http://127.0.0.1", "__init__": lambda *_: None})
        assert find_problems(locustfile(cls)) == []


class TestHosts:
    @pytest.mark.parametrize("kind", [ProtobufUser, HttpUser, FastHttpUser])
    def test_no_host_is_told(self, kind: Any, locustfile: Locustfile) -> None:
        cls = type("Homeless", (kind,), {"tasks": [lambda _user: None]})

        (problem,) = find_problems(locustfile(cls, host=None))

        assert problem == "there is no host to send requests to: pass --host, as in http://127.0.0.1:8000"

    def test_it_is_told_once_for_many_classes(self, locustfile: Locustfile) -> None:
        assert len(find_problems(locustfile(Reader, Writer, host=None))) == 1

    @pytest.mark.parametrize("kind", [ProtobufUser, HttpUser, FastHttpUser])
    @pytest.mark.parametrize("by_class", [False, True])
    def test_a_host_that_is_no_url_is_told_with_its_source(
        self, kind: Any, by_class: bool, locustfile: Locustfile
    ) -> None:
        cls = type("Lost", (kind,), {"tasks": [lambda _user: None], "host": "localhost:1" if by_class else None})

        (problem,) = find_problems(locustfile(cls, host=None if by_class else "localhost:1"))

        assert problem.startswith("Lost.host 'localhost:1'" if by_class else "--host 'localhost:1'")

    def test_in_the_web_ui_a_host_can_still_be_typed_in(self, locustfile: Locustfile) -> None:
        assert find_problems(locustfile(Reader, host=None, headless=False)) == []
        assert find_problems(locustfile(Reader, host=None, headless=False, autostart=True)) != []
        assert find_problems(locustfile(Reader, host="nonsense", headless=False)) != []

    def test_user_and_password_in_a_stock_host_are_locusts_to_understand(self, locustfile: Locustfile) -> None:
        cls = type("Stock", (HttpUser,), {"tasks": [lambda _user: None]})

        assert find_problems(locustfile(cls, host="http://me:secret@host")) == []

    def test_users_that_send_nothing_over_http_need_none(self, locustfile: Locustfile) -> None:
        plain = type("Plain", (User,), {"tasks": [lambda _user: None]})
        wire = type("NoClient", (WireUser,), {"tasks": [lambda _user: None]})

        assert find_problems(locustfile(plain, wire, host=None)) == []

    def test_a_client_with_a_url_of_its_own_needs_none(self, locustfile: Locustfile) -> None:
        own = {"tasks": [lambda _user: None], "client": ProtobufClient("http://host")}

        assert find_problems(locustfile(type("Own", (WireUser,), own), host=None)) == []

    def test_a_clients_own_url_is_checked(self, locustfile: Locustfile) -> None:
        own = {"tasks": [lambda _user: None], "client": ProtobufClient("host")}

        (problem,) = find_problems(locustfile(type("Own", (WireUser,), own)))

        assert problem.startswith("base_url 'host'")

    def test_a_host_that_is_not_allowed_is_told(self, locustfile: Locustfile) -> None:
        GUARD.allow_only(["staging.example.com"])

        (problem,) = find_problems(locustfile(Reader))

        assert "127.0.0.1" in problem
        assert find_problems(locustfile(Reader, host="http://staging.example.com")) == []

    @pytest.mark.parametrize("kind", [HttpUser, FastHttpUser])
    def test_so_is_a_stock_users(self, kind: Any, locustfile: Locustfile) -> None:
        GUARD.allow_only(["staging.example.com"])
        cls = type("Stock", (kind,), {"tasks": [lambda _user: None]})

        (problem,) = find_problems(locustfile(cls, host="http://me:secret@127.0.0.1"))

        assert "127.0.0.1" in problem
        assert "secret" not in problem
        assert find_problems(locustfile(cls, host="http://me:secret@staging.example.com")) == []

    @pytest.mark.parametrize("where", ["client", "user"])
    def test_authorities_that_cannot_be_read_are_told_where_https_is_spoken(
        self, where: str, locustfile: Locustfile, tmp_path: Path
    ) -> None:
        missing = tmp_path / "no-authorities.pem"
        on_client, on_user = (missing, None) if where == "client" else (None, missing)
        members = {"client": ProtobufClient(ca_file=on_client), "ca_file": on_user, "tasks": [lambda _user: None]}
        cls = type("Secure", (WireUser,), members)

        assert find_problems(locustfile(cls, host="http://host")) == []
        (problem,) = find_problems(locustfile(cls, host="https://host"))
        assert "no-authorities.pem" in problem


class TestClassesThemselves:
    def test_every_problem_is_told_at_once(self, locustfile: Locustfile, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)

        class Empty(Flow[Any]): ...

        class Wrong(ProtobufUser):
            auth = BearerToken.from_env("NO_SUCH_TOKEN")
            tasks = [Empty]  # noqa: RUF012 - as Locust has them

            @classmethod
            def prepare(cls) -> None:
                raise ConfigurationError(["no photo", "no days"])

        problems = find_problems(locustfile(Wrong, host="nonsense", user_classes=["Wrong", "Other"]))

        assert len(problems) == 6
        assert "Other" in problems[0]
        assert problems[1].startswith("--host 'nonsense'")
        assert "Empty has no method marked with @step" in problems[2]
        assert problems[3:5] == ["no photo", "no days"]
        assert "NO_SUCH_TOKEN" in problems[5]

    def test_credentials_of_clients_are_checked_each_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("TOKEN_A", "TOKEN_B"):
            monkeypatch.delenv(name, raising=False)
        shared = BearerToken.from_env("TOKEN_A")

        class Several(WireUser):
            auth = shared
            one = ProtobufClient(HOST)
            two = ProtobufClient(HOST, auth=shared)
            three = ProtobufClient(HOST, auth=BearerToken.from_env("TOKEN_B"))

        problems = problems_of([Several])

        assert len(problems) == 2
        assert "TOKEN_A" in "".join(problems)
        assert "TOKEN_B" in "".join(problems)

    def test_a_class_is_prepared_once_per_process(self) -> None:
        prepared: list[type] = []

        class Heavy(ProtobufUser):
            @classmethod
            def prepare(cls) -> None:
                prepared.append(cls)

        class Heir(Heavy): ...

        assert problems_of([Heavy, Heir]) == []
        assert problems_of([Heavy, Heir]) == []
        assert prepared == [Heavy, Heir]

    def test_a_class_that_the_tags_empty_is_not_prepared(self, locustfile: Locustfile) -> None:
        class Broken(ProtobufUser):
            @tag("write")
            @task
            def nothing(self) -> None: ...

            @classmethod
            def prepare(cls) -> None:
                raise ConfigurationError("no photo")

        assert find_problems(locustfile(Reader, Broken, tags=["read"])) == []
        assert find_problems(locustfile(Reader, Broken)) == ["no photo"]

    def test_a_right_class_has_no_problems(self) -> None:
        class Walk(Flow[Any]):
            @step
            def one(self) -> None: ...

        assert problems_of([type("Fine", (ProtobufUser,), {"tasks": [Walk]}), type("Stock", (User,), {})]) == []
