"""The generated modules: how they are made, replaced, imported and missed, and that they speak Chater's wire format."""

from __future__ import annotations

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.message import Message

import wireswarm.protos
from wireswarm.errors import ConfigurationError
from wireswarm.protos import (
    ProtosNotGeneratedError,
    alcohol_pb2,
    custom_date_food_pb2,
    delete_food_pb2,
    eater_photo_pb2,
    feedback_pb2,
    get_recomendation_pb2,
    manual_weight_pb2,
    modify_food_record_pb2,
    set_language_pb2,
    today_food_pb2,
)
from wireswarm.protos.__main__ import main
from wireswarm.protos.compiler import generate

ROOT = Path(__file__).parents[2]
FEATURES = {
    "alcohol",
    "custom_date_food",
    "delete_food",
    "eater_photo",
    "feedback",
    "get_recomendation",
    "manual_weight",
    "modify_food_record",
    "set_language",
    "today_food",
}
TIME = 1_700_000_000_000
TIME_VARINT = "80 d0 95 ff bc 31"
# "a@b.c", length first
EMAIL = "05 61 40 62 2e 63"
DISH = today_food_pb2.Dish(
    time=TIME,
    name="Pie",
    calories=300,
    weight=150,
    nutrients=today_food_pb2.Nutrients(carbohydrates=1, sugar=0.5, fats=2, proteins=4),
    ingredients=["flour"],
)
DISH_BYTES = (
    f"08 {TIME_VARINT} 12 03 50 69 65 18 ac 02 20 96 01"
    " 2a 14 0d 00 00 80 3f 15 00 00 00 3f 1d 00 00 00 40 25 00 00 80 40"
    " 32 05 66 6c 6f 75 72"
)
TOTALS = today_food_pb2.DayTotals(calories=300, weight=150, nutrients=today_food_pb2.Nutrients(sugar=0.5))
TOTALS_BYTES = "08 ac 02 10 96 01 1a 05 15 00 00 00 3f"


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (
            # \xff: no text, so the field must be bytes.
            eater_photo_pb2.PhotoMessage(time="2024-01-15", photo_data=b"\xff\x00", photoType="p"),
            "0a 0a 32 30 32 34 2d 30 31 2d 31 35 12 02 ff 00 1a 01 70",
        ),
        (eater_photo_pb2.PhotoResponse(success=True, message="ok"), "08 01 12 02 6f 6b"),
        (
            modify_food_record_pb2.ModifyFoodRecordRequest(time=TIME, user_email="a@b.c", percentage=200),
            f"08 {TIME_VARINT} 12 {EMAIL} 18 c8 01",
        ),
        (
            # A negative int32 takes ten bytes; sint32 would take one, uint32 would refuse it.
            modify_food_record_pb2.ModifyFoodRecordRequest(time=-1, percentage=-1),
            "08 ff ff ff ff ff ff ff ff ff 01 18 ff ff ff ff ff ff ff ff ff 01",
        ),
        (
            manual_weight_pb2.ManualWeightRequest(user_email="a@b.c", weight=72.5),
            f"0a {EMAIL} 15 00 00 91 42",
        ),
        (get_recomendation_pb2.RecommendationRequest(days=7), "08 07"),
        (get_recomendation_pb2.RecommendationRequest(days=-1), "08 ff ff ff ff ff ff ff ff ff 01"),
        (
            get_recomendation_pb2.RecommendationResponse(recommendation="eat", days=2),
            "0a 03 65 61 74 10 02",
        ),
        (delete_food_pb2.DeleteFoodRequest(time=TIME), f"08 {TIME_VARINT}"),
        (delete_food_pb2.DeleteFoodRequest(time=-1), "08 ff ff ff ff ff ff ff ff ff 01"),
        (
            custom_date_food_pb2.CustomDateFoodRequest(date="15-01-2024"),
            "0a 0a 31 35 2d 30 31 2d 32 30 32 34",
        ),
        (
            set_language_pb2.SetLanguageRequest(user_email="a@b.c", language_code="en"),
            f"0a {EMAIL} 12 02 65 6e",
        ),
        (
            alcohol_pb2.GetAlcoholRangeRequest(start_date="01-01-2024", end_date="07-01-2024"),
            "0a 0a 30 31 2d 30 31 2d 32 30 32 34 12 0a 30 37 2d 30 31 2d 32 30 32 34",
        ),
        (
            feedback_pb2.FeedbackRequest(time="t", userEmail="a@b.c", feedback="é"),
            f"0a 01 74 12 {EMAIL} 1a 02 c3 a9",
        ),
        (
            today_food_pb2.TodayFood(dishes_today=[DISH, {"time": 1}], totals=TOTALS, person_weight=72.5),
            f"0a 2f {DISH_BYTES} 0a 02 08 01 12 0d {TOTALS_BYTES} 1d 00 00 91 42",
        ),
        (
            custom_date_food_pb2.CustomDateFoodResponse(date="d", dishes=[DISH], totals=TOTALS, person_weight=72.5),
            f"0a 01 64 12 2f {DISH_BYTES} 1a 0d {TOTALS_BYTES} 25 00 00 91 42",
        ),
        (
            alcohol_pb2.GetAlcoholRangeResponse(
                days=[
                    alcohol_pb2.AlcoholDay(
                        date="d",
                        drinks=1,
                        quantity_ml=150,
                        calories=120,
                        events=[
                            alcohol_pb2.AlcoholEvent(
                                time=TIME, drink_name="Wine", quantity_ml=150, abv=12.5, calories=120
                            )
                        ],
                    )
                ]
            ),
            "0a 23 0a 01 64 10 01 18 96 01 20 78 2a 17"
            f" 08 {TIME_VARINT} 12 04 57 69 6e 65 18 96 01 25 00 00 48 41 28 78",
        ),
    ],
    ids=lambda value: value.DESCRIPTOR.name if isinstance(value, Message) else "",
)
def test_messages_have_the_documented_wire_format(message: Message, wire: str) -> None:
    assert message.SerializeToString() == bytes.fromhex(wire)
    assert type(message).FromString(bytes.fromhex(wire)) == message


