"""A model archive for which the machine has no room: the endpoint's failure says so."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.hosting.model_data import prepare
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import Storage
from sagemaker_local.hosting.types import ContainerSpec, FleetFailure, FleetSpec


class FullDisk(Storage):
    def download(self, *arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_failure_names_the_disk(tmp_path: Path) -> None:
    container = ContainerSpec("registry.example/container:1", "s3://models/a.tar.gz")
    spec = FleetSpec("111122223333", "eu-west-1", "shop", "main", (container,), "ml.m5.large", 1)
    settings = HostSettings(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(FleetFailure, match=r"sagemaker-local: No space left on device"):
        prepare(spec, container, settings, FullDisk("http://127.0.0.1:1"), tmp_path / "base", lambda line: None)
