"""`sagemaker-loadtest search` over the wire, against an endpoint that throttles above a known rate."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from aiohttp import web

from testkit.loadtest import CREDENTIALS, SCHEMAS, write_test
from testkit.waiting import until

LIMIT = 60
SEARCH = {
    "startRate": 30,
    "precisionPercent": 20,
    "stepDuration": "1s",
    "maxSteps": 10,
    "peakRate": 300,
    "pricePerHour": 0.13,
}


class Search:
    """One process of the command."""

    def __init__(self, folder: Path, url: str, *, control: bool = True, **changes: Any) -> None:
        self.out = folder / "out"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
        address = "AWS_ENDPOINT_URL" if control else "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
        environment |= {**CREDENTIALS, address: url, "PYTHONUNBUFFERED": "1"}
        load = {"open": {"rate": 5}, "duration": "9m", "warmUp": "1s"}
        told = {"thresholds": ["failed <= 2%"], "load": load, **changes}
        file = write_test(folder, **{**told, "search": {**SEARCH, **told.get("search", {})}})
        command = [sys.executable, "-m", "sagemaker_loadtest", "search", "-f", str(file), "--out", str(self.out)]
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def end(self) -> tuple[int, str]:
        text, _ = self.process.communicate(timeout=200)
        return self.process.returncode, text

    @property
    def so_far(self) -> dict[str, Any]:
        file = self.out / "result.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return found

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.out / "result.json").read_text())
        jsonschema.validate(document, json.loads((SCHEMAS / "loadtest-result-v1.schema.json").read_text()))
        return document


@pytest.fixture
def search(tmp_path: Path, stub: Any) -> Iterator[Callable[..., Search]]:
    begun: list[Search] = []

    def begin(**changes: Any) -> Search:
        begun.append(Search(tmp_path, stub.url, **changes))
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


@pytest.fixture
def throttling(stub: Any, aws_reply: Callable[..., web.Response]) -> list[float]:
    """Above the limit, counted over half a second, the endpoint throttles; the moments of all calls are returned."""
    recent: deque[float] = deque()
    moments: list[float] = []

    async def reply(number: int, request: web.Request) -> web.StreamResponse | None:
        now = time.monotonic()
        moments.append(now)
        recent.append(now)
        while recent[0] < now - 0.5:
            recent.popleft()
        return aws_reply(429, "ThrottlingException", "Rate exceeded") if len(recent) > LIMIT / 2 + 2 else None

    stub.reply = reply
    return moments


@pytest.mark.alone
def test_the_limit_is_found_and_becomes_autoscaling(search: Callable[..., Search], throttling: list[float]) -> None:
    code, text = (one := search()).end()
    assert code == 0, text
    facts = one.result["search"]
    assert LIMIT * 0.8 <= facts["rate"] <= LIMIT * 1.15
    assert facts["rate"] < facts["over"]
    assert facts["confirmed"] is True
    (capacity,) = facts["capacities"]
    assert (capacity["instances"], capacity["instanceType"]) == (2, "ml.m5.large")
    assert capacity["target"] == int(facts["rate"] / 2 * 0.5 * 60 + 1e-9)
    advice = yaml.safe_load(facts["autoscaling"])["variants"][0]["instances"]["autoscaling"]
    assert advice["targets"] == {"invocationsPerInstance": capacity["target"]}
    assert advice["maxCount"] == capacity["maxCount"] == -(-300 // (facts["rate"] / 4))
    assert "FOUND" in text
    assert "invocationsPerInstance" in text
    page = (one.out / "index.html").read_text()
    assert "How much the endpoint carries" in page
    assert "invocationsPerInstance" in (one.out / "summary.md").read_text()


def test_a_change_of_the_instances_ends_the_search(search: Callable[..., Search], stub: Any) -> None:
    begun = stub.after(10)
    one = search()
    changer = threading.Thread(target=lambda: begun.wait(100) and setattr(stub, "instances", 3))
    changer.start()
    code, text = one.end()
    changer.join()
    assert code == 5, text
    assert "the instances of main changed from 2 to 3" in one.result["verdict"]["headline"]


def test_without_a_control_plane_the_count_can_be_told(search: Callable[..., Search], throttling: list[float]) -> None:
    one = search(control=False, search={"instances": 4, "maxRate": 30})
    code, text = one.end()
    assert code == 0, text
    assert one.result["search"]["capacities"][0]["ratePerInstance"] == 7.5
    assert "at least 30/s holds" in one.result["verdict"]["headline"]


def test_a_signal_ends_the_search_with_what_is_known(
    search: Callable[..., Search], throttling: list[float], stub: Any
) -> None:
    reached = stub.after(70)  # in the second step
    one = search()
    assert reached.wait(100)
    until(lambda: one.so_far.get("search"), "the second step has a result so far")
    assert (one.so_far["partial"], one.so_far["search"]["stopped"]) == (True, "")
    one.process.send_signal(signal.SIGTERM)
    code, text = one.end()
    assert code == 5, text
    assert len(one.result["search"]["steps"]) == 2
    with (one.out / "series.csv").open() as file:
        offered = [int(row["offered"]) for row in csv.DictReader(file)]
    assert sum(offered[1:]) == one.result["summary"]["offered"], "both are of the same step, after its warm-up"


def test_nothing_to_search_against(search: Callable[..., Search]) -> None:
    code, text = search(thresholds=["rate >= 99%"]).end()
    assert code == 2
    assert "a search needs at least one limit" in text
