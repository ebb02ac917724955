"""What the load tester costs, and whether its latencies are true: a table each, with its goal below it.

python -m bench.loadtest [cost] [fidelity] [memory] [master]

Generator and server are pinned to a CPU of their own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.loadtest import cost, fidelity, master, memory

_PARTS = ("cost", "fidelity", "memory", "master")


def _lines(part: str, folder: Path, options: argparse.Namespace) -> Iterator[str]:
    if part == "cost":
        return cost.lines(folder, options.users, options.seconds)
    if part == "fidelity":
        return fidelity.lines(folder, options.seconds)
    if part == "memory":
        return memory.lines(folder)
    return master.lines(folder, options.workers, 2 * options.seconds)


def main() -> None:
    """Parse arguments, measure, print a line as soon as its figures are there."""
    parser = argparse.ArgumentParser(prog="python -m bench.loadtest", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(_PARTS)} (default all)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default %(default)s)")
    parser.add_argument("--users", type=int, default=50, help="callers in a closed loop (default %(default)s)")
    parser.add_argument("--workers", type=int, default=50, help="of the master (default %(default)s)")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(_PARTS)):
        parser.error(f"part {unknown[0]} is none of {', '.join(_PARTS)}")
    for part in options.parts or _PARTS:
        with tempfile.TemporaryDirectory() as name:
            for line in _lines(part, Path(name), options):
                print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
