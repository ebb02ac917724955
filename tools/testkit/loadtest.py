"""A run of the load tester as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import yaml

from testkit.waiting import until

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret/of+the/test",
    "AWS_SESSION_TOKEN": "session=token//",
}


def write_test(folder: Path, **changes: Any) -> Path:
    """A test file beside its payloads; ``changes`` replace its members."""
    (folder / "rows.csv").write_text("1,2,3\n4,5,6\n7,8,9\n")
    test = {
        "name": "stub",
        "endpoint": {"name": "ml-fraud", "region": "eu-west-1"},
        "payloads": {
            "contentType": "text/csv",
            "accept": "text/csv",
            "sources": [{"file": "rows.csv", "split": "Lines"}],
        },
        "load": {"open": {"rate": 100}, "duration": "3s", "warmUp": "1s"},
        "thresholds": ["p90 <= 2s", "failed <= 0%"],
        **changes,
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    return path


class Run:
    """One process of ``sagemaker-loadtest run``, with a test file and a folder for its results."""

    def __init__(self, folder: Path, url: str, *flags: str, **changes: Any) -> None:
        self.out = folder / "out"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
        environment |= {**CREDENTIALS, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url}
        command = [
            sys.executable,
            "-m",
            "sagemaker_loadtest",
            "run",
            "-f",
            str(write_test(folder, **changes)),
            "--out",
            str(self.out),
        ]
        self.process = subprocess.Popen(
            [*command, *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.nodes: list[psutil.Process] = []

    def find_nodes(self, number: int) -> list[psutil.Process]:
        """Its master and workers, once there are so many."""

        def found() -> bool:
            """The master is started first, then the workers in order."""
            self.nodes = sorted(
                psutil.Process(self.process.pid).children(recursive=True), key=lambda n: n.create_time()
            )
            return len(self.nodes) == number

        until(found, "the nodes start")
        return self.nodes

    def end(self) -> tuple[int, str]:
        """Its exit code, and all that it said."""
        output, errors = self.process.communicate(timeout=120)
        log = self.out / "generator.log"
        return self.process.returncode, output + errors + (log.read_text() if log.exists() else "")

    @property
    def result(self) -> dict[str, Any]:
        """What is on the disk by now."""
        document: dict[str, Any] = json.loads((self.out / "result.json").read_text())
        return document

    def close(self) -> None:
        """Ends it with all of its nodes."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