@pytest.mark.parametrize(
    "response",
    [
        delete_food_pb2.DeleteFoodResponse,
        feedback_pb2.FeedbackResponse,
        manual_weight_pb2.ManualWeightResponse,
        modify_food_record_pb2.ModifyFoodRecordResponse,
        set_language_pb2.SetLanguageResponse,
    ],
)
def test_every_command_is_answered_alike(response: type[Message]) -> None:
    answer = response.FromString(bytes.fromhex("08 01 12 02 6f 6b"))

    assert answer == response(success=True, message="ok")


def test_there_is_one_proto_file_per_feature_and_each_is_importable() -> None:
    assert {path.stem for path in (ROOT / "proto").iterdir()} == FEATURES
    for feature in FEATURES:
        module = getattr(wireswarm.protos, f"{feature}_pb2")
        # The file's name in protobuf's process-wide registry: a plain "feedback.proto" would clash with other people's.
        assert module.DESCRIPTOR.name == f"wireswarm/protos/{feature}.proto"
        assert module.DESCRIPTOR.package == "chater"


def test_the_documents_own_protoc_command_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "proto", tmp_path, dirs_exist_ok=True)
    names = sorted(path.name for path in tmp_path.iterdir())

    # -I.: the `protoc` command searches the current directory by itself, this form of it does not.
    _python(tmp_path, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", *names)
    printed = _python(tmp_path, "-c", "import custom_date_food_pb2 as m; print(m.CustomDateFoodResponse(dishes=[{}]))")

    assert printed == "dishes {\n}\n\n"


def test_generated_modules_import_each_other_from_their_package(tmp_path: Path) -> None:
    source = _write(tmp_path / "proto", "money.proto", "message Money { int64 units = 1; }")
    _write(source, "my-shop.proto", 'import "money.proto";', "message Price { Money net = 1; }")
    _write(
        source,
        "at.proto",
        'import "google/protobuf/timestamp.proto";',
        "message At { google.protobuf.Timestamp t = 1; }",
    )

    files = generate(source, tmp_path / "shop" / "wire", package="shop.wire")

    names = [f"{stem}_pb2.{suffix}" for stem in ("at", "money", "my_shop") for suffix in ("py", "pyi")]
    assert files == [tmp_path / "shop" / "wire" / name for name in names]
    assert all(path.is_file() for path in files)
    assert "from shop.wire import money_pb2" in (tmp_path / "shop" / "wire" / "my_shop_pb2.pyi").read_text()
    script = (
        "from shop.wire import at_pb2, money_pb2, my_shop_pb2 as shop;"
        "shop.Price(net=money_pb2.Money(units=5)), at_pb2.At(t={'seconds': 1}).t.ToJsonString();"
        "print(shop.DESCRIPTOR.name, shop.Price.__module__)"
    )
    assert _python(tmp_path, "-c", script) == "shop/wire/my-shop.proto shop.wire.my_shop_pb2\n"


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    # protoc gives colons and equals signs in its options a meaning of their own.
    source = _write(tmp_path / "a:b=c d", "x.proto", "message X {}")

    assert len(generate(source, tmp_path / "e:f=g h")) == 2


def test_generating_again_replaces_only_what_changed(tmp_path: Path) -> None:
    source = _write(tmp_path / "proto", "same.proto", "message Same {}")
    _write(source, "changed.proto", "message Before {}")
    _write(source, "gone.proto", "message Gone {}")
    out = tmp_path / "out"
    generate(source, out)
    (out / "__init__.py").write_text("# not generated\n")
    untouched = (out / "same_pb2.py").stat()

    _write(source, "changed.proto", "message After {}")
    (source / "gone.proto").unlink()
    files = generate(source, out)

    assert [path.name for path in files] == ["changed_pb2.py", "changed_pb2.pyi", "same_pb2.py", "same_pb2.pyi"]
    assert {path.name for path in out.iterdir()} == {"__init__.py", *(path.name for path in files)}
    assert "After" in (out / "changed_pb2.pyi").read_text()
    assert (out / "same_pb2.py").stat().st_mtime_ns == untouched.st_mtime_ns
    assert (out / "same_pb2.py").stat().st_ino == untouched.st_ino


def test_every_mistake_is_named_with_its_place_and_nothing_is_generated(tmp_path: Path) -> None:
    source = _write(tmp_path / "proto", "a.proto", "message A { int32 x = 1 }")
    _write(source, "b.proto", 'import "a.proto";', 'import "nowhere.proto";', "message B { Unknown u = 1; }")
    out = tmp_path / "out"

    with pytest.raises(ConfigurationError) as caught:
        generate(source, out)

    assert caught.value.problems == (
        f'{source}/a.proto:2:25: Expected ";".',
        # That a.proto has errors is said above; that nowhere.proto is missing is not.
        f'{source}/b.proto:3:1: Import "nowhere.proto" was not found or had errors.',
        f'{source}/b.proto:4:13: "Unknown" is not defined.',
    )
    assert not out.exists()


def test_warnings_are_not_reported(tmp_path: Path) -> None:
    source = _write(tmp_path / "proto", "a.proto", "message A {}")
    # "Import a.proto is unused", and the log's "No edition or syntax specified".
    (source / "b.proto").write_text('import "a.proto"; message B { optional Unknown u = 1; }')

    with pytest.raises(ConfigurationError) as caught:
        generate(source, tmp_path / "out")

    assert caught.value.problems == (f'{source}/b.proto:1:40: "Unknown" is not defined.',)


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_no_proto_files_is_a_mistake_that_removes_nothing(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / "x_pb2.py"
    kept.touch()

    with pytest.raises(ConfigurationError, match=rf"{folder}: there are no \.proto files"):
        generate(tmp_path / folder, tmp_path / "out")

    assert kept.exists()


def test_a_compiler_that_cannot_run_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _write(tmp_path / "proto", "x.proto", "message X {}")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'python: No module named grpc_tools' >&2\nexit 7\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with pytest.raises(ConfigurationError, match=r"^protoc failed \(7\): python: No module named grpc_tools$"):
        generate(source, tmp_path / "out")


def test_modules_in_the_working_directory_do_not_get_into_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _write(tmp_path / "proto", "x.proto", "message X {}")
    (source / "grpc_tools.py").write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(source)

    assert generate(Path(), tmp_path / "out")


def test_the_module_command_generates_below_the_checkout_and_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "proto", "x.proto", "message X {}")

    assert main(tmp_path) == 0

    out = tmp_path / "src" / "wireswarm" / "protos"
    assert capsys.readouterr().out == f"{out}: 2 files generated from {tmp_path / 'proto'}\n"
    assert {path.name for path in out.iterdir()} == {"x_pb2.py", "x_pb2.pyi"}


def test_the_module_command_prints_mistakes_and_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "proto", "x.proto", "mesage X {}")

    assert main(tmp_path) == 2

    assert "x.proto:2:1: " in capsys.readouterr().err


