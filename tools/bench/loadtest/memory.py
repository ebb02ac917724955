"""What a connection costs a worker in memory, with the request on it: resident size as the number of them grows.

The server takes a second to answer, so an open load of 100 and then 1,000 requests a second holds as many connections.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.loadtest.processes import PATIENCE_SECONDS
from bench.loadtest.run import Run, running
from bench.loadtest.server import Server, stub
from bench.loadtest.table import Column, Goal, Table

_SERVICE_SECONDS = 1.0
_FEW, _MANY = 100, 1000
_FEW_SECONDS, _MANY_SECONDS = 5, 8
_LIMIT_KIB = 1024.0
_TABLE = Table(
    "memory of one worker",
    (Column("connections"), Column("MiB", ".1f"), Column("then"), Column("MiB", ".1f"), Column("KiB each", ".1f")),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Open connections and resident bytes of the worker at one time."""

    connections: int
    memory: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Between two moments of one worker."""

    name: str
    few: Moment
    many: Moment

    @property
    def kib_each(self) -> float:
        """Of each connection that came along."""
        return (self.many.memory - self.few.memory) / 1024 / max(1, self.many.connections - self.few.connections)


def lines(folder: Path) -> Iterator[str]:
    """The table, a row as soon as its figures are there."""
    found: list[Growth] = []
    yield _TABLE.head()
    for tls in (False, True):
        with stub(folder, tls=tls) as server:
            found.append(growth("1 KiB, TLS" if tls else "1 KiB", _moments(folder, server)))
        yield row(found[-1])
    yield goal(found).line()


def row(found: Growth) -> str:
    """One line."""
    few, many = found.few, found.many
    return _TABLE.row(
        found.name, (few.connections, few.memory / 2**20, many.connections, many.memory / 2**20, found.kib_each)
    )


def goal(found: Sequence[Growth]) -> Goal:
    """Of the largest."""
    largest = max(each.kib_each for each in found)
    return Goal("at most 1 MiB a connection", largest <= _LIMIT_KIB, f"{largest:.1f} KiB at most")


def growth(name: str, moments: Sequence[Moment]) -> Growth:
    """From the last moment before the load rose to the largest one of those with most connections."""
    first = next(index for index, each in enumerate(moments) if each.connections > 1.5 * _FEW)
    most = max(each.connections for each in moments)
    return Growth(name, moments[first - 1], max((m for m in moments if m.connections == most), key=lambda m: m.memory))


def _moments(folder: Path, server: Server) -> list[Moment]:
    server.reset(_SERVICE_SECONDS)
    stages = [{"duration": f"{_FEW_SECONDS}s", "rate": _FEW}, {"duration": f"{_MANY_SECONDS}s", "rate": _MANY}]
    found: list[Moment] = []
    with running(folder, server, {"open": {}, "stages": stages}) as run:
        worker = _worker(run)
        while run.process.poll() is None and worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
            found.append(Moment(server.stats().connections, worker.memory_info().rss))
            time.sleep(0.1)
    return found


def _worker(run: Run) -> psutil.Process:
    """Its second process; the master is the first."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        nodes = sorted(psutil.Process(run.process.pid).children(), key=lambda each: float(each.create_time()))
        if len(nodes) == 2:
            return nodes[1]
        if run.process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The load tester started no worker")
        time.sleep(0.1)
