"""`load_protos`: what it finds, what it returns, what it refuses and what it remembers."""

from __future__ import annotations

import copy
import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gevent
import pytest
from google.protobuf import timestamp_pb2
from google.protobuf.message import Message

from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.protos import ProtoNamespace, load_protos

ORDERS = """
syntax = "proto3";
package orders.v1;
import "google/protobuf/timestamp.proto";
enum State {
  NEW = 0;
  SHIPPED = 2;
}
message Order {
  enum Priority {
    LOW = 0;
    HIGH = 1;
  }
  message Line {
    message Price { int64 cents = 1; }
    string sku = 1;
    Price price = 2;
  }
  string id = 1;
  State state = 2;
  repeated Line lines = 3;
  google.protobuf.Timestamp created = 4;
  Priority priority = 5;
}
service OrderService { rpc Get(Order) returns (Order); }
"""


@pytest.fixture
def orders(tmp_path: Path) -> ProtoNamespace:
    return load_protos(_write(tmp_path / "orders.proto", ORDERS))


class TestNamespace:
    def test_messages_speak_the_wire_format(self, orders: ProtoNamespace) -> None:
        order = orders.Order(id="7", state=orders.SHIPPED, lines=[orders.Order.Line(sku="A", price={"cents": 300})])
        wire = bytes.fromhex("0a 01 37 10 02 1a 08 0a 01 41 12 03 08 ac 02")

        assert order.SerializeToString() == wire
        assert orders.Order.FromString(wire) == order
        assert isinstance(order, Message)

    def test_enums_are_as_in_generated_modules(self, orders: ProtoNamespace) -> None:
        assert (orders.NEW, orders.SHIPPED) == (0, 2)
        assert orders.State.Name(2) == "SHIPPED"
        assert orders.State.Value("SHIPPED") == orders.State.SHIPPED == 2
        assert (orders.Order.HIGH, orders.Order.Priority.Name(1)) == (1, "HIGH")

    def test_everything_has_a_full_name(self, orders: ProtoNamespace) -> None:
        assert orders["orders.v1.Order"] is orders.Order
        assert orders["orders.v1.Order.Line"] is orders.Order.Line
        assert orders["orders.v1.Order.Line.Price"] is orders.Order.Line.Price
        assert orders["orders.v1.State"] is orders.State
        assert orders["orders.v1.SHIPPED"] == 2
        assert orders["orders.v1.Order.Priority"].Value("HIGH") == 1
        assert orders["google.protobuf.Timestamp"](seconds=1).seconds == 1

    def test_services_are_described(self, orders: ProtoNamespace) -> None:
        method = orders["orders.v1.OrderService"].methods_by_name["Get"]

        assert method.output_type is orders.Order.DESCRIPTOR

    def test_dir_lists_what_the_files_define(self, orders: ProtoNamespace) -> None:
        assert dir(orders) == ["NEW", "Order", "OrderService", "SHIPPED", "State"]

    def test_an_unknown_attribute_suggests_what_was_meant(self, orders: ProtoNamespace) -> None:
        with pytest.raises(AttributeError) as caught:
            _ = orders.Odrer
        assert str(caught.value) == "<protos of orders.proto> has no 'Odrer'; did you mean Order?"
        with pytest.raises(AttributeError, match=r"^<protos of orders\.proto> has no 'Zebra'$"):
            _ = orders.Zebra
        assert not hasattr(orders, "Line")

    def test_an_unknown_full_name_suggests_what_was_meant(self, orders: ProtoNamespace) -> None:
        with pytest.raises(KeyError, match=r"has no 'order\.v1\.State'; did you mean orders\.v1\.State"):
            _ = orders["order.v1.State"]

    def test_it_can_be_copied(self, orders: ProtoNamespace) -> None:
        assert copy.copy(orders).Order is orders.Order

    def test_a_name_that_two_packages_define_is_an_error_that_names_both(self, tmp_path: Path) -> None:
        one = _write(tmp_path / "one.proto", 'syntax = "proto3"; package shop.one; message Item {} message One {}')
        two = _write(tmp_path / "two.proto", 'syntax = "proto3"; package shop.two; message Item { int32 n = 1; }')

        pb = load_protos(two, one)

        with pytest.raises(AttributeError) as caught:
            _ = pb.Item
        assert str(caught.value) == (
            '\'Item\' is defined by more than one package; use one of pb["shop.one.Item"], pb["shop.two.Item"]'
        )
        assert pb["shop.two.Item"](n=1).n == 1
        assert pb.One is pb["shop.one.One"]

    def test_a_name_without_a_package_is_its_full_name(self, tmp_path: Path) -> None:
        pb = load_protos(_write(tmp_path / "x.proto", 'syntax = "proto3"; message X {} enum E { ZERO = 0; }'))

        assert pb["X"] is pb.X
        assert pb["ZERO"] == pb.ZERO == 0

    def test_extensions_are_as_in_generated_modules(self, tmp_path: Path) -> None:
        text = """
            syntax = "proto2"; package p;
            message Open { extensions 100 to 200; }
            extend Open { optional string note = 100; }
            message Scope { extend Open { optional int32 rank = 101; } }
        """
        pb = load_protos(_write(tmp_path / "x.proto", text))

        message = pb.Open()
        message.Extensions[pb.note] = "n"
        message.Extensions[pb["p.Scope.rank"]] = 1

        assert message.SerializeToString() == bytes.fromhex("a2 06 01 6e a8 06 01")

    def test_requested_files_go_before_those_they_import(self, tmp_path: Path) -> None:
        text = 'syntax = "proto3"; package common; message Money {} message Item {}'
        _write(tmp_path / "common.proto", text)
        text = 'syntax = "proto3"; package shop; import "common.proto"; message Item { common.Money m = 1; }'

        pb = load_protos(_write(tmp_path / "shop.proto", text))

        assert pb.Item is pb["shop.Item"]
        assert pb.Money is pb["common.Money"]
        assert dir(pb) == ["Item"]


