"""What is not SageMaker's API and must stay out of clients' reach: the inner AWS's own levers."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

TICK = json.dumps({"now": 4102444800.0, "scale": 1.0})


def status(local: Any, method: str, target: str, body: str = "") -> int:
    """Of a request whose target is sent as it is written."""
    place = urlsplit(local.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        connection.request(method, target, body)
        with connection.getresponse() as reply:
            reply.read()
            return reply.status
    finally:
        connection.close()


@pytest.mark.parametrize("target", ["//_local/cloudwatch", "/%5Flocal/cloudwatch", "/_local%2Fcloudwatch"])
def test_nobody_but_the_control_plane_tells_cloudwatch_the_time(starter: Any, target: str) -> None:
    with starter() as local:
        status(local, "POST", target, TICK)
        local.client("cloudwatch").put_metric_data(Namespace="mine", MetricData=[{"MetricName": "one", "Value": 1.0}])
        local.client("cloudwatch").put_metric_alarm(
            AlarmName="dated",
            Namespace="mine",
            MetricName="one",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        found = local.client("cloudwatch").describe_alarms()["MetricAlarms"][0]
        assert found["AlarmConfigurationUpdatedTimestamp"].year < 2100


@pytest.mark.parametrize("target", ["/moto-api/reset", "//moto-api/reset", "/%6Doto-api/reset"])
def test_moto_cannot_be_emptied_from_outside(starter: Any, target: str) -> None:
    with starter() as local:
        s3 = local.client("s3")
        s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert status(local, "POST", target) >= 400
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["models"]
