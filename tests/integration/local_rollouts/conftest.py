"""A ``sagemaker-local`` whose clock the tests move, seen through unchanged boto3."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

_FILE = Path(__file__).parents[1] / "local_control/conftest.py"
_SPEC = importlib.util.spec_from_file_location("local_control_of_rollouts", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
control = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = control
_SPEC.loader.exec_module(control)

images, start = control.images, control.start
CONTAINER = control.CONTAINER


class Stepped(control.World):  # type: ignore[misc,name-defined]  # loaded above
    """A world in which time passes only by ``advance``."""

    def advance(self, seconds: float) -> float:
        """The time afterwards."""
        found: float = self.local.admin("POST", "clock", {"advanceSeconds": seconds})["now"]
        return found

    @property
    def now(self) -> float:
        found: float = self.local.admin("GET", "clock")["now"]
        return found

    def to_minute(self) -> None:
        """On to one second after a full minute."""
        self.advance(61 - self.now % 60)

    def settled(self) -> dict[str, Any]:
        """The endpoint once nothing is under way, however long that takes by the clock."""
        moving = ("Creating", "Updating", "RollingBack", "Deleting", "SystemUpdating")

        def there() -> dict[str, Any] | None:
            found: dict[str, Any] = self.describe()
            if found["EndpointStatus"] not in moving:
                return found
            self.advance(1)
            return None

        found: dict[str, Any] = self.until(there, f"a final status of {self.endpoint}")
        return found

    def delete(self) -> None:
        self.sagemaker.delete_endpoint(EndpointName=self.endpoint)

        def gone() -> bool:
            self.advance(1)
            found = self.sagemaker.list_endpoints(NameContains=self.endpoint)["Endpoints"]
            return self.endpoint not in [each["EndpointName"] for each in found]

        self.until(gone, f"the end of {self.endpoint}")

    @property
    def cloudwatch(self) -> Any:
        return self.local.client("cloudwatch")

    def dimensions(self, config: str | None = None, variant: str = "a") -> list[dict[str, str]]:
        found = [{"Name": "EndpointName", "Value": self.endpoint}, {"Name": "VariantName", "Value": variant}]
        return found + ([{"Name": "EndpointConfigName", "Value": config}] if config else [])

    def metric(self, name: str, statistic: str = "Sum", config: str | None = None) -> list[float]:
        """A metric of the last ten minutes by minute, oldest first."""
        end = datetime.fromtimestamp(self.now, UTC)
        which = {"ExtendedStatistics" if statistic.startswith("p") else "Statistics": [statistic]}
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
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
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found["StateValue"])


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Any]:
    flags = ["--clock", "manual", "--create-seconds", "2", "--delete-seconds", "1", "--images", str(images)]
    flags += ["--startup-seconds", "20", "--health-check-seconds", "0.5", "--max-processes-per-variant", "2"]
    with control.running(tmp_path_factory.mktemp("sagemaker-local"), *flags) as found:
        yield found


_numbers = itertools.count(1)


@pytest.fixture
def world(local: Any) -> Iterator[Stepped]:
    found = Stepped(local, f"r{next(_numbers)}")
    switches = local.admin("GET", "switches")
    yield found
    local.admin("POST", "switches", switches)
    local.admin("DELETE", "faults")
    names = [each["EndpointName"] for each in found.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]]
    if found.endpoint in names:
        found.settled()
        found.delete()
    alarms = found.cloudwatch.describe_alarms(AlarmNamePrefix=found.prefix)["MetricAlarms"]
    found.cloudwatch.delete_alarms(AlarmNames=[each["AlarmName"] for each in alarms])