class TestWellKnownTypes:
    def test_they_have_their_special_methods(self, orders: ProtoNamespace) -> None:
        order = orders.Order()
        order.created.FromJsonString("2024-01-15T12:00:00Z")

        assert order.created.ToDatetime() == datetime.datetime(2024, 1, 15, 12)  # noqa: DTZ001 - what it returns
        assert orders.Order(created=datetime.datetime(2024, 1, 15, 12, tzinfo=datetime.UTC)) == order
        assert orders.Order(created=orders.Timestamp(seconds=order.created.seconds)) == order

    def test_those_of_generated_modules_are_other_classes(self, orders: ProtoNamespace) -> None:
        # Which of the two depends on the version of protobuf.
        with pytest.raises((TypeError, AttributeError)):
            orders.Order(created=timestamp_pb2.Timestamp(seconds=1))

    def test_any_packs_and_structs_hold_plain_values(self, tmp_path: Path) -> None:
        text = """
            syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
            message Box { google.protobuf.Any any = 1; google.protobuf.Struct struct = 2; }
        """
        pb = load_protos(_write(tmp_path / "box.proto", text))
        box, other = pb.Box(struct={"a": [1, None]}), pb.Box()
        box.any.Pack(pb.Box(struct={"b": True}))

        assert box.any.Unpack(other)
        assert other.struct["b"] is True
        assert list(box.struct["a"]) == [1, None]

    def test_a_copy_of_them_beside_the_files_does_not_define_them_twice(self, tmp_path: Path) -> None:
        text = 'syntax = "proto3"; package google.protobuf; message Timestamp { int64 seconds = 1; }'
        _write(tmp_path / "third_party" / "google" / "protobuf" / "timestamp.proto", text)
        _write(tmp_path / "orders.proto", ORDERS)

        pb = load_protos(tmp_path)

        pb.Order().created.GetCurrentTime()
        assert dir(pb) == ["NEW", "Order", "OrderService", "SHIPPED", "State"]


