"""A long command whose lines are read while it works; it ends with this process, however that ends."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devcluster.lifeline import Lifeline


@dataclass(frozen=True, slots=True)
class Talk:
    """What the command says, errors included; `code` once all is read."""

    lines: Iterator[str]
    process: "subprocess.Popen[bytes]"

    def code(self) -> int:
        """The command's exit code."""
        return self.process.wait()


@contextmanager
def talking(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Talk]:
    """Left by an exception, the command and all that it started are killed."""
    lifeline = Lifeline()
    try:
        process = lifeline.popen(command, cwd=folder, stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None
        yield Talk((line.decode(errors="replace") for line in process.stdout), process)
        process.wait()
    finally:
        lifeline.end()
