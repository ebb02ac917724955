"""CPU time of the generator per request, which holds on a busy machine as well; ratios are of the same run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.loadtest import callers
from bench.loadtest.callers import Caller, Loop, Program
from bench.loadtest.processes import GENERATOR_CPU, PATIENCE_SECONDS, cpu_seconds, environment, pinned
from bench.loadtest.server import Server, stub
from bench.loadtest.table import Column, Goal, Table, told

KIB = 1024
SIZES = (KIB, 100 * KIB)
_SETTLE_SECONDS = 1.5
_SPARE_SECONDS = 8.0
_FLOOR, _AIM = {False: 13, True: 8}, {False: 20, True: 10}
_TABLE = Table(
    "cost of a request",
    (Column("requests/s"), Column("µs CPU each", ".1f"), Column("times boto3", ".1f"), Column("MiB")),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """One way of calling. ``size`` of the body and ``memory`` in bytes, ``micros`` CPU time per request."""

    caller: Caller
    size: int
    tls: bool
    per_second: float
    micros: float
    memory: int


def lines(folder: Path, users: int, seconds: float) -> Iterator[str]:
    """The table, a row as soon as its figures are there."""
    found: list[Cost] = []
    programs = callers.programs()
    yield _TABLE.head()
    for tls in (False, True):
        with stub(folder, tls=tls) as server:
            for size in SIZES:
                body = folder / f"body-{size}"
                body.write_bytes(b"a" * size)
                loop = Loop(server.url, body, users, seconds + _SPARE_SECONDS)
                for caller, command in _commands(programs, loop):
                    found.append(_measure(caller, command, server, body, users, seconds))
                    yield row(found)
    yield from (told(each.name, each.missing) for each in programs if each.missing)
    yield goal(found).line()


def row(found: Sequence[Cost]) -> str:
    """The line of the last one, beside the boto3 user of the same body."""
    cost = found[-1]
    name = f"{cost.caller}, {cost.size // KIB} KiB{', TLS' if cost.tls else ''}"
    times = ratio(found, cost, "boto3")
    return _TABLE.row(name, (cost.per_second, cost.micros, times, cost.memory / 2**20))


def ratio(found: Sequence[Cost], cost: Cost, caller: Caller) -> float | None:
    """How often the CPU time of ``cost`` goes into that of another for the same body; None without the other."""
    same = (each for each in found if each.caller == caller and (each.size, each.tls) == (cost.size, cost.tls))
    return next((each.micros / cost.micros for each in same), None)


def goal(found: Sequence[Cost]) -> Goal:
    """Of the weaker of the bodies; half of hey is an aim, no goal."""
    ours = [each for each in found if each.caller == "SageMakerUser"]
    lowest = {tls: min(ratio(found, each, "boto3") or 0.0 for each in ours if each.tls == tls) for tls in (False, True)}
    text = f"SageMakerUser at least {_FLOOR[False]} times boto3 plain and {_FLOOR[True]} times over TLS"
    aims = f"aims: {_AIM[False]}, {_AIM[True]} and half of hey"
    seen = f"{lowest[False]:.1f} and {lowest[True]:.1f} times"
    hey = [share for each in ours if (share := ratio(found, each, "hey"))]
    shares = f", {min(hey):.2f} to {max(hey):.2f} of hey" if hey else ""
    return Goal(f"{text} ({aims})", all(lowest[tls] >= _FLOOR[tls] for tls in lowest), seen + shares)


def _commands(programs: Sequence[Program], loop: Loop) -> Iterator[tuple[Caller, list[str]]]:
    for caller in callers.LOCUST_USERS:
        yield caller, callers.locust_command(caller, loop)
    for program in programs:
        if program.path:
            yield program.name, callers.program_command(program, loop)


def _measure(caller: Caller, command: list[str], server: Server, body: Path, users: int, seconds: float) -> Cost:
    """Once all users are at work. Raises SystemExit when they do not start, with what the caller said."""
    server.reset()
    size, log = body.stat().st_size, body.with_name("generator.log")
    variables = environment(server.url, server.certificate, BENCH_BYTES=str(size))
    with log.open("wb") as file, pinned(command, GENERATOR_CPU, env=variables, stdout=file, stderr=file) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.stats().count < 4 * users:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{caller} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        time.sleep(_SETTLE_SECONDS)
        watched = psutil.Process(process.pid)
        server.reset()
        before, began = cpu_seconds(watched), time.perf_counter()
        time.sleep(seconds)
        count = server.stats().count
        used, took = cpu_seconds(watched) - before, time.perf_counter() - began
        memory = watched.memory_info().rss
    return Cost(caller, size, server.certificate is not None, count / took, 1e6 * used / max(1, count), memory)
