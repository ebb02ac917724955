"""The last lines that an endpoint's containers wrote to CloudWatch Logs."""

import datetime as dt

from sagemaker_operator.aws.client import RegionClient
from sagemaker_operator.aws.errors import AWSError

_LINES = 20
_STREAMS = 10
_LINE_LENGTH = 1000  # the status is one object in etcd, which takes 1.5 MiB
_SKEW_SECONDS = 5.0


def log_excerpt(client: RegionClient, endpoint: str, since: dt.datetime | None) -> tuple[str, ...]:
    """At most 20 lines, the oldest first, of the stream written last; empty when there is none or it cannot be read.

    `since`: only of streams made after this time, for beside a fleet that failed the old one writes on.
    Group and stream names: AWS page "Log groups and streams that Amazon SageMaker AI sends to CloudWatch Logs".
    """
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    try:
        streams = client.call(
            "describe_log_streams",
            service="logs",
            logGroupName=group,
            orderBy="LastEventTime",
            descending=True,
            limit=_STREAMS,
        )["logStreams"]
        begun = (since.timestamp() - _SKEW_SECONDS) * 1000 if since else 0
        newer = [stream for stream in streams if stream.get("creationTime", 0) >= begun]
        if not newer:
            return ()
        events = client.call(
            "get_log_events",
            service="logs",
            logGroupName=group,
            logStreamName=newer[0]["logStreamName"],
            limit=_LINES,
            startFromHead=False,
        )["events"]
    except AWSError:
        return ()
    return tuple(event["message"].rstrip()[:_LINE_LENGTH] for event in events)[-_LINES:]
