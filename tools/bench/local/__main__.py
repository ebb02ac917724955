"""One table of what local SageMaker costs, each figure beside its baseline of the same run.

python -m bench.local [router] [control-plane] [processes]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import uvloop

from bench.local import control_plane, processes, router, table
from bench.local.load import Load
from bench.local.table import Row

_PARTS = ("router", "control-plane", "processes")


async def _rows(options: argparse.Namespace) -> AsyncIterator[Row]:
    parts = options.parts or _PARTS
    if "router" in parts:
        async for row in router.rows(Load(options.connections, options.seconds)):
            yield row
    if "control-plane" in parts:
        for row in control_plane.rows(options.endpoints, options.calls):
            yield row
    if "processes" in parts:
        async for row in processes.rows(options.instances):
            yield row


async def _run(options: argparse.Namespace) -> list[Row]:
    found: list[Row] = []
    print(table.head(), flush=True)
    async for row in _rows(options):
        found.append(row)
        print(table.line(row), flush=True)
    return found


def main() -> None:
    """Parse arguments, measure, print a line as soon as its figure is there."""
    parser = argparse.ArgumentParser(prog="python -m bench.local", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(_PARTS)} (default all)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run of the router (default %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="to the router (default %(default)s)")
    parser.add_argument("--endpoints", type=int, default=1000, help="of the control plane (default %(default)s)")
    parser.add_argument("--calls", type=int, default=500, help="of each operation (default %(default)s)")
    parser.add_argument("--instances", type=int, default=4, help="of the model server (default %(default)s)")
    parser.add_argument("--json", help="write the figures to this file too")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(_PARTS)):
        parser.error(f"part {unknown[0]} is none of {', '.join(_PARTS)}")
    found = uvloop.run(_run(options))
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(each) for each in found], indent=1))


if __name__ == "__main__":
    main()
