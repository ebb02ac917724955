"""An endpoint of a local SageMaker whose clock the tests move, and what CloudWatch has of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from testkit.local import Local, running
from testkit.world import World


class Stepped(World):
    """A world in which time passes only by ``advance``."""

    def advance(self, seconds: float) -> float:
        """The time afterwards."""
        found: float = self.local.admin("POST", "clock", {"advanceSeconds": seconds})["now"]
        return found

    @property
    def now(self) -> float:
        """Epoch seconds by that clock."""
        found: float = self.local.admin("GET", "clock")["now"]
        return found

    def to_minute(self) -> None:
        """On to one second after a full minute."""
        self.advance(61 - self.now % 60)

    def step(self) -> None:
        """A second passes, so that what is under way goes on."""
        self.advance(1)

    @property
    def cloudwatch(self) -> Any:
        """boto3's client."""
        return self.local.client("cloudwatch")

    def dimensions(self, config: str | None = None, variant: str = "a") -> list[dict[str, str]]:
        """Of a variant's metrics in CloudWatch."""
        found = [{"Name": "EndpointName", "Value": self.endpoint}, {"Name": "VariantName", "Value": variant}]
        return found + ([{"Name": "EndpointConfigName", "Value": config}] if config else [])

    def metric(
        self, name: str, statistic: str = "Sum", config: str | None = None, namespace: str = "AWS/SageMaker"
    ) -> list[float]:
        """A metric of the last ten minutes by minute, oldest first."""
        end = datetime.fromtimestamp(self.now, UTC)
        which = {"ExtendedStatistics" if statistic.startswith("p") else "Statistics": [statistic]}
        points = self.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=self.dimensions(config),
            Period=60,
            StartTime=end - timedelta(minutes=10),
            EndTime=end,
            **which,
        )["Datapoints"]
        ordered = sorted(points, key=lambda each: each["Timestamp"])
        return [
            each["ExtendedStatistics"][statistic] if statistic.startswith("p") else each[statistic] for each in ordered
        ]

    def alarm(self, name: str, **fields: Any) -> str:
        """On 5xx errors of the endpoint unless said otherwise; its name."""
        name = f"{self.prefix}-{name}"
        usual: dict[str, Any] = {
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Dimensions": self.dimensions(),
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        if "ExtendedStatistic" in fields:
            del usual["Statistic"]
        self.cloudwatch.put_metric_alarm(AlarmName=name, **usual | fields)
        return name

    def state(self, alarm: str) -> str:
        """What the alarm says."""
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found["StateValue"])


@contextmanager
def running_stepped(folder: Path, images: Path, bucket: str | None = None) -> Iterator[Local]:
    """A process whose clock stands still."""
    flags = ["--clock", "manual", "--create-seconds", "2", "--delete-seconds", "1", "--images", str(images)]
    flags += ["--startup-seconds", "20", "--health-check-seconds", "0.5", "--max-processes-per-variant", "2"]
    with running(folder, *flags, bucket=bucket) as found:
        yield found


@contextmanager
def stepped(local: Local, prefix: str) -> Iterator[Stepped]:
    """A world that leaves nothing behind: no endpoint, no alarm, no fault, and the switches as they were."""
    found = Stepped(local, prefix)
    switches = local.admin("GET", "switches")
    yield found
    local.admin("POST", "switches", switches)
    local.admin("DELETE", "faults")
    found.end()
    alarms = found.cloudwatch.describe_alarms(AlarmNamePrefix=found.prefix)["MetricAlarms"]
    found.cloudwatch.delete_alarms(AlarmNames=[each["AlarmName"] for each in alarms])
