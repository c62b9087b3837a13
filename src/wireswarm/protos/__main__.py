"""`python -m wireswarm.protos`: generate the modules from the `proto/` folder of the checkout, as `make proto` does."""

from __future__ import annotations

import sys
from pathlib import Path

from wireswarm.errors import ConfigurationError
from wireswarm.protos.compiler import generate


def main(root: Path) -> int:
    """Generate below `root`, the checkout; print one line, or the problems. Returns the exit code."""
    source, destination = root / "proto", root / "src" / "wireswarm" / "protos"
    try:
        generated = generate(source, destination)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{destination}: {len(generated)} files generated from {source}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[3]))
