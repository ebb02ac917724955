"""What a master of many workers needs: CPU of its two processes, and how late Locust's event loop is.

The workers are simulated by one process on the server's CPU (``swarm``): their messages are real, their requests are
not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.loadtest import lag
from bench.loadtest.lag import Lag
from bench.loadtest.processes import PATIENCE_SECONDS, cpu_seconds, pinned, server_cpu
from bench.loadtest.run import Run, running
from bench.loadtest.server import Server, stub
from bench.loadtest.table import Column, Goal, Table

_RUN_ID = "bench"
_SETTLE_SECONDS = 3
_RATE_EACH = 500
_USERS_EACH = 10
_LIMIT_PERCENT = 100.0
_COLUMNS = (
    Column("% of a core", ".1f"),
    Column("loop p50 ms", ".1f"),
    Column("p99 ms", ".1f"),
    Column("longest ms", ".1f"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """Percent of a core that the two processes of a master take."""

    command: float
    locust: float
    lag: Lag

    @property
    def both(self) -> float:
        """Of the whole pod."""
        return self.command + self.locust


def lines(folder: Path, workers: int, seconds: float) -> Iterator[str]:
    """The table."""
    table = Table(f"{workers} workers, {workers * _RATE_EACH:,}/s", _COLUMNS)
    with stub(folder, tls=False) as server:
        share = _measure(folder, server, workers, seconds)
    yield table.head()
    yield table.row("adds up, judges, writes", (share.command, None, None, None))
    yield table.row("Locust's master, passes on", (share.locust, share.lag.p50, share.lag.p99, share.lag.longest))
    yield table.row("both", (share.both, None, None, None))
    yield goal(share, workers).line()


def goal(share: Share, workers: int) -> Goal:
    """No more than what one core can do."""
    return Goal(
        f"a master of {workers} workers within one core", share.both < _LIMIT_PERCENT, f"{share.both:.0f} % of a core"
    )


def _measure(folder: Path, server: Server, workers: int, seconds: float) -> Share:
    duration = round(2 * _SETTLE_SECONDS + seconds)
    load = {"closed": {"users": workers * _USERS_EACH}, "duration": f"{duration}s"}
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    bus = ("--master-bind-host=127.0.0.1", "--master-bind-port=0", "--port=0", "--host=127.0.0.1")
    command = ("master", f"--run-id={_RUN_ID}", f"--expect-workers={workers}", *bus, f"--ready-file={ready}")
    idle = str(Path(__file__).with_name("idle.py"))
    with running(folder, server, load, command, locustfile=idle) as run:
        simulation = [sys.executable, "-m", "bench.loadtest.swarm", _url(run, ready), _RUN_ID, str(workers)]
        with pinned([*simulation, str(_RATE_EACH)], server_cpu(), stdout=subprocess.PIPE) as swarm:
            assert swarm.stdout
            if not swarm.stdout.readline():
                raise SystemExit("The simulated workers ended before they had begun")
            time.sleep(_SETTLE_SECONDS)
            command_share, locust_share = _shares(run, seconds)
            answered = run.result()["summary"]["answered"]
    if answered != workers * _RATE_EACH * duration:
        raise SystemExit(f"The master counted {answered:,} of {workers * _RATE_EACH * duration:,} requests")
    return Share(command_share, locust_share, lag.read(folder / lag.FILE))


def _url(run: Run, ready: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready.exists():
        if run.process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The master did not start")
        time.sleep(0.1)
    return str(json.loads(ready.read_text())["url"])


def _shares(run: Run, seconds: float) -> tuple[float, float]:
    command = psutil.Process(run.process.pid)
    processes = (command, *command.children())
    before, began = [cpu_seconds(each) for each in processes], time.perf_counter()
    time.sleep(seconds)
    took = time.perf_counter() - began
    first, second = (100 * (cpu_seconds(p) - b) / took for p, b in zip(processes, before, strict=True))
    return first, second
