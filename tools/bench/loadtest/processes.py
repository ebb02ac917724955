"""Processes of a benchmark: on a CPU of their own, without the caller's AWS settings, ended with what they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

PATIENCE_SECONDS = 60
GENERATOR_CPU = 0


def server_cpu() -> int:
    """The last one; the generator has the first. With a single CPU it is the same."""
    return (os.cpu_count() or 1) - 1


@contextlib.contextmanager
def pinned(command: list[str], cpu: int, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process, with all that it starts, on one CPU where the system can do that."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {cpu})
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


def environment(url: str, certificate: Path | None, **more: str) -> dict[str, str]:
    """Credentials that nobody checks, and the address of the stub."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
    keys = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url,
    }
    trust = {"AWS_CA_BUNDLE": str(certificate)} if certificate else {}
    return kept | keys | trust | {"PYTHONWARNINGS": "ignore"} | more


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time of the process so far, its own and the kernel's on its behalf."""
    times = process.cpu_times()
    return float(times.user + times.system)
