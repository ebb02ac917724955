"""`python -m cluster up|images|fetch|check`: a cluster with a node until Ctrl-C, the images, these and all programs, or
whether it can run here."""

import argparse
import signal
import sys

from cluster import images, local_cluster, requirements
from cluster.errors import ImageError, RequirementError
from cluster.local_cluster import LocalCluster
from devcluster import binaries
from devcluster.errors import BinaryError, StartError
from devcluster.foreground import stay_up
from devcluster.progress import Terminal

_INTERRUPTED = 130


def main() -> int:
    """0; 1 when it cannot run, does not start or ends by itself; 130 when interrupted before all runs."""
    parser = argparse.ArgumentParser(prog="cluster", description="A real Kubernetes cluster of one node.")
    parser.add_argument("command", choices=["up", "images", "fetch", "check"])
    command = parser.parse_args().command
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    terminal = Terminal(sys.stderr)
    try:
        if command == "check":
            lacking = requirements.missing()
            terminal.note(f"No cluster with a node can run here: {lacking}." if lacking else "A cluster can run here.")
            return 1 if lacking else 0
        if command == "fetch":
            binaries.ensure((*local_cluster.PROGRAMS, binaries.HELM), terminal)
        if command in ("fetch", "images"):
            images.build(terminal)
            return 0
        return _up(terminal)
    except (BinaryError, StartError, ImageError, RequirementError) as error:
        terminal.note(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.note("Stopped; nothing is left running. Finished programs and images are kept.")
        return _INTERRUPTED


def _up(terminal: Terminal) -> int:
    if lacking := requirements.missing():
        raise RequirementError(f"No cluster with a node can run here: {lacking}.")
    with LocalCluster.start(images.build(terminal), terminal) as cluster:
        return stay_up(cluster, terminal, "Ctrl-C stops it and removes all of it.", "Stopped; nothing is left.")


if __name__ == "__main__":
    sys.exit(main())
