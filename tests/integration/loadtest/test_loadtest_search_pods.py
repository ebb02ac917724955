"""A search with its workers in other pods: they come back to the master for each step, and end with it."""

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.integration.loadtest.test_loadtest_pods import Command, Pods, metric

from testkit.loadtest import SCHEMAS
from testkit.waiting import until

SEARCH = {"startRate": 20, "maxRate": 40, "stepDuration": "1s", "precisionPercent": 20, "pricePerHour": 0.13}


class Searchers(Pods):
    """The master searches; it alone may call DescribeEndpoint."""

    def search(self, *flags: str, workers: int = 2, **changes: Any) -> Command:
        load = {"open": {"rate": 5}, "duration": "9m", "warmUp": "1s"}
        # A busy machine may answer late: what is proven is the way of the workers, not how fast it is.
        self.write({"load": load, "thresholds": ["failed <= 2%", "rate >= 50%"], "search": SEARCH, **changes})
        arguments = (
            "search", "-f", str(self.folder / "test.yaml"), "--out", str(self.out), "--run-id=r1", "--port=0",
            f"--expect-workers={workers}", "--master-bind-host=127.0.0.1", "--master-bind-port=0", *flags,
        )  # fmt: skip
        return self.start("master", *arguments, AWS_ENDPOINT_URL=self.url)


@pytest.fixture
def pods(tmp_path: Path, stub: Any) -> Iterator[Searchers]:
    with contextlib.closing(Searchers(tmp_path, stub.url)) as found:
        yield found


def test_workers_come_back_for_each_step_and_end_with_the_search(pods: Searchers, stub: Any) -> None:
    stub.check_signatures = True
    master = pods.search()
    workers = pods.workers(master.url, number=2)
    until(lambda: metric(master.read("/metrics"), "sagemaker_loadtest_requests_total") > 20, "samples are counted")
    assert master.read("/readyz") == "ok\n"
    assert master.end() == 0, master.text
    assert [worker.end() for worker in workers] == [0, 0], workers[0].text + workers[1].text

    result = pods.result
    jsonschema.validate(result, json.loads((SCHEMAS / "loadtest-result-v1.schema.json").read_text()))
    assert (result["run"], result["load"]["workers"]) == ("r1", 2)
    steps = [(step["rate"], step["outcome"], step["why"]) for step in result["search"]["steps"]]
    assert steps == [(20, "held", "grow"), (40, "held", "grow"), (40, "held", "confirm")]
    assert result["search"]["capacities"][0]["instances"] == 2
    assert "invocationsPerInstance" in result["search"]["autoscaling"]
    assert "at least 40/s holds on 2 × ml.m5.large" in result["verdict"]["headline"]
    assert {path.name for path in pods.out.iterdir()} >= {"index.html", "result.json", "summary.md", "junit.xml"}
    for worker in workers:
        assert [f"has joined run r1, step {n}" in worker.text for n in (1, 2, 3, 4)] == [True, True, True, False]
        assert worker.text.endswith("run r1 is over\n")
    assert stub.bad_signatures == []


def test_a_worker_that_is_killed_ends_the_search_and_the_others(pods: Searchers, stub: Any) -> None:
    reached = stub.after(20 + 40)
    master = pods.search(search={**SEARCH, "stepDuration": "8s"})
    workers = pods.workers(master.url, number=2)
    assert reached.wait(60)
    workers[0].close()
    assert master.end() == 4, master.text
    assert workers[1].end() == 0, workers[1].text
    result = pods.result
    assert [lost["worker"] for lost in result["generator"]["lost"]] == ["worker-1"]
    assert len(result["search"]["steps"]) == 1


def test_workers_of_a_search_that_is_stopped_end(pods: Searchers, stub: Any) -> None:
    reached = stub.after(20 + 40)
    master = pods.search(search={**SEARCH, "stepDuration": "5m", "maxDuration": "1h"})
    workers = pods.workers(master.url, number=2)
    assert reached.wait(60)
    master.process.send_signal(signal.SIGTERM)
    assert master.end() == 5, master.text
    assert [worker.end() for worker in workers] == [0, 0], workers[0].text
    assert "SIGTERM" in pods.result["verdict"]["headline"]


def test_workers_of_a_master_that_is_killed_between_two_steps_end(pods: Searchers, stub: Any) -> None:
    """Its last step is done and the next has not begun: a worker is waiting for it then."""
    master = pods.search(search={**SEARCH, "stepDuration": "1s"})
    workers = pods.workers(master.url, "--master-patience=1s", number=2)
    until(lambda: "step 1: 20/s held" in master.text, "the first step is done")
    master.close()
    assert [worker.end() for worker in workers] == [5, 5]
    assert "The master went away" in workers[0].text


def test_a_worker_that_comes_late_takes_no_part(pods: Searchers, stub: Any) -> None:
    reached = stub.after(10)
    master = pods.search(search={**SEARCH, "maxRate": 20, "stepDuration": "2s"}, workers=1)
    (worker,) = pods.workers(master.url, number=1)
    assert reached.wait(60)
    late = pods.worker(2, master.url)
    assert late.end() == 5, late.text
    assert "run r1 has begun without this worker" in late.text
    assert (master.end(), worker.end()) == (0, 0), master.text
