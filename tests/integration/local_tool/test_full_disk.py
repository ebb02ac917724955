"""What cannot be written is named, with what to do, and whoever starts it sees it in the exit status."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.app import _write_ready

BYTES = 8192
"""No file of the process grows beyond it: what a full disk does to files that grow, while the log still has room."""


def fill(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (BYTES, BYTES))


def test_a_stop_that_cannot_keep_the_state_says_which_file_lacks_it(starter: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with starter("--state-dir", str(folder)) as local:
        fill(local.process.pid)
        local.model("lost")
        assert local.started.stop() == 1
        said = local.log.read_text().splitlines()[-1]
    assert said.startswith(f"sagemaker-local: {folder}/state.sqlite was not written: ")
    assert said.endswith("It lacks what changed last. Make room on that disk before the next start.")
    with starter("--state-dir", str(folder)) as local:
        assert local.sagemaker.list_models()["Models"] == []


def test_a_stop_that_cannot_keep_objects_says_which_file_lacks_them(starter: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with starter("--state-dir", str(folder)) as local:
        fill(local.admin("GET", "health")["pids"]["aws"])
        local.client("s3").create_bucket(Bucket="lost", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        local.started.stop()
        said = local.log.read_text()
    assert f"{folder}/aws.sqlite was not written: " in said
    assert "It lacks the last changes of S3's objects and CloudWatch's alarms. Make room on that disk." in said


def test_a_ready_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match=f"--ready-file: {tmp_path}/ready was not written: .*Make room there"):
            _write_ready(tmp_path / "ready", "http://127.0.0.1:1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
