"""A ``sagemaker-local`` whose clock the tests move, seen through unchanged boto3."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit.images import command, image_map
from testkit.local import Local, running
from testkit.stepped import Stepped, running_stepped, stepped

_numbers = itertools.count(1)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """``with start("--flag", …) as local``: a process of the test's own."""
    return lambda *arguments: running(tmp_path, *arguments)


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
