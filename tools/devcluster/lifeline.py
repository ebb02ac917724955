"""Processes that end with this one, however it ends; also by SIGKILL, which no handler sees.

A shell waits at the reading end of a pipe. Each process writes its number there before it becomes its program, so
none is ever unknown, not even one whose start a signal handler's exception cut short; the writing end closes when this
process is gone, and the shell kills the process groups that it was told of and that were not taken back. This needs
no root and works on Linux and macOS. A fork of this process that does not exec keeps the pipe open: the programs then
end with the fork.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_WATCH = """
while read -r group; do
  case $group in
    -*)
      kept=
      for each in $groups; do
        [ "$each" = "$group" ] || kept="$kept $each"
      done
      groups=$kept
      ;;
    *) groups="$groups -$group" ;;
  esac
done
[ -z "$groups" ] || kill -KILL $groups
"""
_BECOME = 'echo $$ >&0 && exec "$@" </dev/null'


class Lifeline:
    """Starts processes, each the leader of its own group, and ends them."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        reading, self._writing = os.pipe()
        try:
            self._watcher = subprocess.Popen(
                ["/bin/sh", "-c", _WATCH],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        except BaseException:
            os.close(self._writing)
            raise
        finally:
            os.close(reading)

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """In the order of their start."""
        return tuple(self._processes)

    def popen(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes] = subprocess.STDOUT,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """As subprocess.Popen, without a terminal and with nothing to read."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", _BECOME, "sh", *command],
            stdin=self._writing,
            stdout=stdout,
            stderr=stderr,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        """Kills the groups, the last started first, and waits for their leaders. May be called again."""
        known = [process.pid for process in self._processes]
        for process in reversed(self._processes):
            if process.poll() is None:
                with suppress(ProcessLookupError, PermissionError):  # it ended just now; macOS says the latter
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        self._processes.clear()
        if self._watcher.returncode is None:
            with suppress(BrokenPipeError):
                os.write(self._writing, "".join(f"-{pid}\n" for pid in known).encode())
            os.close(self._writing)
            self._watcher.wait()
