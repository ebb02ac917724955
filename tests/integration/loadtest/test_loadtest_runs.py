"""Whole runs of the command against the stand-in runtime: every exit code, and what remains afterwards."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from aiohttp import web

from testkit.loadtest import SCHEMAS, Run
from testkit.waiting import until

FILES = ["index.html", "junit.xml", "result.json", "series.csv", "summary.csv", "summary.md"]


def test_met_run_reports_everything_and_leaves_nothing(start: Callable[..., Run], stub: Any) -> None:
    stub.weights = {"champion": 9, "challenger": 1}
    stub.check_signatures = True
    run = start(thresholds=["p90 <= 2s", "p50 of challenger <= 2s", "failed <= 0%", "rate >= 50/s"])
    nodes = run.find_nodes(3)
    code, text = run.end()
    assert code == 0, text
    assert stub.bad_signatures == []
    assert not any(node.is_running() for node in nodes)
    assert sorted(p.name for p in run.out.iterdir()) == FILES

    result = run.result
    jsonschema.validate(result, json.loads((SCHEMAS / "loadtest-result-v1.schema.json").read_text()))
    assert result["verdict"]["word"] == "met"
    assert result["schemaVersion"] == 1
    assert result["summary"]["answered"] == 200  # 2 s of 100/s after the warm-up, constant arrivals
    assert sum(stub.bodies.values()) == 300 + 1  # the warm-up's 100, and the probe before the load
    assert set(stub.bodies) == {b"1,2,3", b"4,5,6", b"7,8,9"}
    assert stub.headers["Accept"] == "text/csv"
    seen = {v["name"]: v["answered"] for v in result["variants"]}
    assert sum(seen.values()) == 200
    assert seen["champion"] > seen["challenger"] > 0
    assert sum(result["histograms"]["all"]["count"]) == 200
    assert text.splitlines()[-1].startswith("✓ MET")

    page = (run.out / "index.html").read_text()
    assert not re.findall(r"""(?:src|href)=["']?[a-z]*:?//|@import|url\(["']?http""", page)
    assert "✓ Load test: Met" in (run.out / "summary.md").read_text()


@pytest.mark.alone
def test_closed_load_with_missed_threshold(start: Callable[..., Run], stub: Any) -> None:
    """A wide limit, for the generator may be late by a tenth of it: on a busy machine, too, the endpoint is judged."""
    stub.delay = 0.6
    load = {"closed": {"users": 20, "pacing": "800ms"}, "duration": "3s", "warmUp": "1s"}
    run = start("--ascii", load=load, thresholds=["p50 <= 500ms", "failed <= 0%"])
    code, text = run.end()
    assert code == 1, text
    assert text.isascii()
    assert "FAIL MISSED" in text
    result = run.result
    assert result["load"]["users"] == 20
    assert [t["met"] for t in result["thresholds"]] == [False, True]
    assert result["summary"]["latency"]["p50"] >= 600
    assert 20 <= result["summary"]["answered"] <= 60  # each of the users begins a call every 800 ms, at most 3 in 2 s


def test_errors_are_counted_by_class(
    start: Callable[..., Run], stub: Any, aws_reply: Callable[..., web.Response]
) -> None:
    async def reply(number: int, request: web.Request) -> web.StreamResponse | None:
        if number == 1:
            return None
        kinds: dict[int, Callable[[], web.Response]] = {
            0: lambda: aws_reply(429, "ThrottlingException", "Rate exceeded"),
            1: lambda: aws_reply(424, "ModelError", "model failed", OriginalStatusCode=500),
            2: lambda: aws_reply(429, "ModelNotReadyException", "loading"),
            3: lambda: aws_reply(403, "ExpiredTokenException", "The security token is expired"),
        }
        if number % 10 in kinds:
            return kinds[number % 10]()
        if number % 10 == 4:
            await asyncio.sleep(3600)
        if number % 10 == 5 and request.transport:
            request.transport.abort()
        return None

    stub.reply = reply
    load = {"open": {"rate": 100}, "duration": "2s", "timeout": "500ms"}
    run = start(load=load, thresholds=["failed <= 1%"])
    code, text = run.end()
    assert code == 1, text
    errors = run.result["errors"]
    assert set(errors) == {"throttled", "model error", "not ready", "bad credentials", "time-out", "connection reset"}
    assert sum(errors.values()) == run.result["summary"]["failed"]
    assert run.result["summary"]["latency"]["p99"] is None  # it would be a failed request


@pytest.mark.alone
def test_latency_counts_from_the_intended_start(start: Callable[..., Run], stub: Any) -> None:
    """A server that freezes once for 1.5 s: a closed view would see one slow request, the callers see all that were
    due.
    """
    frozen: list[float] = []

    async def reply(number: int, request: web.Request) -> web.StreamResponse | None:
        if number == 250:
            frozen.append(time.monotonic())
            time.sleep(1.5)  # noqa: ASYNC251 - the whole server is to stand still
        return None

    stub.reply = reply
    run = start(load={"open": {"rate": 100}, "duration": "6s", "warmUp": "1s"}, thresholds=["p90 <= 400ms"])
    code, text = run.end()
    assert frozen
    assert code == 1, text
    assert run.result["summary"]["latency"]["p90"] > 500
    assert run.result["summary"]["answered"] == 500


def test_failures_are_those_of_the_variant_that_was_asked_for(start: Callable[..., Run], stub: Any) -> None:
    """No reply that failed names its variant, and the good ones alone would keep every promise."""

    async def reply(number: int, request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=500) if number % 2 else None

    stub.reply, stub.weights = reply, {"challenger": 1}
    thresholds = ["p90 of challenger <= 2s", "failed of challenger <= 1%"]
    load = {"open": {"rate": 100}, "duration": "2s"}
    run = start(load=load, invocation={"targetVariant": "challenger"}, thresholds=thresholds)
    code, text = run.end()
    assert code == 1, text
    assert [t["met"] for t in run.result["thresholds"]] == [False, False]
    (variant,) = run.result["variants"]
    assert (variant["name"], variant["failed"]) == ("challenger", run.result["summary"]["failed"])


def test_killed_worker_takes_the_verdict_away(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(100)
    run = start(load={"open": {"rate": 100}, "duration": "3s"})
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    nodes[1].kill()
    code, text = run.end()
    assert code == 4, text
    result = run.result
    assert result["verdict"]["word"] == "workersLost"
    assert len(result["generator"]["lost"]) == 1
    assert "SIGKILL" in result["generator"]["lost"][0]["cause"]
    assert "1 of 2 workers lost" in text


def test_all_workers_killed_ends_at_once(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(100)
    run = start(load={"open": {"rate": 100}, "duration": "10m"})
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    for node in nodes[1:]:
        node.kill()
    code, text = run.end()
    assert code == 4, text
    assert "2 of 2 workers lost" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_early_with_a_report(start: Callable[..., Run], stub: Any, number: signal.Signals) -> None:
    reached = stub.after(150)
    run = start(load={"open": {"rate": 100}, "duration": "10m"})
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    run.process.send_signal(number)
    code, text = run.end()
    assert code == 5, text
    assert number.name in run.result["verdict"]["headline"]
    assert run.result["summary"]["answered"] >= 100
    assert (run.out / "index.html").stat().st_size > 10_000
    assert not any(node.is_running() for node in nodes)


def test_killed_supervisor_leaves_no_process(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(50)
    run = start(load={"open": {"rate": 100}, "duration": "10m"})
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    run.process.kill()
    until(lambda: not any(n.is_running() and n.status() != psutil.STATUS_ZOMBIE for n in nodes), "the nodes are gone")


def test_master_killed_is_an_early_end(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(150)
    run = start(load={"open": {"rate": 100}, "duration": "10m"})
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    nodes[0].kill()
    code, text = run.end()
    assert code == 5, text
    assert "master" in run.result["verdict"]["headline"]


def test_deleted_endpoint_ends_the_run(
    start: Callable[..., Run], stub: Any, aws_reply: Callable[..., web.Response]
) -> None:
    async def reply(number: int, request: web.Request) -> web.StreamResponse | None:
        return (
            aws_reply(400, "ValidationError", "Endpoint ml-fraud of account 111122223333 not found.")
            if number > 20
            else None
        )

    stub.reply = reply
    run = start(load={"open": {"rate": 50}, "duration": "10m"})
    code, text = run.end()
    assert code == 5, text
    assert "the endpoint is gone" in text
    assert run.result["errors"] == {"no such endpoint": run.result["summary"]["failed"]}


def test_generator_without_cpu_is_the_limit(start: Callable[..., Run], stub: Any) -> None:
    """Stopped workers send nothing of what is due: whatever the endpoint did, this run says nothing about it."""
    reached = stub.after(100)
    run = start(load={"open": {"rate": 100}, "duration": "4s"}, thresholds=["p90 <= 50ms"])
    nodes = run.find_nodes(3)
    assert reached.wait(60)
    for node in nodes[1:]:
        node.suspend()
    time.sleep(2.0)  # the length of the stall is what is tested
    for node in nodes[1:]:
        node.resume()
    code, text = run.end()
    assert code == 3, text
    assert "the load generator was the limit" in run.result["verdict"]["headline"]
    assert run.result["generator"]["fit"] is False


def test_bound_on_requests_in_flight_counts_what_it_drops(start: Callable[..., Run], stub: Any) -> None:
    stub.delay = 1.5
    run = start(load={"open": {"rate": 100, "maxInFlight": 20}, "duration": "2s"}, thresholds=["failed <= 1%"])
    code, text = run.end()
    assert code == 1, text
    result = run.result
    assert result["errors"]["dropped"] > 100
    assert result["summary"]["offered"] == 200
    assert result["summary"]["answered"] + result["summary"]["failed"] == 200


def test_unwritable_result_is_an_early_end(start: Callable[..., Run], stub: Any) -> None:
    reached = stub.after(20)
    run = start(load={"open": {"rate": 50}, "duration": "2s"})
    assert reached.wait(60)
    for path in run.out.iterdir():
        path.unlink()
    run.out.rmdir()
    run.out.write_text("in the way")
    output, errors = run.process.communicate(timeout=120)
    assert run.process.returncode == 5, output + errors
    assert "could not be written" in output


@pytest.mark.parametrize(
    ("status", "kind", "message", "told"),
    [
        (400, "ValidationError", "Endpoint ml-fraud of account 1 not found.", "no such endpoint"),
        (
            403,
            "AccessDeniedException",
            "User is not authorized to perform: sagemaker:InvokeEndpoint",
            "sagemaker:InvokeEndpoint",
        ),
        (424, "ModelError", "Received client error (415) from primary", "content type"),
    ],
)
def test_refusal_before_the_load(
    start: Callable[..., Run],
    stub: Any,
    aws_reply: Callable[..., web.Response],
    status: int,
    kind: str,
    message: str,
    told: str,
) -> None:
    async def reply(number: int, request: web.Request) -> web.StreamResponse:
        return aws_reply(status, kind, message, OriginalStatusCode=415)

    stub.reply = reply
    code, text = start().end()
    assert code == 2, text
    assert told in text
    assert "Traceback" not in text
    assert stub.calls == 1


def test_nothing_listens(tmp_path: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        run = Run(tmp_path, f"http://127.0.0.1:{free.getsockname()[1]}")
    try:
        code, text = run.end()
    finally:
        run.close()
    assert code == 2, text
    assert "cannot be reached" in text


def test_each_user_stays_in_the_session_that_it_opened(start: Callable[..., Run], stub: Any) -> None:
    opened: list[str] = []
    named: list[str] = []

    async def reply(number: int, request: web.Request) -> web.StreamResponse:
        given = request.headers["X-Amzn-SageMaker-Session-Id"]
        named.append(given)
        headers = {}
        if given == "NEW_SESSION":
            opened.append(f"s{number}")
            headers["X-Amzn-SageMaker-New-Session-Id"] = f"{opened[-1]}; Expires=2030-01-01T00:00:00Z"
        return web.Response(body=b"ok", headers=headers)

    stub.reply = reply
    load = {"closed": {"users": 4, "pacing": "100ms"}, "duration": "2s"}
    run = start(load=load, invocation={"sessions": "PerUser"}, thresholds=["failed <= 0%"])
    code, text = run.end()
    assert code == 0, text
    assert len(opened) == 4 + 1  # the users', and that of the probe before the load
    assert all(named.count(session) > 5 for session in opened[1:])


def test_stages_of_an_open_load(start: Callable[..., Run], stub: Any) -> None:
    stages = [{"duration": "1s", "rate": 20}, {"duration": "1s", "rate": 200}, {"duration": "1s", "rampTo": 0}]
    run = start(load={"open": {}, "stages": stages}, thresholds=["failed <= 0%"])
    code, text = run.end()
    assert code == 0, text
    assert run.result["summary"]["answered"] == 20 + 200 + 100
    assert [round(rate) for rate in run.result["series"]["offered"][:2]] == [20, 200]


def test_stages_of_a_closed_load(start: Callable[..., Run], stub: Any) -> None:
    stages = [{"duration": "1s", "users": 2}, {"duration": "2s", "users": 8}]
    run = start(load={"closed": {"pacing": "200ms"}, "stages": stages}, thresholds=["failed <= 0%"])
    code, text = run.end()
    assert code == 0, text
    assert 40 <= run.result["summary"]["answered"] <= 2 * 6 + 8 * 11


def test_report_is_written_again(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start(load={"open": {"rate": 20}, "duration": "2s"}, thresholds=["failed <= 0%"])
    assert run.end()[0] == 0
    again = tmp_path / "again"
    command = [sys.executable, "-m", "sagemaker_loadtest", "report", str(run.out / "result.json"), "--out", str(again)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for name in ("index.html", "summary.md"):
        assert (again / name).read_text() == (run.out / name).read_text()
