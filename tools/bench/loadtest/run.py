"""Runs of the load tester itself, as a user would start them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.loadtest.processes import GENERATOR_CPU, PATIENCE_SECONDS, environment, pinned
from bench.loadtest.server import Server

KIB = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """A process of ``sagemaker-loadtest`` with a folder for its result."""

    process: subprocess.Popen[bytes]
    out: Path

    def result(self) -> dict[str, Any]:
        """``result.json``, once it has ended. Raises subprocess.TimeoutExpired when it does not."""
        self.process.wait(2 * PATIENCE_SECONDS)
        found: dict[str, Any] = json.loads((self.out / "result.json").read_text())
        return found


@contextlib.contextmanager
def running(
    folder: Path, server: Server, load: dict[str, Any], command: tuple[str, ...] = ("run",), **members: Any
) -> Iterator[Run]:
    """With one worker and bodies of 1 KiB, on the generator's CPU; ``members`` are added to its test file."""
    (folder / "body").write_bytes(b"a" * KIB)
    test = {
        "endpoint": {"name": "bench", "region": "eu-west-1"},
        "payloads": {"contentType": "application/json", "sources": [{"file": "body"}]},
        "load": load,
        "workers": 1,
        **members,
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test))
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out/result.json").unlink(missing_ok=True)
    whole = [sys.executable, "-m", "sagemaker_loadtest", *command, "-f", "test.yaml", "--out", "out"]
    variables = environment(server.url, server.certificate)
    with pinned(whole, GENERATOR_CPU, cwd=folder, env=variables, stdout=subprocess.DEVNULL) as process:
        yield Run(process, folder / "out")
