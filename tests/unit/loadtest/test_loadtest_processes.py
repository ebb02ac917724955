"""Processes of a run: what they say is not held up, and nothing of them stays."""

import fcntl
import sys
from pathlib import Path

from sagemaker_loadtest.supervise import processes

REPORTS = 500_000
"""Bytes that 50 workers report in a second."""


def test_a_master_need_not_wait_for_its_reader(tmp_path: Path) -> None:
    node = processes.start("master", tmp_path / "log", reads_output=True)
    try:
        assert node.process.stdout is not None
        if sys.platform == "linux":
            assert fcntl.fcntl(node.process.stdout.fileno(), fcntl.F_GETPIPE_SZ) > REPORTS
    finally:
        processes.end([node], 0.0)
    assert node.process.returncode is not None
