"""What a demo may leave behind: processes, AWS objects, Kubernetes objects. The judgement is pure; looking is not."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.commands import MARK

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """`environment` is the one that it was started with, as NAME=value words."""

    pid: int
    command: str
    environment: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is still there: names of AWS and Kubernetes objects, processes."""

    endpoints: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.endpoints or self.configs or self.models or self.objects or self.processes)

    def count(self) -> str:
        """`0 endpoints, 0 configs, 0 models, 0 processes`; objects only when some are left."""
        counts = [
            (len(self.endpoints), "endpoint"),
            (len(self.configs), "config"),
            (len(self.models), "model"),
            (len(self.processes), "model process" if self.processes else "process"),
        ]
        if self.objects:
            counts.append((len(self.objects), "Kubernetes object"))
        return ", ".join(_counted(number, noun) for number, noun in counts)

    def named(self) -> str:
        """Each of them by name."""
        return ", ".join(
            [
                *(f"endpoint {name}" for name in self.endpoints),
                *(f"config {name}" for name in self.configs),
                *(f"model {name}" for name in self.models),
                *self.objects,
                *(f"process {each.pid} ({each.command[:60]})" for each in self.processes),
            ]
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


def ours(processes: Iterable[Process], mark: str, models: Path) -> tuple[Process, ...]:
    """Those that inherited the mark, and model servers, which inherit nothing but have their folder below `models`."""
    return tuple(process for process in processes if f"{MARK}={mark}" in process.environment or serves(process, models))


def serves(process: Process, models: Path) -> bool:
    """Whether it is a model server with its folder below `models`."""
    return any(word.startswith(f"SM_MODEL_DIR={models}/") for word in process.environment)


def running(models: Path) -> tuple[Process, ...]:
    """The model servers of this machine with their folder below `models`."""
    return tuple(process for process in processes() if serves(process, models))


def processes() -> Iterator[Process]:
    """All of the machine's but this one whose environment may be read: this user's. A zombie has none."""
    if (_PROC / "self/environ").exists():
        for folder in _PROC.iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                try:
                    command, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
                except OSError:  # another user's, or it ended just now
                    continue
                yield Process(int(folder.name), _words(command), tuple(os.fsdecode(environ).split("\0")))
        return
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    yield from parsed(listed.stdout)


def parsed(listing: str) -> Iterator[Process]:
    """`ps axeww -o pid=,command=`, which writes the environment behind the command."""
    for row in listing.splitlines():
        number, _, rest = row.strip().partition(" ")
        if number.isdigit() and int(number) != os.getpid():
            yield Process(int(number), rest[:200], tuple(rest.split()))


def _words(command: bytes) -> str:
    return os.fsdecode(command).replace("\0", " ").strip()