class TestPools:
    def test_the_same_names_can_be_loaded_again_and_again(self, tmp_path: Path) -> None:
        one = load_protos(_write(tmp_path / "one" / "x.proto", 'syntax = "proto3"; message X { int32 a = 1; }'))
        two = load_protos(_write(tmp_path / "two" / "x.proto", 'syntax = "proto3"; message X { string b = 1; }'))

        assert one.X(a=1).SerializeToString() == b"\x08\x01"
        assert two.X(b="b").SerializeToString() == b"\x0a\x01b"

    def test_generated_modules_and_loaded_files_do_not_meet(self) -> None:
        from wireswarm.protos import today_food_pb2

        pb = load_protos(Path(__file__).parents[2] / "proto")

        assert pb.Dish is not today_food_pb2.Dish
        assert pb.Dish(time=1).SerializeToString() == today_food_pb2.Dish(time=1).SerializeToString()


class TestImports:
    def test_below_any_folder_above_the_importing_file(self, tmp_path: Path) -> None:
        root = tmp_path / "proto"
        _write(root / "common" / "v1" / "money.proto", 'syntax = "proto3"; package common.v1; message Money {}')
        text = 'syntax = "proto3"; import "common/v1/money.proto"; message Order { common.v1.Money total = 1; }'

        pb = load_protos(_write(root / "orders" / "v1" / "orders.proto", text))

        assert pb.Order(total={}).HasField("total")
        assert pb.Order.DESCRIPTOR.fields_by_name["total"].message_type.file.name == "common/v1/money.proto"

    def test_below_included_folders(self, tmp_path: Path) -> None:
        _write(tmp_path / "vendor" / "acme" / "money.proto", 'syntax = "proto3"; message Money {}')
        text = 'syntax = "proto3"; import "acme/money.proto"; message Order { Money total = 1; }'
        path = _write(tmp_path / "proto" / "orders.proto", text)

        one = load_protos(path, include=tmp_path / "vendor")
        same = load_protos(path, include=[str(tmp_path), str(tmp_path / "vendor")])

        assert one.Order(total={}).HasField("total")
        assert same is one

    def test_a_named_folder_is_the_root_of_its_files(self, tmp_path: Path) -> None:
        _write(tmp_path / "common.proto", 'syntax = "proto3"; message Right {}')
        _write(tmp_path / "v1" / "common.proto", 'syntax = "proto3"; message Wrong {}')
        text = 'syntax = "proto3"; import "common.proto"; message X { Right r = 1; }'
        path = _write(tmp_path / "v1" / "x.proto", text)

        assert load_protos(path, include=tmp_path).X(r={})
        assert load_protos(tmp_path).X(r={})
        with pytest.raises(ConfigurationError, match='"Right" is not defined'):
            load_protos(path)

    def test_files_of_one_name_stay_apart(self, tmp_path: Path) -> None:
        for shop in ("a", "b"):
            _write(tmp_path / shop / "common.proto", f'syntax = "proto3"; package {shop}; message Money {{}}')
            text = f'syntax = "proto3"; package {shop}; import "common.proto"; message Order_{shop} {{ Money m = 1; }}'
            _write(tmp_path / shop / "orders.proto", text)

        pb = load_protos(tmp_path / "a", tmp_path / "b")

        assert pb.Order_a.DESCRIPTOR.fields_by_name["m"].message_type is pb["a.Money"].DESCRIPTOR
        assert pb.Order_b.DESCRIPTOR.fields_by_name["m"].message_type is pb["b.Money"].DESCRIPTOR
        assert repr(pb) == "<protos of b/common.proto, b/orders.proto, common.proto, orders.proto>"

    def test_a_file_with_two_names_is_one_file(self, tmp_path: Path) -> None:
        _write(tmp_path / "v1" / "common.proto", 'syntax = "proto3"; message Money {}')
        _write(tmp_path / "v1" / "a.proto", 'syntax = "proto3"; import "common.proto"; message A { Money m = 1; }')
        _write(tmp_path / "b.proto", 'syntax = "proto3"; import "v1/common.proto"; message B { Money m = 1; }')
        (tmp_path / "v1" / "link.proto").symlink_to("a.proto")

        pb = load_protos(tmp_path)

        assert dir(pb) == ["A", "B", "Money"]
        assert pb.A(m=pb.Money()).m == pb.B(m=pb.Money()).m

    def test_public_and_oddly_written_imports_are_followed(self, tmp_path: Path) -> None:
        _write(tmp_path / "a.proto", 'syntax = "proto3"; message A {}')
        _write(tmp_path / "b.proto", "syntax = 'proto3'; import public 'a.proto'; message B {}")
        text = """\ufeffimport/**/'b.pr' // import "commented.proto";
            "oto"; /* import "out.proto"; */ option java_package = "; import \\"quoted.proto\\";";
            message import { optional string import = 1 [default = "import 'value.proto'"]; optional A a = 2; }
        """

        pb = load_protos(_write(tmp_path / "odd.proto", text))

        assert getattr(pb, "import")(a={}).HasField("a")

    def test_lines_after_an_import_keep_their_numbers(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            _write(tmp_path / folder / "x.proto", f'syntax = "proto3"; package {folder}; message X {{}}')
        text = 'syntax = "proto3";\nimport "x"\n".proto";\nmessage Y { Unknown u = 1; }'
        path = _write(tmp_path / "b" / "y.proto", text)

        with pytest.raises(ConfigurationError) as caught:
            load_protos(tmp_path / "a", path)

        assert caught.value.problems == (f'{path}:4:13: "Unknown" is not defined.',)


class TestPaths:
    def test_a_folder_means_its_visible_proto_files(self, tmp_path: Path) -> None:
        _write(tmp_path / "a.proto", 'syntax = "proto3"; message A {}')
        _write(tmp_path / "deep" / "er" / "b.proto", 'syntax = "proto3"; message B {}')
        _write(tmp_path / "deep" / ".hidden" / "c.proto", "nonsense")
        _write(tmp_path / "notes.txt", "nonsense")
        (tmp_path / "folder.proto").mkdir()

        assert dir(load_protos(str(tmp_path))) == ["A", "B"]

    def test_a_folder_near_the_root_of_the_file_system(self) -> None:
        # Volumes are mounted there; pytest's own folders are deep.
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder, "a.proto"), 'syntax = "proto3"; message A {}')

            assert dir(load_protos(folder)) == ["A"]

    def test_a_kubernetes_volume(self, tmp_path: Path) -> None:
        _write(tmp_path / "..2024_01_15" / "a.proto", 'syntax = "proto3"; import "b.proto"; message A { B b = 1; }')
        _write(tmp_path / "..2024_01_15" / "b.proto", 'syntax = "proto3"; message B {}')
        (tmp_path / "..data").symlink_to("..2024_01_15")
        for name in ("a.proto", "b.proto"):
            (tmp_path / name).symlink_to(f"..data/{name}")

        assert dir(load_protos(tmp_path)) == ["A", "B"]

    def test_relative_to_the_current_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = _write(tmp_path / "proto" / "x.proto", 'syntax = "proto3"; message X {}')
        monkeypatch.chdir(tmp_path)

        assert load_protos("proto/x.proto") is load_protos(path)

    def test_else_relative_to_the_calling_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _write(tmp_path / "suite" / "proto" / "x.proto", 'syntax = "proto3"; message Near { int32 n = 1; }')
        locustfile = tmp_path / "suite" / "locustfile.py"
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")

        assert dir(_load_from(locustfile, "proto/x.proto")) == ["Near"]
        assert dir(_load_from(locustfile, "x.proto", include="proto", missing="proto/x.proto")) == ["Near"]
        _write(tmp_path / "elsewhere" / "proto" / "x.proto", 'syntax = "proto3"; message Here {}')
        assert dir(_load_from(locustfile, "proto/x.proto")) == ["Here"]

    def test_files_whose_names_look_like_options(self, tmp_path: Path) -> None:
        for name in ("--x.proto", "@y.proto", 'a"b c:d=e.proto', "é.proto"):
            _write(tmp_path / name, f'syntax = "proto3"; message M{sum(name.encode())} {{}}')

        assert len(dir(load_protos(tmp_path))) == 4


