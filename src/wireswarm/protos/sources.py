"""Finds `.proto` files and all that they import, wherever they lie, and gives each a name that protoc can use.

protoc wants every file below an import root that somebody names, and takes one file reached by two names for two. A
locustfile wants to say which file it means and no more. So the imports are followed here, and the files handed to
protoc under names that are unique, with their import lines adapted to those names.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import chain
from pathlib import Path

from wireswarm.errors import ConfigurationError

# Comments and strings first: what looks like an import inside them is none. A text that this misreads is one that
# protoc refuses, so mistakes in the syntax are left to it.
_TOKEN = re.compile(
    r"""
      //[^\n]* | /\*.*?\*/
    | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    | (?P<word> \w+ )
    | (?P<sign> [^\s\w] )
    """,
    re.VERBOSE | re.DOTALL,
)
_IMPORT_MODIFIERS = {"public", "weak", "option"}


@dataclass(frozen=True)
class ProtoFile:
    """One file as protoc gets it."""

    path: Path
    """Where it was found."""
    name: str
    """What protoc and its descriptor call it."""
    text: str
    """Its content, the imports of other files under their `name`."""
    requested: bool
    """Whether it was asked for, by its own path or its folder's, and not only imported."""


@dataclass(frozen=True)
class _Import:
    name: str
    start: int
    """Where the quoted name begins in the text, …"""
    end: int
    """… and ends."""
    position: str
    """`line:column` of the statement, as protoc counts."""


@dataclass
class _Source:
    path: Path
    requested_as: str | None
    """The name below the folder that was asked for, or None for a file that is only imported."""
    text: str = ""
    imports: list[tuple[_Import, Path]] = field(default_factory=list)
    """With the real path of each imported file."""


def collect(requested: Sequence[Path], roots: Sequence[Path]) -> tuple[ProtoFile, ...]:
    """Read the requested files and everything that they import, except what grpcio-tools brings along.

    An import is looked for, in this order, below those `roots` that contain the importing file; in the folder of the
    importing file and the folders above it, the nearest first; below the other `roots`. The files of `google/protobuf/`
    are always the bundled ones: classes such as `Timestamp` go with them.

    Args:
        requested: Files, and folders whose `.proto` files are meant, subfolders included and hidden ones not; all
            absolute and known to exist.
        roots: Further folders to find imports below.

    Returns:
        The files in a stable order, independent of the order of `requested`.

    Raises:
        ConfigurationError: A folder has no `.proto` file, a file cannot be read or is not UTF-8, an import leads
            nowhere. All such problems are reported at once.
    """
    problems: list[str] = []
    named_roots = [*roots, *(path for path in requested if path.is_dir())]
    # By real path: a file that is reached through a symbolic link is the same file.
    sources: dict[Path, _Source] = {}
    for path, name in sorted(_expanded(requested, problems)):
        sources.setdefault(path.resolve(), _Source(path, name))
    pending = deque(sources.values())
    while pending:
        source = pending.popleft()
        source.text = _read(source.path, problems)
        for statement in _imports(source.text):
            found = _find(statement, source, named_roots, problems)
            if found is None:
                continue
            real = found.resolve()
            source.imports.append((statement, real))
            if real not in sources:
                sources[real] = _Source(found, None)
                pending.append(sources[real])
    if problems:
        raise ConfigurationError(problems)
    names = _names(sources)
    return tuple(
        ProtoFile(source.path, names[real], _renamed(source, names), source.requested_as is not None)
        for real, source in sources.items()
    )


def _bundled() -> Path:
    """The folder of the well-known types."""
    return Path(str(resources.files("grpc_tools"))) / "_proto"


def _is_copy_of_bundled(path: Path) -> bool:
    """Whether this is somebody's own `google/protobuf/timestamp.proto` or the like."""
    return any((_bundled() / "/".join(path.parts[1:][-count:])).is_file() for count in (3, 4))


def _expanded(requested: Iterable[Path], problems: list[str]) -> Iterator[tuple[Path, str]]:
    """Every requested file with its name below the folder that was asked for."""
    for path in requested:
        if not path.is_dir():
            yield path, path.name
            continue
        # A copy of the well-known types, as many repositories keep one, would define them twice.
        files = [file for file in path.rglob("*.proto") if file.is_file() and not _is_copy_of_bundled(file)]
        # Hidden: among others the folders behind a volume of Kubernetes, which hold every file a second time.
        names = [file.relative_to(path).as_posix() for file in files]
        visible = [name for name in names if "/." not in f"/{name}"]
        if not visible:
            problems.append(f"{path}: there is no .proto file in this folder")
        for name in visible:
            yield path / name, name


def _read(path: Path, problems: list[str]) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        problems.append(f"{path}:{line}:{column}: is not UTF-8: {error.reason} 0x{error.object[error.start]:02x}")
    return ""


def _imports(text: str) -> Iterator[_Import]:
    """The import statements of a file: `import [public|weak|option] "name";`, the string possibly in pieces."""
    tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup]
    for index, token in enumerate(tokens):
        if token.group() != "import" or (index and tokens[index - 1].group() not in {";", "}"}):
            continue
        rest = tokens[index + 1 :]
        if rest and rest[0].group() in _IMPORT_MODIFIERS:
            rest = rest[1:]
        pieces = []
        for piece in rest:
            if piece.lastgroup != "string":
                break
            pieces.append(piece)
        if pieces:
            line = text.count("\n", 0, token.start()) + 1
            column = token.start() - text.rfind("\n", 0, token.start())
            name = "".join(piece.group()[1:-1] for piece in pieces)
            yield _Import(name, pieces[0].start(), pieces[-1].end(), f"{line}:{column}")


def _find(statement: _Import, source: _Source, roots: Sequence[Path], problems: list[str]) -> Path | None:
    """The file that an import means; None when it is a bundled one or, with a problem noted, not to be found."""
    name = statement.name
    where = f'{source.path}:{statement.position}: import "{name}"'
    if "\\" in name or name.startswith(("/", "../")) or posixpath.normpath(name) != name:
        problems.append(f'{where}: must be a plain path below an import root, without "..", "." or a leading "/"')
        return None
    if (_bundled() / name).is_file():
        return None
    own = [root for root in roots if source.path.is_relative_to(root)]
    folders = [*own, *source.path.parents, *roots]
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        others = "".join(f", {root}" for root in roots)
        problems.append(f"{where} was not found; looked in {source.path.parent} and the folders above it{others}")
    return found


def _names(sources: dict[Path, _Source]) -> dict[Path, str]:
    """A name of its own for each file: the one it is imported by, or its name below the folder asked for."""
    imported_as: dict[Path, str] = {}
    for source in sources.values():
        for statement, real in source.imports:
            imported_as.setdefault(real, statement.name)
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for real, source in sources.items():
        preferred = imported_as.get(real) or source.requested_as or source.path.name
        # Where two files would have one name, the second gets more of its path.
        parts = source.path.parts[1:]
        longer = ("/".join(parts[-count:]) for count in range(preferred.count("/") + 2, len(parts) + 1))
        names[real] = next(name for name in chain([preferred], longer) if name not in taken)
        taken.add(names[real])
    return names


def _renamed(source: _Source, names: dict[Path, str]) -> str:
    """The text with every import under the imported file's name. Line numbers stay as they are."""
    text = source.text
    for statement, real in reversed(source.imports):
        lines = text.count("\n", statement.start, statement.end) * "\n"
        name = json.dumps(names[real], ensure_ascii=False)
        text = f"{text[: statement.start]}{name}{lines}{text[statement.end :]}"
    return text
