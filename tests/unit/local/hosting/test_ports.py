"""A port that somebody else takes between its choice and the server's start costs a start, not the instance."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sagemaker_local.hosting import server
from sagemaker_local.hosting.ports import LOOPBACK, Ports, is_taken
from sagemaker_local.hosting.server import ModelServer, NeverHealthyError, ServerCommand
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import InstanceStatus

WORD = (sys.executable, "-m", "testkit.containers.word")


@pytest.fixture
def stranger() -> Iterator[int]:
    """A port on which a program listens that never answers."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


class Unlucky(Ports):
    """Gives a port that is taken, so many times."""

    def __init__(self, port: int, times: int) -> None:
        super().__init__()
        self._port, self.times = port, times

    def take(self) -> int:
        if not self.times:
            return super().take()
        self.times -= 1
        return self._port


async def started(
    folder: Path, words: tuple[str, ...] = WORD, on_change: Callable[[], None] = lambda: None
) -> tuple[ModelServer, list[str], str]:
    """A server, once it serves or never will; its output, and why it never will."""
    settings = HostSettings(folder, "http://127.0.0.1:1", ping_timeout_seconds=0.2, startup_attempts=1)
    lines: list[str] = []
    command = ServerCommand(words, dict(os.environ), folder)
    found = ModelServer(command, settings, 60, lines.append, on_change)
    try:
        await found.ready()
    except NeverHealthyError as error:
        return found, lines, str(error)
    return found, lines, ""


def test_a_server_whose_port_was_taken_gets_another_one(
    tmp_path: Path, stranger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky = Unlucky(stranger, 1)
    monkeypatch.setattr(server, "_PORTS", unlucky)

    async def go() -> None:
        found, lines, _ = await started(tmp_path)
        assert found.status is InstanceStatus.IN_SERVICE
        assert found.port not in (None, stranger)
        assert found.restarts == 0
        assert f"[sagemaker-local] Port {stranger} was taken meanwhile. It is started again with another one." in lines
        await found.stop()
        assert unlucky._given == set()
        unlucky._given.add(found.port or 0)
        await found.stop()
        assert unlucky._given == {found.port}, "it is another server's now"

    asyncio.run(go())


def test_it_is_given_up_when_no_port_can_be_had(tmp_path: Path, stranger: int, monkeypatch: pytest.MonkeyPatch) -> None:
    unlucky = Unlucky(stranger, 9)
    monkeypatch.setattr(server, "_PORTS", unlucky)

    async def go() -> None:
        found, _, wrong = await started(tmp_path)
        assert "ended with exit status 1 before it was healthy" in wrong
        assert unlucky.times == 9 - 3
        await found.stop()

    asyncio.run(go())


def test_a_server_that_ends_for_another_reason_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = Unlucky(0, 0)
    monkeypatch.setattr(server, "_PORTS", ports)

    async def go() -> None:
        found, lines, wrong = await started(tmp_path, (sys.executable, "-c", "print('once'); raise SystemExit(3)"))
        assert "exit status 3" in wrong
        await found.stop()
        assert lines == ["once"]

    asyncio.run(go())


def test_a_server_that_cannot_be_started_again_is_tried_until_it_can(tmp_path: Path) -> None:
    """As when the machine has no memory for a process; here its folder is away for a while."""
    folder, away = tmp_path / "folder", tmp_path / "away"
    folder.mkdir()

    async def go() -> None:
        changed = asyncio.Event()
        found, _, _ = await started(folder, on_change=changed.set)

        async def until(wanted: InstanceStatus, said: str) -> None:
            async with asyncio.timeout(60):
                while found.status is not wanted or said not in found.message:
                    changed.clear()
                    await changed.wait()

        folder.rename(away)
        os.kill(found.pid or 0, signal.SIGKILL)
        await until(InstanceStatus.UNHEALTHY, "The container could not be started: [Errno 2] No such file or directory")
        away.rename(folder)
        await until(InstanceStatus.IN_SERVICE, "")
        await found.stop()

    asyncio.run(go())


def test_no_port_is_given_twice() -> None:
    ports = Ports()
    given = [ports.take() for _ in range(200)]
    assert len(set(given)) == 200
    ports.give_back(given[0])
    assert given[0] not in ports._given


def test_a_port_is_taken_while_a_program_listens(stranger: int) -> None:
    assert is_taken(stranger)


def test_the_closing_connections_of_an_earlier_server_do_not_take_a_port() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            served, _ = listener.accept()
            served.close()
    assert not is_taken(port)
