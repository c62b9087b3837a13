"""How fast rows of a large data file come, and how much memory that takes.

    python bench/feeders.py --rows 10000000

Makes a file in a temporary folder, then streams all of its rows once in each order, each in a process of its own: the
file is scanned and checked (as before a test), then every row is taken. Memory is the process's peak, above what it was
before the scan. Rows are per second of the processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ORDERS = ("once", "sequential", "shuffled", "random")


def write_file(path: Path, rows: int) -> None:
    """Rows of four columns, about 45 bytes each."""
    with path.open("w", encoding="utf-8", buffering=1 << 20) as file:
        if path.suffix == ".csv":
            file.write("id,sku,price,note\n")
            file.writelines(f'{n},SKU-{n % 9973:05},{n % 1000}.99,"a note, quoted"\n' for n in range(rows))
        else:
            file.writelines(
                f'{{"id":{n},"sku":"SKU-{n % 9973:05}","price":{n % 1000}.99,"note":"a note"}}\n' for n in range(rows)
            )


def memory_mb() -> float:
    """The peak of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stream(path: Path, order: Any) -> dict[str, float]:
    """Scan a file and take as many rows as it has."""
    from wireswarm.data import DataFile

    before = memory_mb()
    feed = DataFile(path, order=order)
    # Of the processor, so that what else the machine does is not measured.
    began = time.process_time()
    rows = feed.table.rows
    scanned = time.process_time()
    for _ in range(rows):
        next(feed)
    taken = time.process_time()
    return {
        "rows": rows,
        "scan": rows / (scanned - began),
        "take": rows / (taken - scanned),
        "before": before,
        "grown": memory_mb() - before,
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--formats", nargs="+", default=["csv", "jsonl"])
    parser.add_argument("--orders", nargs="+", default=list(ORDERS), choices=ORDERS)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(stream(Path(arguments.one[0]), arguments.one[1])))
        return
    print("| File | Order | Rows | Checked, rows/s | Taken, rows/s | Memory at the start, MB | Grown by, MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in arguments.formats:
            path = Path(folder) / f"rows.{suffix}"
            write_file(path, arguments.rows)
            size = path.stat().st_size / 1e6
            for order in arguments.orders:
                command = [sys.executable, __file__, "--one", str(path), order]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found = json.loads(done.stdout)
                print(
                    f"| {suffix}, {size:.0f} MB | {order} | {found['rows']:,.0f} | {found['scan']:,.0f} "
                    f"| {found['take']:,.0f} | {found['before']:.0f} | {found['grown']:.1f} |",
                    flush=True,
                )
            path.unlink()


if __name__ == "__main__":
    main()
