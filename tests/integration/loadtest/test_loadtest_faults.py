"""What is left when something breaks in the middle: a readable partial result, an honest exit code, never a hang."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from sagemaker_loadtest.api.spec import Endpoint, Load, LoadTest, OpenLoad, Payloads, PayloadSource
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.supervise import supervisor
from sagemaker_loadtest.supervise.supervisor import Ending, Supervisor
from testkit.loadtest import CREDENTIALS, SCHEMAS, Run
from testkit.waiting import until

FOREVER = {"open": {"rate": 100}, "duration": "10m", "timeout": "1s"}


def gone(nodes: list[psutil.Process]) -> bool:
    return not any(n.is_running() and n.status() != psutil.STATUS_ZOMBIE for n in nodes)


def partial_result(run: Run, answered: int) -> dict[str, Any]:
    """The result on the disk once it tells of so many answers."""
    seen: list[dict[str, Any]] = []

    def enough() -> bool:
        if (run.out / "result.json").exists():
            seen.append(run.result)
        return bool(seen) and bool(seen[-1]["summary"]["answered"] >= answered)

    until(enough, "the result so far is written")
    return seen[-1]


def test_sigkill_leaves_a_readable_partial_report(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start(load=FOREVER)
    nodes = run.find_nodes(3)
    partial_result(run, 200)
    run.process.kill()
    run.process.wait()
    until(lambda: gone(nodes), "the nodes are gone")
    result = run.result
    jsonschema.validate(result, json.loads((SCHEMAS / "loadtest-result-v1.schema.json").read_text()))
    assert result["partial"] is True
    assert result["verdict"]["exitCode"] == 5
    assert "while the run went on" in result["verdict"]["headline"]
    page = (run.out / "index.html").read_text()
    assert "Not finished" in page
    assert page.rstrip().endswith("</html>")
    again = [
        sys.executable,
        "-m",
        "sagemaker_loadtest",
        "report",
        str(run.out / "result.json"),
        "--out",
        str(tmp_path / "a"),
    ]
    assert subprocess.run(again, capture_output=True, timeout=60, check=False).returncode == 0


def test_the_last_result_is_not_partial(start: Callable[..., Run], stub: Any) -> None:
    run = start(load={"open": {"rate": 50}, "duration": "2s"})
    code, text = run.end()
    assert code == 0, text
    assert run.result["partial"] is False


def test_full_disk_is_an_early_end_in_words(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(20)
    run = start(load={"open": {"rate": 50}, "duration": "2s"})
    assert reached.wait(60)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (1000, 1000))  # what a full disk does: writes fail
    code, text = run.end()
    assert code == 5, text
    assert "could not be written" in text
    assert "Traceback" not in text
    assert not [p for p in run.out.iterdir() if p.name.startswith(".")]


def test_frozen_workers_are_lost_and_nothing_hangs(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(20)
    run = start(load={"open": {"rate": 50}, "duration": "2s", "timeout": "1s"})
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    for node in nodes[1:]:
        node.suspend()
    code, text = run.end()
    assert code == 4, text
    assert "2 of 2 workers lost" in text
    assert gone(nodes)


def test_killed_master_takes_the_workers_along(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(150)
    run = start(load=FOREVER)
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    nodes[0].kill()
    code, text = run.end()
    assert code == 5, text
    assert gone(nodes)
    assert run.result["summary"]["answered"] > 0


class Silent:
    def progress(self, tally: Tally, workers: int) -> None: ...

    def event(self, second: float, text: str) -> None: ...


def test_frozen_master_ends_the_run(tmp_path: Path, stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A master that neither reports nor ends: the supervisor gives it up some time after the end of the run."""
    monkeypatch.setattr(supervisor, "_OVERDUE_SECONDS", 0.5)
    monkeypatch.setattr(supervisor, "_STOP_PATIENCE_SECONDS", 0.5)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "rows.csv").write_text("1,2\n")
    payloads = Payloads((PayloadSource("rows.csv"),), "text/csv")
    test = LoadTest("t", Endpoint("e", "eu-west-1"), payloads, Load(2.0, open=OpenLoad(50)), folder=str(tmp_path))
    running = Supervisor(2, tmp_path / "log", Silent())
    begun: list[float] = []

    def freeze(ending: Ending) -> None:
        if ending.start_epoch and not begun:
            begun.append(time.time())
            nodes = [c for c in psutil.Process().children() if "sagemaker_loadtest.swarm.node" in c.cmdline()]
            min(nodes, key=lambda child: child.create_time()).suspend()  # the master is started first

    running.on_tick = freeze
    try:
        ending = running.run(test, stub.url, Tally(test.load))
    finally:
        running.close()
    assert ending.ended_early == "the master stopped reporting"
