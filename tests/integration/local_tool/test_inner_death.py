"""moto, which answers for S3 and the rest of AWS, is noticed when it dies."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any


def moto(local: Any) -> int | None:
    found: int | None = local.admin("GET", "health")["pids"]["aws"]
    return found


def test_it_is_started_again_with_objects_and_alarms(starter: Any, tmp_path: Path) -> None:
    with starter("--state-dir", str(tmp_path / "state")) as local:
        s3, cloudwatch = local.client("s3"), local.client("cloudwatch")
        s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="models", Key="a", Body=b"content", Metadata={"by": "test"})
        cloudwatch.put_metric_alarm(
            AlarmName="slow",
            Namespace="AWS/SageMaker",
            MetricName="ModelLatency",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        local.model("blue")
        local.config("one", blue=1)
        before = local.endpoint("shop", "one")
        kept = s3.put_object(Bucket="models", Key="b", Body=b"later")
        dead = moto(local)
        assert dead is not None
        local.until(lambda: in_the_file(tmp_path / "state" / "aws.sqlite", "b"), "the newest object in the file")
        os.kill(dead, signal.SIGKILL)
        local.until(lambda: moto(local) not in (None, dead), "another moto")
        found = s3.get_object(Bucket="models", Key="a")  # waits in the queue until it serves
        assert (found["Body"].read(), found["Metadata"]) == (b"content", {"by": "test"})
        assert s3.head_object(Bucket="models", Key="b")["ETag"] == kept["ETag"]
        assert [each["AlarmName"] for each in cloudwatch.describe_alarms()["MetricAlarms"]] == ["slow"]
        assert "pid" in local.invoke("shop")
        assert local.describe("shop")["CreationTime"] == before["CreationTime"]
        assert "is started again" in local.log.read_text()


def in_the_file(file: Path, name: str) -> bool:
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    found = db.execute("SELECT count(*) FROM objects WHERE name = ?", (name,)).fetchone()[0]
    db.close()
    return bool(found)


def test_when_it_dies_again_and_again_all_ends_with_a_message(starter: Any) -> None:
    with starter() as local:
        dead: set[int | None] = {None}
        while len(dead) < 4:
            pid = local.until(lambda known=frozenset(dead): (now := moto(local)) not in known and now, "another moto")
            dead.add(pid)
            os.kill(pid, signal.SIGKILL)
        assert local.process.wait(60) == 1
        assert "moto ended 3 times within a minute" in local.log.read_text()
