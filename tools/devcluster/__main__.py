"""`python -m devcluster up|fetch [PROGRAM…]`: a Kubernetes API until Ctrl-C, or only the programs for it."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devcluster import binaries, origins
from devcluster.control_plane import ControlPlane
from devcluster.errors import BinaryError, StartError
from devcluster.foreground import stay_up
from devcluster.progress import Terminal

_INTERRUPTED = 130


def main() -> int:
    """Exit code 1 when a program cannot be had, does not start or ends; 130 when interrupted before all runs."""
    parser = argparse.ArgumentParser(prog="devcluster", description="A real Kubernetes API on loopback.")
    parser.add_argument("command", choices=["up", "fetch"], help="run one until Ctrl-C, or only get the programs")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="fetch: which ones (default: those of `up`)")
    parser.add_argument("--folder", type=Path, help="data, keys and logs (default: a temporary folder)")
    parser.add_argument("--controller-manager", action="store_true", help="run kube-controller-manager too")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    terminal = Terminal(sys.stderr)
    try:
        if arguments.command == "fetch":
            binaries.ensure(_programs(arguments.programs), terminal)
            return 0
        with tempfile.TemporaryDirectory(prefix="control-plane-") as temporary:
            return _up(arguments.folder or Path(temporary), terminal, controller_manager=arguments.controller_manager)
    except (BinaryError, StartError) as error:
        terminal.note(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.note("Stopped. A partial build or download is thrown away, finished programs are kept.")
        return _INTERRUPTED


def _programs(asked: Sequence[str]) -> tuple[str, ...]:
    known = {name for origin in origins.ORIGINS for name in origin.packages}
    if unknown := set(asked) - known:
        raise BinaryError(
            f"No program {', '.join(sorted(unknown))} is known. Write some of {', '.join(sorted(known))}."
        )
    return tuple(asked) or (*binaries.API, binaries.CONTROLLER_MANAGER)


def _up(folder: Path, terminal: Terminal, *, controller_manager: bool) -> int:
    with ControlPlane.start(folder, controller_manager=controller_manager, progress=terminal) as plane:
        return stay_up(plane, terminal, "Ctrl-C stops it.", "Stopped; nothing is left running.")


if __name__ == "__main__":
    sys.exit(main())