def test_the_module_command_is_about_its_own_checkout(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "src" / "wireswarm" / "protos" / "__main__.py"), run_name="__main__")

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"{ROOT}/src/wireswarm/protos: 20 files generated from {ROOT}/proto\n"


def test_a_copied_checkout_generates_and_imports_its_own_modules(tmp_path: Path) -> None:
    package = tmp_path / "src" / "wireswarm"
    shutil.copytree(ROOT / "src" / "wireswarm", package, ignore=shutil.ignore_patterns("*_pb2.*", "__pycache__"))
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    use = "from wireswarm.protos import eater_photo_pb2 as m; print(m.__file__)"
    catch = f"try: {use}\nexcept ImportError as error: print(type(error).__name__, error)"

    missing = _python(tmp_path / "src", "-c", catch.replace("; print(m.__file__)", ""))
    made = _python(tmp_path / "src", "-m", "wireswarm.protos")
    found = _python(tmp_path / "src", "-c", use)

    assert missing == (
        "ProtosNotGeneratedError wireswarm.protos.eater_photo_pb2 is not generated from eater_photo.proto yet:"
        " run `make proto`\n"
    )
    assert made == f"{package / 'protos'}: 20 files generated from {tmp_path / 'proto'}\n"
    assert found == f"{package / 'protos' / 'eater_photo_pb2.py'}\n"


