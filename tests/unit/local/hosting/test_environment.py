"""What a model server process is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagemaker_local.hosting.environment import server_environment
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec

CONTAINER = ContainerSpec("image:1", environment={"OMP_NUM_THREADS": "4", "SM_MODEL_DIR": "/etc", "MINE": "1"})
SPEC = FleetSpec("111122223333", "eu-west-1", "fraud", "main", (CONTAINER,), "ml.m5.large", 1)


def test_the_containers_own_variables_win_over_the_image_maps_but_not_over_the_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the-persons-own")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    found = server_environment(SPEC, CONTAINER, {"OMP_NUM_THREADS": "1"}, Path("/base"), "http://127.0.0.1:1")
    assert found["OMP_NUM_THREADS"] == "4"
    assert found["MINE"] == "1"
    assert found["SM_MODEL_DIR"] == "/base/model"
    assert found["SAGEMAKER_BASE_DIR"] == "/base"
    assert (found["AWS_REGION"], found["AWS_ACCESS_KEY_ID"]) == ("eu-west-1", "111122223333")
    assert "AWS_PROFILE" not in found
    assert "AWS_SESSION_TOKEN" not in found