class TestMistakes:
    def test_no_path_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match=r"load_protos\(\) needs the path"):
            load_protos()

    def test_missing_paths_say_where_they_were_looked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").touch()

        with pytest.raises(ConfigurationError) as caught:
            load_protos("x.proto", "/nowhere/y.proto", include=["file"])

        here = Path(__file__).parent
        assert caught.value.problems == (
            f"x.proto: there is no such file or folder; looked for {tmp_path}/x.proto and {here}/x.proto",
            "/nowhere/y.proto: there is no such file or folder; looked for /nowhere/y.proto",
            f"file: there is no such folder; looked for {tmp_path}/file and {here}/file",
        )

    def test_a_folder_without_proto_files(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load_protos(tmp_path)

        assert caught.value.problems == (f"{tmp_path}: there is no .proto file in this folder",)

    def test_every_syntax_error_of_every_file_has_its_place(self, tmp_path: Path) -> None:
        _write(tmp_path / "a.proto", 'syntax = "proto3";\nmessage A {\n  int32 x = 1\n}\nmesage B {}\n')
        _write(tmp_path / "b.proto", 'syntax = "proto3";\nimport "a.proto";\nmessage C { int32 x = 1; int32 y = 1; }\n')

        with pytest.raises(ConfigurationError) as caught:
            load_protos(tmp_path)

        assert caught.value.problems == (
            f'{tmp_path}/a.proto:4:1: Expected ";".',
            f'{tmp_path}/a.proto:5:1: Expected top-level statement (e.g. "message").',
            f'{tmp_path}/b.proto:3:36: Field number 1 has already been used in "C" by field "x".'
            " Next available field number is 2.",
        )

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("import", "1:7: Expected a string naming the file to import."),
            ("import public;", "1:14: Expected a string naming the file to import."),
            ('import "google/protobuf/any.proto"', '1:35: Expected ";".'),
        ],
    )
    def test_unfinished_imports(self, tmp_path: Path, text: str, problem: str) -> None:
        path = _write(tmp_path / "x.proto", text)

        with pytest.raises(ConfigurationError) as caught:
            load_protos(path)

        assert caught.value.problems[0] == f"{path}:{problem}"

    def test_files_that_import_each_other(self, tmp_path: Path) -> None:
        _write(tmp_path / "a.proto", 'syntax = "proto3"; import "b.proto";')
        _write(tmp_path / "b.proto", 'syntax = "proto3"; import "a.proto";')

        with pytest.raises(ConfigurationError, match=r"File recursively imports itself: .*a\.proto -> b\.proto"):
            load_protos(tmp_path / "a.proto")

    def test_missing_imports_say_where_they_were_looked_for(self, tmp_path: Path) -> None:
        text = 'syntax = "proto3";\nimport "nowhere.proto";\n  import "google/protobuf/nonsense.proto";\n'
        path = _write(tmp_path / "x.proto", text)
        (tmp_path / "vendor").mkdir()

        with pytest.raises(ConfigurationError) as caught:
            load_protos(path, include=tmp_path / "vendor")

        looked = f"was not found; looked in {tmp_path} and the folders above it, {tmp_path}/vendor"
        assert caught.value.problems == (
            f'{path}:2:1: import "nowhere.proto" {looked}',
            f'{path}:3:3: import "google/protobuf/nonsense.proto" {looked}',
        )

    @pytest.mark.parametrize("name", ["../x.proto", "/x.proto", "./x.proto", "a//x.proto", "a/../x.proto", "", r"\x78"])
    def test_imports_outside_any_root(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "a").mkdir()
        _write(tmp_path / "x.proto", 'syntax = "proto3";')
        path = _write(tmp_path / "a" / "y.proto", f'import "{name}";')

        with pytest.raises(ConfigurationError) as caught:
            load_protos(path)

        assert caught.value.problems == (
            f'{path}:1:1: import "{name}": must be a plain path below an import root,'
            ' without "..", "." or a leading "/"',
        )

    def test_text_that_is_not_utf_8(self, tmp_path: Path) -> None:
        path = tmp_path / "x.proto"
        path.write_bytes('\ufeffsyntax = "proto3";\n// caf'.encode() + "é\n".encode("latin-1"))

        with pytest.raises(ConfigurationError) as caught:
            load_protos(path)

        assert caught.value.problems == (f"{path}:2:7: is not UTF-8: invalid continuation byte 0xe9",)

    @pytest.mark.skipif(sys.platform != "linux", reason="needs a file that cannot be read even by root")
    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "x.proto"
        path.symlink_to("/proc/self/mem")

        with pytest.raises(ConfigurationError) as caught:
            load_protos(path)

        assert caught.value.problems == (f"{path}: cannot be read: Input/output error",)


