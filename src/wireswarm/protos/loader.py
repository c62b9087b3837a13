"""Compiles `.proto` files when a locustfile runs, where nobody generates code before: a mounted volume, a container."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from google.protobuf.descriptor_pool import DescriptorPool

from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.protos.compiler import describe
from wireswarm.protos.namespace import ProtoNamespace
from wireswarm.protos.sources import ProtoFile, collect

StrPath: TypeAlias = str | os.PathLike[str]

# For the life of the process: several locustfiles that load the same files must get the same classes, or a message
# that one makes is none to the other. The contents are part of the key, so an edited file is compiled again.
_loaded: dict[tuple[ProtoFile, ...], ProtoNamespace] = {}


def load_protos(*paths: StrPath, include: StrPath | Iterable[StrPath] = ()) -> ProtoNamespace:
    """Compile `.proto` files, and return what they define.

    ```python
    pb = load_protos("proto/orders.proto")
    order = pb.Order(sku="A1", state=pb.SHIPPED)
    ```

    Imports are followed: below the folders named here that contain the importing file, in its own folder and those
    above, then below the other folders named here. `google/protobuf/*.proto` need no path.

    The classes belong to this call's files alone. They never clash with generated code or other loaded files that
    define the same names, and for the same reason a `Timestamp` of `google.protobuf.timestamp_pb2` is not theirs:
    assign a `datetime`, fill the field in place, or make one with `pb["google.protobuf.Timestamp"]`.

    Loading files again that have not changed returns the same object.

    Args:
        paths: Files, or folders for all `.proto` files in them and their subfolders (hidden ones apart). A relative
            path is relative to the current directory or, where there is no such file, to the folder of the calling
            file, so that a locustfile finds its neighbours wherever it is started from.
        include: A folder, or several, to find imports below; relative in the same way.

    Raises:
        ConfigurationError: A file is missing, cannot be read, is not UTF-8, imports what is not there or does not
            compile. All problems that can be found at once are listed, with file, line and column.
        UsageError: Called without a path.
    """
    if not paths:
        raise UsageError("load_protos() needs the path of a .proto file or of a folder of them")
    folders = [include] if isinstance(include, str | os.PathLike) else list(include)
    # A greenlet or thread that begins with this function has no calling file.
    caller = sys._getframe().f_back
    neighbours = Path(caller.f_code.co_filename).absolute().parent if caller else Path.cwd()
    problems: list[str] = []
    requested = [found for path in paths if (found := _located(path, neighbours, problems))]
    roots = [found for path in folders if (found := _located(path, neighbours, problems, folder=True))]
    if problems:
        raise ConfigurationError(problems)
    files = collect(requested, roots)
    if files not in _loaded:
        namespace = _compiled(files)
        # Another greenlet may have been faster while protoc ran; the first one's classes are everybody's.
        _loaded.setdefault(files, namespace)
    return _loaded[files]


def _located(path: StrPath, neighbours: Path, problems: list[str], *, folder: bool = False) -> Path | None:
    """The absolute path of what the caller named."""
    candidates = list(dict.fromkeys(Path(os.path.normpath(base / path)) for base in (Path.cwd(), neighbours)))
    for candidate in candidates:
        if candidate.is_dir() or (candidate.is_file() and not folder):
            return candidate
    kind = "folder" if folder else "file or folder"
    problems.append(f"{os.fspath(path)}: there is no such {kind}; looked for {' and '.join(map(str, candidates))}")
    return None


def _compiled(files: Sequence[ProtoFile]) -> ProtoNamespace:
    """Compile the files, and build their types in a pool of their own."""
    contents = {file.name: file.text.encode() for file in files}
    descriptors = describe(contents, {file.name: file.path for file in files})
    pool = DescriptorPool()
    # Looking a file up by its name would miss names that are not ASCII.
    described = [pool.AddSerializedFile(descriptor.SerializeToString()) for descriptor in descriptors.file]
    requested = {file.name for file in files if file.requested}
    return ProtoNamespace(
        [file for file in described if file.name in requested],
        [file for file in described if file.name not in requested],
    )
