"""The real ``sagemaker-local`` process, one for the session, seen through unchanged boto3."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import fixtures
from testkit.clients import make_bucket
from testkit.images import command, image_map
from testkit.local import Local, quick, running
from testkit.world import World, fresh_world

OTHER_ACCOUNT = "444455556666"
_numbers = itertools.count(1)
start, trained = fixtures.start, fixtures.trained


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_map(tmp_path_factory.mktemp("images") / "images.yaml", ("container", command("told")))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    with running(tmp_path_factory.mktemp("sagemaker-local"), *quick(images), bucket="models") as found:
        make_bucket(found.url, f"models-{OTHER_ACCOUNT}", OTHER_ACCOUNT)
        yield found


@pytest.fixture
def world(local: Local) -> Iterator[World]:
    with fresh_world(local, f"t{next(_numbers)}") as found:
        yield found
