"""The process that runs moto, as its parent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

_CLOSE_SECONDS = 3.0


class InnerAwsError(Exception):
    """moto did not start."""


class InnerAws:
    """One child process for S3, STS, IAM and CloudWatch Logs. It ends with its parent, however that ends."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return ("127.0.0.1", self._port)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Return once it serves. Raises InnerAwsError when it ends before."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sagemaker_local.inner.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = await self._process.stdout.readline()
        if not line.strip().isdigit():
            raise InnerAwsError(f"moto did not start: it ended with status {await self._process.wait()}.")
        self._port = int(line)

    async def close(self) -> None:
        """End it."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 - asked for at the start
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await process.wait()
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
