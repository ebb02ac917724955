"""A search by the load tester's chart: its workers are pods, come back for each step, and end with it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.test_load_test_in_pods import CHART, Release, values

WORKERS = 2


@pytest.mark.usefixtures("endpoint")
def test_a_search_ends_with_the_autoscaling_of_the_endpoint(
    stage: Any, helm: Any, awaiting: Any, archives: Path, tmp_path: Path, aws: dict[str, str]
) -> None:
    rows = "\n".join((archives / "rows.csv").read_text().splitlines()[:40]) + "\n"
    content = values(aws, rows, "10s", "s3://results/searches/")
    # So low that it holds: what is proven is the way through the cluster.
    content["test"]["thresholds"].append("rate >= 50%")
    content["test"]["search"] = {"startRate": 10, "maxRate": 10, "stepDuration": "3s", "pricePerHour": 0.13}
    content["workers"]["replicas"] = WORKERS
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(content))
    done = helm("install", "found", str(CHART), "--namespace=ml", f"--values={file}")
    assert done.returncode == 0, done.stderr
    run = Release(stage, "found", awaiting)
    assert run.exit_code() == 0, stage.cluster.kubectl("-n", "ml", "logs", run.master()).stdout
    report = run.report()
    assert report["verdict"]["headline"].startswith("Found: at least 10/s holds on 2 × ")
    search = report["result"]["search"]
    assert [(step["rate"], step["outcome"]) for step in search["steps"]] == [(10, "held"), (10, "held")]
    assert "invocationsPerInstance" in search["autoscaling"]
    assert search["capacities"][0]["costPerMillion"] > 0
    run.await_no_workers()
    assert [pod["status"]["phase"] for pod in run.pods("worker")] == ["Succeeded"] * WORKERS
    keys = [
        entry["Key"] for entry in stage.client("s3").list_objects_v2(Bucket="results", Prefix="searches/")["Contents"]
    ]
    assert {"searches/r1/result.json", "searches/r1/index.html"} <= set(keys)
    assert helm("uninstall", "found", "--namespace=ml", "--wait", "--timeout=120s").returncode == 0
