"""``sagemaker-local`` as a process, with containers whose every step the tests decide."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testkit.images import command, image_map
from testkit.local import Local, running
from testkit.world import CONTAINER, Endpoint

BUCKET = "data"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container that does what a call's body says, and a multi-model one."""
    path = tmp_path_factory.mktemp("images") / "images.yaml"
    return image_map(path, ("container", command("gated")), ("models", command("models")))


FLAGS = (
    *("--create-seconds", "0.1", "--delete-seconds", "0.1", "--health-check-seconds", "0.5"),
    *("--startup-seconds", "20", "--stop-grace-seconds", "2", "--capture-seconds", "0.2"),
)


@pytest.fixture
def start(tmp_path: Path, images: Path) -> Callable[..., Any]:
    """``with start("--flag", …) as local``: a process of the test's own, always in the same folder."""
    return lambda *arguments: running(tmp_path, *FLAGS, "--images", str(images), *arguments, bucket=BUCKET)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    with running(tmp_path_factory.mktemp("local"), *FLAGS, "--images", str(images), bucket=BUCKET) as found:
        yield found


_numbers = itertools.count(os.getpid() * 1000)


@dataclass
class World(Endpoint):
    """An endpoint of one model behind variants, called with what its container shall do."""

    folder: Path
    streams: list[Any] = field(default_factory=list)

    def model(self, image: str = CONTAINER, name: str = "model", **environment: str) -> str:
        container = {"Image": image, "Environment": environment}
        self.sagemaker.create_model(ModelName=f"{self.prefix}-{name}", PrimaryContainer=container)
        return f"{self.prefix}-{name}"

    def config(self, name: str = "config", model: str | None = None, **fields: Any) -> str:
        """One variant named main; ``serverless``, ``count`` and ``variants`` change it."""
        serverless, count = fields.pop("serverless", None), fields.pop("count", 1)
        variants = fields.pop("variants", None) or ["main"]
        model = model or self.model()
        capacity: dict[str, Any] = {"InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        if serverless is not None:
            capacity = {"ServerlessConfig": serverless}
        return self.config_of(
            name, [{"VariantName": each, "ModelName": model, **capacity} for each in variants], **fields
        )

    def invoke(self, asked: dict[str, Any] | bytes = b"{}", **fields: Any) -> dict[str, Any]:
        return super().invoke(asked if isinstance(asked, bytes) else json.dumps(asked).encode(), **fields)

    def stream(self, asked: dict[str, Any] | bytes, **fields: Any) -> dict[str, Any]:
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        found: dict[str, Any] = self.runtime.invoke_endpoint_with_response_stream(
            EndpointName=self.endpoint, Body=body, **fields
        )
        self.streams.append(found["Body"])
        return found

    def refused(self, call: Callable[..., Any], *arguments: Any, **fields: Any) -> dict[str, Any]:
        """The error response of a call that must fail."""
        with pytest.raises(ClientError) as caught:
            call(*arguments, **fields)
        response: dict[str, Any] = caught.value.response
        return response

    def close(self) -> None:
        """Close the streams that the test left open."""
        for each in self.streams:
            each.close()


@pytest.fixture
def world(local: Local, tmp_path: Path) -> Iterator[World]:
    found = World(local, f"t{next(_numbers)}", tmp_path)
    yield found
    found.close()
    found.end()


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[Callable[[Local], World]]:
    """A world in a process of the test's own."""
    worlds: list[World] = []

    def make(local: Local) -> World:
        worlds.append(World(local, f"t{next(_numbers)}", tmp_path))
        return worlds[-1]

    yield make
    for each in worlds:
        each.close()