def test_the_build_hook_can_generate_without_the_packages_dependencies(tmp_path: Path) -> None:
    _write(tmp_path / "proto", "x.proto", "message X {}")
    # What the build environment has: hatchling and grpcio-tools, the latter with protobuf.
    script = """
import sys
from pathlib import Path
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"locust", "gevent", "geventhttpclient", "click", "rich", "jwt"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from wireswarm.protos.compiler import generate
print(len(generate(Path("proto"), Path("out"))))
"""

    assert _python(tmp_path, "-c", script) == "2\n"


def test_a_module_that_is_not_generated_is_an_error_that_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The package as it is, but with a folder for its modules in which there are none.
    spec = importlib.util.spec_from_file_location(
        "fresh_protos", wireswarm.protos.__file__, submodule_search_locations=[str(tmp_path)]
    )
    assert spec is not None
    assert spec.loader is not None
    protos = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fresh_protos", protos)
    spec.loader.exec_module(protos)

    with pytest.raises(protos.ProtosNotGeneratedError) as caught:
        exec("from fresh_protos import eater_photo_pb2")

    assert isinstance(caught.value, ConfigurationError)
    assert isinstance(caught.value, ImportError)
    message = "fresh_protos.eater_photo_pb2 is not generated from eater_photo.proto yet: run `make proto`"
    assert caught.value.problems == (message,)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["nonsense_pb2", "nonsense"])
def test_a_name_without_a_proto_file_is_the_ordinary_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'wireswarm.protos' has no attribute '{name}'"):
        getattr(wireswarm.protos, name)
    with pytest.raises(ImportError, match=f"cannot import name '{name}' from 'wireswarm.protos'") as caught:
        exec(f"from wireswarm.protos import {name}")
    assert not isinstance(caught.value, ConfigurationError)


def test_the_public_names_are_exported() -> None:
    assert wireswarm.protos.__all__ == ["ProtoNamespace", "ProtosNotGeneratedError", "load_protos"]
    assert issubclass(ProtosNotGeneratedError, ConfigurationError)
    for name in wireswarm.protos.__all__:
        assert getattr(wireswarm.protos, name).__name__ == name


def _write(folder: Path, name: str, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(['syntax = "proto3";', *lines]))
    return folder


def _python(folder: Path, *arguments: str) -> str:
    """What a fresh interpreter prints, with the folder as its working directory and first on its path."""
    # Without what would have it measure coverage, of copies of the package too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment["PYTHONPATH"] = str(folder)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
