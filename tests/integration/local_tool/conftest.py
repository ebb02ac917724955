"""``sagemaker-local`` processes of a test's own, seen through unchanged boto3."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from testkit import admin
from testkit.images import command, image_map
from testkit.local import Local as Process
from testkit.local import command_line, running
from testkit.waiting import until
from testkit.world import CONTAINER


@dataclass(frozen=True)
class Local(Process):
    """A running ``sagemaker-local``, with words for its endpoints."""

    def get(self, path: str, **headers: str) -> tuple[str, bytes]:
        """Content type and body."""
        return admin.get(self.url, path, **headers)

    def model(self, name: str, image: str = CONTAINER, url: str | None = None, **environment: str) -> None:
        container = {"Image": image, "Environment": environment} | ({"ModelDataUrl": url} if url else {})
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container)

    def config(self, name: str, count: int = 1, **weights: float) -> None:
        """Variants by their weights, each of the model of its name."""
        variants = [
            {
                "VariantName": each,
                "ModelName": each,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": count,
                "InitialVariantWeight": weight,
            }
            for each, weight in weights.items()
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    def endpoint(self, name: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return self.status(name, "InService")

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return found

    def status(self, name: str, status: str) -> dict[str, Any]:
        """The endpoint once its status is this."""
        until(lambda: self.describe(name)["EndpointStatus"] == status, f"{name} {status}")
        return self.describe(name)

    def invoke(self, name: str, body: bytes = b"x", **fields: Any) -> Any:
        reply = self.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **fields)
        return json.loads(reply["Body"].read())

    def kill(self) -> None:
        """As the machine's power would, but for what the kernel has; every process of it ends."""
        self.started.kill()


@dataclass(frozen=True)
class Starter:
    """Starts them, one after the other on the same state folder if told so."""

    folder: Path
    images: Path

    def command(self, *arguments: str) -> list[str]:
        return command_line(*self._flags, *arguments)

    @property
    def _flags(self) -> list[str]:
        quick = ["--create-seconds", "0.1", "--delete-seconds", "0", "--health-check-seconds", "0.3"]
        return ["--images", str(self.images), *quick]

    @contextmanager
    def __call__(self, *arguments: str) -> Iterator[Local]:
        with running(self.folder, *self._flags, *arguments) as found:
            yield Local(**{each.name: getattr(found, each.name) for each in fields(found)})


@pytest.fixture
def starter(tmp_path: Path) -> Starter:
    return Starter(tmp_path, image_map(tmp_path / "images.yaml", ("container", command("word"))))


@pytest.fixture
def environment() -> dict[str, str]:
    """Without what would lead a client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
