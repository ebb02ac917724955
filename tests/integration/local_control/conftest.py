"""The real ``sagemaker-local`` process, one for the session, seen through unchanged boto3."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from testkit.clients import make_bucket
from testkit.images import command, image_map
from testkit.local import Local, running
from testkit.trained import Trained, train
from testkit.world import World

OTHER_ACCOUNT = "444455556666"
_numbers = itertools.count(1)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """``with start("--flag", …) as local``: a process of the test's own."""

    def begin(*arguments: str, environment: Mapping[str, str] | None = None) -> Any:
        return running(tmp_path, *arguments, environment=environment)

    return begin


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_map(tmp_path_factory.mktemp("images") / "images.yaml", ("container", command("told")))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    flags = ["--create-seconds", "0.2", "--delete-seconds", "0.1", "--health-check-seconds", "0.5"]
    flags += ["--startup-seconds", "20", "--images", str(images)]
    with running(tmp_path_factory.mktemp("sagemaker-local"), *flags, bucket="models") as found:
        make_bucket(found.url, f"models-{OTHER_ACCOUNT}", OTHER_ACCOUNT)
        yield found


@pytest.fixture
def world(local: Local) -> Iterator[World]:
    found = World(local, f"t{next(_numbers)}")
    yield found
    local.admin("DELETE", "faults")
    found.end()


@pytest.fixture(scope="session")
def trained() -> Trained:
    return train()
