"""`python -m devcluster up|fetch`: a Kubernetes API until Ctrl-C, or only the programs for it."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from devcluster import binaries
from devcluster.binaries import BinaryError
from devcluster.control_plane import ControlPlane, StartError


def main() -> int:
    """Exit code 1 when a program cannot be had or does not start."""
    parser = argparse.ArgumentParser(prog="devcluster", description="A real Kubernetes API on loopback.")
    parser.add_argument("command", choices=["up", "fetch"])
    parser.add_argument("--folder", type=Path, help="data, keys and logs (default: a temporary folder)")
    parser.add_argument("--controller-manager", action="store_true", help="run kube-controller-manager too")
    arguments = parser.parse_args()
    try:
        if arguments.command == "fetch":
            binaries.ensure((*binaries.API, binaries.CONTROLLER_MANAGER), _say)
            return 0
        with tempfile.TemporaryDirectory(prefix="control-plane-") as temporary:
            return _up(arguments.folder or Path(temporary), controller_manager=arguments.controller_manager)
    except (BinaryError, StartError) as error:
        _say(str(error))
        return 1


def _up(folder: Path, *, controller_manager: bool) -> int:
    with ControlPlane.start(folder, controller_manager=controller_manager, progress=_say) as plane:
        print(f"export KUBECONFIG={plane.kubeconfig}", flush=True)
        _say("Ctrl-C stops it.")
        _wait_for_signal()
    _say("stopped; nothing is left running.")
    return 0


def _wait_for_signal() -> None:
    """Blocked only now: a mask would be inherited by the programs and keep them from ending."""
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    signal.sigwait(ends)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
