"""A ``sagemaker-local`` whose clock the tests move, seen through unchanged boto3."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import fixtures
from testkit.images import command, image_map
from testkit.local import Local
from testkit.stepped import Stepped, running_stepped, stepped

_numbers = itertools.count(1)
start = fixtures.start


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_map(tmp_path_factory.mktemp("images") / "images.yaml", ("container", command("told")))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Local]:
    with running_stepped(tmp_path_factory.mktemp("sagemaker-local"), images) as found:
        yield found


@pytest.fixture
def world(local: Local) -> Iterator[Stepped]:
    with stepped(local, f"r{next(_numbers)}") as found:
        yield found