class TestCache:
    def test_the_same_files_are_the_same_classes_however_they_are_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a = _write(tmp_path / "a.proto", 'syntax = "proto3"; message A {}')
        b = _write(tmp_path / "b.proto", 'syntax = "proto3"; message B {}')
        monkeypatch.chdir(tmp_path)

        assert load_protos(a, b) is load_protos("./b.proto", str(a), a) is load_protos(".")

    @pytest.mark.parametrize("edited", ["a.proto", "b.proto"])
    def test_an_edited_file_is_loaded_anew(self, tmp_path: Path, edited: str) -> None:
        _write(tmp_path / "b.proto", 'syntax = "proto3"; message B {}')
        path = _write(tmp_path / "a.proto", 'syntax = "proto3"; import "b.proto"; message A { B b = 1; }')
        before = load_protos(path)
        times = (tmp_path / edited).stat()
        text = (tmp_path / edited).read_text()

        _write(tmp_path / edited, text + "message Added {}")
        # Even within the resolution of the file system's clock.
        os.utime(tmp_path / edited, ns=(times.st_atime_ns, times.st_mtime_ns))
        after = load_protos(path)
        _write(tmp_path / edited, text)

        assert not hasattr(before, "Added")
        assert after.Added()
        assert load_protos(path) is before

    def test_greenlets_that_load_at_the_same_time_get_the_same_classes(self, tmp_path: Path) -> None:
        path = _write(tmp_path / "x.proto", 'syntax = "proto3"; message X {}')

        jobs = [gevent.spawn(load_protos, path) for _ in range(3)]
        gevent.joinall(jobs, raise_error=True)

        assert jobs[0].value is jobs[1].value is jobs[2].value


