"""Runs protoc, and generates Python modules from `.proto` files with it.

The compiler is the one that grpcio-tools carries, run as `python -m grpc_tools.protoc`, its public interface. This
module imports nothing heavy: the build hook uses it where only hatchling and grpcio-tools are installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wireswarm.errors import ConfigurationError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

# protoc's "gcc" error format; the position is missing where a whole file is meant.
_PROBLEM = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+):(?P<column>\d+))?: (?P<message>.+)")
_NOT_FOUND = "File not found."
_BROKEN_IMPORT = re.compile(r'Import "(?P<file>.+)" was not found or had errors\.')
_EVERY_FILE = ".every.proto"


def generate(source: Path, destination: Path, package: str = "wireswarm.protos") -> list[Path]:
    """Write `x_pb2.py` and `x_pb2.pyi` for every `x.proto` in a folder, and remove those whose `.proto` is gone.

    The `.proto` files import each other by bare name, so that protoc works inside their folder without options. The
    generated modules import each other from `package`, and register under its path (`wireswarm/protos/x.proto`): bare
    names would clash, in protobuf's process-wide registry, with the files of anybody who also has a `feedback.proto`.

    Files that would not change are left alone, and the others are replaced in one step, so it can run while another
    process imports them.

    Args:
        source: The folder with the `.proto` files; its subfolders are not searched.
        destination: The folder of `package`, where the modules go.
        package: The name under which the modules will be imported.

    Returns:
        All generated files, sorted, changed or not.

    Raises:
        ConfigurationError: There is nothing to compile, or protoc refused it; a problem names file, line and column.
    """
    origins = {path.name: path for path in sorted(source.glob("*.proto")) if path.is_file()}
    if not origins:
        raise ConfigurationError(f"{source}: there are no .proto files to generate modules from")
    descriptors = describe({name: path.read_bytes() for name, path in origins.items()}, origins)
    prefix = package.replace(".", "/") + "/"
    # Moving what protoc has parsed is exact; rewriting the import lines of generated code would have to guess.
    for file in descriptors.file:
        file.name = prefix + file.name if file.name in origins else file.name
        file.dependency[:] = [prefix + name if name in origins else name for name in file.dependency]
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        (scratch / "descriptors").write_bytes(descriptors.SerializeToString())
        moved = {prefix + name: path for name, path in origins.items()}
        _run_protoc(["--descriptor_set_in=descriptors", "--python_out=.", "--pyi_out=.", *moved], scratch, moved)
        fresh = {path.name: path.read_bytes() for path in (scratch / prefix).iterdir()}
    return _replace_generated(destination, fresh)


def describe(contents: Mapping[str, bytes], origins: Mapping[str, Path]) -> FileDescriptorSet:
    """Compile `.proto` files that may import each other and `google/protobuf/*.proto`. Warnings are ignored.

    Args:
        contents: The files by the names under which they import each other.
        origins: Where each comes from, to name it in a problem.

    Returns:
        The files and the `google/protobuf/*.proto` among their imports, imported files before importing ones.

    Raises:
        ConfigurationError: protoc refused them. Each problem reads `path:line:column: message`, in protoc's words.
    """
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        for name, content in contents.items():
            copy = scratch / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        # Of several files on its command line, protoc reports on the first bad one alone; of the imports of a file, on
        # all. It also keeps file names, which can begin with "-" or "@", off the command line.
        imports = (f"import {json.dumps(name, ensure_ascii=False)};\n" for name in contents)
        (scratch / _EVERY_FILE).write_text('syntax = "proto3";\n' + "".join(imports), encoding="utf-8")
        # Relative paths, because protoc splits some options at colons.
        _run_protoc(["-I.", "--include_imports", "--descriptor_set_out=.out", _EVERY_FILE], scratch, origins)
        descriptors = FileDescriptorSet.FromString((scratch / ".out").read_bytes())
    del descriptors.file[-1]
    return descriptors


def _run_protoc(arguments: Sequence[str], directory: Path, origins: Mapping[str, Path]) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    if done.returncode != 0:
        output = done.stderr.decode(errors="replace").strip()
        raise ConfigurationError(_problems(output, origins) or f"protoc failed ({done.returncode}): {output}")


def _problems(output: str, origins: Mapping[str, Path]) -> list[str]:
    """The errors in protoc's output, without warnings, log lines and what merely follows from another error."""
    matches = [match for line in output.splitlines() if (match := _PROBLEM.fullmatch(line))]
    missing = {match["file"] for match in matches if match["message"] == _NOT_FOUND}
    problems: list[str] = []
    for match in matches:
        if match["file"] not in origins or match["message"].startswith("warning: "):
            continue
        broken = _BROKEN_IMPORT.fullmatch(match["message"])
        if broken and broken["file"] not in missing:
            continue
        position = f":{match['line']}:{match['column']}" if match["line"] else ""
        problems.append(f"{origins[match['file']]}{position}: {match['message']}")
    return problems


def _replace_generated(destination: Path, fresh: Mapping[str, bytes]) -> list[Path]:
    """Make the generated files of a folder be exactly these."""
    destination.mkdir(parents=True, exist_ok=True)
    for stale in [*destination.glob("*_pb2.py"), *destination.glob("*_pb2.pyi")]:
        if stale.name not in fresh:
            stale.unlink(missing_ok=True)
    written = []
    for name, content in sorted(fresh.items()):
        path = destination / name
        if not path.is_file() or path.read_bytes() != content:
            # A name of this process' own, in case a second one generates at the same time.
            draft = destination / f".{name}.{os.getpid()}"
            draft.write_bytes(content)
            draft.replace(path)
        written.append(path)
    return written
