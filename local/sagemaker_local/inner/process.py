"""The process that runs moto, as its parent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

log = logging.getLogger(__name__)

PROOF_VARIABLE = "SAGEMAKER_LOCAL_INNER_PROOF"
"""Of the child's environment: the token that requests of the control plane's own have."""

_CLOSE_SECONDS = 3.0
_SERVING = b"serving"
_MOST_DEATHS = 3
_SOON_SECONDS = 60.0
_AGAIN_SECONDS = 1.0


class InnerAwsError(Exception):
    """moto did not start, or dies again and again."""


class InnerAws:
    """One child process for S3, STS, IAM, SNS and CloudWatch. It ends with its parent, however that ends.

    ``file`` keeps what outlives it. A child that dies is started again on the same port; requests made meanwhile wait
    in the socket's queue. ``on_failure`` hears why when that is given up.
    """

    def __init__(self, file: Path, on_failure: Callable[[InnerAwsError], None] = lambda error: None) -> None:
        self._file = file
        self._on_failure = on_failure
        self._process: asyncio.subprocess.Process | None = None
        self._listener: socket.socket | None = None
        self._port = 0
        self.token = secrets.token_urlsafe(32)
        """What requests of the control plane's own prove themselves with."""
        self._watching: asyncio.Task[None] | None = None
        self.restarted: list[Callable[[], Awaitable[None]]] = []
        """Called each time after it was started again: it has forgotten all but what the file keeps."""

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
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._port = self._listener.getsockname()[1]
        await self._launch()
        self._watching = asyncio.create_task(self._watch())

    async def _launch(self) -> None:
        assert self._listener is not None  # noqa: S101 - start() made it
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sagemaker_local.inner.child",
            str(self._listener.fileno()),
            str(self._file),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(self._listener.fileno(),),
            env={**os.environ, PROOF_VARIABLE: self.token},
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = await self._process.stdout.readline()
        if line.strip() != _SERVING:
            raise InnerAwsError(
                f"moto, which answers for S3, STS, IAM and CloudWatch, did not start: it ended with status "
                f"{await self._process.wait()}; its last words are above."
            )

    async def _watch(self) -> None:
        """Start it again when it dies, until it does so three times within a minute."""
        loop = asyncio.get_running_loop()
        deaths: list[float] = []
        while True:
            assert self._process is not None  # noqa: S101 - _launch made it
            status = await self._process.wait()
            deaths = [*(each for each in deaths if loop.time() - each < _SOON_SECONDS), loop.time()]
            if len(deaths) >= _MOST_DEATHS:
                self._on_failure(InnerAwsError(f"moto ended {len(deaths)} times within a minute, last with {status}."))
                return
            log.error(
                "moto ended with status %s and is started again: S3's objects and CloudWatch's alarms are kept, "
                "what IAM, STS, SNS, logs and metrics had is lost",
                status,
            )
            try:
                await self._launch()
            except InnerAwsError:
                continue  # one more death
            except OSError as error:  # no process could be made; the dead one counts as one more death
                log.error("moto was not started again: %s", error)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            for each in self.restarted:
                try:
                    await each()
                except Exception:  # such as that it is gone again: the next round sees to that
                    log.exception("moto runs again, but was not told all")

    async def close(self) -> None:
        """End it."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        if self._listener is not None:
            self._listener.close()
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
