"""Whether latencies are true: the load tester's own result beside what the server recorded.

The freeze must show in p99, as callers who do not wait for each other would feel it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.loadtest.run import running
from bench.loadtest.server import Server, stub
from bench.loadtest.table import Column, Goal, Table

_SERVICE_SECONDS = 0.05
_RATES = (1000, 3000)
_WARM_UP_SECONDS = 3
_FREEZE_AFTER_SECONDS = 8.0
_FREEZE_RATE = 200
_GAP_LIMIT_MS = 5.0
_FREEZE_FLOOR_MS = 1500.0
_TABLE = Table(
    "50 ms service time",
    (
        Column("p50 ms", ".1f"),
        Column("p99 ms", ".1f"),
        Column("server p99", ".1f"),
        Column("p99 gap", ".1f"),
        Column("sent"),
    ),
)


@dataclass(frozen=True, slots=True)
class Latency:
    """What a run told, in ms. ``server_p99`` is the server's own; None where the two are not to agree. ``strained``: it
    also told that it was late itself, or short of CPU.
    """

    name: str
    p50: float
    p99: float
    server_p99: float | None
    sent: int
    strained: bool = False

    @property
    def gap(self) -> float | None:
        """Our p99 less the server's."""
        return None if self.server_p99 is None else self.p99 - self.server_p99


def lines(folder: Path, seconds: float) -> Iterator[str]:
    """The table, a row as soon as its figures are there."""
    found: list[Latency] = []
    yield _TABLE.head()
    with stub(folder, tls=False) as server:
        for rate in _RATES:
            server.reset(_SERVICE_SECONDS)
            whole = f"{seconds + _WARM_UP_SECONDS + 1:.0f}s"
            load = {"open": {"rate": rate}, "duration": whole, "warmUp": f"{_WARM_UP_SECONDS}s"}
            found.append(_measure(f"{rate:,}/s", folder, server, load))
            yield row(found[-1])
        server.reset(_SERVICE_SECONDS, _FREEZE_AFTER_SECONDS)
        load = {"open": {"rate": _FREEZE_RATE}, "duration": "18s"}
        found.append(_measure(f"{_FREEZE_RATE}/s, a freeze of 2 s", folder, server, load, truth=False))
        yield row(found[-1])
    yield goal(found).line()


def row(latency: Latency) -> str:
    """One line."""
    return _TABLE.row(latency.name, (latency.p50, latency.p99, latency.server_p99, latency.gap, latency.sent))


def goal(found: Sequence[Latency]) -> Goal:
    """Of all gaps, and of the freezes."""
    gap = max((abs(each.gap) for each in found if each.gap is not None), default=0.0)
    frozen = min(each.p99 for each in found if each.gap is None)
    strained = sum(each.strained for each in found)
    caveat = f"; the load tester says of {strained} of {len(found)} runs that it was late itself" if strained else ""
    return Goal(
        f"p99 within {_GAP_LIMIT_MS:g} ms of the server's, and a freeze of 2 s in a p99 of at least 1.5 s",
        gap <= _GAP_LIMIT_MS and frozen >= _FREEZE_FLOOR_MS,
        f"{gap:.1f} ms and {frozen / 1000:.2f} s{caveat}",
    )


def _measure(name: str, folder: Path, server: Server, load: dict[str, Any], *, truth: bool = True) -> Latency:
    with running(folder, server, load) as run:
        result = run.result()
    summary, latency = result["summary"], result["summary"]["latency"]
    strained = not all(check["ok"] for check in result["generator"]["checks"])
    server_p99 = server.stats().p99 if truth else None
    return Latency(name, latency["p50"], latency["p99"], server_p99, summary["offered"], strained)
