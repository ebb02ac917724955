"""A cluster that runs in a terminal until Ctrl-C."""

import shlex
from pathlib import Path
from typing import Protocol

from devcluster.progress import Terminal


class Running(Protocol):
    """What is waited for."""

    kubeconfig: Path

    @property
    def programs_folder(self) -> Path:
        """Where its kubectl is."""

    def wait(self) -> str:
        """Until it ends by itself; why."""

    def stop(self) -> None:
        """Ends it."""


def stay_up(cluster: Running, terminal: Terminal, hint: str, farewell: str) -> int:
    """Print what a shell needs to talk to it, and stay until Ctrl-C: 0; or until it ends by itself: 1."""
    print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}")
    print(f"export PATH={shlex.quote(str(cluster.programs_folder))}:$PATH", flush=True)
    terminal.note(hint)
    try:
        terminal.note(cluster.wait())
        return 1
    except KeyboardInterrupt:
        cluster.stop()
        terminal.note(farewell)
        return 0