@pytest.mark.parametrize("locust", ["", "import locust; "])
@pytest.mark.parametrize("implementation", ["upb", "python"])
def test_it_works_with_and_without_locusts_patches_on_every_protobuf(
    tmp_path: Path, locust: str, implementation: str
) -> None:
    _write(tmp_path / "orders.proto", ORDERS)
    script = """
from google.protobuf.internal import api_implementation
from wireswarm.protos import load_protos
pb = load_protos("orders.proto")
order = pb.Order(lines=[pb.Order.Line(sku="A")], priority=pb.Order.HIGH, created={"seconds": 1})
print(api_implementation.Type(), order.SerializeToString().hex(" "), order.created.ToJsonString())
"""
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation}

    command = [sys.executable, "-c", locust + script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout == f"{implementation} 1a 03 0a 01 41 22 02 08 01 28 01 1970-01-01T00:00:01Z\n"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _load_from(caller: Path, path: str, include: str = "", missing: str = "") -> Any:
    """Call `load_protos` from a module that lies at `caller`."""
    arguments = f"{missing or path!r}" + (f", include={include!r}" if include else "")
    variables: dict[str, Any] = {"load_protos": load_protos}
    exec(compile(f"result = load_protos({arguments})", str(caller), "exec"), variables)
    return variables["result"]
