"""A real ``sagemaker-local``, with the words that packages, jobs and components need."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testkit import fixtures
from testkit.images import command, image_map
from testkit.local import Local, quick, running
from testkit.trained import Trained
from testkit.world import World, fresh_world

BUCKET = "models"
_numbers = itertools.count(1)
start, trained = fixtures.start, fixtures.trained


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container that answers with what it was told, and one for transform jobs."""
    path = tmp_path_factory.mktemp("images") / "images.yaml"
    return image_map(path, ("container", command("told")), ("worker", command("worker")))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    with running(tmp_path_factory.mktemp("sagemaker-local"), *quick(images), bucket=BUCKET) as found:
        yield found


@pytest.fixture
def world(local: Local) -> Iterator[World]:
    with fresh_world(local, f"t{next(_numbers)}") as found:
        yield found


@pytest.fixture(scope="session")
def archive(local: Local, trained: Trained) -> str:
    """An XGBoost model in S3."""
    return local.put("jobs/model.tar.gz", trained.files())


@dataclass(frozen=True)
class Jobs:
    """Transform jobs in short words."""

    world: World

    @property
    def s3(self) -> Any:
        return self.world.local.client("s3")

    @property
    def name(self) -> str:
        return f"{self.world.prefix}-job"

    def put(self, **objects: bytes) -> str:
        """Objects below a prefix of the test's own; two underscores are a slash. The prefix."""
        for name, content in objects.items():
            key = f"in/{self.world.prefix}/{name.replace('__', '/')}"
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/in/{self.world.prefix}/"

    @property
    def outputs(self) -> dict[str, bytes]:
        """What the jobs of the test have stored, by the key below the output path."""
        prefix = f"out/{self.world.prefix}/"
        return {key.removeprefix(prefix): body for key, body in self.world.local.objects(prefix).items()}

    def request(self, model: str, uri: str, **fields: Any) -> dict[str, Any]:
        source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
        target = {"S3OutputPath": f"s3://{BUCKET}/out/{self.world.prefix}"}
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
        return {
            "TransformJobName": fields.pop("TransformJobName", self.name),
            "ModelName": model,
            "TransformInput": source | fields.pop("source", {}),
            "TransformOutput": target | fields.pop("target", {}),
            "TransformResources": resources | fields.pop("resources", {}),
            **fields,
        }

    def begin(self, model: str, uri: str, **fields: Any) -> str:
        request = self.request(model, uri, **fields)
        arn: str = self.world.sagemaker.create_transform_job(**request)["TransformJobArn"]
        return arn

    def describe(self, name: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.world.sagemaker.describe_transform_job(TransformJobName=name or self.name)
        return found

    def ended(self, name: str | None = None) -> dict[str, Any]:
        """The job once it is over."""

        def over() -> dict[str, Any] | None:
            found = self.describe(name)
            return None if found["TransformJobStatus"] in ("InProgress", "Stopping") else found

        return self.world.until(over, "the job's end")

    def run(self, model: str, uri: str, **fields: Any) -> dict[str, Any]:
        self.begin(model, uri, **fields)
        return self.ended()

    def log(self, name: str, *, data: bool) -> list[str]:
        """The lines of a job's containers, or of its data-log."""
        logs, group = self.world.local.client("logs"), "/aws/sagemaker/TransformJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        names = [each["logStreamName"] for each in streams if each["logStreamName"].endswith("data-log") == data]
        return [
            event["message"]
            for each in names
            for event in logs.get_log_events(logGroupName=group, logStreamName=each, startFromHead=True)["events"]
        ]


@pytest.fixture
def jobs(world: World) -> Jobs:
    return Jobs(world)
