"""Who is measured: three kinds of Locust users, and two load generators of other languages, which sign nothing."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devcluster import binaries
from devcluster.errors import BinaryError
from devcluster.progress import Terminal

Caller = Literal["boto3", "FastHttpUser", "SageMakerUser", "hey", "wrk"]
LOCUST_USERS: dict[Caller, str] = {"boto3": "Boto3", "FastHttpUser": "Fast", "SageMakerUser": "Ours"}
"""Each with its class in ``users``."""
USERS_FILE = Path(__file__).with_name("users.py")


@dataclass(frozen=True, slots=True)
class Program:
    """A load generator that is no Python: where it lies, or why it cannot be had."""

    name: Caller
    path: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """A closed loop: so many callers, each with one connection, send ``body`` again and again."""

    url: str
    body: Path
    callers: int
    seconds: float


def programs() -> tuple[Program, ...]:
    """hey, built at its pinned version if need be; wrk, when it is installed."""
    wrk = shutil.which("wrk")
    return (
        _hey(),
        Program("wrk", wrk) if wrk else Program("wrk", missing="not on PATH; Debian has it: apt-get install wrk"),
    )


def _hey() -> Program:
    try:
        return Program("hey", str(binaries.ensure((binaries.HEY,), Terminal(sys.stderr))[binaries.HEY]))
    except BinaryError as error:
        return Program("hey", missing=str(error))


def locust_command(caller: Caller, loop: Loop) -> list[str]:
    """Plain Locust with one of the users; it runs until it is ended."""
    users = str(loop.callers)
    shown = ["--headless", "--only-summary", "-L", "ERROR"]
    load = ["-u", users, "-r", users, "-t", "10m", "--host", loop.url]
    return [sys.executable, "-m", "locust", "-f", str(USERS_FILE), *shown, *load, LOCUST_USERS[caller]]


def program_command(program: Program, loop: Loop) -> list[str]:
    """The same loop by another generator, on one thread. Neither checks certificates."""
    address, callers = f"{loop.url}/endpoints/bench/invocations", loop.callers
    if program.name == "hey":
        whole = [f"-c={callers}", f"-z={loop.seconds:.0f}s", "-cpus=1", "-m=POST", f"-D={loop.body}"]
        return [program.path, *whole, address]
    script = loop.body.with_suffix(".lua")
    script.write_text(f'wrk.method="POST"; local f=io.open("{loop.body}","rb"); wrk.body=f:read("*a"); f:close()')
    return [program.path, "-t1", f"-c{callers}", f"-d{loop.seconds:.0f}s", "-s", str(script), address]
